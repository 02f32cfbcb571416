"""A drill as it is ordered, and how it can end without a verdict."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from quorate import live
from quorate.cluster.model import Cluster
from quorate.design.model import Design
from quorate.drill.audit.fencing import BmcLog
from quorate.drill.faults import Fault, Tools
from quorate.drill.probes.probed import PROBES
from quorate.errors import HostError, InputError, QuorateError
from quorate.hosts import Host, Hosts

REPAIR_LIMIT = 180.0


@dataclass(frozen=True)
class Drill:
    """One drill, and the site that it is held on."""

    fault: Fault
    on: str
    """See `targets`."""
    cluster: Cluster
    design: Design
    hosts: Hosts
    tools: Tools
    bmcs: BmcLog
    reports: Path
    """The folder in which each drill gets one."""
    secret: Callable[[str], str]
    """A secret of the site by its name."""
    authority: Path
    """The certificates that TLS clients trust."""
    probe: tuple[str, ...] = ()
    """The services to probe; none: all that have a probe."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """Operations a second by service, where it isn't the probe's own."""
    thorough: bool = True
    """Both replicas of each volume are asked and compared; that takes a planned switch-over each."""
    patience: float = REPAIR_LIMIT
    """Seconds in which the cluster should be ready again by itself; as long again once the drill has healed the fault.
    Machines that take minutes to boot need more."""
    guarded: bool = False
    """In a lab, too, a second failure ends it; on a real cluster it always does (`guard`)."""

    def probed(self) -> tuple[str, ...]:
        """The services that are probed, in start order.

        Raises:
            InputError: a service that isn't there or has no probe was asked for, or no service has one.
        """
        can = [name for name in self.design.services if name in PROBES]
        for name in (*self.probe, *self.rates):
            if name not in can:
                what = f"`{name}` has no probe" if name in self.design.services else f"there is no service `{name}`"
                raise InputError(what, todo=f"choose among: {', '.join(can)}")
        chosen = tuple(name for name in can if not self.probe or name in self.probe)
        if not chosen:
            raise InputError("no service of this cluster has a probe, so a drill would see nothing")
        return chosen


def new_folder(drill: Drill, now: datetime) -> Path:
    """Makes a drill's folder, named by its moment and its fault; several of one second are numbered."""
    for number in itertools.count(1):
        folder = drill.reports / f"{now:%Y%m%dT%H%M%SZ}-{drill.fault.name}{f'-{number}' if number > 1 else ''}"
        try:
            folder.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("numbers don't end")


class DrillStopped(QuorateError):
    """A drill did not come to its verdict."""

    folder: str = ""
    """Where its evidence lies."""


class Aborted(DrillStopped):
    """A guardrail stopped it."""


class Interrupted(DrillStopped):
    """Somebody stopped it."""

    exit_status = 130


async def serving(drill: Drill, service: str) -> Host:
    """The node that serves a service now. Raises HostError if none does."""
    node = (await live.read(drill.hosts, drill.design)).active.get(service)
    if node is None:
        raise HostError(f"{service} is active on no node", todo="`quorate status` says what is wrong.")
    return await drill.hosts.host(node)
