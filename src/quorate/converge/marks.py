"""Marks that one step leaves on a host for a later one, should there be no later one in this run.

A file is written, then a daemon is told. Killed in between, the next run finds the file as it should be and would
never tell the daemon. So the mark is made first, durably, and goes when the work is done.
"""

from quorate.hosts import Host
from quorate.hosts.inspection import Request

FOLDER = "/var/lib/quorate/pending"
ASK = Request(pending=FOLDER)

INSTALLING = "installing"
"""Packages are being installed, and what their scripts put off has yet to be done."""


def unread(what: str) -> str:
    """A daemon that has yet to read its changed files."""
    return f"unread:{what}"


def new(unit: str) -> str:
    """A unit that came with a package which `apply` itself installed: what it may have started is no person's."""
    return f"new:{unit}"


def joined(volume: str) -> str:
    """A volume that got a new disk here: what Pacemaker tried without it has failed, and is worth another try."""
    return f"joined:{volume}"


async def make(host: Host, *names: str) -> None:
    """Leaves marks; they survive a power cut."""
    for name in names:
        await host.put(f"{FOLDER}/{name}", b"", mode=0o600)


async def remove(host: Host, *names: str) -> None:
    """Takes marks away."""
    await host.run("rm", "-f", "--", *(f"{FOLDER}/{name}" for name in names))
