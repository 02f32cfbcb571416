"""What a fault is, and what faults need from outside."""

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


@dataclass(frozen=True)
class Tools:
    """What faults need from outside, as far as the site has it."""

    power: Power | None = None
    processes: Processes | None = None
    facility: Facility | None = None


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
    """Undoes whatever is left of it; harmless if nothing is."""
    cuts_power: bool = False
    """The nodes are gone at once, primary of nothing from then on; the cluster must fence them, if it is left to."""
    of_service: bool = False
    """It hits a service on a node, and not the node; nobody may be fenced for it."""
    of_parts: bool = False
    """It hits parts of the facility, by name; what that does is predicted, and it stays until the drill heals it."""

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
        if missing := [need for need in self.needs if getattr(tools, need) is None]:
            raise Refused(
                f"{self.name} needs {', '.join(missing)}, which this site doesn't have",
                todo="Hold it on the site's twin: `quorate lab up` makes it.",
            )
