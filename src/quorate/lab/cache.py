"""What is built once and kept: a folder a thing, complete or absent."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path


def root() -> Path:
    """`$XDG_CACHE_HOME/quorate`, or `~/.cache/quorate`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "quorate"


def cached(kind: str, identity: str, build: Callable[[Path], None]) -> Path:
    """The folder `kind/identity`, built on first use.

    Built in a folder beside it that is renamed when complete, so an interruption leaves nothing that passes for
    the thing. Two processes never build the same at once: the second waits and finds it.
    """
    folder = root() / kind
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / identity
    with _lock(folder / f".{identity}.lock"):
        if not wanted.exists():
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
