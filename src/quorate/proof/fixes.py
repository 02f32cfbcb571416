"""Fixes: small changes of a site, each tried on the graph, ranked by what it saves for what it costs.

A fix is a function from a cluster to changed clusters. It knows nothing of what is wrong: every change that makes sense
somewhere is tried, and what saves nothing is dropped. Costs are relative, 1 being a cable between two things that are
there; they order suggestions, and buy nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Literal

from quorate.cluster.facility import FacilityPart, Kind, Need, QuorumDevice
from quorate.cluster.model import Cluster, Database, Image, Messaging, Node
from quorate.design import work_out
from quorate.proof.downtime import Takeover
from quorate.proof.topology import Study, Weakness, minutes, study

CABLE, PORT, MOVE, LINE, MACHINE, ROOM = 1.0, 2.0, 5.0, 20.0, 30.0, 100.0
"""Costs: a cable; an interface and a cable; carrying a node; a carrier's line; a switch, a router or a UPS; a room."""
WORTH_SAYING = 0.1
"""Minutes a year."""
MOST, MOST_GATES = 400, 100_000
"""Changes that are tried; and gates in all of them together, some ten microseconds each."""


@dataclass(frozen=True)
class Change:
    """A cluster that differs from the given one in one thing."""

    of: str
    """The node or part that it is done to."""
    what: str
    cost: float
    cluster: Cluster


@dataclass(frozen=True)
class Fix:
    """A change that saves something."""

    what: str
    cost: float
    minutes: float
    """Saved in a year, of all services together."""
    solves: tuple[str, ...]
    """The weaknesses that are gone with it, in their own words."""

    @property
    def worth(self) -> float:
        """Minutes a year for a cable's price."""
        return self.minutes / self.cost


