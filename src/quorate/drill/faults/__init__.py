"""Faults: ways to break something, and their healing; a module a family.

Nothing here knows how a site does what a fault needs; it is handed in as `Tools`. A new fault is a `Fault` in its
family's module, and stands in `FAULTS`.
"""

from collections.abc import Mapping

from quorate.drill.faults.fault import Fault, Power, Processes, Tools
from quorate.drill.faults.power import POWER_LOSS
from quorate.drill.faults.processes import FREEZE, KILL

__all__ = ["FAULTS", "FREEZE", "KILL", "POWER_LOSS", "Fault", "Power", "Processes", "Tools"]

FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in (POWER_LOSS, KILL, FREEZE)}
"""By the name that a person types."""
