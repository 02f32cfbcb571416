"""The agent that watches the disk beneath a volume, run as Pacemaker runs it, on what DRBD 8.4 says in /proc/drbd."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .agents import (
    ERR_CONFIGURED,
    ERR_GENERIC,
    ERR_INSTALLED,
    NOT_RUNNING,
    SUCCESS,
    Agent,
    describes_itself,
    installed,
)

DRBD = """\
version: 8.4.11 (api:1/proto:86-101)
srcversion: 78A0A1B2C3D4E5F60718293

 0: cs:{connection} ro:Primary/Secondary ds:{own}/UpToDate C {flags}
    ns:90740 nr:8 dw:{written} dr:113265 al:31 bm:0 lo:{disk} pe:{peer} ua:0 ap:{above} ep:1 wo:f oos:0

 2: cs:Connected ro:Secondary/Primary ds:UpToDate/UpToDate C r-----
    ns:0 nr:41252 dw:41252 dr:2208 al:8 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0
"""
IDLE = {
    "connection": "Connected",
    "flags": "r-----",
    "own": "UpToDate",
    "written": 100,
    "disk": 0,
    "peer": 0,
    "above": 0,
}
STUCK = {**IDLE, "disk": 2, "above": 3}


@pytest.fixture
def say(tmp_path: Path) -> Callable[[dict[str, object]], None]:
    """What DRBD says from now on."""

    def say(words: dict[str, object]) -> None:
        (tmp_path / "drbd").write_text(DRBD.format(**words))

    return say


@pytest.fixture
def run(tmp_path: Path) -> Agent:
    """The agent as it stands on a node, its /proc/drbd a file of ours."""
    run = installed(tmp_path, "backing_disk", HA_RSCTMP=str(tmp_path / "run"), OCF_RESKEY_patience="1")
    agent = tmp_path / "backing-disk"
    agent.write_text(agent.read_text().replace('"/proc/drbd"', repr(str(tmp_path / "drbd"))))
    return run


def test_from_stopped_to_running_and_back(run: Agent, say: Callable[..., None]) -> None:
    say(IDLE)
    assert run("monitor").returncode == NOT_RUNNING
    for action in ("validate-all", "start", "start", "monitor", "stop", "stop"):
        assert run(action).returncode == SUCCESS
    assert run("monitor").returncode == NOT_RUNNING


def test_it_is_an_agent_as_ocf_tester_wants_it(run: Agent, say: Callable[..., None]) -> None:
    say(IDLE)
    run.passes_ocf_tester()


def test_a_disk_that_does_nothing_while_it_is_waited_for_fails(run: Agent, say: Callable[..., None]) -> None:
    say(STUCK)
    assert run("start").returncode == SUCCESS
    assert run("monitor").returncode == SUCCESS, "just now it may have been asked"
    deadline = time.monotonic() + 10
    while (done := run("monitor")).returncode == SUCCESS:
        assert time.monotonic() < deadline
    assert done.returncode == ERR_GENERIC
    assert "ocf-exit-reason:the disk of DRBD minor 0 has done nothing for 1 s, and is waited for" in done.stderr


@pytest.mark.parametrize(
    "said",
    [
        {"disk": 0},
        {"above": 0},
        {"peer": 4},
        {"flags": "s-----"},
        {"own": "Diskless"},
        {"connection": "VerifyS"},
        {"connection": "SyncSource"},
    ],
)
def test_what_does_not_wait_for_the_own_disk_alone_is_left_alone(
    run: Agent, say: Callable[..., None], said: dict[str, object]
) -> None:
    """Each takes one thing away from a disk that hangs."""
    say(STUCK)
    run("start")
    run("monitor")
    assert run("monitor", OCF_RESKEY_patience="0").returncode == ERR_GENERIC
    say({**STUCK, **said})
    for _ in range(2):
        assert run("monitor", OCF_RESKEY_patience="0").returncode == SUCCESS


def test_a_disk_that_gets_something_done_is_merely_slow(run: Agent, say: Callable[..., None]) -> None:
    say(STUCK)
    run("start")
    for written in range(3):
        say({**STUCK, "written": written})
        assert run("monitor", OCF_RESKEY_patience="0").returncode == SUCCESS


def test_a_disk_that_goes_on_is_forgiven(run: Agent, say: Callable[..., None]) -> None:
    say(STUCK)
    run("start")
    run("monitor")
    say(IDLE)
    run("monitor")
    say(STUCK)
    assert run("monitor", OCF_RESKEY_patience="0").returncode == SUCCESS, (
        "it has only just begun to be waited for again"
    )


def test_another_minor_is_another_disk(run: Agent, say: Callable[..., None]) -> None:
    say(STUCK)
    run("start", OCF_RESKEY_minor="2")
    for _ in range(2):
        assert run("monitor", OCF_RESKEY_minor="2", OCF_RESKEY_patience="0").returncode == SUCCESS


def test_what_can_not_be_is_refused(run: Agent, say: Callable[..., None]) -> None:
    assert run("start").returncode == ERR_INSTALLED
    say(IDLE)
    assert run("start", OCF_RESKEY_minor="database").returncode == ERR_CONFIGURED
    assert run("start", OCF_RESKEY_patience="soon").returncode == ERR_CONFIGURED


def test_it_describes_itself(run: Agent) -> None:
    describes_itself(run, "backing-disk", {"minor", "patience"})
