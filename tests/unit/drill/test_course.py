"""What the scheduler says beforehand, and what the journals say afterwards.

`power-loss.graph.xml` is the scheduler's answer, Pacemaker 3.0.0, to the loss of ctl1 that serves the database, in the
lab; `power-loss.tsv` are the journals of such a loss, before there was a `database-backing-disk`.
"""

import asyncio
import dataclasses
import io
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lxml import etree
from rich.console import Console

from quorate import live
from quorate.cluster import loading
from quorate.cluster.model import Cluster
from quorate.design import work_out
from quorate.drill import report
from quorate.drill.audit.journals import Entry
from quorate.drill.faults import FREEZE, KILL, POWER_LOSS, Fault
from quorate.drill.faults.configuration import BROKEN_CONFIGURATION
from quorate.drill.faults.stranger import STRANGER
from quorate.drill.judgement import course
from quorate.drill.judgement.course import Course, Followed, Takes
from quorate.drill.report import building, page
from quorate.drill.targets import Target
from quorate.errors import HostError
from quorate.proof.course import Step, course_of
from quorate.proof.evidence import designed, read
from quorate.proof.scheduler import Scheduler
from quorate.proof.services import of_design

from .test_phases import CUT, JOURNALS
from .test_verdict import GOOD

GRAPH = Path(__file__).with_name("power-loss.graph.xml")
OTHERS = "start database-backing-disk on ctl2"
"""What that recovery didn't have yet."""


@pytest.fixture(scope="session")
def steps() -> tuple[Step, ...]:
    return course_of(etree.parse(GRAPH).getroot())


@pytest.fixture
def entries() -> list[Entry]:
    """Of the nodes that are left."""
    lines = (line.split("\t") for line in JOURNALS.read_text().splitlines())
    found = [Entry(node, float(time), source, message) for time, node, source, message in lines]
    return [entry for entry in found if entry.node != "ctl1" and entry.time < CUT + 30]


Follow = Callable[..., Followed]


@pytest.fixture
def follow(steps: tuple[Step, ...], entries: list[Entry]) -> Follow:
    def follow(change: Callable[[Entry], Entry] = lambda entry: entry, downtime: float = 12.0) -> Followed:
        known = tuple(step for step in steps if str(step) != OTHERS)
        places = {place: known.index(step) for place, step in enumerate(steps) if step in known}
        kept = [Step(s.what, s.resource, s.node, tuple(places[at] for at in s.after if at in places)) for s in known]
        predicted = Course(tuple(kept), {"database": Takes(11.05, 282.0)})
        changed = sorted(map(change, entries), key=lambda entry: entry.time)
        return course.follow(predicted, changed, CUT, {"database": downtime})

    return follow


def test_what_is_done_and_what_waits_for_what(steps: tuple[Step, ...]) -> None:
    """Fencing comes first; devices for it, monitors and what is only done in thought are no steps."""
    assert {str(step): {str(steps[place]) for place in step.after} for step in steps} == {
        "fence ctl1": set(),
        "promote database-drbd on ctl2": {"fence ctl1"},
        "start database-filesystem on ctl2": {"fence ctl1", "promote database-drbd on ctl2"},
        "start database-backing-disk on ctl2": {"fence ctl1", "promote database-drbd on ctl2"},
        "start database-address on ctl2": {"fence ctl1"},
        "start database-mariadb on ctl2": {
            *("fence ctl1", "start database-filesystem on ctl2", "start database-address on ctl2")
        },
    }
    assert all(before < place for place, step in enumerate(steps) for before in step.after)


def test_a_real_recovery_went_as_predicted(follow: Follow) -> None:
    followed = follow()
    assert followed.differences == []
    seen = {f"{step.what} {step.resource}": at for step, at in zip(followed.steps, followed.seconds, strict=True)}
    assert seen == {
        "fence ": pytest.approx(8.12, abs=0.01),
        "start database-address": pytest.approx(9.31, abs=0.01),
        "promote database-drbd": pytest.approx(11.26, abs=0.01),
        "start database-filesystem": pytest.approx(13.44, abs=0.01),
        "start database-mariadb": pytest.approx(16.36, abs=0.01),
    }


