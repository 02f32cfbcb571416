"""The agent of OpenStack APIs, run as Pacemaker runs it, against a real HTTP server. systemd alone is stood in for."""

import os
import signal
import socket
import subprocess
import sys
import threading
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
case "$*" in
    "show --property=MainPID"*)
        alive && cat pid || echo 0 ;;
    show*)
        echo LoadState=$(cat loaded)
        alive && echo ActiveState=active || echo ActiveState=inactive ;;
    start*)
        alive && exit 0
        [ -e broken ] && echo "Job for keystone.service failed." && exit 1
        setsid ./server >log 2>&1 &
        echo $! >pid
        until grep -q ready log; do alive || exit 1; sleep 0.02; done ;;
    stop*)
        alive || exit 0
        kill "$(cat pid)"
        while alive; do sleep 0.02; done ;;
    kill*)
        kill -s KILL "$(cat pid)"
        while alive; do sleep 0.02; done ;;
esac
"""

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

Agent = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def unit(tmp_path: Path, port: int) -> Iterator[Path]:
    """The folder of a server that isn't started, and a `systemctl` for it."""
    (tmp_path / "loaded").write_text("loaded\n")
    (tmp_path / "status").write_text("200")
    script(tmp_path / "server", SERVER.format(python=sys.executable, port=port))
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin/systemctl", SYSTEMCTL)
    yield tmp_path
    if pid := server(tmp_path):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def agent(unit: Path, port: int) -> Agent:
    url = f"http://127.0.0.1:{port}/healthcheck"
    return installed(unit, OCF_RESKEY_unit="keystone.service", OCF_RESKEY_url=url, OCF_RESKEY_answer_timeout="1")


def installed(folder: Path, **environment: str) -> Agent:
    """The agent beside its engine, as on a node."""
    (folder / "ocf.py").write_text(source("ocf"))
    (folder / "openstack-api").write_text(source("openstack_api"))
    variables = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "UNIT_FOLDER": str(folder), **environment}

    def run(action: str, **more: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-ESs", str(folder / "openstack-api"), action]
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


def running(agent: Agent, unit: Path) -> int:
    """The process of a server that has been started."""
    assert agent("start").returncode == SUCCESS
    pid = server(unit)
    assert pid
    return pid


def test_from_stopped_to_running_and_back(agent: Agent, unit: Path) -> None:
    assert agent("validate-all").returncode == SUCCESS
    assert agent("monitor").returncode == NOT_RUNNING
    assert agent("stop").returncode == SUCCESS, "to stop what doesn't run is no failure"
    assert agent("start").returncode == SUCCESS
    (unit / "calls").unlink()
    assert agent("monitor").returncode == SUCCESS
    assert agent("start").returncode == SUCCESS, "to start what runs is no failure"
    assert not (unit / "calls").exists(), "a service that answers costs no process"
    assert agent("stop").returncode == SUCCESS
    assert server(unit) is None
    assert agent("monitor").returncode == NOT_RUNNING
    assert "Broken pipe" not in (unit / "log").read_text(), "answers are read to their end"


def test_a_stopped_process_fails_at_once_and_is_killed_by_a_stop(agent: Agent, unit: Path) -> None:
    os.kill(running(agent, unit), signal.SIGSTOP)
    monitored = agent("monitor", OCF_RESKEY_answer_timeout="60")
    assert monitored.returncode == ERR_GENERIC
    assert monitored.stderr == "ocf-exit-reason:the unit is active, but its main process is stopped\n"
    begun = time.monotonic()
    assert agent("stop").returncode == SUCCESS
    assert time.monotonic() - begun < 5
    assert server(unit) is None


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
    while server(unit):
        time.sleep(0.01)
    assert agent("monitor").returncode == NOT_RUNNING


def test_a_start_that_fails_says_why(agent: Agent, unit: Path) -> None:
    (unit / "broken").touch()
    started = agent("start")
    assert started.returncode == ERR_GENERIC
    assert "systemctl start keystone.service: Job for keystone.service failed." in started.stderr


def test_a_program_without_http_runs_if_systemd_says_so_and_it_is_not_stopped(agent: Agent, unit: Path) -> None:
    assert agent("monitor", OCF_RESKEY_url="").returncode == NOT_RUNNING
    assert agent("start", OCF_RESKEY_url="").returncode == SUCCESS
    assert agent("monitor", OCF_RESKEY_url="").returncode == SUCCESS
    pid = server(unit)
    assert pid
    os.kill(pid, signal.SIGSTOP)
    assert agent("monitor", OCF_RESKEY_url="").returncode == ERR_GENERIC
    assert agent("stop", OCF_RESKEY_url="").returncode == SUCCESS
    assert server(unit) is None


def test_a_monitor_costs_little(agent: Agent, unit: Path) -> None:
    running(agent, unit)
    before = os.times()
    for _ in range(10):
        assert agent("monitor").returncode == SUCCESS
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert spent / 10 < 0.05, "seconds of CPU"


def test_a_host_without_the_unit(agent: Agent, unit: Path) -> None:
    (unit / "loaded").write_text("not-found\n")
    assert agent("monitor").returncode == NOT_RUNNING
    assert agent("stop").returncode == SUCCESS
    assert agent("validate-all").returncode == ERR_INSTALLED


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
    agent = installed(tmp_path, OCF_RESKEY_unit="keystone.service")
    assert agent("validate-all", **{f"OCF_RESKEY_{parameter}": value}).returncode == ERR_CONFIGURED


def test_metadata(tmp_path: Path) -> None:
    agent = installed(tmp_path)
    assert agent("promote").returncode == ERR_UNIMPLEMENTED
    metadata = etree.fromstring(agent("meta-data").stdout.encode())
    assert metadata.get("name") == "openstack-api"
    actions = {action.get("name") for action in metadata.iterfind("actions/action")}
    assert actions == {"start", "stop", "monitor", "validate-all", "meta-data"}
    parameters = {parameter.get("name") for parameter in metadata.iterfind("parameters/parameter")}
    assert parameters == {"unit", "url", "statuses", "answer_timeout", "stands_on"}
