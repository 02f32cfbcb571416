"""The phases of a recovery, from the nodes' journals: what took the time. Pure.

What is not found is not seen; nothing is guessed. Messages are those of Corosync 3.1 and of Pacemaker 2.1 and 3.0.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from quorate.design.model import Design, ServiceDesign
from quorate.drill.audit.journals import Entry
from quorate.drill.targets import Target
from quorate.services.parts import Clone, Primitive

KINDS = {
    "ocf:linbit:drbd": ("promoted", "promote"),
    "ocf:heartbeat:Filesystem": ("mounted", "start"),
    "ocf:heartbeat:IPaddr2": ("address", "start"),
}
"""By agent: which phase of a takeover is through once which operation is. Any other agent's resource is the service."""


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


Signs = Mapping[str, tuple[str, str]]
"""By phase: which source writes which message (a regular expression) when it is through."""


def of_power_loss(nodes: Sequence[str]) -> Signs:
    """What is common to all services when nodes lose their power."""
    signs = {"noticed": ("corosync", r"A processor failed, forming new configuration|A new membership .* left:")}
    for node in nodes:
        name = "fenced" if len(nodes) == 1 else f"{node} fenced"
        signs[name] = ("pacemaker-controld", rf"Peer {re.escape(node)} was terminated \(\w+\) by .*: (OK|complete)")
    return signs


def of_a_failure(target: Target) -> Signs:
    """What is common when a service fails on a node: a monitor notices it."""
    if not target.resources:
        return {}
    ids = "|".join(map(re.escape, target.resources))
    return {"noticed": ("pacemaker-controld", rf"Result of monitor operation for ({ids})(:\d+)? on \S+: (?!OK\b|ok\b)")}


def of_service(design: Design, name: str) -> Signs:
    """What a takeover does for a service, resource by resource."""
    signs: dict[str, tuple[str, str]] = {}
    for resource in _primitives(design, design.services[name]):
        phase, operation = KINDS.get(resource.agent, (f"{name} answers", "start"))
        if phase in signs:
            phase = f"{resource.id} starts"
        signs[phase] = (
            "pacemaker-controld",  # which writes a clone's instance as `ID` or `ID:NUMBER`
            rf"Result of {operation} operation for {re.escape(resource.id)}(:\d+)? on \S+: (OK|ok)\b",
        )
    return signs


def find(entries: Iterable[Entry], fault: float, signs: Signs) -> list[Phase]:
    """Finds the first sign of each phase in the journals of a recovery."""
    entries = list(entries)
    return [_first(name, entries, fault, *sign) for name, sign in signs.items()]


def _primitives(design: Design, service: ServiceDesign) -> list[Primitive]:
    """A service's resources, clones as what they are made of."""
    known = {
        resource.id: resource.primitive if isinstance(resource, Clone) else resource for resource in design.resources
    }
    return [known[id_] for id_ in service.resources]


def _first(name: str, entries: Iterable[Entry], fault: float, source: str, message: str) -> Phase:
    for entry in entries:
        if entry.source == source and re.search(message, entry.message):
            return Phase(name, entry.time - fault, entry.node, entry.message)
    return Phase(name, None)
