"""Guardrails: what a real cluster must be like, and what ends a drill while its fault is there."""

import asyncio
import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest

from quorate.cluster.model import Cluster
from quorate.design import work_out
from quorate.drill import guard
from quorate.drill.audit.fencing import PowerRequest
from quorate.drill.clients import record
from quorate.drill.clients.record import Outcome, Write
from quorate.drill.faults import FAULTS, Tools
from quorate.drill.order import Aborted, Drill
from quorate.drill.targets import Target
from quorate.drill.tools.commands import NodeCommands
from quorate.errors import Refused
from quorate.hosts import Endpoint, Hosts
from quorate.live.state import NodeState, Replica, State

CTL1 = Target(("ctl1",), None, ())
NODES = ("ctl1", "ctl2", "ctl3")
GOOD = State(
    nodes={name: NodeState(name, reachable=True, online=True, unclean=False, standby=False) for name in NODES},
    quorate=True,
    dc="ctl3",
    resources=(),
    replicas={"database": {name: Replica("Secondary", "UpToDate", "Connected") for name in ("ctl1", "ctl2")}},
    links={},
    fencing={},
    failed_actions=(),
    active={"database": "ctl1"},
)


class NoBmcs:
    def requests(self, node: str) -> list[PowerRequest]:
        return []


@pytest.fixture
def drill(cluster: Cluster, tmp_path: Path) -> Drill:
    """No node answers."""
    hosts = Hosts([Endpoint(node, "127.0.0.1", port=1) for node in cluster.nodes])
    tools = Tools(commands=NodeCommands(hosts))
    return Drill(FAULTS["loss"], "ctl1", cluster, work_out(cluster), hosts, tools, NoBmcs(), tmp_path, str, tmp_path)


def test_a_real_cluster_loses_one_node_at_a_time(drill: Drill) -> None:
    two = Target(("ctl1", "ctl2"), None, ())
    for fault, lost in (("corosync-kill", two.nodes), ("loss", ())):
        with pytest.raises(Refused, match="more than one node"):
            guard.check(dataclasses.replace(drill, fault=FAULTS[fault]), two, lost)
    for fault, target in (("loss", CTL1), ("rolling-reboot", two)):
        guard.check(dataclasses.replace(drill, fault=FAULTS[fault]), target, ())


def with_node(name: str, *, online: bool, reachable: bool = True, standby: bool = False) -> State:
    changes: dict[str, Any] = {"online": online, "reachable": reachable, "standby": standby}
    return dataclasses.replace(GOOD, nodes={**GOOD.nodes, name: dataclasses.replace(GOOD.nodes[name], **changes)})


def with_replica(name: str, disk: str) -> State:
    sides = {**GOOD.replicas["database"], name: Replica("Secondary", disk, "Connected")}
    return dataclasses.replace(GOOD, replicas={"database": sides})


@pytest.mark.parametrize(
    ("now", "found"),
    [
        (GOOD, []),
        (with_node("ctl1", online=False, reachable=False), []),  # that is the fault
        (with_node("ctl2", online=False), ["ctl2 is no member any more"]),
        (with_node("ctl2", online=False, standby=True), []),
        (with_replica("ctl1", "Inconsistent"), []),
        (with_replica("ctl2", "Outdated"), ["the replica of database on ctl2 is Outdated"]),
        (dataclasses.replace(GOOD, quorate=False), ["quorum is lost"]),
        (dataclasses.replace(GOOD, quorate=False, dc=None), []),  # a DC is being elected
    ],
)
def test_a_second_failure_is_what_the_fault_does_not_explain(drill: Drill, now: State, found: list[str]) -> None:
    assert list(guard.watch(drill, CTL1, (), GOOD).second_failures(now)) == found


def test_any_node_may_go_in_a_race(drill: Drill) -> None:
    bridge = dataclasses.replace(drill, fault=FAULTS["partition-bridge"])
    assert list(guard.watch(bridge, CTL1, (), GOOD).second_failures(with_node("ctl2", online=False))) == []


def held(drill: Drill, folder: Path, seconds: float, healed: list[str]) -> None:
    """A drill whose fault stays for so long."""

    async def heal(_tools: Tools, target: Target) -> None:
        healed.append(str(target))

    one = dataclasses.replace(drill, fault=dataclasses.replace(drill.fault, heal=heal))
    asyncio.run(_guarded(one, folder, seconds))


async def _guarded(drill: Drill, folder: Path, seconds: float) -> None:
    async with guard.guarded(drill, CTL1, guard.watch(drill, CTL1, (), GOOD), folder):
        await asyncio.sleep(seconds)


def test_a_cluster_that_nobody_can_look_at_ends_it(
    drill: Drill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "EVERY", 0.05)
    monkeypatch.setattr(guard, "CONFIRMED", 0.1)
    healed: list[str] = []
    with pytest.raises(Aborted, match="aborted: no node can be looked at"):
        held(drill, tmp_path, 60, healed)
    assert healed == ["ctl1"]


def test_a_drill_that_ends_first_is_left_alone(drill: Drill, tmp_path: Path) -> None:
    healed: list[str] = []
    held(drill, tmp_path, 0.3, healed)
    assert healed == []


def test_a_service_that_is_away_for_three_times_its_objective_ends_it(
    drill: Drill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The objective is 30 s; the look at the nodes is not what ends it here."""
    watched = guard.watch(drill, CTL1, (), GOOD)
    assert watched.limits == {"database": 90.0}
    assert list(watched.overdue({"database": 1000.0}, 1089.0)) == []
    assert list(watched.overdue({"database": 1000.0}, 1091.0)) == [
        "database has answered nobody for 90 s, 3 times its objective"
    ]
    monkeypatch.setattr(guard, "EXCESS", 0.01)
    monkeypatch.setattr(guard, "EVERY", 0.05)
    served = Write(1, time.time(), time.time(), time.time(), Outcome.ACKNOWLEDGED, 0.0)
    (tmp_path / "database.tsv").write_text(record.head("sql", 1.0, 0.0, 0.0) + record.line(served))
    with pytest.raises(Aborted, match="database has answered nobody"):
        held(drill, tmp_path, 60, [])


def test_whoever_stops_it_is_not_told_of_a_guardrail(drill: Drill, tmp_path: Path) -> None:
    async def stop() -> None:
        guarded = asyncio.create_task(_guarded(drill, tmp_path, 60))
        await asyncio.sleep(0.1)
        guarded.cancel()
        await guarded

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(stop())
