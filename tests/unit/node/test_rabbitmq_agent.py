"""The RabbitMQ agent, run as Pacemaker runs it. systemd is stood in for, and so is the broker, by what it says."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lxml import etree

from quorate.node import source

SUCCESS, ERR_GENERIC, ERR_UNIMPLEMENTED, ERR_INSTALLED, ERR_CONFIGURED, NOT_RUNNING = 0, 1, 3, 5, 6, 7
DEGRADED = 190

SYSTEMCTL = """#!/bin/sh
# Does with one broker what systemd does with a unit of Type=notify.
alive() { kill -0 "$(cat pid 2>/dev/null)" 2>/dev/null; }
cd "$UNIT_FOLDER" || exit 1
[ "$1" = --no-ask-password ] && shift
echo "$*" >>calls
case $1 in
    show)
        echo LoadState=$(cat loaded)
        if alive; then [ -e ready ] && echo ActiveState=active || echo ActiveState=activating
        else echo ActiveState=inactive; fi ;;
    start)
        alive && exit 0
        [ -e broken ] && echo "Job for rabbitmq-server.service failed." && exit 1
        rm -f ready
        setsid ./broker >log 2>&1 &
        echo $! >pid
        until [ -e ready ]; do alive || exit 1; sleep 0.02; done ;;
    stop)
        alive || exit 0
        kill "$(cat pid)"
        while alive; do sleep 0.02; done ;;
    kill)
        kill -s KILL "$(cat pid)"
        while alive; do sleep 0.02; done ;;
esac
"""

BROKER = """#!{python}
# Speaks as RabbitMQ does: AMQP's first frame to a client, and a close to whoever talks nonsense to its machine.
# It waits for its peers while there is a file `waiting`, and stops within its machine while there is one `paused`.
import pathlib, selectors, socket

selector = selectors.DefaultSelector()
START = bytes([1, 0, 0, 0, 0, 0, 14, 0, 10, 0, 10, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 206])
answers = {{}}

def listen(port, answer):
    server = socket.create_server(("127.0.0.1", port))
    answers[server] = answer
    selector.register(server, selectors.EVENT_READ)
    return server

listen({peers_port}, b"")
broker = None
while True:
    wanted = not any(map(pathlib.Path.exists, map(pathlib.Path, ("waiting", "paused"))))
    if wanted and not broker:
        broker = listen({port}, START)
        pathlib.Path("ready").touch()
    elif broker and not wanted:
        selector.unregister(broker)
        broker.close()
        broker = None
    for key, _ in selector.select(0.02):
        connection, _ = key.fileobj.accept()
        with connection:
            connection.recv(100)
            connection.sendall(answers[key.fileobj])
"""

Agent = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[Path]:
    """The folder of a broker that isn't started, and a `systemctl` for it."""
    (tmp_path / "loaded").write_text("loaded\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin/systemctl", SYSTEMCTL)
    yield tmp_path
    if pid := process(tmp_path):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def agent(unit: Path) -> Agent:
    port, peers_port = free_ports(2)
    script(unit / "broker", BROKER.format(python=sys.executable, port=port, peers_port=peers_port))
    return installed(
        unit,
        OCF_RESKEY_port=str(port),
        OCF_RESKEY_peers_port=str(peers_port),
        OCF_RESKEY_answer_timeout="1",
        OCF_RESKEY_patience="1",
        OCF_RESKEY_cluster="lab",
        OCF_RESKEY_data=f"{unit}/data",
    )


