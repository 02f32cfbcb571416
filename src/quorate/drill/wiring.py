"""How the nodes of a cluster are connected, as far as faults of the network must know. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from quorate.cluster.model import Cluster, Use
from quorate.design.model import Design


@dataclass(frozen=True)
class Wiring:
    """Nodes, networks, and what goes over which."""

    nodes: tuple[str, ...] = ()
    addresses: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By network, by node."""
    rings: tuple[str, ...] = ()
    """The networks of Corosync's links, by their number."""
    clients: tuple[str, ...] = ()
    """The networks that clients come over."""
    replication: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """By network: the ports of the volumes that are replicated over it."""

    def pairs(self, network: str, some: tuple[str, ...], others: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """Each of some nodes with each of the others, as far as the network has both."""
        on = self.addresses[network]
        return ((one, other) for one in some if one in on for other in others if other in on and other != one)

    def rest(self, nodes: tuple[str, ...]) -> tuple[str, ...]:
        """All nodes but these."""
        return tuple(node for node in self.nodes if node not in nodes)


NO_WIRING = Wiring()


def wiring(cluster: Cluster, design: Design) -> Wiring:
    """Reads it from a cluster file and its design."""
    replication = [network.name for network in cluster.networks_for(Use.REPLICATION)]
    return Wiring(
        nodes=tuple(design.hosts),
        addresses={
            network: {
                node.name: str(node.address_on(network)) for node in cluster.nodes.values() if network in node.links
            }
            for network in cluster.networks
        },
        rings=tuple(network.name for network in cluster.networks_for(Use.RING)),
        clients=tuple(network.name for network in cluster.networks_for(Use.API)),
        replication={network: tuple(volume.port for volume in design.volumes) for network in replication[:1]},
    )
