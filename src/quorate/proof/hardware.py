"""The lower half of the dependency graph: the facility, nodes, links and BMCs, and what each of them hangs on."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from quorate.cluster.facility import FacilityPart, Kind, Need, figures
from quorate.cluster.facility_defaults import NAMED_BY
from quorate.cluster.findings import Path
from quorate.cluster.model import Cluster, Link, Node, Use
from quorate.cluster.written_facility import SECTIONS
from quorate.proof import cards
from quorate.proof.cutsets import Gate
from quorate.proof.tree import Part

BMC_NETWORK = "bmc-network"


@dataclass
class Hardware:
    """Makes each gate once, by a name that says what it is and whose."""

    cluster: Cluster
    gates: dict[str, Gate] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)

    # Parts and what they hang on

    def gate(self, name: str, words: str, children: Iterable[str], fails_at: int = 1, code: str = "") -> str:
        """Adds a gate; children are there already, so that gates stand in order."""
        self.gates[name] = Gate(fails_at, tuple(dict.fromkeys(children)))
        self.words[name] = words
        if code:
            self.codes[name] = code
        return name

    def leaf(
        self,
        name: str,
        kind: Kind,
        place: Path,
        *,
        node: str | None = None,
        known: bool = True,
        mtbf: timedelta | None = None,
        mttr: timedelta | None = None,
        with_ups: bool = False,
    ) -> str:
        default = figures(kind, with_ups=with_ups)
        defaulted = mtbf is None or mttr is None
        self.parts.setdefault(
            name, Part(name, kind, place, mtbf or default.mtbf, mttr or default.mttr, defaulted, node, known)
        )
        return name

    def of(self, part: FacilityPart) -> str:
        with_ups = "ups" in part.needs
        place = _place(part, self.cluster)
        return self.leaf(part.name, part.kind, place, mtbf=part.mtbf, mttr=part.mttr, with_ups=with_ups)

    def up(self, name: str) -> str:
        """A part of the facility that works, with all that it hangs on."""
        if name in self.cluster.nodes:
            return self.alive(name)
        if (gate := f"up {name}") in self.gates:
            return gate
        part = self.cluster.facility.parts[name]
        if part.kind in (Kind.SITE, Kind.ZONE, Kind.RACK):
            return self.cool(name)
        children = [self.of(part)]
        if part.place:
            children.append(self.stands(part.place) if part.kind is Kind.PDU else self.cool(part.place))
        children += [self.need(f"{word} of {name}", need) for word, need in part.needs.items()]
        return self.gate(gate, f"{part.kind} {name} doesn't work", children)

    def stands(self, name: str) -> str:
        """A rack, zone or site that is there: what a fire takes."""
        if (gate := f"stands {name}") in self.gates:
            return gate
        part = self.cluster.facility.parts[name]
        children = [self.of(part), *([self.stands(part.place)] if part.place else [])]
        children += [self.need(f"{word} of {name}", need) for word, need in part.needs.items() if word != "cooling"]
        return self.gate(gate, f"{part.kind} {name} is gone", children)

    def cool(self, name: str) -> str:
        """A rack, zone or site that is there and cool, so that machines in it run."""
        if (gate := f"cool {name}") in self.gates:
            return gate
        part = self.cluster.facility.parts[name]
        children = [self.stands(name), *([self.cool(part.place)] if part.place else [])]
        if "cooling" in part.needs:
            children.append(self.need(f"cooling of {name}", part.needs["cooling"]))
        return self.gate(gate, f"nothing runs in {part.kind} {name}", children)

    def need(self, name: str, need: Need) -> str:
        """An expression."""
        if len(need.of) == 1 and isinstance(need.of[0], str):
            return self.up(need.of[0])
        children = [
            self.up(entry) if isinstance(entry, str) else self.need(f"{name}, {index}", entry)
            for index, entry in enumerate(need.of)
        ]
        fails_at = len(children) - need.count + 1
        return self.gate(f"need {name}", f"{name} is gone", children, fails_at)

    # Nodes

    def alive(self, name: str) -> str:
        """A node that runs."""
        if (gate := f"alive {name}") in self.gates:
            return gate
        node = self.cluster.nodes[name]
        children = [self.leaf(name, Kind.NODE, ("nodes", name), node=name, mtbf=node.mtbf, mttr=node.mttr)]
        if node.rack:
            children.append(self.cool(node.rack))
        for word, need in (("power", node.power), ("needs", node.needs)):
            if need:
                children.append(self.need(f"{word} of {name}", need))
        return self.gate(gate, f"{name} is down", children)

    def link(self, name: str, network: str) -> str:
        """A node's way onto a network, but for the node itself."""
        if (gate := f"link {name} {network}") in self.gates:
            return gate
        node = self.cluster.nodes[name]
        link = node.links[network]
        children = [self._interfaces(node, link)]
        if link.via:
            children.append(self.need(f"switch of {name} on {network}", link.via))
        else:
            children.append(self.leaf(network, Kind.NETWORK, ("networks", network), known=False))
        return self.gate(gate, f"{name} has no link to {network}", children)

    def _interfaces(self, node: Node, link: Link) -> str:
        path: Path = ("nodes", node.name, "links", link.network)
        if not link.nics:
            return self.leaf(f"{node.name}:{link.network}", Kind.NIC, path, node=node.name)
        on_card = cards.of(node)
        nics = []
        for nic in link.nics:
            leaf = self.leaf(f"{node.name}:{nic}", Kind.NIC, (*path, "nic"), node=node.name)
            if card := on_card.get(nic):
                card_leaf = self.leaf(f"{node.name}:{card}", Kind.CARD, (*path, "nic"), node=node.name)
                leaf = self.gate(f"nic {node.name}:{nic}", f"{node.name}'s {nic} is dead", [leaf, card_leaf])
            nics.append(leaf)
        if len(nics) == 1:
            return nics[0]
        return self.gate(
            f"bond {node.name} {link.network}", f"all interfaces of {node.name}'s bond are dead", nics, len(nics)
        )

    def rings(self, name: str) -> str:
        """A node's membership links: any one is enough."""
        if (gate := f"rings {name}") in self.gates:
            return gate
        links = [self.link(name, network.name) for network in self.cluster.networks_for(Use.RING)]
        return self.gate(gate, f"{name} is on no ring", links, len(links), code="rings-together")

    def member(self, name: str) -> str:
        """A node that the cluster has: alive, and on a ring."""
        if (gate := f"member {name}") in self.gates:
            return gate
        return self.gate(gate, f"{name} is lost to the cluster", [self.alive(name), self.rings(name)])

    def bmc(self, name: str) -> str:
        """The way to fence a node."""
        if (gate := f"fence {name}") in self.gates:
            return gate
        node = self.cluster.nodes[name]
        path: Path = ("nodes", name, "bmc")
        children = [self.leaf(f"{name}:bmc", Kind.BMC, path, node=name)]
        if power := node.bmc.power or node.power:
            children.append(self.need(f"power of {name}'s BMC", power))
        if node.rack:
            children.append(self.stands(node.rack))
        if node.bmc.via:
            children.append(self.need(f"switch of {name}'s BMC", node.bmc.via))
        else:
            inside = [network for network in self.cluster.networks.values() if node.bmc.ipmi in network.cidr]
            network = inside[0].name if inside else BMC_NETWORK
            at: Path = ("networks", network) if inside else (*path, "ipmi")
            children.append(self.leaf(network, Kind.NETWORK, at, known=False))
        return self.gate(gate, f"{name} can't be fenced", children)


def _place(part: FacilityPart, cluster: Cluster) -> Path:
    if part.kind is Kind.PDU and part.place:
        return ("facility", "racks", part.place, "pdus", part.name)
    if part == FacilityPart(name=part.name, kind=part.kind):  # perhaps only named by what hangs on it
        for other in cluster.facility.parts.values():
            for word, need in other.needs.items():
                if NAMED_BY.get(word) is part.kind and part.name in need.names():
                    return (*_place(other, cluster), word)
    section = next(section for section, kind in SECTIONS.items() if kind is part.kind)
    return ("facility", section, part.name)
