"""Every fault that may be held on a real cluster heals without this machine: by a timer on the node, or of itself."""

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from quorate.cluster.loading import load
from quorate.cluster.model import Cluster
from quorate.design import Design, work_out
from quorate.drill import targets
from quorate.drill.faults import FAULTS, Fault, Tools
from quorate.drill.targets import Target
from quorate.drill.wiring import wiring

FILE = Path(__file__).parents[3] / "examples/lab.yaml"
ITSELF = ("--property=RuntimeMaxSec=",)
"""What in a command makes it end by itself; systemd.service(5)."""


class Noted:
    """Stands for everything on the nodes, and notes in which order it is asked for what."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    async def run(self, node: str, *argv: str) -> None:
        self.asked.append(("run", argv))

    async def run_later(self, node: str, name: str, seconds: float, *argv: str) -> None:
        assert 0 < seconds <= 1200, "nobody waits longer, not even for packages"
        self.asked.append(("timer", argv))

    async def undo(self, node: str, name: str, *argv: str) -> None:
        self.asked.append(("undo", argv))

    async def signal(self, node: str, unit: str, signal: str) -> None:
        self.asked.append(("signal", (unit, signal)))

    async def without(self, node: str) -> None:
        """It has left."""

    async def whole(self) -> None:
        """It is ready."""

    async def at_rest(self, node: str) -> None:
        """It serves nothing."""

    async def joined(self, node: str, standby: bool = False) -> None:
        """It is back."""

    async def set_up(self, node: str) -> None:
        self.asked.append(("run", ("apt-get",)))


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return load(FILE.read_bytes(), str(FILE))


@pytest.fixture(scope="module")
def design(cluster: Cluster) -> Design:
    return work_out(cluster)


def target_of(fault: Fault, cluster: Cluster, design: Design) -> Target:
    """One that has what the fault wants."""
    if not fault.of_service:
        return Target(("ctl1",), None, (), wiring=wiring(cluster, design))
    each = (targets.on_first_host(service, design) for service in design.services)
    found = next(target for target in each if not fault.wants or getattr(target, fault.wants))
    return dataclasses.replace(found, wiring=wiring(cluster, design))


def asked(fault: Fault, target: Target, what: str) -> list[tuple[str, tuple[str, ...]]]:
    noted: Any = Noted()
    tools = Tools(**dict.fromkeys(fault.needs, noted))
    asyncio.run(getattr(fault, what)(tools, target))
    found: list[tuple[str, tuple[str, ...]]] = noted.asked
    return found


def ends_itself(argv: tuple[str, ...]) -> bool:
    return any(word.startswith(ITSELF) for word in argv)


SAFE = [fault for fault in FAULTS.values() if fault.safe]


@pytest.mark.parametrize("fault", SAFE, ids=lambda fault: fault.name)
def test_what_a_drill_would_heal_the_node_heals_itself(fault: Fault, cluster: Cluster, design: Design) -> None:
    target = target_of(fault, cluster, design)
    if not asked(fault, target, "heal"):
        return  # nothing of it stays
    first, *_ = asked(fault, target, "inject")
    assert first[0] == "timer" or ends_itself(first[1]), f"{fault.name} breaks something before its end is certain"


@pytest.mark.parametrize("fault", SAFE, ids=lambda fault: fault.name)
def test_the_timer_does_what_the_drill_would(fault: Fault, cluster: Cluster, design: Design) -> None:
    target = target_of(fault, cluster, design)
    timers = [argv for kind, argv in asked(fault, target, "inject") if kind == "timer"]
    undone = [argv for kind, argv in asked(fault, target, "heal") if kind == "undo"]
    assert all(argv in timers for argv in undone)


def test_some_of_them_are_looked_at() -> None:
    assert {"freeze", "standby", "loss", "corosync-freeze", "cpu-starvation"} <= {fault.name for fault in SAFE}
