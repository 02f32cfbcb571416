"""Who has a majority after a failure, as votequorum(5) counts. crm_simulate doesn't work that out."""

from collections.abc import Collection

from quorate.proof.evidence import Corosync, Evidence


def is_quorate(evidence: Evidence, lost: Collection[str]) -> bool:
    """Whether the nodes that are left, all in sight of each other, have quorum."""
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
    if left + device >= (total + device) // 2 + 1 and left > 0:
        return True
    if conf.quorum.number("auto_tie_breaker", 0) and not device and 2 * left == total:
        return min(conf.members, key=lambda member: int(member.nodeid or 0)).name not in lost
    return False


def _votes(conf: Corosync) -> dict[str, int]:
    nodes = [node for each in conf.root.all("nodelist") for node in each.all("node")]
    counts = [node.number("quorum_votes", 1) for node in nodes] or [1] * len(conf.members)
    return {member.name: count for member, count in zip(conf.members, counts, strict=False)}


def _device_votes(conf: Corosync) -> int:
    if not conf.has_device:
        return 0
    lms = conf.device.one("net").get("algorithm") == "lms"
    return conf.device.number("votes", max(len(conf.members) - 1, 1) if lms else 1)
