"""The MariaDB agent, run as Pacemaker runs it, against a real server. systemd alone is stood in for."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import agents
from .agents import ERR_CONFIGURED, ERR_GENERIC, NOT_RUNNING, SUCCESS, Agent, installed, process, script


@pytest.fixture
def unit(tmp_path: Path, empty_database: Path) -> Iterator[Path]:
    """The folder of a server that isn't started, and a `systemctl` for it."""
    shutil.copytree(empty_database, tmp_path / "data")
    user = "--user=root" if os.geteuid() == 0 else ""
    script(
        tmp_path / "server",
        f"#!/bin/sh\nexec /usr/sbin/mariadbd --no-defaults {user} --datadir={tmp_path}/data --skip-networking"
        f" --socket={tmp_path}/socket --innodb-log-file-size=4M --innodb-buffer-pool-size=8M\n",
    )
    with agents.systemd(tmp_path, "mariadb.service", '[ -S socket ] && grep -q "ready for connections" log') as folder:
        yield folder


@pytest.fixture
def agent(unit: Path) -> Agent:
    return installed(unit, "mariadb", OCF_RESKEY_socket=f"{unit}/socket", OCF_RESKEY_answer_timeout="1")


def test_from_stopped_to_running_and_back(agent: Agent, unit: Path) -> None:
    agents.from_stopped_to_running_and_back(agent, unit)


def test_it_is_an_agent_as_ocf_tester_wants_it(agent: Agent) -> None:
    agent.passes_ocf_tester()


def test_a_server_that_hangs_fails_its_monitor_and_is_stopped_all_the_same(agent: Agent, unit: Path) -> None:
    assert agent("start").returncode == SUCCESS
    pid = process(unit)
    assert pid
    os.kill(pid, signal.SIGSTOP)
    monitored = agent("monitor")
    assert monitored.returncode == ERR_GENERIC
    assert monitored.stderr == "ocf-exit-reason:the unit is active, but the server doesn't greet within 1 s\n"
    begun = time.monotonic()
    assert agent("stop").returncode == SUCCESS
    assert time.monotonic() - begun < 5
    assert process(unit) is None
    assert agent("start").returncode == SUCCESS, "it recovers from the kill"


def test_a_server_that_died_is_not_running(agent: Agent, unit: Path) -> None:
    assert agent("start").returncode == SUCCESS
    pid = process(unit)
    assert pid
    os.kill(pid, signal.SIGKILL)
    while process(unit):
        time.sleep(0.01)
    assert agent("monitor").returncode == NOT_RUNNING


def test_an_address_that_somebody_else_has_costs_no_time(agent: Agent, unit: Path) -> None:
    """One that takes connections and says nothing; the unit itself doesn't run."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(f"{unit}/socket")
        other.listen()
        begun = time.monotonic()
        assert agent("stop", OCF_RESKEY_answer_timeout="20").returncode == SUCCESS
        (unit / "broken").touch()
        assert agent("start", OCF_RESKEY_answer_timeout="20").returncode == ERR_GENERIC
        assert time.monotonic() - begun < 10
    assert "kill" not in (unit / "calls").read_text()


def test_a_busy_server_is_not_a_dead_one(agent: Agent, unit: Path) -> None:
    assert agent("start").returncode == SUCCESS
    ask = ["mariadb", "--no-defaults", f"--socket={unit}/socket", "--user=root", "--batch"]
    limit = subprocess.run([*ask, "-e", "SET GLOBAL max_connections = 10"], capture_output=True, text=True)
    assert limit.returncode == 0, limit.stderr
    clients: list[subprocess.Popen[bytes]] = []
    try:
        refused = ""
        while "Too many connections" not in refused:
            clients.append(subprocess.Popen([*ask, "-e", "SELECT SLEEP(60)"], stdout=subprocess.DEVNULL))
            refused = subprocess.run([*ask, "-e", "SELECT 1"], capture_output=True, text=True).stderr
        assert agent("monitor").returncode == SUCCESS
    finally:
        for client in clients:
            client.kill()
            client.wait()


def test_a_start_that_fails_says_why(agent: Agent, unit: Path) -> None:
    agents.a_start_that_fails_says_why(agent, unit)


def test_a_host_without_the_unit(agent: Agent, unit: Path) -> None:
    agents.without_its_unit(agent, unit)


def test_bad_parameters(tmp_path: Path) -> None:
    agent = installed(tmp_path, "mariadb")
    assert agent("validate-all", OCF_RESKEY_answer_timeout="soon").returncode == ERR_CONFIGURED
    assert agent("validate-all", OCF_RESKEY_socket="here").returncode == ERR_CONFIGURED


def test_metadata(tmp_path: Path) -> None:
    agents.describes_itself(installed(tmp_path, "mariadb"), "mariadb", {"unit", "socket", "answer_timeout"})
