"""Processes that outlive the command that starts them: known from the first moment, stopped, going on, killed."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from quorate.lab import process as processes
from quorate.lab.process import Process


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path / "process")
    process.start(["sh", "-c", "sleep 1000 & wait"], tmp_path / "output")
    yield process
    process.kill()


def states(process: Process) -> list[str]:
    """Of every process in the group, proc_pid_stat(5), field 3."""
    leader = process.pid()
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[2]) == leader:
            found.append(fields[0])
    return found


def wait_for(process: Process, *wanted: str) -> None:
    deadline = time.monotonic() + 10
    while sorted(states(process)) != sorted(wanted):
        assert time.monotonic() < deadline, states(process)
        time.sleep(0.01)


def test_the_whole_group_is_stopped_and_goes_on(process: Process) -> None:
    wait_for(process, "S", "S")
    process.signal(signal.SIGSTOP)
    wait_for(process, "T", "T")
    assert process.pid() is not None, "it is not gone: its power is on"
    process.signal(signal.SIGCONT)
    wait_for(process, "S", "S")


def test_what_is_stopped_can_be_killed(process: Process) -> None:
    process.signal(signal.SIGSTOP)
    process.kill()
    assert process.pid() is None
    process.signal(signal.SIGCONT)  # nothing is there to hear it


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C interrupts, whatever whoever runs the tests has made of it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_one_that_starts_as_ctrl_c_comes_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = processes._started

    def interrupted(pid: int) -> str | None:
        signal.raise_signal(signal.SIGINT)
        return started(pid)

    new = Process(tmp_path / "process")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(processes, "_started", interrupted)
        new.start(["sleep", "60"], tmp_path / "output")
    assert new.pid() is not None
    new.kill()
    assert new.pid() is None
