"""Faults of a node's links that still carry something: frames late, lost, twice or wrong, tc-netem(8) on the node."""

import asyncio
from collections.abc import Awaitable, Callable

from quorate.drill.faults.fault import Fault, Fencing, Tools
from quorate.drill.targets import Target

TIMER = "netem"
LASTS = 40.0
MARGIN = 60.0
"""Seconds after which a node undoes by itself what nobody has undone."""

NIC = 'nic() { ip -oneline -4 address show to "$1" | cut -d" " -f2; }; '
"""The interface that has an address: a cluster file need not name it."""
SHAPE = NIC + 'addresses=$1; shift; for a in $addresses; do tc qdisc replace dev "$(nic "$a")" root netem "$@"; done'
"""$1 addresses with spaces between, then netem's own words. What is sent is shaped; what comes isn't."""
UNSHAPE = NIC + 'for a in $1; do tc qdisc del dev "$(nic "$a")" root; done 2> /dev/null; true'


def _addresses(target: Target, node: str) -> str:
    return " ".join(nodes[node] for nodes in target.wiring.addresses.values() if node in nodes)


def _shape(*words: str) -> Callable[[Tools, Target], Awaitable[None]]:
    async def shape(tools: Tools, target: Target) -> None:
        assert tools.commands
        commands = tools.commands

        async def on(node: str) -> None:
            addresses = _addresses(target, node)
            await commands.run_later(node, TIMER, LASTS + MARGIN, "sh", "-c", UNSHAPE, "sh", addresses)
            await commands.run(node, "sh", "-ec", SHAPE, "sh", addresses, *words)

        await asyncio.gather(*(on(node) for node in target.nodes))

    return shape


async def _unshape(tools: Tools, target: Target) -> None:
    assert tools.commands
    for node in target.nodes:
        await tools.commands.undo(node, TIMER, "sh", "-c", UNSHAPE, "sh", _addresses(target, node))


def _shaped(name: str, telling: str, words: str, fencing: Fencing = Fencing.NOBODY) -> Fault:
    return Fault(
        name=name,
        needs=("commands",),
        telling=telling,
        inject=_shape(*words.split()),
        heal=_unshape,
        fencing=fencing,
        lasts=LASTS,
        safe=True,
    )


FAULTS = (
    _shaped("loss", "one in ten packets that {target} sends is lost", "loss 10%", Fencing.ALLOWED),
    _shaped("delay", "what {target} sends is 100 ± 20 ms late", "delay 100ms 20ms"),
    _shaped("duplication", "one in five packets that {target} sends comes twice", "duplicate 20%"),
    _shaped("corruption", "one in twenty packets that {target} sends has a wrong bit", "corrupt 5%", Fencing.ALLOWED),
)
