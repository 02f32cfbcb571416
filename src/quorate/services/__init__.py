"""Blueprints: how one kind of service is made highly available. One file each, pure.

database               MariaDB on a replicated file system, behind a floating address
messaging              RabbitMQ, a cluster or one broker on a replicated file system
identity, image, ...   OpenStack's own services, all made by the one engine in `openstack`
front                  HAProxy and the address behind which they are
memcached              Identity's cache
links                  what watches the networks on which all these are reached

replicated_filesystem  pieces that stateful services stand on
floating_address
only_on
parts                  the words in which all of them speak
"""

from collections.abc import Callable, Iterator
from typing import Any

from quorate.cluster.model import Api, Cluster
from quorate.services import (
    block_storage,
    compute,
    dashboard,
    database,
    front,
    identity,
    image,
    links,
    memcached,
    messaging,
    network,
    placement,
)
from quorate.services.parts import Part, join

BLUEPRINTS: dict[str, Callable[[Any, Cluster], Part]] = {
    "database": database.blueprint,
    "messaging": messaging.blueprint,
    "identity": identity.blueprint,
    "image": image.blueprint,
    "placement": placement.blueprint,
    "compute": compute.blueprint,
    "network": network.blueprint,
    "block-storage": block_storage.blueprint,
    "dashboard": dashboard.blueprint,
}
"""By the name that the cluster file has for a service."""


def parts(cluster: Cluster) -> Iterator[Part]:
    """What each service of the cluster file adds to the design, in start order, and what they need in common."""
    served = tuple(_services(cluster))
    yield from served
    yield links.blueprint(cluster, join(served).constraints)


def _services(cluster: Cluster) -> Iterator[Part]:
    declared = cluster.services.declared()
    own = [BLUEPRINTS[name](service, cluster) for name, service in declared.items() if name in BLUEPRINTS]
    yield from own
    if any(isinstance(service, Api) for service in declared.values()):
        yield memcached.blueprint(cluster, tuple(cluster.nodes))
        yield front.blueprint(cluster, tuple(balanced for part in own for balanced in part.balanced))
