"""From a cluster file to the design: every blueprint worked out and joined. Pure.

model      the design itself
pacemaker  what every host and every cluster has
corosync   corosync.conf
fencing    a fence device for each node
firewall   ports closed to other hosts
cib        the design as Pacemaker's configuration, and how it is merged into a live one
"""

from quorate.cluster.model import Cluster
from quorate.design.fencing import fencing
from quorate.design.firewall import firewall
from quorate.design.model import Design, HostDesign
from quorate.design.pacemaker import PROPERTIES, RESOURCE_DEFAULTS, foundation
from quorate.services import parts
from quorate.services.identity import ADMIN_SECRET
from quorate.services.parts import Secret, join

__all__ = ["Design", "HostDesign", "secret_names", "work_out"]


def work_out(cluster: Cluster) -> Design:
    """The design of a cluster file. Equal files give equal designs."""
    whole = join([foundation(cluster), fencing(cluster), *parts(cluster)])
    whole = join([whole, firewall(cluster, whole.listeners)])
    return Design(
        cluster=cluster.name,
        hosts={
            name: HostDesign(
                name=name,
                packages=whole.packages.get(name, ()),
                files=whole.files.get(name, ()),
                units=whole.units.get(name, ()),
                listeners=whole.listeners.get(name, ()),
            )
            for name in cluster.nodes
        },
        volumes=whole.volumes,
        resources=whole.resources,
        constraints=whole.constraints,
        properties=PROPERTIES,
        resource_defaults=RESOURCE_DEFAULTS,
        services={service.name: service for service in whole.services},
        schemas=whole.schemas,
        keys=whole.keys,
        endpoints=whole.endpoints,
        accounts=whole.accounts,
    )


def secret_names(cluster: Cluster) -> tuple[str, ...]:
    """The names of all secrets that the cluster's files, accounts and keys are made with."""
    design = work_out(cluster)
    contents = (piece for host in design.hosts.values() for file in host.files for piece in file.content)
    names = [
        *(piece.name for piece in contents if isinstance(piece, Secret)),
        *(schema.secret for schema in design.schemas),
        *(account.secret for account in design.accounts),
        *(repository.secret for repository in design.keys),
        *([ADMIN_SECRET] if "identity" in design.services else []),
    ]
    return tuple(dict.fromkeys(names))
