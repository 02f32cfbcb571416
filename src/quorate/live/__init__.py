"""What is true of a running cluster right now, and what is missing to "ready"."""

from quorate.live.readiness import unmet, wait_until_ready
from quorate.live.reading import ASK, interpret, read
from quorate.live.state import NodeState, Replica, ResourceState, State

__all__ = [
    "ASK",
    "NodeState",
    "Replica",
    "ResourceState",
    "State",
    "interpret",
    "read",
    "unmet",
    "wait_until_ready",
]
