"""Debian packages, installed without questions and without starting what Pacemaker is to start."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from quorate.converge import marks
from quorate.converge.step import Phase, View
from quorate.hosts import CommandFailed, Host, Hosts
from quorate.hosts.inspection import Request, Seen
from quorate.progress import Say

INSTALL_TIMEOUT = 1800.0
HOLD = "/run/quorate/installing"
"""As long as this is there, no unit starts that came with its package just now."""
CONDITION = f"[Unit]\nConditionPathExists=!{HOLD}\n".encode()
RELEASE = ("rm", "-f", "--", HOLD)
FOLDER = "/var/lib/quorate/installing"
"""First in the path of the packages' scripts. Not in /run, where on many hosts nothing may be executed."""
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
STAND_INS = {
    # The public modules of a package: hundreds of times three starts of Python, for a few files each.
    "py3compile": b"""#!/bin/sh
[ $# -eq 2 ] && [ "$1" = -p ] && exit 0
exec /usr/bin/py3compile "$@"
""",
    # Dozens of times all of systemd's files. A new unit is read when it is started; one that was upgraded is restarted.
    "systemctl": b"""#!/bin/sh
case "$*" in
    daemon-reload | "--system daemon-reload") exit 0 ;;
    *restart*) /usr/bin/systemctl daemon-reload ;;
esac
exec /usr/bin/systemctl "$@"
""",
    # A quarter of all processes that an installation starts are its two runs; dpkg's trigger brings the second.
    "update-ca-certificates": b"""#!/bin/sh
[ $# -eq 2 ] && [ "$1" = --hooksdir ] && [ -z "$2" ] && exit 0
exec /usr/sbin/update-ca-certificates "$@"
""",
}
"""What packages' scripts find in place of these programs while we install: what they put off is done at the end."""
COMPILE = """\
find /usr/lib/python3/dist-packages -mindepth 1 -maxdepth 1 -print0 | xargs -0 -r -n 100 -P "$(nproc)" py3compile
"""
"""On all processors. It passes over what is compiled already."""
QUIETLY = ("env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
APT = (
    "apt-get",
    "--quiet",
    "--yes",
    "--option=DPkg::Lock::Timeout=300",  # unattended-upgrades, or what a killed `apply` left running
    "--option=Dpkg::Options::=--force-confdef",
    "--option=Dpkg::Options::=--force-confold",
)


@dataclass(frozen=True)
class InstallPython:
    """The one change that comes before a host can be looked at."""

    host: str
    phase: ClassVar[Phase] = Phase.PYTHON
    title: ClassVar[str] = "install python3"

    def asks(self) -> Mapping[str, Request]:
        """Nothing: whether there is a python3 shows by itself."""
        return {}

    def differs(self, view: View) -> str | None:
        """Whether the look at the host failed for want of it."""
        return None if view[self.host].python else "it isn't there; what else is missing shows afterwards"

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Installs it."""
        await install(await hosts.host(self.host), ("python3",))


@dataclass(frozen=True)
class InstallPackages:
    """All packages of a host in one go."""

    host: str
    packages: tuple[str, ...]
    units: tuple[str, ...]
    """The units that the packages may bring, and that nobody but later steps starts."""
    phase: ClassVar[Phase] = Phase.PACKAGES

    @property
    def title(self) -> str:
        """What it does."""
        return "install packages"

    def asks(self) -> Mapping[str, Request]:
        """The packages' states, and which units exist."""
        return {self.host: Request(packages=frozenset(self.packages), units=frozenset(self.units)) | marks.ASK}

    def differs(self, view: View) -> str | None:
        """Names what is missing."""
        if missing := self.missing(view[self.host]):
            return f"missing: {', '.join(missing)}"
        return "they were installed in part" if marks.INSTALLING in view[self.host].pending else None

    def missing(self, seen: Seen) -> list[str]:
        """The packages that aren't installed."""
        return [name for name in self.packages if name not in seen.packages]

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Installs what is missing.

        Debian starts a daemon as soon as it is installed. While we install, a condition keeps it from that: to systemd
        it is then as well as started (systemd.unit(5)). A mask would do that, too, but some packages enable their
        unit by themselves, and a masked one can't be. All of it is in /run: if we are killed in the middle, the next
        run or a reboot clears it, and no policy-rc.d stays behind.

        What each of hundreds of packages would do by itself, and once for all does as well, is done at the end.
        """
        host, seen = await hosts.host(self.host), view[self.host]
        coming = [unit for unit in self.units if is_coming(unit, seen)]
        # Without a mark nobody would release them, or do what was put off, should we be killed.
        await marks.make(host, marks.INSTALLING, *map(marks.new, coming))
        if coming:
            await host.put(HOLD, b"", mode=0o644)
            for unit in coming:
                await host.put(f"/run/systemd/system/{unit}.d/quorate-hold.conf", CONDITION, mode=0o644)
            await host.run("systemctl", "daemon-reload")
        for name, content in STAND_INS.items():
            await host.put(f"{FOLDER}/{name}", content, mode=0o755)
        try:
            if missing := self.missing(seen):
                await install(host, tuple(missing), f"--option=DPkg::Path={FOLDER}:{PATH}")
        finally:
            await host.run(*RELEASE)
            await host.run("systemctl", "daemon-reload")
        # A module that can't be compiled keeps nothing from working: it is read as it is.
        await host.run("sh", "-c", COMPILE, timeout=INSTALL_TIMEOUT, check=False)
        await host.run("rm", "-rf", "--", FOLDER)
        await marks.remove(host, marks.INSTALLING)


def is_coming(unit: str, seen: Seen) -> bool:
    """Whether a unit comes with what is to be installed now, or came with an installation that was cut short."""
    return unit not in seen.units or seen.units[unit].load == "not-found" or marks.new(unit) in seen.pending


async def install(host: Host, packages: tuple[str, ...], *options: str) -> None:
    """Installs packages and what they depend on; removes none. The lists are fetched only if it fails without."""
    command = (*APT, *options, "install", "--no-install-recommends", "--no-remove", "--", *packages)
    try:
        await host.run(*command, under=QUIETLY, timeout=INSTALL_TIMEOUT)
    except CommandFailed:
        # Lists that are missing or old, or an installation that a power cut left half done.
        for remedy in (("dpkg", "--configure", "--pending"), (*APT, "update"), command):
            await host.run(*remedy, under=QUIETLY, timeout=INSTALL_TIMEOUT)
