"""What the cluster did, in a few words each: journals and BMCs as events on the drill's time axis. Pure.

Messages are those of Corosync 3.1, Pacemaker 2.1 and 3.0, DRBD 8.4 and Quorate's own fence-peer handler. A line that
isn't listed here is no event; it stands in journals.tsv.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from quorate.drill.audit.fencing import PowerRequest
from quorate.drill.audit.journals import Entry
from quorate.drill.report.model import Event, EventKind

TOGETHER = 2.0
"""Seconds within which nodes that say the same say it of the same thing."""


@dataclass(frozen=True)
class _Sign:
    source: str
    message: str
    """A regular expression; its groups may stand in `text` by number, `node` is the node that wrote it."""
    kind: EventKind
    text: str


_SIGNS = (
    _Sign("corosync", r"A processor failed, forming new", EventKind.MEMBERSHIP, "token lost"),
    _Sign("corosync", r"within the primary component and will provide", EventKind.QUORUM, "{node} has quorum"),
    _Sign("corosync", r"within the non-primary component", EventKind.QUORUM, "{node} without quorum"),
    _Sign("corosync", r"Corosync Cluster Engine .* starting up", EventKind.BOOT, "Corosync starts on {node}"),
    _Sign("pacemakerd", r"Starting Pacemaker \d", EventKind.BOOT, "Pacemaker starts on {node}"),
    _Sign("pacemakerd", r"(pacemaker-\w+)\[\d+\] (?:terminated|exited|was killed)", EventKind.FAILURE, "{1} ended"),
    _Sign("pacemaker-controld", r"Node (\S+) state is now lost", EventKind.MEMBERSHIP, "{1} lost"),
    _Sign("pacemaker-controld", r"Node (\S+) state is now member", EventKind.MEMBERSHIP, "{1} is member"),
    _Sign(
        "pacemaker-controld", r"Requesting fencing \((\w+)\) targeting node (\S+)", EventKind.FENCING, "{2} to fence"
    ),
    _Sign(
        "pacemaker-controld",
        r"Peer (\S+) was terminated \(\w+\) by .*: (?:OK|complete)",
        EventKind.FENCING,
        "{1} fenced",
    ),
    _Sign("pacemaker-controld", r"Peer (\S+) was not terminated \(\w+\) by ", EventKind.FAILURE, "{1} not fenced"),
    _Sign(
        "pacemaker-controld", r"Result of promote operation for (\S+) on \S+: ok\b", EventKind.RESOURCE, "{1} promoted"
    ),
    _Sign(
        "pacemaker-controld", r"Result of demote operation for (\S+) on \S+: ok\b", EventKind.RESOURCE, "{1} demoted"
    ),
    _Sign("pacemaker-controld", r"Result of start operation for (\S+) on \S+: ok\b", EventKind.RESOURCE, "{1} started"),
    _Sign("pacemaker-controld", r"Result of stop operation for (\S+) on \S+: ok\b", EventKind.RESOURCE, "{1} stopped"),
    _Sign(
        "pacemaker-controld",
        r"Result of (promote|demote|start|stop) operation for (\S+) on \S+: (?!ok\b|cancelled)",
        EventKind.FAILURE,
        "{2}: {1} failed",
    ),
    _Sign(
        "pacemaker-controld",
        r"Result of monitor operation for (\S+) on \S+: (?!ok\b|promoted|cancelled)",
        EventKind.FAILURE,
        "{1}: monitor failed",
    ),
    _Sign(
        "kernel",
        r"drbd (\S+?)/\d+ drbd\d+: .*\brole\( Secondary -> Primary",
        EventKind.REPLICATION,
        "{1}: primary {node}",
    ),
    _Sign(
        "kernel",
        r"drbd (\S+?)/\d+ drbd\d+: .*\brole\( Primary -> Secondary",
        EventKind.REPLICATION,
        "{1}: {node} steps down",
    ),
    _Sign("kernel", r"drbd (\S+?)/\d+ drbd\d+: Split-Brain detected", EventKind.FAILURE, "{1}: split brain"),
    _Sign("kernel", r"drbd (\S+?)/\d+ drbd\d+: Resync done", EventKind.REPLICATION, "{1}: in step again"),
    _Sign("kernel", r"^Linux version ", EventKind.BOOT, "{node} boots"),
    _Sign("kernel", r"Kernel panic|\bOops: |\bBUG: ", EventKind.FAILURE, "{node}: kernel panic"),
    _Sign("quorate-fence-peer", r"^(\S+): (\w+): ", EventKind.REPLICATION, "{1}: fence-peer: {2}"),
)
_BY_SOURCE = {source: [sign for sign in _SIGNS if sign.source == source] for source in {s.source for s in _SIGNS}}
_COMPILED = {sign.message: re.compile(sign.message, re.IGNORECASE) for sign in _SIGNS}


def events(
    entries: Iterable[Entry], fenced: Mapping[str, Sequence[PowerRequest]], fault: float, until: float
) -> list[Event]:
    """The events from the fault on.

    Args:
        entries: the journals.
        fenced: by node, what its BMC was asked.
        fault: when the fault was injected.
        until: the end of the load; what comes later, the drill does itself.
    """
    found = list(_of_journals(entry for entry in entries if fault <= entry.time <= until))
    found += [
        (request.time, node, EventKind.FENCING, f"BMC of {node}: {request.action}", f"asked by {request.client}")
        for node, requests in fenced.items()
        for request in requests
        if request.time <= until
    ]
    result: list[Event] = []
    latest: dict[str, int] = {}
    for time, node, kind, text, evidence in sorted(found, key=lambda each: each[0]):
        at, before = time - fault, latest.get(text)
        if before is not None and at - result[before].at <= TOGETHER:
            known = result[before]
            if node not in known.nodes:
                result[before] = known.model_copy(update={"nodes": [*known.nodes, node]})
        else:
            latest[text] = len(result)
            result.append(Event(at=at, nodes=[node], kind=kind, text=text, evidence=evidence))
    return result


def _of_journals(entries: Iterable[Entry]) -> Iterator[tuple[float, str, EventKind, str, str]]:
    for entry in entries:
        for sign in _BY_SOURCE.get(entry.source, ()):
            if found := _COMPILED[sign.message].search(entry.message):
                text = sign.text.format("", *found.groups(), node=entry.node)
                yield entry.time, entry.node, sign.kind, text, entry.message
                break
