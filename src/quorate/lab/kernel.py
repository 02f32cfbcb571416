"""A User Mode Linux kernel that starts on this host.

Debian's package `user-mode-linux` differs much between suites: 6.12 (trixie) panics on hosts with a large
XSAVE area, 7.2 (sid) doesn't and is faster (`seccomp=on`). Whether one works is found out by starting it, never by
looking at version numbers.
"""

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from quorate.errors import LabError
from quorate.lab.cache import NoRoom, cached
from quorate.lab.command import run, run_long

SUITES = ("sid", "trixie")
"""In order of preference."""

_USERSPACE_RAN = re.compile(r"exitcode=0x0000[0-9a-f]{2}00")
"""The kernel panics when its init ends; this says that init ended by itself and not by a signal: userspace worked."""


@dataclass(frozen=True)
class Kernel:
    """A kernel that was seen to start here."""

    suite: str
    release: str
    binary: Path
    modules: Path
    options: tuple[str, ...]


def find(say: Callable[[str], None], suites: tuple[str, ...] = SUITES) -> Kernel:
    """The first suite's kernel that starts on this host; says of each other why not. Raises LabError if none does."""
    reasons = []
    for suite in suites:
        try:
            folder = cached("kernels", suite, 512, lambda building, suite=suite: _fetch(suite, building))  # type: ignore[misc]
        except NoRoom:
            raise
        except LabError as error:
            reasons.append(f"the kernel of {suite} could not be had: {error.what}")
            say(reasons[-1])
            continue
        binary = folder / "linux.uml"
        release = run(binary, "--version").strip()
        options = ("seccomp=on",) if int(release.split(".")[0]) >= 7 else ()
        problem = _try(folder, options)
        if problem is None:
            modules = folder / "tree/usr/lib/uml/modules" / release
            return Kernel(suite, release, binary, modules, options)
        reasons.append(f"the kernel of {suite} ({release}) does not start on this host: {problem}")
        say(reasons[-1])
    raise LabError(
        "no User Mode Linux kernel starts on this host: " + "; ".join(reasons),
        where="this machine",
        means="the lab's nodes can't be started here",
        todo="try another host; a virtual machine with another CPU model is enough",
    )


def _fetch(suite: str, building: Path) -> None:
    tree = building / "tree"
    # Sid's archive is often served from a copy that is past its "Valid-Until"; its signature is still checked.
    run_long(
        [
            "mmdebstrap",
            "--variant=extract",
            "--include=user-mode-linux",
            '--aptopt=Acquire::Check-Valid-Until "false"',
            suite,
            tree,
        ],
        building / "fetch.log",
        todo="is the network up, and /tmp writable? The whole log went with the failed build",
    )
    # The binary wants the C library of its suite, which came with it. Paths are final: the folder is renamed once.
    binary = building / "linux.uml"
    binary.write_bytes((tree / "usr/bin/linux.uml").read_bytes())
    binary.chmod(0o755)
    final = building.parent / suite / "tree/usr/lib/x86_64-linux-gnu"
    run("patchelf", "--set-interpreter", final / "ld-linux-x86-64.so.2", "--set-rpath", final, binary)


def _try(folder: Path, options: tuple[str, ...]) -> str | None:
    """Why the kernel doesn't start, or None: it is started on its own package's files, to run one program."""
    tree = folder / "tree"
    argv = [folder / "linux.uml", "mem=64M", "con=null", "con0=null,fd:1", "ssl=null", *options]
    argv += [
        "rootfstype=hostfs",
        f"rootflags={tree}",
        "root=98:0",
        "ro",
        "init=/usr/lib64/ld-linux-x86-64.so.2",
    ]
    try:
        done = subprocess.run(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            timeout=30,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "nothing happens for 30 s"
    console = done.stdout.decode(errors="replace")
    if _USERSPACE_RAN.search(console):
        return None
    telling = [line for line in console.splitlines() if "anic" in line or "failed" in line]
    return telling[0].strip() if telling else f"it ends with status {done.returncode}"
