"""What counts as one service: as the design says, or, in a cluster that others built, what must run together."""

from dataclasses import dataclass

from quorate.design.model import Design, ServiceDesign
from quorate.proof.downtime import stands_on
from quorate.proof.evidence import Pacemaker
from quorate.proof.evidence.pacemaker import FOREVER
from quorate.proof.lint.addresses import floating

WATCHES = ("ocf:quorate:links", "ocf:pacemaker:ping", "ocf:heartbeat:ethmonitor")
"""Agents of resources that are nobody's service: they tell Pacemaker of links."""


@dataclass(frozen=True)
class Service:
    """A service and the primitives that it is made of, in start order as far as it is known."""

    name: str
    primitives: tuple[str, ...]
    stands_on: tuple[str, ...] = ()
    """Other services without which it doesn't answer."""


def of_design(design: Design, pacemaker: Pacemaker) -> tuple[Service, ...]:
    """The services that the cluster file names, each with the address that its clients come to."""
    return tuple(
        Service(
            name,
            _primitives(pacemaker, [*_front(pacemaker, service), *service.resources, service.active_resource]),
            tuple(sorted((stands_on(name) & set(design.services)) - {name})),
        )
        for name, service in design.services.items()
    )


def _front(pacemaker: Pacemaker, service: ServiceDesign) -> list[str]:
    """The resource that moves a service's address, and what that goes with."""
    addresses = [primitive.id for primitive, address in floating(pacemaker) if address == service.address]
    return addresses + [each.other for each in pacemaker.colocations if each.resource in addresses]


def of_cluster(pacemaker: Pacemaker) -> tuple[Service, ...]:
    """The services of any cluster: resources that a mandatory colocation or a group keeps together are one."""
    tops = dict.fromkeys(
        pacemaker.top(id_)
        for id_, each in pacemaker.primitives.items()
        if not each.is_fencing and each.agent not in WATCHES
    )
    parent = {top: top for top in tops}

    def root(id_: str) -> str:
        while parent[id_] != id_:
            id_ = parent[id_]
        return id_

    for each in pacemaker.colocations:
        one, other = pacemaker.top(each.resource), pacemaker.top(each.other)
        if each.score == FOREVER and one in parent and other in parent:
            parent[root(one)] = root(other)
    together: dict[str, list[str]] = {}
    for top in tops:
        together.setdefault(root(top), []).append(top)
    order = _depth(pacemaker)
    return tuple(
        Service(_name(pacemaker, found), _primitives(pacemaker, sorted(found, key=lambda id_: order.get(id_, 0))))
        for found in together.values()
    )


def _primitives(pacemaker: Pacemaker, ids: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(member for id_ in ids for member in pacemaker.members_of(id_)))


def _name(pacemaker: Pacemaker, tops: list[str]) -> str:
    """A person's own name for it: the group's, else that of what is neither a clone nor an address."""

    def rank(id_: str) -> int:
        holder = pacemaker.holders.get(id_)
        if holder:
            return 0 if holder.kind == "group" else 2
        return (
            3 if "IPaddr" in pacemaker.primitives[id_].agent or ":Filesystem" in pacemaker.primitives[id_].agent else 1
        )

    return min(tops, key=rank)


def _depth(pacemaker: Pacemaker) -> dict[str, int]:
    """How many others start before one, as the orders have it; rings are cut."""
    depth: dict[str, int] = {}
    for _ in range(8):
        for each in pacemaker.orders:
            first, then = pacemaker.top(each.first), pacemaker.top(each.then)
            depth[then] = max(depth.get(then, 0), min(depth.get(first, 0) + 1, 64))
    return depth
