"""What is built once and kept: a folder a thing, complete or absent."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from quorate.errors import LabError


def root() -> Path:
    """`$XDG_CACHE_HOME/quorate`, or `~/.cache/quorate`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "quorate"


class NoRoom(LabError):
    """The cache's disk is too full for what is to be built."""


def cached(kind: str, identity: str, mebibytes: int, build: Callable[[Path], None]) -> Path:
    """The folder `kind/identity`, built on first use; the build needs so many MiB. Raises NoRoom.

    Built in a folder beside it that is renamed when complete, so an interruption leaves nothing that passes for
    the thing. Two processes never build the same at once: the second waits and finds it.
    """
    folder = root() / kind
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / identity
    with _lock(folder / f".{identity}.lock"):
        if not wanted.exists():
            free = shutil.disk_usage(folder).free >> 20
            if free < mebibytes:
                raise NoRoom(
                    f"{free} MiB are free, and building the lab's {kind} needs {mebibytes}",
                    where=str(root()),
                    todo="make room there, or set XDG_CACHE_HOME to a folder on a larger disk",
                )
            # Whoever held the lock before and died left its half-built folder behind.
            for stale in folder.glob(f".{identity}.building-*"):
                shutil.rmtree(stale, ignore_errors=True)
            building = Path(tempfile.mkdtemp(prefix=f".{identity}.building-", dir=folder))
            building.chmod(0o755)  # mmdebstrap's apt drops to a user of its own
            try:
                build(building)
                building.rename(wanted)
            except BaseException:
                shutil.rmtree(building, ignore_errors=True)
                raise
    return wanted


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
