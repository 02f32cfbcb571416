"""What the failure of parts does to the machines themselves, whatever runs on them: the graph's lower half. Pure.

A twin of the site is broken by it (`quorate lab fail`), so that what the graph says can be held against what happens.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from quorate.cluster.findings import quoted, suggestion
from quorate.cluster.model import Cluster
from quorate.design.model import Design
from quorate.errors import InputError
from quorate.proof.faulttree import Builder
from quorate.proof.tree import Tree


@dataclass(frozen=True)
class Damage:
    """What doesn't work any more."""

    powerless: tuple[str, ...] = ()
    """Nodes that are off, for whatever reason, and can't be switched on."""
    silent: tuple[str, ...] = ()
    """Nodes whose BMC doesn't answer."""
    cut: tuple[tuple[str, str], ...] = ()
    """Node and network: links that lead nowhere."""
    cut_off: tuple[str, ...] = ()
    """Networks without a gateway, whose clients come from elsewhere."""

    def sentences(self) -> list[str]:
        """The same for a person."""
        return [
            *(f"{node} has no power" for node in self.powerless),
            *(f"the BMC of {node} doesn't answer" for node in self.silent),
            *(f"{node} has no link to {network}" for node, network in self.cut),
            *(f"clients don't reach {network}" for network in self.cut_off),
        ]


@dataclass(frozen=True)
class Standing:
    """What every node, BMC, link and gateway hangs on."""

    tree: Tree
    alive: Mapping[str, str]
    """By node: the gate that fails when it is down."""
    bmcs: Mapping[str, str]
    links: Mapping[tuple[str, str], str]
    gateways: Mapping[str, str]

    def damage(self, parts: Iterable[str]) -> Damage:
        """What the failure of these parts does."""
        down = self.tree.failing(parts)
        return Damage(
            powerless=tuple(node for node, gate in self.alive.items() if gate in down),
            silent=tuple(node for node, gate in self.bmcs.items() if gate in down),
            cut=tuple(link for link, gate in self.links.items() if gate in down),
            cut_off=tuple(network for network, gate in self.gateways.items() if gate in down),
        )

    def parts(self, names: Iterable[str], where: str) -> tuple[str, ...]:
        """The parts that were named. Raises InputError, with a suggestion."""
        found = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
        for name in found or ("",):
            if name not in self.tree.parts:
                todo = suggestion(name, self.tree.parts)
                raise InputError(f"{quoted(name)} is no part that a node hangs on", where=where, todo=todo)
        return found


def standing(design: Design, cluster: Cluster) -> Standing:
    """The part of the graph that has nothing to do with services."""
    builder = Builder(cluster, design=design)
    alive = {name: builder.alive(name) for name in cluster.nodes}
    bmcs = {name: builder.bmc(name) for name in cluster.nodes}
    links = {
        (name, network): builder.link(name, network) for name, node in cluster.nodes.items() for network in node.links
    }
    gateways = {
        network.name: builder.need(f"gateway of {network.name}", network.gateway)
        for network in cluster.networks.values()
        if network.gateway
    }
    tree = Tree(builder.gates, builder.words, builder.codes, builder.parts, {}, {}, {}, {}, ())
    return Standing(tree, alive, bmcs, links, gateways)
