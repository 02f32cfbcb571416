"""The addresses that move, each as a row of its own in a drill: who has it, and for how long nobody answers on it."""

from collections.abc import Mapping
from functools import partial

from quorate.design.model import Design, ServiceDesign
from quorate.drill.audit.audit import Blow
from quorate.drill.clients import holders, outage
from quorate.drill.clients.probe import Place
from quorate.drill.clients.record import Record
from quorate.drill.judgement.holding import NOTHING
from quorate.drill.judgement.verdict import Promise, Served
from quorate.drill.order import Drill, serving
from quorate.drill.probes.address import Address
from quorate.live.state import State
from quorate.services.parts import Primitive

AGENT = "ocf:heartbeat:IPaddr2"


def addresses(design: Design) -> Mapping[str, ServiceDesign]:
    """By the cluster resource that is an address: the address as a service, behind which another one listens."""
    moving = {
        each.parameters["ip"]: each.id
        for each in design.resources
        if isinstance(each, Primitive) and each.agent == AGENT
    }
    found: dict[str, ServiceDesign] = {}
    for service in design.services.values():
        if name := moving.get(str(service.address)):
            found.setdefault(
                name,
                ServiceDesign(
                    name=name,
                    address=service.address,
                    port=service.port,
                    hosts=service.hosts,
                    resources=(name,),
                    active_resource=name,
                    volume=None,
                ),
            )
    return found


def probes(drill: Drill, like: Mapping[str, Place]) -> Mapping[str, Address]:
    """A probe for each address that a probed service has; `like` are the services' places."""
    probed = {str(place.service.address): place for place in like.values()}
    return {
        name: Address(_place(drill, service, probed[str(service.address)]))
        for name, service in addresses(drill.design).items()
        if str(service.address) in probed
    }


def _place(drill: Drill, address: ServiceDesign, like: Place) -> Place:
    return Place(
        service=address,
        name=like.name,
        folder=like.folder,
        serving=partial(serving, drill, like.service.name),
        secret=like.secret,
        authority=like.authority,
        services=like.services,
    )


def served(probe: Address, name: str, record: Record, blow: Blow, states: tuple[State, State]) -> Served:
    """A row of the verdict. Objectives are for services; an address that never comes back breaks a drill all the same.

    Args:
        probe: its probe.
        name: the address's.
        record: what the probe wrote down.
        blow: the fault.
        states: the cluster before, and once it was ready again.
    """
    nodes = [next(iter(state.started(name)), None) for state in states]
    return Served(
        service=name,
        what=probe.what,
        before=nodes[0] or "",
        after=nodes[1],
        volume=None,
        promise=Promise(None, 0),
        clients=outage.seen(record, blow.injected),
        holding=NOTHING,
        phases=(),
        writes=probe.writes,
    )


def heard(probes: Mapping[str, Address]) -> dict[str, holders.Heard]:
    """By address: who said that it has it."""
    return {name: holders.read(probe.heard) for name, probe in probes.items()}
