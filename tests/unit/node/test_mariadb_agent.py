"""The MariaDB agent, run as Pacemaker runs it, against a real server. systemd alone is stood in for."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lxml import etree

from quorate.node import source

SUCCESS, ERR_GENERIC, ERR_UNIMPLEMENTED, ERR_INSTALLED, ERR_CONFIGURED, NOT_RUNNING = 0, 1, 3, 5, 6, 7

SYSTEMCTL = """#!/bin/sh
# Does with one server what systemd does with a unit of Type=notify.
alive() { kill -0 "$(cat pid 2>/dev/null)" 2>/dev/null; }
cd "$UNIT_FOLDER" || exit 1
[ "$1" = --no-ask-password ] && shift
echo "$*" >>calls
case $1 in
    show)
        echo LoadState=$(cat loaded)
        alive && echo ActiveState=active || echo ActiveState=inactive ;;
    start)
        alive && exit 0
        [ -e broken ] && echo "Job for mariadb.service failed." && exit 1
        setsid ./server >log 2>&1 &
        echo $! >pid
        until [ -S socket ] && grep -q "ready for connections" log; do alive || exit 1; sleep 0.02; done ;;
    stop)
        alive || exit 0
        kill "$(cat pid)"
        while alive; do sleep 0.02; done ;;
    kill)
        kill -s KILL "$(cat pid)"
        while alive; do sleep 0.02; done ;;
esac
"""

Agent = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def unit(tmp_path: Path, empty_database: Path) -> Iterator[Path]:
    """The folder of a server that isn't started, and a `systemctl` for it."""
    shutil.copytree(empty_database, tmp_path / "data")
    (tmp_path / "loaded").write_text("loaded\n")
    user = "--user=root" if os.geteuid() == 0 else ""
    script(
        tmp_path / "server",
        f"#!/bin/sh\nexec /usr/sbin/mariadbd --no-defaults {user} --datadir={tmp_path}/data --skip-networking"
        f" --socket={tmp_path}/socket --innodb-log-file-size=4M --innodb-buffer-pool-size=8M\n",
    )
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin/systemctl", SYSTEMCTL)
    yield tmp_path
    if pid := server(tmp_path):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def agent(unit: Path) -> Agent:
    return installed(unit, OCF_RESKEY_socket=f"{unit}/socket", OCF_RESKEY_answer_timeout="1")


def installed(folder: Path, **environment: str) -> Agent:
    """The agent beside its engine, as on a node."""
    (folder / "ocf.py").write_text(source("ocf"))
    (folder / "mariadb").write_text(source("mariadb"))
    variables = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "UNIT_FOLDER": str(folder), **environment}

    def run(action: str, **more: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-ESs", str(folder / "mariadb"), action]
        return subprocess.run(argv, env=variables | more, capture_output=True, text=True, timeout=30)

    return run


def script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def server(unit: Path) -> int | None:
    """The server's process, if it lives."""
    try:
        pid = int((unit / "pid").read_text())
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return pid


def test_from_stopped_to_running_and_back(agent: Agent, unit: Path) -> None:
    assert agent("validate-all").returncode == SUCCESS
    assert agent("monitor").returncode == NOT_RUNNING
    assert agent("stop").returncode == SUCCESS, "to stop what doesn't run is no failure"
    assert agent("start").returncode == SUCCESS
    (unit / "calls").unlink()
    assert agent("monitor").returncode == SUCCESS
    assert agent("start").returncode == SUCCESS, "to start what runs is no failure"
    assert not (unit / "calls").exists(), "a server that greets costs no process"
    assert agent("stop").returncode == SUCCESS
    assert server(unit) is None
    assert agent("monitor").returncode == NOT_RUNNING


def test_a_server_that_hangs_fails_its_monitor_and_is_stopped_all_the_same(agent: Agent, unit: Path) -> None:
    assert agent("start").returncode == SUCCESS
    pid = server(unit)
    assert pid
    os.kill(pid, signal.SIGSTOP)
    monitored = agent("monitor")
    assert monitored.returncode == ERR_GENERIC
    assert monitored.stderr == "ocf-exit-reason:the unit is active, but the server doesn't greet within 1 s\n"
    begun = time.monotonic()
    assert agent("stop").returncode == SUCCESS
    assert time.monotonic() - begun < 5
    assert server(unit) is None
    assert agent("start").returncode == SUCCESS, "it recovers from the kill"


def test_a_server_that_died_is_not_running(agent: Agent, unit: Path) -> None:
    assert agent("start").returncode == SUCCESS
    pid = server(unit)
    assert pid
    os.kill(pid, signal.SIGKILL)
    while server(unit):
        time.sleep(0.01)
    assert agent("monitor").returncode == NOT_RUNNING


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
    (unit / "broken").touch()
    started = agent("start")
    assert started.returncode == ERR_GENERIC
    assert "systemctl start mariadb.service: Job for mariadb.service failed." in started.stderr


def test_a_host_without_the_unit(agent: Agent, unit: Path) -> None:
    (unit / "loaded").write_text("not-found\n")
    assert agent("monitor").returncode == NOT_RUNNING
    assert agent("stop").returncode == SUCCESS
    assert agent("validate-all").returncode == ERR_INSTALLED


def test_bad_parameters_and_actions(tmp_path: Path) -> None:
    agent = installed(tmp_path)
    assert agent("validate-all", OCF_RESKEY_answer_timeout="soon").returncode == ERR_CONFIGURED
    assert agent("validate-all", OCF_RESKEY_socket="here").returncode == ERR_CONFIGURED
    assert agent("promote").returncode == ERR_UNIMPLEMENTED


def test_metadata(tmp_path: Path) -> None:
    metadata = etree.fromstring(installed(tmp_path)("meta-data").stdout.encode())
    assert metadata.get("name") == "mariadb"
    assert metadata.findtext("version") == "1.1"
    actions = {action.get("name") for action in metadata.iterfind("actions/action")}
    assert actions == {"start", "stop", "monitor", "validate-all", "meta-data"}
    parameters = {parameter.get("name") for parameter in metadata.iterfind("parameters/parameter")}
    assert parameters == {"unit", "socket", "answer_timeout"}