def installed(folder: Path, **environment: str) -> Agent:
    """The agent beside its engine, as on a node."""
    (folder / "ocf.py").write_text(source("ocf"))
    (folder / "rabbitmq").write_text(source("rabbitmq"))
    variables = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "UNIT_FOLDER": str(folder), **environment}

    def run(action: str, **more: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-ESs", str(folder / "rabbitmq"), action]
        return subprocess.run(argv, env=variables | more, capture_output=True, text=True, timeout=30)

    return run


def script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def process(unit: Path) -> int | None:
    """The broker's process, if it lives."""
    try:
        pid = int((unit / "pid").read_text())
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return pid


def signalled(unit: Path, number: signal.Signals) -> None:
    pid = process(unit)
    assert pid
    os.kill(pid, number)
    if number is signal.SIGKILL:
        while process(unit):
            time.sleep(0.01)


def monitored(agent: Agent, status: int) -> str:
    """Waits until the monitor says this; what else it says."""
    deadline = time.monotonic() + 10
    while (result := agent("monitor")).returncode != status:
        assert time.monotonic() < deadline, result
    return result.stderr


def test_from_stopped_to_running_and_back(agent: Agent, unit: Path) -> None:
    assert agent("validate-all").returncode == SUCCESS
    assert agent("monitor").returncode == NOT_RUNNING
    assert agent("stop").returncode == SUCCESS, "to stop what doesn't run is no failure"
    assert agent("start").returncode == SUCCESS
    (unit / "calls").unlink()
    assert agent("monitor").returncode == SUCCESS
    assert agent("start").returncode == SUCCESS, "to start what runs is no failure"
    assert not (unit / "calls").exists(), "a broker that greets costs no process"
    assert agent("stop").returncode == SUCCESS
    assert "kill" not in (unit / "calls").read_text()
    assert process(unit) is None
    assert agent("monitor").returncode == NOT_RUNNING


def test_a_broker_that_hangs_fails_its_monitor_and_is_stopped_all_the_same(agent: Agent, unit: Path) -> None:
    assert agent("start").returncode == SUCCESS
    signalled(unit, signal.SIGSTOP)
    result = agent("monitor")
    assert result.returncode == ERR_GENERIC
    assert result.stderr == "ocf-exit-reason:the unit is active, but the broker doesn't greet within 1 s\n"
    begun = time.monotonic()
    assert agent("stop").returncode == SUCCESS
    assert time.monotonic() - begun < 5
    assert process(unit) is None
    assert agent("start").returncode == SUCCESS


def test_a_broker_that_died_is_not_running(agent: Agent, unit: Path) -> None:
    assert agent("start").returncode == SUCCESS
    signalled(unit, signal.SIGKILL)
    assert agent("monitor").returncode == NOT_RUNNING


def test_a_broker_that_waits_for_its_peers_has_not_failed(agent: Agent, unit: Path) -> None:
    (unit / "waiting").touch()
    started = agent("start")
    assert started.returncode == SUCCESS
    assert "is starting, or waits for its peers" in started.stderr
    assert "waits for a majority of its peers" in monitored(agent, DEGRADED)
    (unit / "waiting").unlink()  # they have come
    monitored(agent, SUCCESS)


def test_one_that_waits_in_vain_is_stopped_at_once(agent: Agent, unit: Path) -> None:
    (unit / "waiting").touch()
    assert agent("start").returncode == SUCCESS
    assert agent("stop").returncode == SUCCESS
    assert process(unit) is None


def test_a_paused_broker_is_degraded_and_one_that_hangs_while_paused_has_failed(agent: Agent, unit: Path) -> None:
    assert agent("start").returncode == SUCCESS
    (unit / "paused").touch()
    assert "paused" in monitored(agent, DEGRADED)
    signalled(unit, signal.SIGSTOP)
    result = agent("monitor")
    assert result.returncode == ERR_GENERIC
    assert "its Erlang machine doesn't answer" in result.stderr
    assert agent("stop").returncode == SUCCESS
    assert process(unit) is None


def test_data_is_marked_as_the_clusters_before_the_first_start(agent: Agent, unit: Path) -> None:
    (unit / "data/lost+found").mkdir()
    (unit / "broken").touch()
    assert agent("start").returncode == ERR_GENERIC
    assert (unit / "data/cluster").read_text() == "lab\n"
    (unit / "broken").unlink()
    (unit / "data/rabbit@ctl1-feature_flags").touch()
    assert agent("start").returncode == SUCCESS, "data with our mark is ours"


@pytest.mark.parametrize(("mark", "whose"), [("atlas\n", "the cluster 'atlas'"), (None, "Quorate didn't make")])
def test_anothers_data_is_refused_and_left_as_it_is(agent: Agent, unit: Path, mark: str | None, whose: str) -> None:
    data = unit / "data/rabbit@ctl1-feature_flags"
    data.write_text("[].")
    if mark:
        (unit / "data/cluster").write_text(mark)
    result = agent("start")
    assert result.returncode == ERR_INSTALLED
    assert whose in result.stderr
    assert process(unit) is None
    assert data.read_text() == "[]."
    assert (unit / "data/cluster").exists() == bool(mark)


def test_a_start_that_fails_says_why(agent: Agent, unit: Path) -> None:
    (unit / "broken").touch()
    started = agent("start")
    assert started.returncode == ERR_GENERIC
    assert "systemctl start rabbitmq-server.service: Job for rabbitmq-server.service failed." in started.stderr


def test_a_server_that_speaks_something_else_has_failed(agent: Agent, unit: Path) -> None:
    assert agent("start").returncode == SUCCESS
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.listen()
        pid = os.fork()
        if not pid:
            connection, _ = other.accept()
            connection.sendall(b"HTTP/1.1 400")
            os._exit(0)
        result = agent("monitor", OCF_RESKEY_port=str(other.getsockname()[1]))
        os.waitpid(pid, 0)
    assert result.returncode == ERR_GENERIC
    assert "greets with b'HTTP" in result.stderr


def test_a_host_without_the_unit(agent: Agent, unit: Path) -> None:
    (unit / "loaded").write_text("not-found\n")
    assert agent("monitor").returncode == NOT_RUNNING
    assert agent("stop").returncode == SUCCESS
    assert agent("validate-all").returncode == ERR_INSTALLED


def test_bad_parameters_and_actions(tmp_path: Path) -> None:
    agent = installed(tmp_path)
    assert agent("validate-all", OCF_RESKEY_answer_timeout="soon").returncode == ERR_CONFIGURED
    assert agent("validate-all", OCF_RESKEY_port="0").returncode == ERR_CONFIGURED
    assert agent("validate-all", OCF_RESKEY_data="here").returncode == ERR_CONFIGURED
    assert agent("promote").returncode == ERR_UNIMPLEMENTED


def test_metadata(tmp_path: Path) -> None:
    metadata = etree.fromstring(installed(tmp_path)("meta-data").stdout.encode())
    assert metadata.get("name") == "rabbitmq"
    assert metadata.findtext("version") == "1.1"
    actions = {action.get("name") for action in metadata.iterfind("actions/action")}
    assert actions == {"start", "stop", "monitor", "validate-all", "meta-data"}
    parameters = {parameter.get("name") for parameter in metadata.iterfind("parameters/parameter")}
    assert parameters == {"unit", "cluster", "data", "port", "peers_port", "answer_timeout", "patience"}
