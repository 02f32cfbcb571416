"""What a fault is, and what faults need from outside."""

import enum
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from quorate.drill.targets import Aim, Target
from quorate.errors import InputError, Refused


class Power(Protocol):
    """The switch of every node's power, past its BMC: what a hand at the PDU would do."""

    async def off(self, node: str) -> None:
        """Cuts a node's power at once."""
        ...

    async def on(self, node: str) -> None:
        """Gives a node power, and starts it; nothing if it is on."""
        ...

    async def is_on(self, node: str) -> bool:
        """Whether a node has power."""
        ...


class Processes(Protocol):
    """The processes of systemd units on the nodes."""

    async def signal(self, node: str, unit: str, signal: str) -> None:
        """Sends a signal to every process of a unit. Raises HostError, if the unit has none, too."""
        ...


class Facility(Protocol):
    """What the nodes hang on, part by part."""

    async def fail(self, parts: Sequence[str]) -> None:
        """Breaks parts, and everything that hangs on them alone."""
        ...

    async def heal(self, parts: Sequence[str]) -> None:
        """Gives these parts back, and what they broke; nodes that lost their power start. Nothing, if they work."""
        ...


class Commands(Protocol):
    """Programs run as root on the nodes."""

    async def run(self, node: str, *argv: str) -> None:
        """Runs a program to its end. Raises HostError."""
        ...

    async def run_later(self, node: str, name: str, seconds: float, *argv: str) -> None:
        """Has a timer of the node's own run a program, whoever is reached by then. Raises HostError."""
        ...

    async def undo(self, node: str, name: str, *argv: str) -> None:
        """Runs at once what a timer was to run, and takes the timer back; the timer stays if the node isn't reached."""
        ...


class Machine(Protocol):
    """The machines as wholes, from outside."""

    async def freeze(self, node: str) -> None:
        """Stops a machine between two instructions: its power stays on, its clock stands still."""
        ...

    async def thaw(self, node: str) -> None:
        """Lets it go on; nothing if it runs, or is off."""
        ...


@dataclass(frozen=True)
class Cut:
    """Frames that a network no longer carries."""

    network: str
    sender: str | None
    """A node; None: anybody, this machine included."""
    receiver: str | None
    protocol: str | None = None
    """`tcp` or `udp`, with `ports` (of either end); None: everything."""
    ports: tuple[int, ...] = ()
    longer_than: int | None = None
    """Bytes of a packet; None: of any length."""


class Network(Protocol):
    """What is between the nodes."""

    async def cut(self, cuts: Sequence[Cut], every: float | None = None) -> None:
        """Drops these frames, and lets all others through. With `every`, off and on again, for so many seconds each."""
        ...

    async def mend(self) -> None:
        """Lets everything through."""
        ...

    async def impersonate(self, address: str) -> None:
        """Has a machine that nobody knows claim somebody else's address."""
        ...

    async def banish(self) -> None:
        """Takes that machine away; nothing if there is none."""
        ...


class Bmcs(Protocol):
    """The nodes' BMCs."""

    async def misbehave(self, node: str, how: str) -> None:
        """From now on one answers wrongly: `dead`, `slow`, `stranger` (it knows no password), `liar`."""
        ...

    async def behave(self, node: str) -> None:
        """It does as it should again."""
        ...


class Certificates(Protocol):
    """The CA of the site."""

    async def put_expired(self, node: str, path: str) -> None:
        """Writes a certificate as the front has it, with its key, to a node; it was good until an hour ago."""
        ...


class Membership(Protocol):
    """The cluster as a whole."""

    async def without(self, node: str) -> None:
        """Waits until a node has left it. Raises HostError if that takes too long."""
        ...

    async def joined(self, node: str, standby: bool = False) -> None:
        """Waits until a node is a member again, ready or in standby. Raises HostError if that takes too long."""
        ...

    async def at_rest(self, node: str) -> None:
        """Waits until the cluster has nothing left to do. Raises HostError if that takes too long."""
        ...

    async def whole(self) -> None:
        """Waits until it is ready. Raises HostError if that takes too long."""
        ...


class Packages(Protocol):
    """What is installed on the nodes."""

    async def set_up(self, node: str) -> None:
        """Does to the design's packages what an upgrade does once they are unpacked. Raises HostError."""
        ...


@dataclass(frozen=True)
class Tools:
    """What faults need from outside, as far as the site has it."""

    power: Power | None = None
    processes: Processes | None = None
    facility: Facility | None = None
    commands: Commands | None = None
    machine: Machine | None = None
    network: Network | None = None
    bmcs: Bmcs | None = None
    membership: Membership | None = None
    certificates: Certificates | None = None
    packages: Packages | None = None
    twin: bool = False
    """All of it is a lab, where anything may be broken."""


class Fencing(enum.StrEnum):
    """What may become of the nodes that a fault takes from the cluster."""

    NOBODY = "nobody"
    """A node that is fenced for it is one too many."""
    ALLOWED = "it may be"
    """It depends on who is faster: the fault, or what restarts what it hit."""
    NEEDED = "it must be"
    """The cluster can't know what they still do."""
    ANYBODY = "any node may be"
    """Who stays is a race."""


