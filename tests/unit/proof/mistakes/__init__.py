"""Mistakes for every rule, in rooms named after the rules' own: a cluster without them has no findings."""

from ..known import Change
from . import (
    addresses,
    certificates,
    constraints,
    corosync,
    database,
    drbd,
    fencing,
    messaging,
    openstack,
    quorum,
    resources,
    sbd,
    software,
    timeouts,
)

ROOMS = (
    addresses,
    certificates,
    constraints,
    corosync,
    database,
    drbd,
    fencing,
    messaging,
    openstack,
    quorum,
    resources,
    sbd,
    software,
    timeouts,
)
MISTAKES: list[tuple[str, str, Change | list[Change]]] = [each for room in ROOMS for each in room.MISTAKES]
"""Rule, cluster, and the mistake that is planted in it."""
AMONG_OTHERS: list[tuple[str, list[Change]]] = [each for room in ROOMS for each in getattr(room, "AMONG_OTHERS", ())]
COMPANIONS = {
    "node-without-fencing": {"fenced-by-itself"},  # the device is now another node's, and may run there
    "members-differ": {"node-without-fencing"},
    "start-failure-loops": {"endless-restarts"},
    "order-not-after-promotion": {"colocation-without-order"},
    "unknown-role": {"colocation-without-order", "order-without-colocation"},
    "mirrored-queues": {"agent-missing"},
}
"""What else is true of a cluster with such a mistake."""
