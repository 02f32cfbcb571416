"""What every cluster has: Corosync, Pacemaker, and how Pacemaker decides."""

from collections.abc import Iterator

from quorate.cluster.model import Cluster, Use
from quorate.design import corosync
from quorate.services.parts import File, Listener, Part, Reach, Secret, Unit

AUTHKEY = "corosync-authkey"

PROPERTIES = {
    "stonith-enabled": "true",
    # Off and on again: a node that comes back makes the cluster whole without a person.
    "stonith-action": "reboot",
    "stonith-timeout": "60s",
    "startup-fencing": "true",
    "concurrent-fencing": "true",
    # Without a majority nothing runs: the others have one, or will.
    "no-quorum-policy": "stop",
    # Failures expire (`failure-timeout`) without an event; this is the longest that one may go unnoticed.
    "cluster-recheck-interval": "60s",
    # When all nodes start at once, they wait so long for a coordinator before they elect one.
    "dc-deadtime": "5s",
    # A takeover is never slowed down to spare a busy node. Pacemaker's own limits (twice the cores, less under load:
    # controld_throttle.c) make a small node do one thing at a time, in the very minutes when all are needed at once.
    "node-action-limit": "8",
    "load-threshold": "1000%",
}

RESOURCE_DEFAULTS = {
    # A service stays where it is when a node comes back: moving it home would be an outage for nothing.
    "resource-stickiness": "200",
    # Twice again on the same node, then elsewhere; a node that failed is trusted again after five minutes.
    "migration-threshold": "3",
    "failure-timeout": "300s",
}


def foundation(cluster: Cluster) -> Part:
    """Packages, files and units of every host.

    Names need no resolution: Pacemaker takes the nodes' names from Corosync's list, which has their addresses.
    """
    files = (
        File("/etc/corosync/corosync.conf", (corosync.conf(cluster),), restarts=("corosync.service",)),
        File("/etc/corosync/authkey", (Secret(AUTHKEY),), mode=0o400, restarts=("corosync.service",)),
    )
    packages = ("corosync", "pacemaker", "pacemaker-cli-utils", "resource-agents", "python3")
    units = (Unit("corosync.service", enabled=True), Unit("pacemaker.service", enabled=True))
    return Part(
        packages=dict.fromkeys(cluster.nodes, packages),
        files=dict.fromkeys(cluster.nodes, files),
        units=dict.fromkeys(cluster.nodes, units),
        listeners={name: tuple(_listeners(name, cluster)) for name in cluster.nodes},
    )


def _listeners(host: str, cluster: Cluster) -> Iterator[Listener]:
    """SSH, which is the site's own affair, and Corosync on each ring. Pacemaker speaks through Corosync."""
    yield Listener(22, "0.0.0.0", "sshd", Reach.CLIENTS)  # noqa: S104
    for number, network in enumerate(cluster.networks_for(Use.RING)):
        address = str(cluster.nodes[host].address_on(network.name))
        yield Listener(corosync.PORT + number, address, "corosync", Reach.CLUSTER, protocol="udp")
