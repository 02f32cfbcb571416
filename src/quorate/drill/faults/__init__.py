"""Faults: ways to break something, and their healing; a module a family.

Nothing here knows how a site does what a fault needs; it is handed in as `Tools`. A new fault is a `Fault` in its
family's module, and stands in `FAULTS`.
"""

from collections.abc import Mapping

from quorate.drill.faults.domains import DOMAIN_LOSS
from quorate.drill.faults.fault import Facility, Fault, Power, Processes, Tools
from quorate.drill.faults.power import POWER_LOSS
from quorate.drill.faults.processes import FREEZE, KILL

__all__ = [
    "DOMAIN_LOSS",
    "FAULTS",
    "FREEZE",
    "KILL",
    "POWER_LOSS",
    "Facility",
    "Fault",
    "Power",
    "Processes",
    "Tools",
]

FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in (POWER_LOSS, KILL, FREEZE, DOMAIN_LOSS)}
"""By the name that a person types."""
