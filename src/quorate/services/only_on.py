"""Where a resource may run."""

from collections.abc import Iterable

from quorate.cluster.model import Cluster
from quorate.services.parts import Location


def only_on(resource: str, hosts: Iterable[str], cluster: Cluster) -> tuple[Location, ...]:
    """Keeps a resource off every other node, where it isn't even looked for: what it needs isn't installed there."""
    hosts = set(hosts)
    return tuple(
        Location(f"{resource}-not-on-{node}", resource, node, "-INFINITY", probed=False)
        for node in cluster.nodes
        if node not in hosts
    )