class Lost(enum.StrEnum):
    """Which nodes a fault takes from the cluster."""

    NOBODY = "nobody"
    TARGET = "target"
    LESSER = "lesser"
    """Target and rest are apart: whichever has no majority; all, if neither has."""


_LACKS = {
    "web": "it doesn't answer by HTTP",
    "configuration": "it reads no configuration that is its own",
    "address": "it has no address that moves",
    "volume": "it stands on no replicated volume",
    "certificate": "it isn't behind the front, which has the certificate",
    "keys": "it makes no tokens",
}


@dataclass(frozen=True)
class Fault:
    """One way to break something."""

    name: str
    needs: tuple[str, ...]
    """The fields of `Tools` that must be there."""
    telling: str
    """What is done, with `{target}` and `{service}` in it."""
    inject: Callable[[Tools, Target], Awaitable[None]]
    heal: Callable[[Tools, Target], Awaitable[None]]
    """Undoes whatever is left of it; harmless if nothing is, and if nobody can be reached."""
    lost: Lost = Lost.NOBODY
    fencing: Fencing = Fencing.NOBODY
    """Of the nodes that are lost; with nobody lost, of the target's."""
    lasts: float = 0.0
    """Seconds at least that it stays; then the drill heals it. 0: the cluster has to get over it by itself."""
    cuts_power: bool = False
    """The nodes are gone at once, primary of nothing from then on."""
    with_bmcs: bool = False
    """The BMCs of the nodes that are lost can't be used either, so nobody is fenced while it stays."""
    lying: bool = False
    """Those BMCs say of a node that it is off, and it goes on; their word is no evidence of it."""
    leaves: bool = False
    """The nodes leave by themselves, and come back; the drill waits until it has seen them away."""
    of_service: bool = False
    """It hits a service on a node, and not the node."""
    reported: tuple[str, int] | None = None
    """The operation of the service's resource that fails, and its exit status (OCF): by that the cluster's scheduler
    says what will be done. A monitor, where a start makes it good; the start, where it can't."""
    wants: str = ""
    """The field of `Target` without which there is nothing to do; `_LACKS` has them all."""
    of_parts: bool = False
    """It hits parts of the facility, by name; what that does is predicted, and it stays until the drill heals it."""
    predicted: bool = False
    """What it does is the loss of nodes as the graph knows it, and is predicted by that."""
    promised: bool = True
    """The objectives for downtime hold for it."""
    unmasked: bool = False
    """No cluster can keep it from clients: they may be without answers while it lasts, and the objectives hold from
    then on. Nothing moves for it: that would help nobody."""
    still: bool = False
    """Nothing moves for it, though clients are served all the time."""
    finding: str = ""
    """The code of the finding by which `quorate check --live` must name it while it lasts."""
    crashes: tuple[str, ...] = ()
    """What it makes crash on its target itself (`drill.crashes.Kind`); anything else that crashes is a finding."""
    safe: bool = False
    """It may be held on a real cluster: all of it heals by itself, or by a timer on the node."""
    usual: tuple[str, ...] = ("one",)
    """The targets on which `--all` holds it; `*` stands for each service that is probed."""

    def check_aim(self, aim: Aim) -> None:
        """Whether it can be aimed there. Raises InputError."""
        if self.of_service and aim.service is None:
            raise InputError(
                f"{self.name} is done to a service on a node",
                where=f"--on {aim.text}",
                todo="choose one of: active:SERVICE, standby:SERVICE, NODE:SERVICE, NODE:UNIT",
            )

    def check(self, target: Target, tools: Tools) -> None:
        """Whether it can be done, here and now. Raises Refused."""
        if self.of_service and not target.units:
            raise Refused(f"{target.service} has no processes of its own on {target}")
        if self.wants and not getattr(target, self.wants):
            raise Refused(f"{self.name} can't be done to {target.service}: {_LACKS[self.wants]}")
        if missing := self.missing(tools):
            raise Refused(
                f"{self.name} needs {', '.join(missing)}, which this site doesn't have",
                todo="Hold it on the site's twin: `quorate lab up` makes it.",
            )
        if not self.safe and not tools.twin:
            raise Refused(
                f"{self.name} is held in a lab only",
                means="Nothing would heal it if this machine were lost meanwhile.",
                todo="Hold it on the site's twin: `quorate lab up` makes it.",
            )

    def missing(self, tools: Tools) -> list[str]:
        """What it needs, and this site doesn't have."""
        return [need for need in self.needs if getattr(tools, need) is None]

    def loses(self, target: Target, nodes: Sequence[str]) -> tuple[str, ...]:
        """The nodes, of all of these, that the cluster loses by it."""
        match self.lost:
            case Lost.NOBODY:
                return ()
            case Lost.TARGET:
                return target.nodes
            case Lost.LESSER:
                rest = tuple(node for node in nodes if node not in target.nodes)
                if 2 * len(rest) > len(nodes):
                    return target.nodes
                return rest if 2 * len(target.nodes) > len(nodes) else tuple(nodes)
