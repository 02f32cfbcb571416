"""The phases of a recovery, from the nodes' journals: what took the time. Pure.

What is not found is not seen; nothing is guessed. Messages are those of Corosync 3.1 and of Pacemaker 2.1 and 3.0.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from quorate.design.model import Design
from quorate.drill.journals import Entry
from quorate.services.parts import Clone, Primitive

KINDS = {"ocf:linbit:drbd": "promote", "ocf:heartbeat:Filesystem": "mount", "ocf:heartbeat:IPaddr2": "address"}
"""What an agent's resource does in a takeover; the service's own resource is its `database`."""


@dataclass(frozen=True)
class Phase:
    """One step of the recovery."""

    name: str
    seconds: float | None
    """Since the fault; None if it was not seen."""
    node: str = ""
    """Whose journal says so."""
    evidence: str = ""
    """The line that says so."""


@dataclass(frozen=True)
class Roles:
    """Which cluster resource does what for a service."""

    promoted: str | None
    mounted: str | None
    address: str | None
    database: str


def roles(design: Design, service: str) -> Roles:
    """Looks them up by their agents among the service's resources."""
    found: dict[str, str] = {}
    primitives: Mapping[str, Primitive] = {
        resource.id: resource.primitive if isinstance(resource, Clone) else resource for resource in design.resources
    }
    for id_ in design.services[service].resources:
        if kind := KINDS.get(primitives[id_].agent):
            found.setdefault(kind, primitives[id_].id)
    active = design.services[service].active_resource
    return Roles(found.get("promote"), found.get("mount"), found.get("address"), primitives[active].id)


def find(entries: Iterable[Entry], fault: float, target: str, roles: Roles) -> list[Phase]:
    """Finds the first sign of each phase after the fault in the journals of the nodes that it spared."""
    after = [entry for entry in entries if entry.time >= fault and entry.node != target]
    patterns = {
        "noticed": (r"corosync", r"A processor failed, forming new configuration|A new membership .* left:"),
        "fenced": (r"pacemaker-controld", rf"Peer {re.escape(target)} was terminated \(\w+\) by .*: (OK|complete)"),
        "promoted": _done("promote", roles.promoted),
        "mounted": _done("start", roles.mounted),
        "address": _done("start", roles.address),
        "database answers": _done("start", roles.database),
    }
    return [_first(name, after, fault, *pattern) for name, pattern in patterns.items() if pattern]


def _done(operation: str, resource: str | None) -> tuple[str, str] | None:
    """Pacemaker's result of an operation; it writes a clone's instance as `ID` or `ID:NUMBER`."""
    if resource is None:
        return None
    return (
        r"pacemaker-controld",
        rf"Result of {operation} operation for {re.escape(resource)}(:\d+)? on \S+: (OK|ok)\b",
    )


def _first(name: str, entries: Iterable[Entry], fault: float, source: str, message: str) -> Phase:
    for entry in entries:
        if entry.source == source and re.search(message, entry.message):
            return Phase(name, entry.time - fault, entry.node, entry.message)
    return Phase(name, None)
