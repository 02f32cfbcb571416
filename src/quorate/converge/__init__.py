"""Making hosts and cluster what the design says: typed steps that look, say what differs, and do it."""

from quorate.converge.apply import Converging, HostsFailed, Outcome, Prospect, StepFailed
from quorate.converge.obstacle import Obstacle, Obstructed
from quorate.converge.plan import Planned, steps
from quorate.converge.step import Phase, Step

__all__ = [
    "Converging",
    "HostsFailed",
    "Obstacle",
    "Obstructed",
    "Outcome",
    "Phase",
    "Planned",
    "Prospect",
    "Step",
    "StepFailed",
    "steps",
]
