"""Floating addresses: that they are free, on a network of the nodes, and moved by one resource."""

import ipaddress
from collections.abc import Iterator

from quorate.proof.evidence import Evidence, Pacemaker
from quorate.proof.evidence.corosync import Member
from quorate.proof.evidence.pacemaker import Primitive, value
from quorate.proof.lint.rule import ERROR, WARNING, Found, Hit, Unseen, on_pacemaker

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def floating(pacemaker: Pacemaker) -> Iterator[tuple[Primitive, Address | None]]:
    """Every resource that moves an address, and the address; None if it isn't one."""
    for primitive in pacemaker.primitives.values():
        if primitive.agent in ("ocf:heartbeat:IPaddr2", "ocf:heartbeat:IPaddr"):
            try:
                # Heartbeat's positional parameters (`1`) are still met in old clusters.
                text = value(primitive.parameters, "ip", "1") or ""
                yield primitive, ipaddress.ip_address(text.partition("/")[0])
            except ValueError:
                yield primitive, None


@on_pacemaker("address-invalid", ERROR)
def addresses_are_addresses(pacemaker: Pacemaker, _: Evidence) -> Found:
    """A floating address is an address.

    The agent refuses anything else, and what waits for it doesn't start.

    Fix: write the address alone into `ip`, the prefix length into `cidr_netmask`.
    """
    for primitive, address in floating(pacemaker):
        if address is None:
            text = value(primitive.parameters, "ip")
            yield Hit(primitive.spot, f"{primitive.id} has {f'`ip={text[:40]}`' if text else 'no `ip`'}")


@on_pacemaker("address-twice", ERROR)
def addresses_are_moved_by_one(pacemaker: Pacemaker, _: Evidence) -> Found:
    """A floating address belongs to one resource.

    Two resources put it up on two nodes at once, and clients reach either.

    Fix: remove one of them.
    """
    seen: dict[Address, str] = {}
    for primitive, address in floating(pacemaker):
        if address is not None and (first := seen.setdefault(address, primitive.id)) != primitive.id:
            yield Hit(primitive.spot, f"{primitive.id} and {first} both move {address}")


@on_pacemaker("address-of-node", ERROR)
def addresses_are_nobody_else_s(pacemaker: Pacemaker, evidence: Evidence) -> Found:
    """A floating address is no node's own.

    It is up twice as soon as the resource runs on another node: that node, or the service, can't be reached.

    Fix: give the service a free address.
    """
    own = {address: member.name for member in _members(evidence) for address in member.addresses.values()}
    for primitive, address in floating(pacemaker):
        if str(address) in own:
            yield Hit(primitive.spot, f"{primitive.id} moves {address}, the address of {own[str(address)]} itself")


def _members(evidence: Evidence) -> tuple[Member, ...]:
    return evidence.corosync.members if evidence.corosync else ()


@on_pacemaker("address-off-network", ERROR)
def addresses_are_reachable(pacemaker: Pacemaker, evidence: Evidence) -> Found:
    """Every node has an interface on the network of the floating address.

    A node can take over only an address of a network that it is on; and with the wrong prefix length its neighbours are
    looked for behind the router.

    Fix: an address of a network that all nodes share, and that network's prefix length in `cidr_netmask`.
    """
    for primitive, address in floating(pacemaker):
        prefix = value(primitive.parameters, "cidr_netmask")
        for name in evidence.nodes if address is not None else ():
            host = evidence.hosts.get(name)
            if host is None or host.networks is None:
                yield Unseen(f"the addresses of {name}")
                continue
            networks = [ipaddress.ip_interface(each).network for each in host.networks]
            # The address itself may be up there, with whatever prefix it was given.
            around = [each for each in networks if address in each and each.num_addresses > 1]
            if not around:
                yield Hit(primitive.spot, f"{name} is on no network that holds {address}, which {primitive.id} moves")
            elif prefix and prefix.isdigit() and all(int(prefix) not in (each.prefixlen, 32, 128) for each in around):
                yield Hit(primitive.spot, f"{primitive.id} has `cidr_netmask={prefix}`, the network is {around[0]}")
                break


@on_pacemaker("address-monitor-slow", WARNING)
def addresses_are_watched(pacemaker: Pacemaker, _: Evidence) -> Found:
    """A floating address is looked at at least every minute.

    It is lost without a sound when somebody restarts the network: clients wait until the next monitor.

    Fix: `op monitor interval=10s`; it costs nothing.
    """
    for primitive, _address in floating(pacemaker):
        intervals = [each.interval for each in primitive.operations if each.name == "monitor" and each.interval]
        if intervals and min(intervals) > 60:
            yield Hit(primitive.spot, f"{primitive.id} is looked at every {min(intervals):g} s")
