"""Programs that the lab runs on this machine, by argument list."""

import contextlib
import os
import signal
import subprocess
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from quorate.errors import LabError


def run(*argv: str | Path, input: str | None = None) -> str:  # noqa: A002  as subprocess calls it
    """Runs a short command; its standard output. Raises LabError with the command's own words."""
    try:
        done = subprocess.run([str(word) for word in argv], input=input, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise _missing(str(argv[0])) from None
    if done.returncode:
        raise LabError(
            f"`{' '.join(map(str, argv))}` failed: {(done.stderr or done.stdout).strip()}",
            where="this machine",
        )
    return done.stdout


def run_long(argv: Sequence[str | Path], log: Path, todo: str) -> None:
    """Runs a long command in a process group of its own, which ends with us; its output goes to `log`.

    Raises LabError with the last lines of the log.
    """
    with log.open("w") as file:
        try:
            process = subprocess.Popen(
                [str(word) for word in argv],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise _missing(str(argv[0])) from None
        try:
            status = process.wait()
        except BaseException:
            # SIGTERM lets mmdebstrap unmount what it mounted; it has a few seconds for that.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            raise
    if status:
        tail = "\n".join(deque(log.read_text(errors="replace").splitlines(), maxlen=15))
        raise LabError(f"`{argv[0]}` failed with status {status}:\n{tail}", where="this machine", todo=todo)


def _missing(program: str) -> LabError:
    return LabError(
        f"`{program}` is not installed",
        where="this machine",
        todo="run `make setup`, which installs the Debian packages that the lab needs",
    )
