"""Sequences of faults: drawn from a seed, one failure at a time, kept in a folder and read again from it."""

import asyncio
import dataclasses
import itertools
import json
from pathlib import Path

import pytest

from quorate.cluster.loading import load
from quorate.cluster.model import Cluster
from quorate.design import work_out
from quorate.drill import regression, report
from quorate.drill.audit.fencing import PowerRequest
from quorate.drill.faults import FAULTS, POWER_LOSS, Tools
from quorate.drill.order import Drill, DrillStopped
from quorate.drill.regression import Step
from quorate.drill.report.model import Result
from quorate.drill.sequences import campaign, drawing, replay, sequencing
from quorate.drill.sequences.campaign import Held
from quorate.drill.targets import Target
from quorate.drill.tools.commands import NodeCommands
from quorate.drill.tools.processes import UnitProcesses
from quorate.errors import InputError
from quorate.hosts import Endpoint, Hosts
from quorate.progress import Progress, Say, Silent

from .test_verdict import GOOD


class NoBmcs:
    def requests(self, node: str) -> list[PowerRequest]:
        return []


@pytest.fixture
def drill(cluster: Cluster, tmp_path: Path) -> Drill:
    hosts = Hosts([Endpoint(node, "127.0.0.1", port=1) for node in cluster.nodes])
    everything = dict.fromkeys(("power", "facility", "machine", "network", "bmcs"), object())
    tools = Tools(processes=UnitProcesses(hosts), commands=NodeCommands(hosts), twin=True, **everything)  # type: ignore[arg-type]
    return Drill(POWER_LOSS, "one", cluster, work_out(cluster), hosts, tools, NoBmcs(), tmp_path, str, tmp_path)


def choices(drill: Drill) -> tuple[Step, ...]:
    return drawing.choices(campaign.programme(FAULTS.values(), drill), drill)


def test_the_same_seed_draws_the_same_sequence(drill: Drill) -> None:
    def first(seed: int) -> list[Step]:
        return list(itertools.islice(drawing.drawn(choices(drill), seed), 40))

    assert first(7) == first(7)
    assert first(7) != first(8)


def test_nothing_that_is_more_than_one_failure_is_drawn(drill: Drill) -> None:
    among = choices(drill)
    assert {"power-loss", "partition", "kill", "standby"} <= {step.fault for step in among}
    assert not any("bmcs" in FAULTS[step.fault].needs for step in among)
    assert {step.on for step in among if step.fault == "power-loss"} == {"ctl1", "ctl2", "ctl3", "dc"}
    assert {step.on for step in among if step.fault == "kill"} == {"active:database"}
    assert not any(step.on in ("all", "half", "majority") for step in among if step.fault != "rolling-reboot")


def test_what_works_on_all_nodes_is_hit_on_each(drill: Drill) -> None:
    file = Path(__file__).parents[3] / "examples/lab.yaml"
    cluster = load(file.read_bytes(), str(file))
    among = choices(dataclasses.replace(drill, cluster=cluster, design=work_out(cluster)))
    on = {step.on for step in among if step.fault == "kill"}
    assert {"ctl1:identity", "ctl2:identity", "ctl3:identity", "ctl3:messaging", "active:database"} <= on
    assert not {"active:identity", "ctl1:database"} & on
    assert {step.on for step in among if step.fault == "stranger"} <= {"active:database", "active:identity"}


def test_every_fault_comes_sooner_or_later(drill: Drill) -> None:
    among = choices(drill)
    assert set(itertools.islice(drawing.drawn(among, 1), 2000)) == set(among)


def test_without_anything_to_draw_from_there_is_no_sequence() -> None:
    assert list(drawing.drawn((), 1)) == []


def test_a_target_is_kept_as_nodes() -> None:
    assert regression.pinned(Target(("ctl2",), "database", ("mariadb.service",))) == "ctl2:database"
    assert regression.pinned(Target(("ctl3", "ctl1"), None, ())) == "ctl3,ctl1"
    assert regression.pinned(Target(("ctl1",), None, (), parts=("feed-a", "rack-1"))) == "feed-a,rack-1"


def test_a_drill_is_kept_so_that_it_can_be_held_again(drill: Drill, tmp_path: Path) -> None:
    drill = dataclasses.replace(drill, fault=FAULTS["kill"], on="active:database", thorough=False)
    target = Target(("ctl1",), "database", ("mariadb.service",))
    regression.write(tmp_path, drill, target, {"database": "ctl1"}, {"database": 50.0})
    stopped = DrillStopped("the probe ended by itself")
    report.write_unheld(Result.STOPPED, "kill", "active:database", "lab", stopped, tmp_path)
    past = replay.read(tmp_path)
    assert past.steps == (Step("kill", "ctl1:database", {"database": "ctl1"}),)
    assert (past.rates, past.thorough, past.seed) == ({"database": 50.0}, False, None)
    assert past.cluster == drill.cluster