def test_what_was_not_done_or_done_elsewhere_is_a_difference(
    steps: tuple[Step, ...], entries: list[Entry], follow: Follow
) -> None:
    assert course.follow(Course(steps), entries, CUT, {}).differences == [f"predicted and not seen: {OTHERS}"]

    def on_another_node(entry: Entry) -> Entry:
        return Entry(
            entry.node, entry.time, entry.source, entry.message.replace("database-mariadb on ctl2", "X on ctl3")
        )

    assert follow(on_another_node).differences == ["predicted and not seen: start database-mariadb on ctl2"]


def test_what_failed_was_not_done(follow: Follow) -> None:
    def failing(entry: Entry) -> Entry:
        return Entry(
            entry.node, entry.time, entry.source, entry.message.replace("mariadb on ctl2: OK", "mariadb on ctl2: 1")
        )

    assert follow(failing).differences == ["predicted and not seen: start database-mariadb on ctl2"]


def test_another_order_is_a_difference(follow: Follow) -> None:
    def earlier(entry: Entry) -> Entry:
        seconds = 4.0 if "promote operation for database-drbd" in entry.message else 0.0
        return Entry(entry.node, entry.time - seconds, entry.source, entry.message)

    assert follow(earlier).differences == [
        "promote database-drbd on ctl2 came before fence ctl1, and was predicted to come after it"
    ]


def test_a_longer_outage_than_all_time_outs_allow_is_a_difference(follow: Follow) -> None:
    assert follow(downtime=300.0).differences == [
        "database stopped for 300.0 s at least; at most 282.0 s were predicted"
    ]


def test_order_between_services_is_advisory(cluster: Cluster) -> None:
    steps = (
        Step("fence", "", "ctl1"),
        Step("start", "database-filesystem", "ctl2", (0,)),
        Step("start", "database-mariadb", "ctl2", (0, 1)),
        Step("start", "another", "ctl2", (0, 2)),
    )
    assert [step.after for step in course.binding(steps, work_out(cluster))] == [(), (0,), (0, 1), (0,)]


def test_a_difference_breaks_the_drill_and_every_report_has_it() -> None:
    predicted = (Step("fence", "", "ctl1"), Step("promote", "database-drbd", "ctl2", (0,)))
    followed = Followed(predicted, {"database": Takes(11.05, 282.0)}, (3.44, None), {"database": 12.0})
    verdict = dataclasses.replace(GOOD, course=followed)
    assert verdict.broken == ["predicted and not seen: promote database-drbd on ctl2"]
    document = building.build(verdict, {}, None)
    assert document.course
    assert (document.course.steps[1].after, document.course.seconds) == ([0], [3.44, None])
    assert document.course.differences == verdict.broken
    seen = io.StringIO()
    report.show(verdict, Console(file=seen, width=200))
    for text in (seen.getvalue(), " ".join(page.html([document]).split())):
        assert "fence ctl1 (3.4 s), promote database-drbd on ctl2 (not seen)" in text


def test_what_monitors_will_report(cluster: Cluster) -> None:
    design = work_out(cluster)
    target = Target(("ctl2",), "database", ("mariadb.service",), resources=("database-mariadb",))
    assert list(course.reports(design, target, KILL.reported)) == ["database-mariadb_monitor_5000@ctl2=7"]
    assert list(course.reports(design, target, FREEZE.reported)) == ["database-mariadb_monitor_5000@ctl2=1"]
    assert list(course.reports(design, target, BROKEN_CONFIGURATION.reported)) == ["database-mariadb_start_0@ctl2=1"]
    assert list(course.reports(design, target, POWER_LOSS.reported)) == []
    assert list(course.reports(design, Target(("ctl2",), None, ()), KILL.reported)) == []


def test_how_long_it_takes_is_what_check_says(cluster: Cluster) -> None:
    found = {failure: course.takes(cluster, work_out(cluster), failure)["database"] for failure in ("node", "process")}
    assert 9 < found["node"].expected < 13
    assert found["process"].expected < found["node"].expected < found["node"].longest


