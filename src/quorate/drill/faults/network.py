"""Faults of what is between the nodes: frames that no longer arrive. Neither end is told, as by a switch that fails."""

from collections.abc import Callable, Iterator

from quorate.design.corosync import PORT
from quorate.drill.faults.fault import Cut, Fault, Fencing, Lost, Tools
from quorate.drill.targets import Target

LASTS = 40.0
"""Seconds: a takeover that isn't called for would come within them."""
FLAPS = 3.0
"""Seconds for which a flapping link is away, and as long there."""
SMALL = 1000
"""Bytes of the longest packet that still passes a black hole of the MTU."""


def _both(target: Target, network: str, **only: object) -> Iterator[Cut]:
    """Between the target and all others, in both directions."""
    wiring = target.wiring
    for one, other in wiring.pairs(network, target.nodes, wiring.rest(target.nodes)):
        for sender, receiver in ((one, other), (other, one)):
            yield Cut(network, sender, receiver, **only)  # type: ignore[arg-type]  # as the callers here have them


def apart(target: Target) -> list[Cut]:
    """The target on one side, all others on the other, on all networks."""
    return [cut for network in target.wiring.addresses for cut in _both(target, network)]


def bridged(target: Target) -> list[Cut]:
    """The target sees only the last of the others, whom they all see."""
    wiring = target.wiring
    others = wiring.rest(target.nodes)[:-1]
    return [
        Cut(network, *pair)
        for network in wiring.addresses
        for one, other in wiring.pairs(network, target.nodes, others)
        for pair in ((one, other), (other, one))
    ]


def mute(target: Target) -> list[Cut]:
    """The target hears everybody, and nobody hears it."""
    wiring = target.wiring
    return [
        Cut(network, one, other)
        for network in wiring.addresses
        for one, other in wiring.pairs(network, target.nodes, wiring.rest(target.nodes))
    ]


def rings(*numbers: int) -> Callable[[Target], list[Cut]]:
    """Corosync's links by number (none: all), and nothing else that goes over the same networks."""

    def cuts(target: Target) -> list[Cut]:
        chosen = numbers or range(len(target.wiring.rings))
        return [
            cut
            for number in chosen
            if number < len(target.wiring.rings)
            for cut in _both(target, target.wiring.rings[number], protocol="udp", ports=(PORT + number,))
        ]

    return cuts


def replication(target: Target) -> list[Cut]:
    """DRBD's connections, and nothing else that goes over the same network."""
    return [
        cut
        for network, ports in target.wiring.replication.items()
        if ports
        for cut in _both(target, network, protocol="tcp", ports=ports)
    ]


def clients(target: Target) -> list[Cut]:
    """All that the target says and hears on the networks of the clients, as by its cable pulled out."""
    return [
        cut
        for network in target.wiring.clients
        for node in target.nodes
        for cut in (Cut(network, node, None), Cut(network, None, node))
    ]


def flapping(target: Target) -> list[Cut]:
    """All that goes between the target and the others on the first ring's network."""
    return list(_both(target, target.wiring.rings[0]))


def long_packets(target: Target) -> list[Cut]:
    """Long packets where replication goes, the first ring otherwise; nobody says they are too long (RFC 2923, 2.1).

    On one network, as with a switch that forgot its jumbo frames: on all at once no cluster gets a word through.
    """
    networks = [network for network, ports in target.wiring.replication.items() if ports] or target.wiring.rings[:1]
    return [cut for network in networks for cut in _both(target, network, longer_than=SMALL)]


async def _mend(tools: Tools, _target: Target) -> None:
    assert tools.network
    await tools.network.mend()


def _cut(
    name: str,
    telling: str,
    cuts: Callable[[Target], list[Cut]],
    *,
    parts: bool = False,
    fencing: Fencing = Fencing.NOBODY,
    every: float | None = None,
    usual: tuple[str, ...] = ("one",),
) -> Fault:
    """A fault that consists of cuts. If it parts the nodes, those without a majority are lost: that is predicted."""

    async def inject(tools: Tools, target: Target) -> None:
        assert tools.network
        await tools.network.cut(cuts(target), every)

    return Fault(
        name=name,
        needs=("network",),
        telling=telling,
        inject=inject,
        heal=_mend,
        lost=Lost.LESSER if parts else Lost.NOBODY,
        fencing=Fencing.NEEDED if parts else fencing,
        lasts=LASTS,
        predicted=parts,
        usual=usual,
    )


FAULTS = (
    _cut("partition", "{target} and all others no longer hear each other", apart, parts=True),
    _cut(
        "partition-bridge",
        "{target} hears one of the others, and only that one hears it",
        bridged,
        fencing=Fencing.ANYBODY,
    ),
    _cut("partition-one-way", "{target} hears all others, and none of them hears it", mute, parts=True),
    _cut("ring-0", "Corosync's link 0 of {target} is cut", rings(0)),
    _cut("ring-1", "Corosync's link 1 of {target} is cut", rings(1)),
    _cut("rings", "all of Corosync's links of {target} are cut; everything else gets through", rings(), parts=True),
    _cut("replication-cut", "DRBD's connections of {target} are cut", replication),
    _cut("clients-cut", "the link of {target} to the clients' network is cut", clients),
    _cut(
        "flapping",
        "the link of {target} to the first ring's network comes and goes",
        flapping,
        fencing=Fencing.ALLOWED,
        every=FLAPS,
    ),
    _cut(
        "mtu-black-hole",
        "packets of more than 1000 bytes between {target} and the others vanish where replication goes",
        long_packets,
        fencing=Fencing.ALLOWED,
    ),
)