def test_a_sequence_is_held_again_to_its_failure(drill: Drill, tmp_path: Path) -> None:
    course = sequencing.begin(drill, "random-7", seed=7)
    for name, fault, result in [("a", "kill", Result.KEPT), ("b", "loss", Result.BROKEN), ("c", "delay", Result.KEPT)]:
        folder = course.folder / name
        folder.mkdir()
        step = dataclasses.replace(drill, fault=FAULTS[fault], on="one")
        regression.write(folder, step, Target(("ctl2",), None, ()), {}, {"database": 1.0})
        report.write_unheld(result, fault, "one", "lab", DrillStopped("why"), folder)
        course.held.append(Held(fault, "one", result, None, "why", str(folder)))
    course.held.insert(1, Held("freeze", "one", Result.REFUSED, None, "no", str(course.folder / "never")))
    course.keep()
    past = replay.read(course.folder)
    assert (past.seed, [str(step) for step in past.steps]) == (7, ["kill on ctl2", "loss on ctl2"])
    again = [Held("kill", "ctl2", Result.KEPT), Held("loss", "ctl2", Result.BROKEN)]
    assert replay.differences(past.reports, again) == []
    assert replay.differences(past.reports, again[:1]) == ["it ended after 1 of 2 drills"]
    again[1] = Held("loss", "ctl2", Result.KEPT)
    assert replay.differences(past.reports, again) == ["loss on ctl2 was broken, and is kept"]


@pytest.mark.parametrize(
    "content", [None, "no JSON", "[]", '{"sequence": 1}', '{"seed": 1, "failed": null, "steps": []}']
)
def test_a_folder_of_something_else(tmp_path: Path, content: str | None) -> None:
    if content:
        (tmp_path / sequencing.NAME).write_text(content)
    with pytest.raises(InputError):
        replay.read(tmp_path)


def test_a_service_that_breaks_now_is_told(drill: Drill) -> None:
    before = report.building.build(dataclasses.replace(GOOD, folder="x"), {}, None)
    lost = dataclasses.replace(GOOD.services["database"].holding, ledgers={})
    services = {**GOOD.services, "database": dataclasses.replace(GOOD.services["database"], holding=lost)}
    now = dataclasses.replace(GOOD, services=services)
    held = Held(GOOD.fault, GOOD.on, Result.BROKEN, now)
    assert [line.partition(": ")[2] or line for line in replay.differences([before], [held])] == [
        f"{GOOD.fault} on {GOOD.on} was kept, and is broken",
        "database was kept, and is broken",
    ]


def test_a_cluster_that_is_not_ready_ends_a_sequence(drill: Drill, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here no node answers."""
    monkeypatch.setattr(campaign, "SETTLE_LIMIT", 0.1)
    tools = dataclasses.replace(drill.tools, power=None)
    course = sequencing.begin(drill, "random-1", seed=1)

    async def hold() -> list[Held]:
        steps = [Step("kill", "active:database"), Step("loss", "ctl1")]
        held = sequencing.hold(dataclasses.replace(drill, tools=tools), steps, course, Silent())
        return [each async for each in held]

    held = asyncio.run(hold())
    assert [(each.fault, each.result) for each in held] == [("kill", Result.STOPPED)]
    document = json.loads((course.folder / "sequence.json").read_text())
    assert (document["seed"], document["failed"], len(document["steps"])) == (1, 0, 1)
    assert "not ready" in document["steps"][0]["why"]


def test_many_drills_come_to_a_few_figures() -> None:
    worse = dataclasses.replace(GOOD.services["database"].clients, outage=None)
    services = {**GOOD.services, "database": dataclasses.replace(GOOD.services["database"], clients=worse)}
    assert GOOD.services["database"].clients.outage
    found = sequencing.summary(
        [
            Held("loss", "ctl1", Result.KEPT, dataclasses.replace(GOOD, services=services)),
            Held("kill", "ctl2", Result.KEPT, GOOD),
            Held("freeze", "ctl1", Result.STOPPED, None, "why"),
        ]
    )
    assert found.results == {Result.KEPT: 2, Result.STOPPED: 1}
    assert found.worst["database"] == (GOOD.services["database"].clients.outage.downtime, "kill on ctl2")
    assert (found.lost, found.unasked) == (0, 0)


@pytest.mark.parametrize(
    ("results", "keep_going", "held"),
    [
        ("kkk", False, 3),
        ("kbk", False, 2),
        ("kbk", True, 3),
        ("krk", False, 3),  # refused: nothing was touched
        ("ksk", False, 2),
        ("ksk", True, 3),
    ],
)
def test_the_first_failure_ends_a_sequence(
    drill: Drill, monkeypatch: pytest.MonkeyPatch, results: str, keep_going: bool, held: int
) -> None:
    ends = {"k": Result.KEPT, "b": Result.BROKEN, "r": Result.REFUSED, "s": Result.STOPPED}
    left = iter(results)

    async def attempt(one: Drill, _progress: Progress) -> Held:
        return Held(one.fault.name, one.on, ends[next(left)])

    async def ready(_drill: Drill, _say: Say) -> bool:
        return True

    monkeypatch.setattr(campaign, "attempt", attempt)
    monkeypatch.setattr(campaign, "ready_again", ready)
    course = sequencing.begin(drill, "random-1", seed=1)

    async def hold() -> list[Held]:
        steps = itertools.chain(
            [Step("kill", "active:database"), Step("loss", "ctl1")], itertools.repeat(Step("delay", "ctl2"))
        )
        going = sequencing.hold(
            drill, steps, course, Silent(), over=lambda: len(course.held) == 3, keep_going=keep_going
        )
        return [each async for each in going]

    assert len(asyncio.run(hold())) == held
    assert [each.fault for each in course.held] == ["kill", "loss", "delay"][:held]
    assert (course.failed is not None) == bool(set(results) & {"b", "s"})
