"""A process that outlives the command that starts it, known by a file: its pid and when it was started."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from quorate.errors import LabError


class Process:
    """A process group by its file. With the start time, a pid that was given away again is never taken for ours."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def start(self, argv: Sequence[str | Path], output: Path, environment: dict[str, str] | None = None) -> None:
        """Starts it in a session of its own, its output appended to a file. Ctrl-C waits: it would leave it unknown."""
        with output.open("ab") as sink, _undisturbed():
            process = subprocess.Popen(
                [str(word) for word in argv],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=environment,
                start_new_session=True,
            )
            self.file.write_text(f"{process.pid} {_started(process.pid)}")

    def pid(self) -> int | None:
        """The process, if it is alive and still the one that was started."""
        try:
            pid, started = self.file.read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if _started(int(pid)) == started else None

    def was_started(self) -> bool:
        """Whether it ran at any time."""
        return self.file.exists()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the whole group; nothing if it is gone."""
        if (pid := self.pid()) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, number)

    def kill(self) -> None:
        """SIGKILL to the whole group; returns when its leader is no more. Raises LabError after 10 s."""
        pid = self.pid()
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while self.pid() is not None:
            if time.monotonic() > deadline:
                raise LabError(f"process {pid} outlives SIGKILL by 10 s", where=str(self.file))
            time.sleep(0.005)  # it need not be our child, so nobody else tells us of its end


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C in this block takes effect at its end. Only the main thread is ever interrupted by it (signal, Python)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


def _started(pid: int) -> str | None:
    """When a living process was started, in the kernel's ticks (proc_pid_stat(5), field 22)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]
