"""What a drill aims at, as a person says it. Pure.

active:SERVICE    the node that serves it          NODE            a node
standby:SERVICE   the first other one that can     NODE,NODE,...   several at once, in this order
NODE:SERVICE      a service on a node              all             all nodes at once
NODE:UNIT         a systemd unit on a node: `ctl2:haproxy.service`
dc                the node that decides for the cluster
one, minority, half, majority                      so many nodes, those first that serve most
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from quorate.design.model import Design
from quorate.drill.wiring import NO_WIRING, Wiring
from quorate.errors import InputError, Refused
from quorate.live.state import State
from quorate.services import front, identity
from quorate.services.parts import Clone, File, Volume

ROLES = ("active", "standby")
DC = "dc"
SHARES = ("one", "minority", "half", "majority")
ALL = "all"


@dataclass(frozen=True)
class Aim:
    """What was typed, understood; `nodes` is empty for a role."""

    text: str
    nodes: tuple[str, ...]
    role: str | None
    service: str | None
    """Or a unit."""


@dataclass(frozen=True)
class Target:
    """What an aim means right now."""

    nodes: tuple[str, ...]
    """In the order that was typed."""
    service: str | None
    """Or a unit."""
    units: tuple[str, ...]
    """The service's systemd units."""
    resources: tuple[str, ...] = ()
    """The cluster resources that start and stop these units; none if systemd alone does."""
    parts: tuple[str, ...] = ()
    """Of the facility, if it is these that are hit; `nodes` are then those that the cluster loses by it."""
    web: bool = False
    """Whether all the units answer by HTTP."""
    configuration: tuple[str, ...] = ()
    """The files that the units' programs read at their start."""
    address: str = ""
    """The address that moves with the service."""
    volume: Volume | None = None
    """What the service keeps its data on."""
    certificate: str = ""
    """The file of the certificate that the service's clients are shown there; only behind the front."""
    keys: str = ""
    """The folder of the keys that tokens are made with."""
    wiring: Wiring = NO_WIRING
    """How all nodes are connected."""

    def __str__(self) -> str:
        return " and ".join(self.parts or self.nodes)


def parse(text: str, design: Design) -> Aim:
    """Understands a target.

    Raises:
        InputError: it names what isn't there.
    """
    place, colon, service = text.partition(":")
    if not colon and text in (DC, *SHARES):
        return Aim(text, (), text, None)
    if not colon:
        return Aim(text, _nodes(text, design), None, None)
    if place not in ROLES and place not in design.hosts:
        raise _unknown(text, place, (*ROLES, *design.hosts), f"`{place}` is no node, and no role of one")
    units = [unit.name for unit in design.hosts[place].units] if place in design.hosts else []
    if service not in design.services and service not in units:
        raise _unknown(text, service, (*design.services, *units), f"there is no service `{service}`")
    if place in ROLES:
        return Aim(text, (), place, service)
    return Aim(text, (place,), None, service)


def resolve(aim: Aim, design: Design, state: State) -> Target:
    """The nodes that an aim means right now.

    Raises:
        Refused: the service is active nowhere, or not on this node; there is no DC.
    """
    if aim.role == DC:
        if state.dc is None:
            raise Refused("there is no DC", where=f"--on {aim.text}", todo="`quorate status` says what is wrong")
        return Target((state.dc,), None, ())
    if aim.role in SHARES:
        return Target(_share(aim.role, design, state), None, ())
    if aim.service is None:
        return Target(aim.nodes, None, ())
    if aim.service not in design.services:
        return _target(aim.nodes[0], aim.service, (aim.service,), design)
    service = design.services[aim.service]
    if aim.role is None:
        return _target(aim.nodes[0], service.name, service.units, design)
    active = state.active.get(service.name)
    if active is None:
        raise Refused(
            f"{service.name} is active on no node", where=f"--on {aim.text}", todo="`quorate status` says what is wrong"
        )
    if aim.role == "active":
        return _target(active, service.name, service.units, design)
    standby = next((host for host in service.hosts if host != active), None)
    if standby is None:
        raise Refused(f"no other node can serve {service.name}", where=f"--on {aim.text}")
    return _target(standby, service.name, service.units, design)


def on_first_host(service: str, design: Design) -> Target:
    """A service on the first of its hosts: what is true of it everywhere can be read there."""
    found = design.services[service]
    return _target(found.hosts[0], found.name, found.units, design)


def _share(share: str, design: Design, state: State) -> tuple[str, ...]:
    """A share of the nodes. A minority is as many as can be lost, one at least."""
    serving = list(state.active.values())
    nodes = sorted(design.hosts, key=lambda node: -serving.count(node))
    count = len(nodes)
    sizes = {"one": 1, "minority": max(1, (count - 1) // 2), "half": max(1, count // 2), "majority": count // 2 + 1}
    return tuple(nodes[: sizes[share]])


def _target(node: str, name: str, units: tuple[str, ...], design: Design) -> Target:
    """A service's units on a node, as far as the node has them, and what manages them."""
    there = {unit.name for unit in design.hosts[node].units}
    units = tuple(unit for unit in units if unit in there)
    primitives = [each.primitive if isinstance(each, Clone) else each for each in design.resources]
    moving = {each.parameters["ip"]: each.id for each in primitives if "ip" in each.parameters}
    address = str(design.services[name].address) if name in design.services else ""
    resources = [each for each in primitives if each.parameters.get("unit") in units]
    return Target(
        (node,),
        name,
        units,
        tuple(each.id for each in resources),
        web=bool(resources) and all(each.parameters.get("url") for each in resources),
        configuration=tuple(
            file.path for file in design.hosts[node].files if set(file.restarts) & {*units} and _is_configuration(file)
        ),
        address=address if address in moving else "",
        volume=_volume(name, design),
        certificate=front.CERTIFICATE if moving.get(address) == front.ADDRESS else "",
        keys=identity.TOKENS if name == identity.NAME else "",
    )


def _volume(service: str, design: Design) -> Volume | None:
    """What a service stands on; a unit by itself on nothing."""
    name = design.services[service].volume if service in design.services else None
    return next((volume for volume in design.volumes if volume.name == name), None)


def _is_configuration(file: File) -> bool:
    """Whether the service's program itself reads it, and not systemd or uWSGI, which have folders of their own."""
    path = PurePath(file.path)
    if not path.is_relative_to("/etc") or path.is_relative_to("/etc/systemd"):
        return False
    return path.suffix in (".conf", ".cnf", ".cfg", ".py")


def _nodes(text: str, design: Design) -> tuple[str, ...]:
    if text == ALL:
        return tuple(design.hosts)
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in design.hosts:
            roles = [f"{role}:{service}" for service in design.services for role in ROLES]
            raise _unknown(text, name, (*design.hosts, *roles, ALL, DC, *SHARES), f"`{name}` is no node")
    return names


def _unknown(text: str, word: str, known: Iterable[str], what: str) -> InputError:
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1)
    todo = f"did you mean `{text.replace(word, close[0], 1)}`?" if close else f"choose one of: {', '.join(known)}"
    return InputError(what, where=f"--on {text}", todo=todo)
