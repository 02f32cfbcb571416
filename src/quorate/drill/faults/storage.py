"""Faults of what a service's data stand on: a full file system, and a node's disk beneath DRBD that is bad.

A bad disk is put below the logical volume that DRBD has for its own, and only there, by the device mapper. What an
operator would expect of each:

- nobody has more space because a service moved: both replicas are as full. So the service stays, reads, and refuses
  what it can't store, and goes on once there is space;
- a disk that fails is let go by DRBD (`on-io-error detach`) and the service goes on over the network; within a
  monitor's interval it moves to where a disk is, so that it no longer needs two nodes. No error reaches it;
- a disk that hangs costs the primary's node: `ocf:quorate:backing-disk` notices, the node is fenced, and the other
  replica takes over. A standby's is dropped by the primary, whose writes wait for it, after ten seconds (`ko-count`);
- a slow disk makes every commit as slow, for a commit waits for both. Nobody is fenced for it;
- a disk that loses what it has acknowledged is found out when its node loses power. The other replica has it all. The
  one that comes back is equal again if it was the primary's: its activity log, on disk since before, says what to
  synchronise. A standby keeps no such log while its peer is there, so it comes back with old blocks as up to date; only
  a comparison finds that. So on `standby:` the drill is broken, by `drbdadm verify`, and `--all` leaves that out.
"""

import asyncio
from collections.abc import Awaitable, Callable

from quorate import node
from quorate.drill.faults.fault import Fault, Fencing, Lost, Tools
from quorate.drill.targets import Target

LASTS = 40.0
MARGIN = 60.0
"""Seconds after which a node heals by itself what nobody has healed."""
TIMER = "disk"
SLOW = 100
"""Milliseconds that each read, write and flush of a slow disk takes longer."""
LIES = 5.0
"""Seconds for which a disk drops what it acknowledges, until its node loses power."""
ALWAYS = ("0", "1")
"""Seconds of a flakey target's good and bad times, by turns."""

Inject = Callable[[Tools, Target], Awaitable[None]]


def _program(*words: str) -> tuple[str, ...]:
    return ("python3", "-I", "-S", "-c", node.source("disk"), *words)


def _fill(how: str) -> Inject:
    async def fill(tools: Tools, target: Target) -> None:
        assert tools.commands and target.volume
        folder = target.volume.mountpoint
        for each in target.volume.hosts:  # wherever it is mounted by then
            await tools.commands.run_later(each, TIMER, LASTS + MARGIN, *_program("empty", folder))
        await asyncio.gather(*(tools.commands.run(each, *_program(how, folder)) for each in target.nodes))

    return fill


async def _empty(tools: Tools, target: Target) -> None:
    assert tools.commands and target.volume
    for each in target.volume.hosts:
        await tools.commands.undo(each, TIMER, *_program("empty", target.volume.mountpoint))


def _restore(target: Target) -> tuple[str, ...]:
    assert target.volume
    return _program("restore", target.volume.logical_volume, target.volume.name)


async def _change(tools: Tools, target: Target, verb: str, *words: str) -> None:
    assert tools.commands and target.volume
    change = _program(verb, target.volume.logical_volume, *words)
    await asyncio.gather(*(tools.commands.run(each, *change) for each in target.nodes))


def _spoil(verb: str, *words: str) -> Inject:
    async def spoil(tools: Tools, target: Target) -> None:
        assert tools.commands
        for each in target.nodes:
            await tools.commands.run_later(each, TIMER, LASTS + MARGIN, *_restore(target))
        await _change(tools, target, verb, *words)

    return spoil


async def _mend(tools: Tools, target: Target) -> None:
    assert tools.commands
    for each in target.nodes:
        await tools.commands.undo(each, TIMER, *_restore(target))


async def _lie(tools: Tools, target: Target) -> None:
    """A node that nobody switches off restarts itself as hard: a disk that has lied must not be believed again."""
    assert tools.commands and tools.power
    for each in target.nodes:
        await tools.commands.run_later(each, TIMER, 4 * LIES, "sh", "-c", "echo b > /proc/sysrq-trigger")
    await _change(tools, target, "swap", "flakey", *ALWAYS, "1", "drop_writes")
    await asyncio.sleep(LIES)
    await asyncio.gather(*(tools.power.off(each) for each in target.nodes))


async def _give_power(tools: Tools, target: Target) -> None:
    """What the disk has lost is lost; LVM makes it one that loses nothing more."""
    assert tools.power
    for each in target.nodes:
        if not await tools.power.is_on(each):
            await tools.power.on(each)


def _full(name: str, telling: str, how: str) -> Fault:
    return Fault(
        name=name,
        needs=("commands",),
        telling=telling,
        inject=_fill(how),
        heal=_empty,
        of_service=True,
        wants="volume",
        lasts=LASTS,
        unmasked=True,
        usual=("active:*",),
    )


def _bad(
    name: str,
    telling: str,
    *words: str,
    still: bool = False,
    safe: bool = True,
    fencing: Fencing = Fencing.NOBODY,
) -> Fault:
    return Fault(
        name=name,
        needs=("commands",),
        telling=telling,
        inject=_spoil(*words),
        heal=_mend,
        of_service=True,
        wants="volume",
        lasts=LASTS,
        still=still,
        safe=safe,
        fencing=fencing,
        usual=("active:*", "standby:*"),
    )


FAULTS = (
    _full("disk-full", "the file system of {service} on {target} is filled to the last block", "fill"),
    _full("inodes-full", "the file system of {service} on {target} is filled to the last inode", "crowd"),
    _bad("io-errors", "the disk of {service} on {target} fails every other second", "swap", "flakey", "1", "1"),
    _bad(
        "slow-disk",
        f"all that the disk of {{service}} on {{target}} does takes {SLOW} ms longer",
        "swap",
        "delay",
        str(SLOW),
        still=True,
    ),
    _bad("disk-gone", "the disk of {service} on {target} is gone: all reads and writes fail", "swap", "error"),
    _bad(
        "disk-hangs",
        "the disk of {service} on {target} hangs: what is asked of it neither ends nor fails",
        "hang",
        safe=False,
        fencing=Fencing.ALLOWED,
    ),
    Fault(
        name="lying-disk",
        needs=("commands", "power"),
        telling=f"the disk of {{service}} on {{target}} drops what it acknowledges for {LIES:g} s, then power is cut",
        inject=_lie,
        heal=_give_power,
        of_service=True,
        wants="volume",
        lost=Lost.TARGET,
        fencing=Fencing.NEEDED,
        cuts_power=True,
        predicted=True,
        usual=("active:*",),
    ),
)
