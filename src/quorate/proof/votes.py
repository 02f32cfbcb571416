"""Who has a majority after a failure, as votequorum(5) counts. crm_simulate doesn't work that out.

A quorum device has one vote by `ffsplit`, and by `lms` one less than there are nodes (corosync-qdevice(8)); they are
part of what a majority is a majority of. So with `lms` a single node goes on while the device is there, and every node
is needed while it isn't.
"""

from collections.abc import Collection

from quorate.proof.evidence import Corosync, Evidence


def is_quorate(evidence: Evidence, lost: Collection[str], *, without_device: bool = False) -> bool:
    """Whether the nodes that are left, all in sight of each other, have quorum.

    Args:
        evidence: what is known of the cluster.
        lost: nodes that aren't there.
        without_device: whether nobody reaches the quorum device, or it is lost itself.
    """
    conf = evidence.corosync
    nodes = evidence.nodes
    if conf is None or not conf.members:
        left = len([name for name in nodes if name not in lost])
        # Without corosync.conf two nodes are taken to be configured as two nodes have to be.
        return left > 0 and (len(nodes) <= 2 or left > len(nodes) // 2)
    votes = _votes(conf)
    left = sum(count for name, count in votes.items() if name not in lost)
    total = sum(votes.values())
    device = _device_votes(conf)
    if conf.quorum.number("two_node", 0) and len(votes) == 2 and not device:
        return left > 0
    given = 0 if without_device or _runs_on(conf, lost) else device
    if left + given >= (total + device) // 2 + 1 and left > 0:
        return True
    if conf.quorum.number("auto_tie_breaker", 0) and not device and 2 * left == total:
        return min(conf.members, key=lambda member: int(member.nodeid or 0)).name not in lost
    return False


def _runs_on(conf: Corosync, lost: Collection[str]) -> bool:
    """Whether the device is lost because it runs on a node that is."""
    host = conf.device.one("net").get("host")
    members = [member for member in conf.members if member.name in lost]
    return any(host in (member.name, *member.addresses.values()) for member in members)


def _votes(conf: Corosync) -> dict[str, int]:
    nodes = [node for each in conf.root.all("nodelist") for node in each.all("node")]
    counts = [node.number("quorum_votes", 1) for node in nodes] or [1] * len(conf.members)
    return {member.name: count for member, count in zip(conf.members, counts, strict=False)}


def _device_votes(conf: Corosync) -> int:
    if not conf.has_device:
        return 0
    lms = conf.device.one("net").get("algorithm") == "lms"
    return conf.device.number("votes", max(len(conf.members) - 1, 1) if lms else 1)
