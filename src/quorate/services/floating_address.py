"""An address that moves with what it stands for, so that clients never learn which node serves them."""

from collections.abc import Iterable
from ipaddress import IPv4Interface

from quorate.cluster.model import Cluster
from quorate.services.only_on import only_on
from quorate.services.parts import Operation, Part, Primitive


def floating_address(resource: str, address: IPv4Interface, hosts: Iterable[str], cluster: Cluster) -> Part:
    """The address as a cluster resource. What it goes with is the blueprint's to say.

    The agent finds the interface by the network that the address is in, and announces a move by gratuitous ARP in the
    background (ocf:heartbeat:IPaddr2). It announces the address with every monitor, too: clients may have been told
    something else meanwhile, by a machine with the same address, and a router would believe that for hours.
    """
    return Part(
        resources=(
            Primitive(
                resource,
                "ocf:heartbeat:IPaddr2",
                parameters={
                    "ip": str(address.ip),
                    "cidr_netmask": str(address.network.prefixlen),
                    "arp_count_refresh": "1",
                },
                operations=(
                    Operation("start", timeout=20),
                    Operation("stop", timeout=20),
                    Operation("monitor", timeout=60, interval=10),
                ),
            ),
        ),
        constraints=only_on(resource, hosts, cluster),
    )