def fixes(
    cluster: Cluster, found: Study, *, takeovers: Mapping[str, Takeover] | None = None, today: date = date.min
) -> list[Fix]:
    """The changes that save something, the most for its price first."""
    before = _minutes(found)
    helpful = []
    involved = _involved(found)
    relevant = (change for change in _changes(cluster) if change.of in involved)
    for change in islice(relevant, max(20, min(MOST, MOST_GATES // len(found.tree.gates)))):
        after = study(change.cluster, work_out(change.cluster), takeovers=takeovers, today=today)
        left = {key for weakness in after.counted for key in _keys(weakness)}
        gone = tuple(weakness.problem.what for weakness in found.counted if left.isdisjoint(_keys(weakness)))
        saved = before - _minutes(after)
        # A change that heals one thing and opens another isn't offered.
        if saved >= WORTH_SAYING and len(after.counted) <= len(found.counted):
            helpful.append(Fix(change.what, change.cost, saved, gone))
    return sorted(helpful, key=lambda fix: -fix.worth)


def _keys(weakness: Weakness) -> set[tuple[str, str]]:
    """What a weakness is about, however it is worded: none of it may be left for it to be gone."""
    return {(weakness.code, name) for name in weakness.parts or weakness.services}


def helping(fixes: Iterable[Fix]) -> dict[str, str]:
    """By what a weakness says: the fix that is worth most of those that remove it, in a sentence."""
    best: dict[str, str] = {}
    for fix in fixes:
        for what in fix.solves:
            sentence = f"{fix.what[0].upper()}{fix.what[1:]}: saves {minutes(fix.minutes)} a year of all services."
            best.setdefault(what, sentence)
    return best


def _minutes(found: Study) -> float:
    return sum(figures.minutes for figures in found.downtime.values())


def _involved(found: Study) -> set[str]:
    """The nodes and parts that have to do with what is wrong, and with what is likeliest to go wrong."""
    gates = found.tree.gates
    names = {part.partition(":")[0] for weakness in found.counted for part in weakness.parts}
    for figures in found.downtime.values():
        names |= {part.partition(":")[0] for share in figures.shares[:20] for parts in share.parts for part in parts}
    for weakness in found.counted:
        for gate in found.tree.failing(weakness.parts[:1]) & {*gates}:
            names |= {word.partition(":")[0] for word in gate.split(" ")}
    return names


def _changes(cluster: Cluster) -> Iterator[Change]:
    """Of every kind one after the other, so that none keeps another from being tried."""
    kinds = [catalogue(cluster) for catalogue in CATALOGUE]
    while kinds:
        for kind in list(kinds):
            if (change := next(kind, None)) is not None:
                yield change
            else:
                kinds.remove(kind)


def _with_node(cluster: Cluster, node: Node, **changed: object) -> Cluster:
    nodes = {**cluster.nodes, node.name: node.model_copy(update=changed)}
    return cluster.model_copy(update={"nodes": nodes})


def _with_part(cluster: Cluster, part: FacilityPart) -> Cluster:
    parts = {**cluster.facility.parts, part.name: part}
    return cluster.model_copy(update={"facility": cluster.facility.model_copy(update={"parts": parts})})


def _also(need: Need | None, name: str) -> Need:
    """The need, and one more of which it is enough."""
    if need is None:
        return Need(count=1, of=(name,))
    return Need(count=1, of=(*need.of, name)) if need.count == 1 else Need(count=1, of=(need, name))


def _missing(cluster: Cluster, need: Need | None, *kinds: Kind) -> Iterator[str]:
    there = set(need.names()) if need else set()
    return (part.name for part in cluster.facility.of_kind(*kinds) if part.name not in there)


def _in_rack(cluster: Cluster, rack: str | None) -> set[str]:
    return {pdu.name for pdu in cluster.facility.of_kind(Kind.PDU) if pdu.place == rack}


def _node_power(cluster: Cluster) -> Iterator[Change]:
    """A node's second power supply on another PDU of its rack; its BMC, which is in it, with it."""
    for node in cluster.nodes.values():
        for pdu in _missing(cluster, node.power, Kind.PDU) if node.power else ():
            if pdu in _in_rack(cluster, node.rack):
                bmc = node.bmc.model_copy(update={"power": _also(node.bmc.power or node.power, pdu)})
                changed = _with_node(cluster, node, power=_also(node.power, pdu), bmc=bmc)
                yield Change(node.name, f"plug {node.name} into {pdu} as well", CABLE, changed)


def _bmc_path(cluster: Cluster) -> Iterator[Change]:
    """A BMC on another switch, or fed from elsewhere than its node."""
    for node in cluster.nodes.values():
        for switch in _missing(cluster, node.bmc.via, Kind.SWITCH) if node.bmc.via else ():
            bmc = node.bmc.model_copy(update={"via": Need(count=1, of=(switch,))})
            yield Change(node.name, f"plug {node.name}'s BMC into {switch}", CABLE, _with_node(cluster, node, bmc=bmc))
        power = node.bmc.power or node.power
        for pdu in _missing(cluster, power, Kind.PDU) if power else ():
            if pdu in _in_rack(cluster, node.rack):
                bmc = node.bmc.model_copy(update={"power": _also(power, pdu)})
                what = f"feed {node.name}'s BMC from {pdu} as well"
                yield Change(node.name, what, CABLE, _with_node(cluster, node, bmc=bmc))


def _second_link(cluster: Cluster) -> Iterator[Change]:
    """A node's link as a bond: one more interface, on a card of its own, into one more switch."""
    vias = [link.via for node in cluster.nodes.values() for link in node.links.values() if link.via]
    carrying = {switch for via in vias for switch in via.names()}  # and not those of the BMCs
    for node in cluster.nodes.values():
        for name, link in node.links.items():
            for switch in sorted(carrying & {*_missing(cluster, link.via, Kind.SWITCH)}) if link.via else ():
                nics = (*(link.nics or (f"{name}-1",)), f"{name}-2")
                bond = link.model_copy(update={"nics": nics, "via": _also(link.via, switch)})
                changed = _with_node(cluster, node, links={**node.links, name: bond})
                yield Change(node.name, f"a second interface of {node.name} on {name}, into {switch}", PORT, changed)


def _feeds(cluster: Cluster) -> Iterator[Change]:
    """A switch, router or PDU on another feed or PDU."""
    for part in cluster.facility.of_kind(Kind.SWITCH, Kind.ROUTER):
        power = part.needs.get("power")
        for other in _missing(cluster, power, Kind.PDU) if power else ():
            if other in _in_rack(cluster, part.place):
                changed = part.model_copy(update={"needs": {**part.needs, "power": _also(power, other)}})
                yield Change(part.name, f"plug {part.name} into {other} as well", CABLE, _with_part(cluster, changed))
    for pdu in cluster.facility.of_kind(Kind.PDU):
        power = pdu.needs.get("power")
        for feed in _missing(cluster, power, Kind.FEED) if power else ():
            changed = pdu.model_copy(update={"needs": {**pdu.needs, "power": Need(count=1, of=(feed,))}})
            yield Change(pdu.name, f"hang {pdu.name} on {feed} instead", PORT, _with_part(cluster, changed))


def _ups(cluster: Cluster) -> Iterator[Change]:
    """A UPS of its own for a feed."""
    for feed in cluster.facility.of_kind(Kind.FEED):
        own = FacilityPart(name=f"{feed.name}-ups", kind=Kind.UPS)
        changed = feed.model_copy(update={"needs": {**feed.needs, "ups": Need(count=1, of=(own.name,))}})
        with_ups = _with_part(_with_part(cluster, own), changed)
        yield Change(feed.name, f"a UPS of its own for {feed.name}", MACHINE, with_ups)


def _way_out(cluster: Cluster) -> Iterator[Change]:
    """Another router as gateway, and another line for a router."""
    for name, network in cluster.networks.items():
        if network.gateway is None:
            continue
        for other in _missing(cluster, network.gateway, Kind.ROUTER):
            changed = network.model_copy(update={"gateway": _also(network.gateway, other)})
            through = cluster.model_copy(update={"networks": {**cluster.networks, name: changed}})
            first = next(network.gateway.names())
            yield Change(first, f"let {other} be a gateway of {name} as well", CABLE, through)
    for router in cluster.facility.of_kind(Kind.ROUTER):
        if uplinks := router.needs.get("uplinks"):
            line = FacilityPart(name=f"{router.name}-line-2", kind=Kind.UPLINK)
            part = router.model_copy(update={"needs": {**router.needs, "uplinks": _also(uplinks, line.name)}})
            changed_cluster = _with_part(_with_part(cluster, line), part)
            yield Change(router.name, f"a second line, of another carrier, for {router.name}", LINE, changed_cluster)


def _rack_elsewhere(cluster: Cluster) -> Iterator[Change]:
    """A node into another rack, or a rack into another zone or one of its own."""
    racks = cluster.facility.of_kind(Kind.RACK)
    zones = [zone.name for zone in cluster.facility.of_kind(Kind.ZONE)]
    for node in cluster.nodes.values():
        for rack in racks:
            pdus = tuple(sorted(_in_rack(cluster, rack.name)))
            if node.rack in (None, rack.name) or not pdus:
                continue
            power = Need(count=1, of=pdus)
            bmc = node.bmc.model_copy(update={"power": power})
            changed = _with_node(cluster, node, rack=rack.name, power=power, bmc=bmc)
            yield Change(node.name, f"carry {node.name} into rack {rack.name}", MOVE, changed)
    for rack in racks:
        for zone in zones:
            if rack.place in zones and zone != rack.place:
                changed_rack = rack.model_copy(update={"place": zone})
                what = f"carry rack {rack.name} into {zone}"
                yield Change(rack.name, what, 2 * MOVE, _with_part(cluster, changed_rack))
        if rack.place in zones:
            own = FacilityPart(name=f"{rack.name}-zone", kind=Kind.ZONE)
            moved = _with_part(_with_part(cluster, own), rack.model_copy(update={"place": own.name}))
            yield Change(rack.name, f"give rack {rack.name} a fire zone of its own", ROOM, moved)


def _replica_elsewhere(cluster: Cluster) -> Iterator[Change]:
    """A replica on another node."""
    for name, service in cluster.services.declared().items():
        paired = isinstance(service, Database) or (isinstance(service, Messaging) and service.replicated_by == "drbd")
        paired = paired or (isinstance(service, Image) and service.store.kind == "drbd")
        for leaves in service.on if paired else ():
            for comes in cluster.nodes:
                if comes not in service.on:
                    on = tuple(comes if node == leaves else node for node in service.on)
                    key = name.replace("-", "_")
                    changed = cluster.services.model_copy(update={key: service.model_copy(update={"on": on})})
                    moved = cluster.model_copy(update={"services": changed})
                    yield Change(leaves, f"move the replica of {name} from {leaves} to {comes}", MOVE, moved)


def _quorum_device(cluster: Cluster) -> Iterator[Change]:
    """One more vote: on a machine of the site that is no node, or on one in a third place, over a line of its own."""
    if cluster.facility.quorum_device is not None:
        return
    machines = [part.name for part in cluster.facility.of_kind(Kind.MACHINE) if part.name not in cluster.nodes]
    for machine in machines:
        what = f"a quorum device (corosync-qnetd) on {machine}"
        yield Change("quorum", what, MOVE, _with_quorum_device(cluster, (machine,)))
    host, line = FacilityPart(name="qnetd", kind=Kind.MACHINE), FacilityPart(name="qnetd-line", kind=Kind.UPLINK)
    elsewhere = _with_part(_with_part(cluster, host), line)
    what = "a quorum device (corosync-qnetd) on a machine in a third place, over a line of its own"
    yield Change("quorum", what, LINE + MACHINE, _with_quorum_device(elsewhere, (host.name, line.name)))


def _with_quorum_device(cluster: Cluster, needs: tuple[str, ...]) -> Cluster:
    algorithm: Literal["ffsplit", "lms"] = "lms" if len(cluster.nodes) % 2 else "ffsplit"
    device = QuorumDevice(algorithm=algorithm, needs=Need(count=len(needs), of=needs))
    return cluster.model_copy(update={"facility": cluster.facility.model_copy(update={"quorum_device": device})})


CATALOGUE: tuple[Callable[[Cluster], Iterator[Change]], ...] = (
    _node_power,
    _bmc_path,
    _second_link,
    _feeds,
    _way_out,
    _ups,
    _rack_elsewhere,
    _replica_elsewhere,
    _quorum_device,
)
"""Every kind of change that is tried."""
