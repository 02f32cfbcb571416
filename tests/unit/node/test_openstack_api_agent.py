"""The agent of OpenStack APIs, run as Pacemaker runs it, against a real HTTP server. systemd alone is stood in for."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import agents
from .agents import ERR_CONFIGURED, ERR_GENERIC, NOT_RUNNING, SUCCESS, Agent, installed, process, running, script

SERVER = """#!{python} -ES
import http.server, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        while os.path.exists("slow"):
            time.sleep(0.02)
        status = int(open("status").read())
        self.send_response(status if self.path == "/healthcheck" else 404)
        self.end_headers()
        self.wfile.write(b"OK" * 50000)
http.server.ThreadingHTTPServer.daemon_threads = True
server = http.server.ThreadingHTTPServer(("127.0.0.1", {port}), Handler)
print("ready", flush=True)
server.serve_forever()
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def unit(tmp_path: Path, port: int) -> Iterator[Path]:
    """The folder of a server that isn't started, and a `systemctl` for it."""
    (tmp_path / "status").write_text("200")
    script(tmp_path / "server", SERVER.format(python=sys.executable, port=port))
    with agents.systemd(tmp_path, "keystone.service", "grep -q ready log") as folder:
        yield folder


@pytest.fixture
def agent(unit: Path, port: int) -> Agent:
    url = f"http://127.0.0.1:{port}/healthcheck"
    return installed(
        unit, "openstack_api", OCF_RESKEY_unit="keystone.service", OCF_RESKEY_url=url, OCF_RESKEY_answer_timeout="1"
    )


def test_from_stopped_to_running_and_back(agent: Agent, unit: Path) -> None:
    agents.from_stopped_to_running_and_back(agent, unit)
    assert "Broken pipe" not in (unit / "log").read_text(), "answers are read to their end"


def test_it_is_an_agent_as_ocf_tester_wants_it(agent: Agent) -> None:
    agent.passes_ocf_tester()


def test_a_stopped_process_fails_at_once_and_is_killed_by_a_stop(agent: Agent, unit: Path) -> None:
    os.kill(running(agent, unit), signal.SIGSTOP)
    monitored = agent("monitor", OCF_RESKEY_answer_timeout="60")
    assert monitored.returncode == ERR_GENERIC
    assert monitored.stderr == "ocf-exit-reason:the unit is active, but its main process is stopped\n"
    begun = time.monotonic()
    assert agent("stop").returncode == SUCCESS
    assert time.monotonic() - begun < 5
    assert process(unit) is None


def test_a_service_that_hangs_has_failed(agent: Agent, unit: Path) -> None:
    running(agent, unit)
    (unit / "slow").touch()
    monitored = agent("monitor")
    assert monitored.returncode == ERR_GENERIC
    assert "the service doesn't answer within 1 s" in monitored.stderr


@pytest.fixture
def database() -> tuple[str, threading.Event]:
    """Where a server greets whoever connects, and what makes it hang: connections are still taken, by the kernel."""
    hangs, listener = threading.Event(), socket.create_server(("127.0.0.1", 0))

    def greet() -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                if hangs.is_set():
                    connection.recv(1)  # until it leaves
                else:
                    connection.sendall(b"J")

    threading.Thread(target=greet, daemon=True).start()
    return f"127.0.0.1:{listener.getsockname()[1]}", hangs


def test_what_it_stands_on_is_to_blame_for_a_late_answer_but_not_for_a_stopped_process(
    agent: Agent, unit: Path, database: tuple[str, threading.Event]
) -> None:
    pid, (stands_on, hangs) = running(agent, unit), database
    (unit / "slow").touch()
    assert agent("monitor", OCF_RESKEY_stands_on=stands_on).returncode == ERR_GENERIC
    hangs.set()
    excused = agent("monitor", OCF_RESKEY_stands_on=stands_on)
    assert excused.returncode == SUCCESS
    assert f"neither does anybody at {stands_on}" in excused.stderr
    os.kill(pid, signal.SIGSTOP)
    assert agent("monitor", OCF_RESKEY_stands_on=stands_on).returncode == ERR_GENERIC


def test_at_depth_10_it_warns_of_what_is_missing_and_does_not_fail(
    agent: Agent, unit: Path, database: tuple[str, threading.Event]
) -> None:
    running(agent, unit)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        absent = f"127.0.0.1:{nobody.getsockname()[1]}"
        there = {"OCF_RESKEY_stands_on": f"{absent} {database[0]}"}
        assert agent("monitor", **there).stderr == "", "depth 0 doesn't even ask"
        deep = agent("monitor", OCF_CHECK_LEVEL="10", **there)
    assert deep.returncode == SUCCESS
    assert deep.stderr == f"keystone.service stands on {absent}, where nobody answers\n"


def test_only_the_right_statuses_are_right(agent: Agent, unit: Path) -> None:
    running(agent, unit)
    (unit / "status").write_text("503")
    assert agent("monitor").returncode == ERR_GENERIC
    assert agent("monitor", OCF_RESKEY_statuses="200 503").returncode == SUCCESS


def test_a_service_that_died_is_not_running(agent: Agent, unit: Path) -> None:
    os.kill(running(agent, unit), signal.SIGKILL)
    while process(unit):
        time.sleep(0.01)
    assert agent("monitor").returncode == NOT_RUNNING


def test_a_start_that_fails_says_why(agent: Agent, unit: Path) -> None:
    agents.a_start_that_fails_says_why(agent, unit)


def test_a_program_without_http_runs_if_systemd_says_so_and_it_is_not_stopped(agent: Agent, unit: Path) -> None:
    assert agent("monitor", OCF_RESKEY_url="").returncode == NOT_RUNNING
    assert agent("start", OCF_RESKEY_url="").returncode == SUCCESS
    assert agent("monitor", OCF_RESKEY_url="").returncode == SUCCESS
    pid = process(unit)
    assert pid
    os.kill(pid, signal.SIGSTOP)
    assert agent("monitor", OCF_RESKEY_url="").returncode == ERR_GENERIC
    assert agent("stop", OCF_RESKEY_url="").returncode == SUCCESS
    assert process(unit) is None


def test_a_monitor_costs_little(agent: Agent, unit: Path) -> None:
    running(agent, unit)
    before = os.times()
    for _ in range(10):
        assert agent("monitor").returncode == SUCCESS
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert spent / 10 < 0.05, "seconds of CPU"


def test_a_host_without_the_unit(agent: Agent, unit: Path) -> None:
    agents.without_its_unit(agent, unit)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("unit", ""),
        ("answer_timeout", "soon"),
        ("statuses", "fine"),
        ("url", "https://127.0.0.1:5000/"),
        ("url", "http://127.0.0.1:5000"),
        ("url", "http://localhost:5000/"),
        ("stands_on", "10.20.0.20"),
    ],
)
def test_bad_parameters(tmp_path: Path, parameter: str, value: str) -> None:
    agent = installed(tmp_path, "openstack_api", OCF_RESKEY_unit="keystone.service")
    assert agent("validate-all", **{f"OCF_RESKEY_{parameter}": value}).returncode == ERR_CONFIGURED


def test_metadata(tmp_path: Path) -> None:
    parameters = {"unit", "url", "statuses", "answer_timeout", "stands_on"}
    agents.describes_itself(installed(tmp_path, "openstack_api"), "openstack-api", parameters)
