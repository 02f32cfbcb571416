"""The nodes' journals since a moment, on one clock: each node's offset is measured over SSH and taken out."""

import asyncio
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from quorate.errors import HostError
from quorate.hosts import Host, Hosts

SOURCES = (
    "kernel",
    "corosync",
    "pacemakerd",
    *(f"pacemaker-{daemon}" for daemon in ("attrd", "based", "controld", "execd", "fenced", "schedulerd")),
    "quorate-fence-peer",
)
"""SYSLOG_IDENTIFIERs worth keeping. A whole journal takes a slow node seconds to print."""

CLOCK_READINGS = 5


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


def parse(text: str, node: str, offset: float) -> list[Entry]:
    """Reads what `journalctl -o json` printed. Times are the sender's, where the journal has them."""
    entries = []
    for line in text.splitlines():
        fields = json.loads(line)
        message = fields.get("MESSAGE") or ""
        if isinstance(message, list):  # bytes that are no UTF-8, systemd.journal-fields(7)
            message = bytes(message).decode(errors="replace")
        microseconds = int(fields.get("_SOURCE_REALTIME_TIMESTAMP") or fields["__REALTIME_TIMESTAMP"])
        entries.append(Entry(node, microseconds / 1e6 - offset, fields.get("SYSLOG_IDENTIFIER", ""), message.strip()))
    return entries


async def collect(hosts: Hosts, nodes: Iterable[str], since: float) -> Journals:
    """Reads all journals at once. A node that can't be read is named, and the others are returned."""
    entries: list[Entry] = []
    clocks: dict[str, Clock] = {}
    unread: dict[str, str] = {}

    async def read(node: str) -> None:
        try:
            host = await hosts.host(node)
            clocks[node] = await measure_clock(host)
            argv = ["journalctl", "--no-pager", "--quiet", "--output=json"]
            argv += [f"--since=@{int(since + clocks[node].offset)}"]
            argv += ["--output-fields=MESSAGE,SYSLOG_IDENTIFIER,_SOURCE_REALTIME_TIMESTAMP"]
            argv += [f"--identifier={source}" for source in SOURCES]
            entries.extend(parse((await host.run(*argv, timeout=120)).stdout, node, clocks[node].offset))
        except HostError as error:
            unread[node] = str(error)

    await asyncio.gather(*(read(node) for node in nodes))
    return Journals(tuple(sorted(entries, key=lambda entry: entry.time)), clocks, unread)


async def measure_clock(host: Host) -> Clock:
    """Asks a node for its time until one answer came fast; the fastest says most."""
    best = Clock(0.0, float("inf"))
    for _ in range(CLOCK_READINGS):
        asked = time.time()
        there = float((await host.run("date", "+%s.%N")).stdout)
        answered = time.time()
        uncertainty = (answered - asked) / 2
        if uncertainty < best.uncertainty:
            best = Clock(there - (asked + answered) / 2, uncertainty)
    return best