def test_a_balancer_s_delay_bounds_nothing() -> None:
    """A request that a frozen server has waits for longer: 4 s were seen with Keystone, where 2.5 are expected."""
    file = Path(__file__).parents[3] / "examples/lab.yaml"
    openstack = loading.read(file.read_bytes(), str(file)).cluster
    alone = {"database", "image"}  # no other server could take over
    assert set(course.takes(openstack, work_out(openstack), "process")) == alone
    assert set(course.takes(openstack, work_out(openstack), "node")) == {"database", "identity", "image"}


class Node:
    """This machine as a node of a cluster that is a file."""

    name = "here"

    def __init__(self, cib: Path, temporary: Path) -> None:
        self.environment = {"PATH": os.environ["PATH"], "CIB_file": str(cib), "TMPDIR": str(temporary)}

    async def run(self, *argv: str) -> Any:
        process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE, env=self.environment)
        out, _ = await process.communicate()
        if process.returncode:
            raise HostError(f"it ended with {process.returncode}", where=self.name)
        return SimpleNamespace(stdout=out.decode())


def foresee(cib: Path, folder: Path, lost: Sequence[str] = (), failed: Sequence[str] = ()) -> list[str]:
    (folder / "temporary").mkdir()
    node: Any = Node(cib, folder / "temporary")
    try:
        return [str(step) for step in asyncio.run(live.foresee(node, lost=lost, failed=failed))]
    finally:
        assert list((folder / "temporary").iterdir()) == [], "nothing is left on the node"


@pytest.fixture
def cib(cluster: Cluster) -> Iterator[Path]:
    """The cluster's own, while nothing has failed; the scheduler has let ctl2 serve."""
    design = work_out(cluster)
    evidence = read(designed.documents(design, cluster))
    assert evidence.pacemaker
    if not shutil.which("crm_simulate"):
        pytest.skip("no crm_simulate on this machine: install pacemaker-cli-utils")
    with Scheduler(evidence, of_design(design, evidence.pacemaker)) as scheduler:
        yield scheduler._start().document


def test_pacemaker_s_own_scheduler_is_asked(cib: Path, tmp_path: Path) -> None:
    steps = foresee(cib, tmp_path, lost=["ctl2"])
    assert steps[0] == "fence ctl2"
    assert "promote database-drbd on ctl1" in steps


def test_what_failed_is_started_again(cib: Path, tmp_path: Path) -> None:
    steps = foresee(cib, tmp_path, failed=["database-mariadb_monitor_5000@ctl2=7"])
    assert steps == ["stop database-mariadb on ctl2", "start database-mariadb on ctl2"]


def foretold(cib: Path, folder: Path, fault: Fault, cluster: Cluster) -> Course | None:
    """What is foretold of a fault that hits the database on ctl2."""

    class Hosts:
        async def host(self, _name: str) -> Node:
            return Node(cib, folder)

    drill: Any = SimpleNamespace(fault=fault, cluster=cluster, design=work_out(cluster), hosts=Hosts())
    state: Any = SimpleNamespace(dc="ctl1")
    target = Target(("ctl2",), "database", (), ("database-mariadb",))
    return asyncio.run(course.foretell(drill, target, None, state))


def test_a_service_that_dies_stops_for_as_long_as_check_says(cib: Path, tmp_path: Path, cluster: Cluster) -> None:
    found = foretold(cib, tmp_path, KILL, cluster)
    assert found
    assert [str(step) for step in found.steps] == ["stop database-mariadb on ctl2", "start database-mariadb on ctl2"]
    assert found.takes == {"database": course.takes(cluster, work_out(cluster), "process")["database"]}


def test_what_can_not_be_started_again_moves(cib: Path, tmp_path: Path, cluster: Cluster) -> None:
    """Or nothing is foretold: crm_simulate 2.1 would start it again where it can't be, and no cluster does."""
    found = foretold(cib, tmp_path, BROKEN_CONFIGURATION, cluster)
    assert found is None or (str(found.steps[-1]), found.takes) == ("start database-mariadb on ctl1", {})


def test_of_what_the_scheduler_knows_nothing_nothing_is_foretold(cib: Path, tmp_path: Path, cluster: Cluster) -> None:
    assert foretold(cib, tmp_path, STRANGER, cluster) is None


def test_no_answer_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="it ended with"):
        foresee(tmp_path / "nowhere", tmp_path)
