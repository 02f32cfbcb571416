"""The graph beside a story told step by step: parts fail one after the other, and a cluster does what it can.

The story knows no gates. It is told for every part and every pair of parts of a site, in both orders, with either node
serving, and ends with a service or without one; the graph must say the same of the worst of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.cluster.facility import Kind, Need
from quorate.cluster.loading import load
from quorate.cluster.model import Cluster, Use
from quorate.design import work_out
from quorate.proof.faulttree import build
from quorate.proof.hardware import BMC_NETWORK

from .test_faulttree import SITE


@dataclass
class World:
    """A site in which some things are broken."""

    cluster: Cluster
    broken: set[str] = field(default_factory=set)

    def works(self, name: str) -> bool:
        part = self.cluster.facility.parts[name]
        place = part.place is None or (self.stands(part.place) and (part.kind is Kind.PDU or self.runs(part.place)))
        return name not in self.broken and place and all(self.has(need) for need in part.needs.values())

    def has(self, need: Need | None) -> bool:
        if need is None:
            return True
        return sum(self.works(of) if isinstance(of, str) else self.has(of) for of in need.of) >= need.count

    def stands(self, place: str) -> bool:
        part = self.cluster.facility.parts[place]
        return place not in self.broken and (part.place is None or self.stands(part.place))

    def runs(self, place: str) -> bool:
        part = self.cluster.facility.parts[place]
        cool = self.has(part.needs.get("cooling"))
        return self.stands(place) and cool and (part.place is None or self.runs(part.place))

    def alive(self, name: str) -> bool:
        node = self.cluster.nodes[name]
        return name not in self.broken and (not node.rack or self.runs(node.rack)) and self.has(node.power)

    def linked(self, name: str, network: str) -> bool:
        link = self.cluster.nodes[name].links[network]
        nics = [f"{name}:{nic}" for nic in link.nics] or [f"{name}:{network}"]
        return not {*nics} <= self.broken and (self.has(link.via) if link.via else network not in self.broken)

    def member(self, name: str) -> bool:
        rings = [network.name for network in self.cluster.networks_for(Use.RING)]
        return self.alive(name) and any(self.linked(name, ring) for ring in rings)

    def can_be_fenced(self, name: str) -> bool:
        node = self.cluster.nodes[name]
        reached = self.has(node.bmc.via) if node.bmc.via else BMC_NETWORK not in self.broken
        fed = self.has(node.bmc.power or node.power)
        return f"{name}:bmc" not in self.broken and reached and fed and (not node.rack or self.stands(node.rack))


def goes_on(cluster: Cluster, failures: Sequence[str], active: str) -> bool:
    """Whether the database is served after these failures, one after the other."""
    world = World(cluster)
    database = cluster.services.database
    assert database
    (standby,) = {*database.on} - {active}
    network = next(network.name for network in cluster.networks.values() if database.vip.ip in network.cidr)
    replication = cluster.networks_for(Use.REPLICATION)[0].name
    current = {active, standby}
    fenced: set[str] = set()
    for failure in failures:
        world.broken.add(failure)
        members = {node for node in cluster.nodes if world.member(node)} - fenced
        if len(members) <= len(cluster.nodes) // 2:
            return False
        if active not in members:
            if not world.can_be_fenced(active):
                return False
            fenced.add(active)
            if standby not in members or standby not in current:
                return False
            active, standby = standby, active
        if not world.linked(active, network):
            # The nodes ask each other; of two that don't hear each other neither knows whose link it is.
            heard = [
                node for node in cluster.nodes if node != active and world.alive(node) and world.linked(node, network)
            ]
            ready = standby in members and standby in current and world.linked(standby, network)
            if len(heard) < 2 or not ready or not all(world.linked(node, replication) for node in database.on):
                return False
            active, standby = standby, active
        current -= {node for node in current if f"{node}:disk" in world.broken}
        joined = all(world.linked(node, replication) for node in database.on)
        if standby not in members or not joined:
            current -= {standby}  # it misses what is written from now on
        if not current & {active, standby} or (active not in current and not joined):
            return False
    return True


SWITCHES = st.sampled_from(("sw-a", "sw-b", "sw-a, sw-b", "sw-b, oob"))
LINKS = st.builds(
    "{{management: {{nic: {}, via: [{}]}}, storage: {{nic: {}, via: [{}]}}}}".format,
    st.sampled_from(("e1", "[e1, e2]")),
    SWITCHES,
    st.sampled_from(("e1", "e3", "[e3, e4]")),
    SWITCHES,
)
SITES = st.fixed_dictionaries(
    {
        "power1": st.sampled_from(("p1a", "p1b", "p1a, p1b", "feed-a")),
        "links1": LINKS,
        "links": LINKS,
        "bmc1": st.sampled_from(("oob", "sw-a", "oob, sw-b")),
        "bmc_power1": st.sampled_from(("p1a", "p1a, p1b", "feed-b")),
        "zone2": st.sampled_from(("z1", "z2", "z3")),
        "cooling": st.sampled_from(("[c1]", "[c1, c2]", "{all: [c1, c2]}", "{2 of: [c1, c2, c3]}")),
    }
)


@settings(max_examples=15)
@given(SITES)
def test_the_graph_says_what_happens(site: dict[str, str]) -> None:
    cluster = load(SITE.format(**site).encode(), "site.yaml")
    tree = build(work_out(cluster), cluster)
    top = tree.tops["database"]
    assert cluster.services.database
    parts = sorted(tree.parts)
    single = {part for part in parts if top in tree.failing([part])}
    for failed in [*((part,) for part in parts), *combinations(sorted({*parts} - single), 2)]:
        ends = [
            goes_on(cluster, order, active) for order in permutations(failed) for active in cluster.services.database.on
        ]
        gone = top in tree.failing(failed)
        assert gone or all(ends), failed
        if not (len(failed) == 2 and any(leaves(cluster, part) for part in failed)):
            assert gone == (not all(ends)), failed


def leaves(cluster: Cluster, part: str) -> bool:
    """Whether this part alone makes the database leave a live member. What fails there afterwards hits nobody; the
    graph, which knows no order, counts such a pair as if it did."""
    world = World(cluster, {part})
    database = cluster.services.database
    assert database
    network = next(network.name for network in cluster.networks.values() if database.vip.ip in network.cidr)
    return any(world.member(node) and not world.linked(node, network) for node in database.on)
