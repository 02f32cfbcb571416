"""Blueprints: how one kind of service is made highly available. One file each, pure.

database               MariaDB on a replicated file system, behind a floating address

replicated_filesystem  pieces that stateful services stand on
floating_address
parts                  the words in which all of them speak
"""

from collections.abc import Iterator

from quorate.cluster.model import Cluster
from quorate.services import database
from quorate.services.parts import Part


def parts(cluster: Cluster) -> Iterator[Part]:
    """What each service of the cluster file adds to the design, in start order."""
    if cluster.services.database:
        yield database.blueprint(cluster.services.database, cluster)
