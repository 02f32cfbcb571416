"""The RabbitMQ agent, run as Pacemaker runs it. systemd is stood in for, and so is the broker, by what it says."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import agents
from .agents import (
    DEGRADED,
    ERR_CONFIGURED,
    ERR_GENERIC,
    ERR_INSTALLED,
    NOT_RUNNING,
    SUCCESS,
    Agent,
    installed,
    process,
    script,
)

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


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[Path]:
    """The folder of a broker that isn't started, and a `systemctl` for it."""
    (tmp_path / "data").mkdir()
    with agents.systemd(tmp_path, "rabbitmq-server.service", "[ -e ready ]") as folder:
        yield folder


@pytest.fixture
def agent(unit: Path) -> Agent:
    port, peers_port = free_ports(2)
    script(unit / "server", BROKER.format(python=sys.executable, port=port, peers_port=peers_port))
    return installed(
        unit,
        "rabbitmq",
        OCF_RESKEY_port=str(port),
        OCF_RESKEY_peers_port=str(peers_port),
        OCF_RESKEY_answer_timeout="1",
        OCF_RESKEY_patience="1",
        OCF_RESKEY_cluster="lab",
        OCF_RESKEY_data=f"{unit}/data",
    )


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


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
    agents.from_stopped_to_running_and_back(agent, unit)


def test_it_is_an_agent_as_ocf_tester_wants_it(agent: Agent) -> None:
    agent.passes_ocf_tester()


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
    agents.a_start_that_fails_says_why(agent, unit)


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
    agents.without_its_unit(agent, unit)


def test_bad_parameters(tmp_path: Path) -> None:
    agent = installed(tmp_path, "rabbitmq")
    assert agent("validate-all", OCF_RESKEY_answer_timeout="soon").returncode == ERR_CONFIGURED
    assert agent("validate-all", OCF_RESKEY_port="0").returncode == ERR_CONFIGURED
    assert agent("validate-all", OCF_RESKEY_data="here").returncode == ERR_CONFIGURED


def test_metadata(tmp_path: Path) -> None:
    parameters = {"unit", "cluster", "data", "port", "peers_port", "answer_timeout", "patience"}
    agents.describes_itself(installed(tmp_path, "rabbitmq"), "rabbitmq", parameters)
