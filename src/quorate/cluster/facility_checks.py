"""What must fit together in the facility: names that are declared, of the right kind, and no circle."""

import re
from collections.abc import Iterator
from itertools import chain

from quorate.cluster.facility import Facility, FacilityPart, Kind
from quorate.cluster.findings import Path, Problem, quoted, suggestion
from quorate.cluster.model import Cluster
from quorate.cluster.written import WrittenCluster
from quorate.cluster.written_facility import SECTIONS, WrittenFacility, WrittenNeed, WrittenRack

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,62}", re.ASCII)

_LETTERS = "Letters, digits, `-`, `.` and `_`, at most 63."

_PLACES = {"rack": {Kind.RACK}, "zone": {Kind.ZONE}, "site": {Kind.SITE}}
_KINDS = {
    **_PLACES,
    "power": {Kind.FEED, Kind.PDU, Kind.UPS, Kind.PART},
    "ups": {Kind.UPS},
    "cooling": {Kind.COOLING, Kind.PART},
    "via": {Kind.SWITCH, Kind.ROUTER, Kind.PART},
    "uplinks": {Kind.UPLINK, Kind.PART},
    "gateway": {Kind.ROUTER, Kind.SWITCH, Kind.PART},
}
"""By word: what it can name. Under `needs` anything may stand."""


def problems(written: WrittenCluster, cluster: Cluster) -> Iterator[Problem]:
    """Everything that doesn't fit."""
    yield from _names(written.facility, cluster)
    for path, word, name in chain(_of_facility(written.facility), _of_cluster(written)):
        yield from _reference(path, word, name, cluster)
    yield from _circles(cluster.facility)
    yield from _cards(cluster)


def _names(written: WrittenFacility, cluster: Cluster) -> Iterator[Problem]:
    """Each name once, whatever it names: messages and `--what-if` tell parts apart by nothing else."""
    seen: dict[str, str] = dict.fromkeys(cluster.nodes, "a node")
    seen |= dict.fromkeys(cluster.networks, "a network")
    for path, name, kind in _declared(written):
        if not _NAME.fullmatch(name):
            yield Problem("bad-name", path, f"{quoted(name)} can't be the name of a part", todo=_LETTERS, at_key=True)
        elif name in seen:
            means = "Messages tell parts apart by their names alone."
            what = f"{quoted(name)} is {seen[name]} already"
            yield Problem("same-name", path, what, means, "Give it another name.", at_key=True)
        seen.setdefault(name, f"a {kind}")


def _declared(written: WrittenFacility) -> Iterator[tuple[Path, str, str]]:
    for section, kind in SECTIONS.items():
        for name, body in getattr(written, section).items():
            yield ("facility", section, name), name, kind
            for pdu in body.pdus if isinstance(body, WrittenRack) else ():
                yield ("facility", section, name, "pdus", pdu), pdu, Kind.PDU
    for name in written.goals:
        yield ("facility", "goals", name), name, "goal"


def _of_facility(written: WrittenFacility) -> Iterator[tuple[Path, str, str]]:
    """Every name that something in the facility hangs on: where it stands, under which word, the name."""
    for section in SECTIONS:
        for name, body in getattr(written, section).items():
            path: Path = ("facility", section, name)
            yield from _of_part(path, body)
            for pdu, of_pdu in body.pdus.items() if isinstance(body, WrittenRack) else ():
                yield from _of_part((*path, "pdus", pdu), of_pdu)
    for name, goal in written.goals.items():
        yield from _of_need(("facility", "goals", name), "needs", goal)


def _of_part(path: Path, body: object) -> Iterator[tuple[Path, str, str]]:
    for word in ("rack", "zone", "site", "power", "ups", "cooling", "via", "uplinks", "needs"):
        value = getattr(body, word, None)
        if isinstance(value, str):
            yield (*path, word), word, value
        else:
            yield from _of_need((*path, word), word, value)


def _of_need(path: Path, word: str, value: WrittenNeed | None) -> Iterator[tuple[Path, str, str]]:
    for inner, name in value.places if value else ():
        yield (*path, *inner), word, name


