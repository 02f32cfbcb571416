"""What is true of a running cluster right now, and what is missing to "ready"."""

from quorate.live.foresight import foresee
from quorate.live.readiness import unmet, wait_until_ready
from quorate.live.reading import asks, interpret, read
from quorate.live.state import NodeState, Replica, ResourceState, State

__all__ = [
    "NodeState",
    "Replica",
    "ResourceState",
    "State",
    "asks",
    "foresee",
    "interpret",
    "read",
    "unmet",
    "wait_until_ready",
]
