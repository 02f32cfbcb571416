"""Faults of disks and clocks: what is run where, in which order, and that a node heals without anybody."""

import asyncio
import dataclasses
from pathlib import Path

import pytest

from quorate.cluster.model import Cluster
from quorate.design import Design, work_out
from quorate.drill import targets
from quorate.drill.audit.fencing import PowerRequest
from quorate.drill.faults import FAULTS, Fault, Tools, clock, storage
from quorate.drill.judgement import expectation
from quorate.drill.order import Drill
from quorate.drill.targets import Target
from quorate.errors import HostError, Refused
from quorate.hosts import Hosts
from quorate.live.state import State

STATE = State(
    nodes={},
    quorate=True,
    dc="ctl3",
    resources=(),
    replicas={},
    links={},
    fencing={},
    failed_actions=(),
    active={"database": "ctl2"},
)


class NoBmcs:
    def requests(self, node: str) -> list[PowerRequest]:
        return []


@pytest.fixture
def design(cluster: Cluster) -> Design:
    return work_out(cluster)


@pytest.fixture
def target(design: Design) -> Target:
    return targets.resolve(targets.parse("active:database", design), design, STATE)


class Node:
    """Programs on nodes, and their power: what was asked for, the programs themselves left out."""

    def __init__(self, *, dead: bool = False) -> None:
        self.asked: list[str] = []
        self._dead = dead

    async def run(self, node: str, *argv: str) -> None:
        self.asked.append(f"{node} {self._told(argv)}")
        if self._dead:
            raise HostError("no answer", where=node)

    async def run_later(self, node: str, name: str, seconds: float, *argv: str) -> None:
        self.asked.append(f"{node} in {seconds:g} s {self._told(argv)}")

    async def undo(self, node: str, name: str, *argv: str) -> None:
        self.asked.append(f"{node} undo {self._told(argv)}")

    async def off(self, node: str) -> None:
        self.asked.append(f"{node} off")

    async def on(self, node: str) -> None:
        self.asked.append(f"{node} on")

    async def is_on(self, node: str) -> bool:
        return f"{node} off" not in self.asked

    def _told(self, argv: tuple[str, ...]) -> str:
        return " ".join(word for word in argv if "\n" not in word and word not in ("python3", "-I", "-S", "-c"))


def asked(fault: Fault, target: Target, *, heal: bool = False) -> list[str]:
    node = Node()

    async def do() -> None:
        await (fault.heal if heal else fault.inject)(Tools(commands=node, power=node), target)

    asyncio.run(do())
    return node.asked


def test_a_target_knows_the_volume_of_its_service(target: Target, design: Design) -> None:
    assert target.volume in design.volumes
    assert targets.resolve(targets.parse("ctl1:mariadb.service", design), design, STATE).volume is None


@pytest.mark.parametrize("fault", storage.FAULTS, ids=lambda fault: fault.name)
def test_what_stands_on_no_volume_has_no_disk_to_break(fault: Fault, target: Target) -> None:
    with pytest.raises(Refused, match="stands on no replicated volume"):
        fault.check(dataclasses.replace(target, volume=None), Tools(twin=True))


@pytest.mark.parametrize(
    "fault",
    [fault for fault in (*storage.FAULTS, *clock.FAULTS) if fault.name != "lying-disk"],
    ids=lambda fault: fault.name,
)
def test_the_node_s_timer_is_set_before_anything_is_broken(fault: Fault, target: Target) -> None:
    node = Node(dead=True)

    async def inject() -> None:
        await fault.inject(Tools(commands=node), target)

    with pytest.raises(HostError):
        asyncio.run(inject())
    assert "ctl2 in 100 s" in node.asked[0] or "ctl1 in 100 s" in node.asked[0]
    assert [" in " in line for line in node.asked] == [True] * (len(node.asked) - 1) + [False]


def test_a_full_file_system_is_emptied_wherever_it_is_mounted(target: Target) -> None:
    inject = asked(FAULTS["disk-full"], target)
    assert inject == [
        "ctl1 in 100 s empty /var/lib/mysql",
        "ctl2 in 100 s empty /var/lib/mysql",
        "ctl2 fill /var/lib/mysql",
    ]
    heal = asked(FAULTS["inodes-full"], target, heal=True)
    assert heal == ["ctl1 undo empty /var/lib/mysql", "ctl2 undo empty /var/lib/mysql"]


def test_a_bad_disk_is_bad_on_one_node_and_attached_again(target: Target) -> None:
    assert asked(FAULTS["slow-disk"], target) == [
        "ctl2 in 100 s restore /dev/quorate/database database",
        "ctl2 swap /dev/quorate/database delay 100",
    ]
    assert asked(FAULTS["slow-disk"], target, heal=True) == ["ctl2 undo restore /dev/quorate/database database"]


def test_a_disk_that_hangs_is_let_go_on(target: Target) -> None:
    assert asked(FAULTS["disk-hangs"], target)[1] == "ctl2 hang /dev/quorate/database"
    assert asked(FAULTS["disk-hangs"], target, heal=True) == ["ctl2 undo restore /dev/quorate/database database"]


def test_a_disk_that_has_lied_never_goes_on(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "LIES", 0.01)
    lines = asked(FAULTS["lying-disk"], target)
    assert lines[0] == "ctl2 in 0.04 s sh echo b > /proc/sysrq-trigger"
    assert lines[1:] == ["ctl2 swap /dev/quorate/database flakey 0 1 1 drop_writes", "ctl2 off"]
    assert not any("restore" in line for line in [*lines, *asked(FAULTS["lying-disk"], target, heal=True)])


def test_a_strobe_is_ended_before_the_clock_is_put_right(target: Target) -> None:
    assert asked(FAULTS["clock-strobe"], target, heal=True) == [
        "ctl2 systemctl stop quorate-drill-strobe.service",
        "ctl2 undo right",
    ]


@pytest.mark.parametrize(("name", "said"), [("slow-disk", 1), ("clock-back", 1), ("disk-full", 1), ("disk-gone", 0)])
def test_only_a_disk_that_is_let_go_calls_for_a_move(cluster: Cluster, design: Design, name: str, said: int) -> None:
    before = dataclasses.replace(STATE, active={"database": "ctl2"})
    after = dataclasses.replace(STATE, active={"database": "ctl1"})
    hosts = Hosts([])
    drill = Drill(FAULTS[name], "active:database", cluster, design, hosts, Tools(), NoBmcs(), Path(), str, Path())
    assert len(expectation.moved(drill, before, after)) == said
    assert expectation.moved(drill, before, before) == []