def _of_cluster(written: WrittenCluster) -> Iterator[tuple[Path, str, str]]:
    for name, network in (written.networks or {}).items():
        yield from _of_need(("networks", name, "gateway"), "gateway", network.gateway)
    for name, node in (written.nodes or {}).items():
        path: Path = ("nodes", name)
        yield from _of_part(path, node)
        yield from _of_part((*path, "bmc"), node.bmc)
        for network_name, link in node.links.items():
            yield from _of_need((*path, "links", network_name, "via"), "via", link.via)


def _reference(path: Path, word: str, name: str, cluster: Cluster) -> Iterator[Problem]:
    parts = cluster.facility.parts
    also: tuple[Path, ...] = (("facility",),)
    fitting = [part.name for part in parts.values() if part.kind in _KINDS.get(word, Kind)]
    part = parts.get(name)
    else_known = {**dict.fromkeys(cluster.networks, "a network"), **dict.fromkeys(cluster.facility.goals, "a goal")}
    else_known |= dict.fromkeys(cluster.nodes, "a node") if word != "needs" else {}
    if name in else_known:
        what = f"{quoted(name)} is {else_known[name]}, and can't stand under `{word}`"
        yield Problem("wrong-kind", path, what, todo=suggestion(name, fitting), also=also, whole=True)
    elif not _NAME.fullmatch(name):
        yield Problem("bad-name", path, f"{quoted(name)} can't be the name of a part", todo=_LETTERS, also=also)
    elif part is None and name not in cluster.nodes:
        what = f"{quoted(name)} isn't declared under `facility`"
        todo = suggestion(name, fitting) or f"Declare it there: {_example(word, name)}."
        yield Problem("undeclared-part", path, what, todo=todo, also=also, whole=True)
    elif part and word in _KINDS and part.kind not in _KINDS[word]:
        kinds = " or ".join(sorted(_KINDS[word]))
        what = f"{quoted(name)} is a {part.kind}, and `{word}` takes a {kinds}"
        yield Problem("wrong-kind", path, what, todo=suggestion(name, fitting), also=also, whole=True)


def _example(word: str, name: str) -> str:
    sections = {"rack": "racks", "zone": "zones", "site": "sites", "power": "feeds", "via": "switches"}
    return f"`facility: {{{sections.get(word, 'parts')}: {{{name}: }}}}`"


def _circles(facility: Facility) -> Iterator[Problem]:
    """Parts that need each other: neither would ever start, and nobody can say what either stands on."""
    done: set[str] = set()
    sections = {kind: section for section, kind in SECTIONS.items()}
    for first in facility.parts:
        path = {first: iter(_above(facility.parts[first], facility))} if first not in done else {}
        while path:
            name, above = next(reversed(path.items()))
            following = next((other for other in above if other not in done and other in facility.parts), None)
            if following in path:
                circle = [*path][[*path].index(following) :]
                part = facility.parts[following]
                place: Path = ("facility", sections.get(part.kind, "racks"), following)
                if part.kind is Kind.PDU and part.place:
                    place = ("facility", "racks", part.place, "pdus", following)
                what = f"these need each other in a circle: {', '.join(map(quoted, circle))}"
                means = "If one of them fails, none of them ever works again."
                yield Problem("circle", place, what, means, "Let one of them hang on something else.", at_key=True)
                return
            if following is None:
                done.add(name)
                del path[name]
            else:
                path[following] = iter(_above(facility.parts[following], facility))


def _above(part: FacilityPart, facility: Facility) -> Iterator[str]:
    """What a part needs. A PDU needs its rack to stand, not to be cool, so that cooling may hang on it."""
    for need in part.needs.values():
        yield from need.names()
    if part.place and part.kind is not Kind.PDU:
        yield part.place


def _cards(cluster: Cluster) -> Iterator[Problem]:
    for node in cluster.nodes.values():
        nics = {nic for link in node.links.values() for nic in link.nics}
        for card, on_card in node.cards.items():
            for nic in on_card:
                if nic not in nics:
                    yield Problem(
                        "undeclared-nic",
                        ("nodes", node.name, "cards", card),
                        f"no link of {node.name} uses {quoted(nic)}",
                        todo=suggestion(nic, sorted(nics)) or "Write `nic` at its links.",
                        also=(("nodes", node.name, "links"),),
                        whole=True,
                        at_key=True,
                    )
