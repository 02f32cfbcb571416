"""What serves on a network leaves a node that has lost its link to it, though the node is a member over another ring.

A watcher on every node sets the node attributes `link-NETWORK` (ocf:quorate:links); a rule on each of what serves there
makes it like a node less where that is 0. The score is finite on purpose:

    200      stickiness, of each resource that moves along: weaker, so they move
    2000     a lost link
    10000    DRBD's promotion score of a current replica: stronger, so a replica that is out of date is never promoted
             for the sake of a link

A promotion is disliked where the link is dead: to like it elsewhere would be a promotion score, which is DRBD's to
give. What has no such score is liked where the link isn't dead: below zero it would run nowhere.

With the whole network dead all nodes are alike, and nothing moves; neither does it where nothing is known.
"""

from collections.abc import Iterable
from ipaddress import IPv4Interface

from quorate import node
from quorate.cluster.model import Cluster, Network
from quorate.services.parts import AttributeRule, Clone, Constraint, File, Operation, Part, Primitive

WATCHER = "links"
WATCHERS = f"{WATCHER}-clone"
PREFIX = "link-"
"""Before the name of a network: the node attribute."""
DEAD = "0"
LOST = 2000

INTERVAL = 2
"""Seconds between two looks."""
SILENCE = 1
"""Seconds without an answer, until a look says that a link is dead: as in `quorate.node.links`."""
DAMPENING = 5
"""Seconds: more than from one node's look to the last other's, so that all of them are heard of together."""


def network_of(address: IPv4Interface, cluster: Cluster) -> Network:
    """The network that a floating address is on."""
    return next(network for network in cluster.networks.values() if address.ip in network.cidr)


def where_linked(resource: str, network: Network, cluster: Cluster, role: str | None = None) -> tuple[Constraint, ...]:
    """Keeps a resource, or its instance in a role, where the link to a network is alive, if it is anywhere.

    Of two nodes that don't hear each other neither knows whose link it is, so it takes a third to ask.
    """
    if len(_addresses(network.name, cluster)) < 3:
        return ()
    id_ = f"{resource}-where-{network.name}-is-linked"
    operation, score = ("eq", -LOST) if role else ("ne", LOST)
    return (AttributeRule(id_, resource, PREFIX + network.name, operation, DEAD, str(score), role),)


def watched(constraints: Iterable[Constraint]) -> dict[str, set[str]]:
    """By network: the resources that leave a node which has lost its link to it."""
    found: dict[str, set[str]] = {}
    for each in constraints:
        if isinstance(each, AttributeRule) and each.attribute.startswith(PREFIX):
            found.setdefault(each.attribute.removeprefix(PREFIX), set()).add(each.resource)
    return found


def blueprint(cluster: Cluster, constraints: Iterable[Constraint]) -> Part:
    """The watcher, on all nodes, of the networks that rules speak of; nothing if there are none."""
    networks = list(watched(constraints))
    if not networks:
        return Part()
    watcher = Primitive(
        WATCHER,
        "ocf:quorate:links",
        parameters={
            "networks": " ".join(f"{network}:{','.join(_addresses(network, cluster))}" for network in networks),
            "dampening": str(DAMPENING),
        },
        operations=(
            Operation("start", timeout=20),
            Operation("stop", timeout=20),
            Operation("monitor", timeout=20, interval=INTERVAL),
        ),
    )
    files = (
        File("/usr/lib/ocf/resource.d/quorate/links", (node.source("links"),), mode=0o755),
        File("/usr/lib/ocf/resource.d/quorate/ocf.py", (node.source("ocf"),)),
    )
    return Part(
        files=dict.fromkeys(cluster.nodes, files),
        resources=(Clone(WATCHERS, watcher, meta={"interleave": "true"}),),
    )


def _addresses(network: str, cluster: Cluster) -> list[str]:
    return [f"{each.name}={each.address_on(network)}" for each in cluster.nodes.values() if network in each.links]
