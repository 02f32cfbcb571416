"""Faults: ways to break something, and their healing; a module a family.

Nothing here knows how a site does what a fault needs; it is handed in as `Tools`. A new fault is a `Fault` in its
family's module, and stands in `FAULTS`.
"""

from collections.abc import Mapping

from quorate.drill.faults import (
    answers,
    clock,
    configuration,
    daemons,
    fencing,
    keys,
    netem,
    network,
    node,
    planned,
    power,
    processes,
    storage,
)
from quorate.drill.faults.domains import DOMAIN_LOSS
from quorate.drill.faults.fault import Cut, Facility, Fault, Fencing, Lost, Power, Processes, Tools
from quorate.drill.faults.power import POWER_LOSS
from quorate.drill.faults.processes import FREEZE, KILL
from quorate.drill.faults.stranger import STRANGER

__all__ = [
    "DOMAIN_LOSS",
    "FAULTS",
    "FREEZE",
    "KILL",
    "POWER_LOSS",
    "Cut",
    "Facility",
    "Fault",
    "Fencing",
    "Lost",
    "Power",
    "Processes",
    "Tools",
]

FAMILIES: Mapping[str, tuple[Fault, ...]] = {
    "processes": (*processes.FAULTS, *answers.FAULTS, *configuration.FAULTS),
    "cluster daemons": daemons.FAULTS,
    "node": (*power.FAULTS, *node.FAULTS),
    "network": (*network.FAULTS, *netem.FAULTS, STRANGER),
    "storage": storage.FAULTS,
    "time": clock.FAULTS,
    "fencing": fencing.FAULTS,
    "facility": (DOMAIN_LOSS,),
    "planned": planned.FAULTS,
    "keys": keys.FAULTS,
}
FAULTS: Mapping[str, Fault] = {fault.name: fault for family in FAMILIES.values() for fault in family}
"""By the name that a person types."""
