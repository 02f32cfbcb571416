"""Which drills fit a site, and what may be fenced in each."""

import asyncio
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from quorate.cluster.loading import load
from quorate.cluster.model import Cluster
from quorate.design import Design, work_out
from quorate.drill import runner
from quorate.drill.audit.audit import Blow
from quorate.drill.audit.fencing import PowerRequest
from quorate.drill.faults import FAULTS, POWER_LOSS, Tools
from quorate.drill.judgement import expectation
from quorate.drill.order import Drill
from quorate.drill.report import reading
from quorate.drill.report.model import Result
from quorate.drill.sequences import campaign
from quorate.drill.targets import Target
from quorate.drill.tools.commands import NodeCommands
from quorate.drill.tools.processes import UnitProcesses
from quorate.hosts import Endpoint, Hosts
from quorate.progress import Silent

EXAMPLES = Path(__file__).parents[3] / "examples"


class NoBmcs:
    def requests(self, node: str) -> list[PowerRequest]:
        return []


@pytest.fixture
def design(cluster: Cluster) -> Design:
    return work_out(cluster)


@pytest.fixture
def drill(cluster: Cluster, design: Design) -> Drill:
    hosts = Hosts([])
    tools = Tools(processes=UnitProcesses(hosts), commands=NodeCommands(hosts))
    return Drill(POWER_LOSS, "one", cluster, design, hosts, tools, NoBmcs(), Path(), str, Path())


def test_a_real_site_gets_only_what_is_safe_there(drill: Drill) -> None:
    chosen = campaign.programme(FAULTS.values(), drill)
    assert (FAULTS["kill"], "active:database") in chosen
    assert (FAULTS["loss"], "one") in chosen
    assert all(fault.safe for fault, _ in chosen)


def test_a_lab_gets_what_it_has_tools_for(drill: Drill) -> None:
    names = {fault.name for fault, _ in campaign.programme(FAULTS.values(), drill)}
    in_lab = dataclasses.replace(drill, tools=dataclasses.replace(drill.tools, twin=True))
    assert {fault.name for fault, _ in campaign.programme(FAULTS.values(), in_lab)} - names == {
        "panic",
        "memory-exhausted",
        "disk-full",
        "inodes-full",
        "disk-hangs",
        "clock-forward",
        "clock-back",
        "clock-strobe",
    }


class Nothing:
    async def fail(self, parts: Sequence[str]) -> None:
        """Nothing is there."""

    async def heal(self, parts: Sequence[str]) -> None:
        """Nothing was done."""


def test_a_site_loses_each_of_its_parts_that_differs(drill: Drill) -> None:
    """A rack takes the machines that its zone takes, and a feed nobody who has a second one."""
    site = load((EXAMPLES / "lab-site.yaml").read_bytes(), "lab-site.yaml")
    tools = dataclasses.replace(drill.tools, facility=Nothing(), twin=True)
    there = dataclasses.replace(drill, cluster=site, design=work_out(site), tools=tools)
    lost = [on for fault, on in campaign.programme(FAULTS.values(), there) if fault is FAULTS["domain-loss"]]
    assert lost == ["north", "south", "stairwell", "feed-a", "sw-n", "sw-s", "sw-w", "oob-n", "oob-s"]
    here = dataclasses.replace(drill, tools=tools)
    assert FAULTS["domain-loss"] not in [fault for fault, _ in campaign.programme(FAULTS.values(), here)]


def test_a_stopped_drill_is_enough_on_a_real_cluster(drill: Drill) -> None:
    in_lab = dataclasses.replace(drill, tools=dataclasses.replace(drill.tools, twin=True))
    stopped, broken = (campaign.Held("loss", "ctl1", result) for result in (Result.STOPPED, Result.BROKEN))
    assert campaign.is_over(drill, stopped)
    assert not campaign.is_over(drill, broken)
    assert not campaign.is_over(in_lab, stopped)


def test_a_drill_that_is_refused_is_in_the_reports(
    drill: Drill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here no node answers, so that the cluster isn't ready."""
    monkeypatch.setattr(runner, "PATIENCE", 0.1)
    nobody = Hosts([Endpoint(node, "127.0.0.1", port=1) for node in drill.design.hosts])
    drill = dataclasses.replace(drill, hosts=nobody, reports=tmp_path, fault=FAULTS["kill"], on="active:database")
    for _ in range(2):  # in the same second, too
        held = asyncio.run(campaign.attempt(drill, Silent()))
        assert held.verdict is None
    kept = reading.find([tmp_path]).reports
    assert [(each.result, each.fault, each.on) for each in kept] == 2 * [(Result.REFUSED, "kill", "active:database")]
    assert held.why in kept[0].why
    assert b"<skipped" in (tmp_path / kept[0].run / "junit.xml").read_bytes()


@pytest.mark.parametrize(
    ("fault", "nodes", "may", "must"),
    [
        ("partition", "ctl1", "ctl1", "ctl1"),
        ("partition", "ctl1 ctl2", "ctl3", "ctl3"),
        ("partition-bridge", "ctl1", "ctl1 ctl2 ctl3", ""),
        ("controld-kill", "ctl1", "ctl1", ""),
        ("ring-0", "ctl1", "", ""),
        ("reboot", "ctl1", "", ""),
        ("power-loss", "ctl1 ctl2", "ctl1 ctl2 ctl3", ""),  # nobody has the majority until they boot
    ],
)
def test_who_may_be_fenced_and_who_must(drill: Drill, fault: str, nodes: str, may: str, must: str) -> None:
    drill = dataclasses.replace(drill, fault=FAULTS[fault])
    target = Target(tuple(nodes.split()), None, ())
    lost = drill.fault.loses(target, tuple(drill.design.hosts))
    blow = Blow(target, 0.0, {}, lost, expectation.spared(drill, lost), over=1.0)
    assert expectation.may_fence(drill, blow) == tuple(may.split())
    assert expectation.must_fence(drill, blow, None) == tuple(must.split())
