"""The nodes' journals since a moment, on one clock: that of this machine, whatever was done to a node's meanwhile.

Every entry has the time of its boot's monotonic clock, which nobody can set, beside the wall clock's
(systemd.journal-fields(7), `__MONOTONIC_TIMESTAMP`). For the boot that runs, this machine's time at which that clock
began is measured over SSH. Of earlier boots nobody knows that any more: their wall clock is taken for as right as the
node's is now.
"""

import asyncio
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from quorate.errors import HostError
from quorate.hosts import Host, Hosts

SOURCES = (
    "kernel",
    "corosync",
    "pacemakerd",
    *(f"pacemaker-{daemon}" for daemon in ("attrd", "based", "controld", "execd", "fenced", "schedulerd")),
    "quorate-fence-peer",
    "systemd-coredump",
)
"""SYSLOG_IDENTIFIERs worth keeping. A whole journal takes a slow node seconds to print."""
DUMPED = "EXIT_CODE=dumped"
"""Of systemd itself only that a process left a core behind: its field beside "Main process exited, code=dumped"."""

CLOCK_READINGS = 5
LARGEST_STEP = 900.0
"""Seconds by which a clock may have been set back while entries were written: those after it bear an earlier time."""
LONGEST_WAY = 30.0
"""Seconds from a sender to the journal. What looks longer, or like a way back in time, is a step of the clock."""

BOOT = """
import time
with open("/proc/sys/kernel/random/boot_id") as file:
    print(file.read().strip().replace("-", ""), time.time() - time.monotonic())
"""


@dataclass(frozen=True)
class Entry:
    """One line of a journal."""

    node: str
    time: float
    """Seconds since the epoch on this machine's clock."""
    source: str
    message: str


@dataclass(frozen=True)
class Clock:
    """How far a node's clock is from this machine's."""

    offset: float
    """Seconds that it is ahead."""
    uncertainty: float
    """Half of the fastest round trip, either way."""
    boot: str = ""
    """The boot that runs, as journals name it."""
    began: float = 0.0
    """When its monotonic clock began, on this machine's clock."""

    def here(self, fields: Mapping[str, str]) -> float:
        """When an entry was sent, as far as the journal has that, on this machine's clock."""
        received = int(fields["__REALTIME_TIMESTAMP"]) / 1e6
        sent = int(fields.get("_SOURCE_REALTIME_TIMESTAMP") or fields["__REALTIME_TIMESTAMP"]) / 1e6
        if not self.boot or fields.get("_BOOT_ID") != self.boot:
            return sent - self.offset
        way = received - sent if 0 <= received - sent <= LONGEST_WAY else 0.0
        return self.began + int(fields["__MONOTONIC_TIMESTAMP"]) / 1e6 - way


@dataclass(frozen=True)
class Journals:
    """What the nodes wrote down, in the order of time."""

    entries: tuple[Entry, ...]
    clocks: Mapping[str, Clock]
    unread: Mapping[str, str]
    """By node: why its journal is not among them."""

    @property
    def uncertainty(self) -> float:
        """Seconds by which two entries of different nodes may be out of order."""
        return 2 * max((clock.uncertainty for clock in self.clocks.values()), default=0.0)


def parse(text: str, node: str, clock: Clock) -> list[Entry]:
    """Reads what `journalctl -o json` printed. Times are the sender's, where the journal has them."""
    entries = []
    for line in text.splitlines():
        fields = json.loads(line)
        message = fields.get("MESSAGE") or ""
        if isinstance(message, list):  # bytes that are no UTF-8, systemd.journal-fields(7)
            message = bytes(message).decode(errors="replace")
        entries.append(Entry(node, clock.here(fields), fields.get("SYSLOG_IDENTIFIER", ""), message.strip()))
    return entries


async def collect(hosts: Hosts, nodes: Iterable[str], since: float) -> Journals:
    """Reads all journals at once. A node that can't be read is named, and the others are returned."""
    entries: list[Entry] = []
    clocks: dict[str, Clock] = {}
    unread: dict[str, str] = {}

    async def read(node: str) -> None:
        try:
            host = await hosts.host(node)
            clocks[node] = clock = await measure_clock(host)
            argv = ["journalctl", "--no-pager", "--quiet", "--output=json"]
            argv += [f"--since=@{int(since + clock.offset - LARGEST_STEP)}"]
            argv += ["--output-fields=MESSAGE,SYSLOG_IDENTIFIER,_SOURCE_REALTIME_TIMESTAMP,_BOOT_ID"]
            argv += [*(f"SYSLOG_IDENTIFIER={source}" for source in SOURCES), "+", DUMPED]
            found = parse((await host.run(*argv, timeout=120)).stdout, node, clock)
            entries.extend(entry for entry in found if entry.time >= int(since))
        except HostError as error:
            unread[node] = str(error)

    await asyncio.gather(*(read(node) for node in nodes))
    return Journals(tuple(sorted(entries, key=lambda entry: entry.time)), clocks, unread)


async def measure_clock(host: Host) -> Clock:
    """Asks a node for its time until one answer came fast, which says most; then since when its clock runs."""
    best = Clock(0.0, float("inf"))
    for _ in range(CLOCK_READINGS):
        asked = time.time()
        there = float((await host.run("date", "+%s.%N")).stdout)
        answered = time.time()
        uncertainty = (answered - asked) / 2
        if uncertainty < best.uncertainty:
            best = Clock(there - (asked + answered) / 2, uncertainty)
    boot, began = (await host.run("python3", "-I", "-S", "-c", BOOT)).stdout.split()
    return replace(best, boot=boot, began=float(began) - best.offset)
