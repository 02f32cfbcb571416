"""How steps are carried out: in order, side by side, looked at anew after a change, stopped at the first failure."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from quorate.converge import Converging, HostsFailed, Obstructed, Phase, StepFailed, apply
from quorate.converge.step import Step, View
from quorate.errors import HostError
from quorate.hosts import Hosts, Unreachable
from quorate.hosts.inspection import Request, Seen
from quorate.progress import Say, Silent

from .settled import CLUSTER, DESIGN, settled, spoilt


@dataclass
class World:
    """Stands for all hosts: what has been done is what the next look sees, as packages of the host."""

    view: dict[str, Seen] = field(default_factory=settled)
    errors: dict[str, HostError] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    looks: int = 0

    async def look(self, _hosts: Hosts, requests: Mapping[str, Request]) -> dict[str, Seen | HostError]:
        self.looks += 1
        return {name: self.errors.get(name, self.view[name]) for name in requests}


@dataclass(frozen=True)
class Task:
    """A step that is done once."""

    world: World
    host: str | None
    title: str
    phase: Phase
    fails: str = ""
    waits_for: asyncio.Event | None = None

    def asks(self) -> Mapping[str, Request]:
        return {}

    def differs(self, view: View) -> str | None:
        return None if self.title in self.world.done else "not done"

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        if self.waits_for:
            await self.waits_for.wait()
        await asyncio.sleep(0)  # as a real step does: others begin meanwhile
        if self.fails:
            raise HostError(self.fails, where=self.host or "")
        self.world.done.append(self.title)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(apply, "look", world.look)
    return world


def run(world: World, tasks: Sequence[Step]) -> apply.Outcome:
    converging = Converging(CLUSTER, DESIGN, tasks, Hosts([]))
    return asyncio.run(converging.apply(Silent()))


def test_without_differences_there_is_one_look_and_nothing_is_done(world: World) -> None:
    world.done = ["a", "b"]
    tasks = [Task(world, "ctl1", "a", Phase.FILES), Task(world, None, "b", Phase.START)]
    assert run(world, tasks).done == []
    assert world.looks == 1


def test_phases_follow_each_other_with_a_look_between_and_the_cluster_comes_last(world: World) -> None:
    tasks = [
        Task(world, None, "cluster", Phase.FILES),
        Task(world, "ctl1", "late", Phase.START),
        Task(world, "ctl1", "first", Phase.FILES),
        Task(world, "ctl1", "second", Phase.FILES),
    ]
    outcome = run(world, tasks)
    assert world.done == ["first", "second", "cluster", "late"]
    assert [planned.step.title for planned, _seconds in outcome.done] == world.done
    assert world.looks == 3, "at first, and after each phase that did something"


def test_hosts_work_side_by_side(world: World) -> None:
    async def main() -> None:
        ready = asyncio.Event()

        @dataclass(frozen=True)
        class Sets(Task):
            async def do(self, hosts: Hosts, view: View, say: Say) -> None:
                ready.set()
                await Task.do(self, hosts, view, say)

        tasks = [
            Task(world, "ctl1", "waits for ctl2", Phase.FILES, waits_for=ready),
            Sets(world, "ctl2", "sets", Phase.FILES),
        ]
        async with asyncio.timeout(5):
            await Converging(CLUSTER, DESIGN, tasks, Hosts([])).apply(Silent())

    asyncio.run(main())
    assert world.done == ["sets", "waits for ctl2"]


def test_a_failure_stops_everything_that_has_not_begun_and_the_next_run_carries_on(world: World) -> None:
    broken = Task(world, "ctl1", "breaks", Phase.FILES, fails="`mkfs` ended with status 1")
    rest = [
        Task(world, "ctl1", "after it", Phase.FILES),
        Task(world, None, "cluster", Phase.FILES),
        Task(world, "ctl2", "later phase", Phase.START),
    ]
    with pytest.raises(StepFailed) as failed:
        run(world, [Task(world, "ctl1", "before it", Phase.PACKAGES), broken, *rest])
    assert world.done == ["before it"]
    assert failed.value.where == "ctl1"
    assert "could not breaks: `mkfs` ended with status 1" in str(failed.value)
    assert "run `quorate apply` again" in failed.value.todo

    mended = Task(world, "ctl1", "breaks", Phase.FILES)
    run(world, [Task(world, "ctl1", "before it", Phase.PACKAGES), mended, *rest])
    assert world.done == ["before it", "breaks", "after it", "cluster", "later phase"]


def test_failures_on_two_hosts_are_both_told(world: World) -> None:
    tasks = [Task(world, host, f"on {host}", Phase.FILES, fails=f"no luck on {host}") for host in ("ctl1", "ctl2")]
    with pytest.raises(StepFailed, match=r"(?s)no luck on ctl1.*Also: ctl2: on ctl2"):
        run(world, tasks)


def test_an_obstacle_anywhere_keeps_everything_from_being_changed(world: World) -> None:
    world.view = spoilt("ctl3", hostname="somebody")
    with pytest.raises(Obstructed) as obstructed:
        run(world, [Task(world, "ctl1", "a", Phase.FILES)])
    assert world.done == []
    assert obstructed.value.means == "Nothing was changed on any host."


def test_an_obstacle_that_shows_only_later_does_not_say_that_nothing_was_changed(world: World) -> None:
    @dataclass(frozen=True)
    class Reveals(Task):
        async def do(self, hosts: Hosts, view: View, say: Say) -> None:
            await Task.do(self, hosts, view, say)
            world.view = spoilt("ctl3", hostname="somebody")

    with pytest.raises(Obstructed) as obstructed:
        run(world, [Reveals(world, "ctl1", "a", Phase.FILES), Task(world, "ctl1", "b", Phase.START)])
    assert world.done == ["a"]
    assert "Nothing was changed" not in obstructed.value.means


def test_all_hosts_that_cannot_be_looked_at_are_named_at_once(world: World) -> None:
    world.errors = {"ctl2": Unreachable("no answer", where="ctl2", todo="wake it")}
    with pytest.raises(Unreachable, match="ctl2: no answer"):
        run(world, [Task(world, "ctl1", "a", Phase.FILES)])
    world.errors["ctl3"] = Unreachable("refused", where="ctl3")
    with pytest.raises(HostsFailed, match=r"(?s)2 hosts can't be looked at.*ctl2: no answer.*wake it.*ctl3: refused"):
        run(world, [Task(world, "ctl1", "a", Phase.FILES)])
    assert world.done == []
