"""What Pacemaker would do, asked of Pacemaker's own scheduler; skipped where it isn't installed."""

import shutil
import time
from pathlib import Path

import pytest

from quorate.cluster.model import Cluster
from quorate.design import work_out
from quorate.proof import services
from quorate.proof.evidence import Documents, Evidence, Text, read
from quorate.proof.scheduler import Effect, Failure, Prediction, Scheduler, Unpredictable
from quorate.proof.votes import is_quorate

from .known import Change, changed, cib, conf, more, three, two

needs_scheduler = pytest.mark.skipif(not shutil.which("crm_simulate"), reason="install pacemaker-cli-utils")
BY_HAND = Path(__file__).parent / "clusters/by-hand"


def predicted(documents: Documents, *failures: Failure) -> list[Prediction]:
    evidence = read(documents)
    assert evidence.pacemaker
    with Scheduler(evidence, services.of_cluster(evidence.pacemaker)) as scheduler:
        assert scheduler.never_run() == ()
        return [scheduler.predict(each) for each in failures]


def node(*names: str, unfenceable: frozenset[str] = frozenset()) -> Failure:
    return Failure(" and ".join(names), nodes=frozenset(names), unfenceable=unfenceable)


def effects(prediction: Prediction) -> set[Effect]:
    return set(prediction.effects.values())


@needs_scheduler
def test_all_failures_of_three_nodes_in_seconds(cluster: Cluster) -> None:
    begun = time.monotonic()
    design = work_out(cluster)
    evidence = read(three(cluster))
    assert evidence.pacemaker
    with Scheduler(evidence, services.of_design(design, evidence.pacemaker)) as scheduler:
        everything = scheduler.predict_all([*scheduler.single_failures(), *scheduler.double_failures()])
        active = scheduler.healthy().on["database-mariadb"][0]
    found = {each.failure.name: each for each in everything}
    other = {"ctl1": "ctl2", "ctl2": "ctl1"}[active]
    assert found[active].effects == {"database": Effect.INTERRUPTED}
    assert found[other].effects == {"database": Effect.REDUNDANCY}
    assert found["ctl3"].effects == {"database": Effect.NONE}
    for name in ("database-drbd", "database-filesystem", "database-address", "database-mariadb"):
        assert found[name].effects == {"database": Effect.INTERRUPTED}, name
    assert found[f"{active}'s link to management"].effects == {"database": Effect.INTERRUPTED}
    assert found[f"{active}'s link to management"].after.promoted["database-drbd"] == (other,)
    for idle in (other, "ctl3"):
        assert found[f"{idle}'s link to management"].effects == {"database": Effect.NONE}
    for pair in ("ctl1 and ctl2", "ctl1 and ctl3", "ctl2 and ctl3"):
        assert found[pair].effects == {"database": Effect.GONE}
        assert not found[pair].quorate
    said = [str(action) for action in found[active].actions]
    order = [
        f"fence {active}",
        *(f"{step} on {other}" for step in ("promote database-drbd", "start database-filesystem")),
    ]
    positions = [said.index(step) for step in [*order, f"start database-mariadb on {other}"]]
    assert positions == sorted(positions)
    assert found[active].after.promoted["database-drbd"] == (other,)
    # Three seconds for a machine that does something else as well; it takes half of one.
    assert time.monotonic() - begun < 5


@needs_scheduler
def test_a_node_that_nothing_can_fence_is_waited_for(cluster: Cluster) -> None:
    documents = three(cluster)
    active = _active(documents)
    (lost, unfenceable) = predicted(documents, node(active), node(active, unfenceable=frozenset({active})))
    assert (effects(lost), lost.stuck) == ({Effect.INTERRUPTED}, ())
    assert (effects(unfenceable), unfenceable.stuck) == ({Effect.GONE}, (active,))
    assert "fence" not in {action.what for action in unfenceable.actions}
    without = changed(documents, cib(f'name="pcmk_host_list" value="{active}"', 'name="pcmk_host_list" value="nobody"'))
    (undeclared,) = predicted(without, node(active))
    assert undeclared.stuck == (active,)


def _active(documents: Documents) -> str:
    evidence = read(documents)
    with Scheduler(evidence, ()) as scheduler:
        return scheduler.healthy().on["database-mariadb"][0]


@needs_scheduler
def test_without_fencing_a_lost_node_is_taken_for_dead(cluster: Cluster) -> None:
    documents = changed(
        three(cluster), cib('name="stonith-enabled" value="true"', 'name="stonith-enabled" value="false"')
    )
    (found,) = predicted(documents, node(_active(documents)))
    assert "fence" not in {action.what for action in found.actions}
    assert effects(found) == {Effect.INTERRUPTED}


@needs_scheduler
def test_two_nodes_go_on_with_one(cluster: Cluster) -> None:
    documents = two(cluster)
    (good,) = predicted(documents, node(_active(documents)))
    assert (good.quorate, effects(good)) == (True, {Effect.INTERRUPTED})
    (bad,) = predicted(changed(documents, conf("two_node: 1", "two_node: 0")), node(_active(documents)))
    assert (bad.quorate, effects(bad)) == (False, {Effect.GONE})
    (both,) = predicted(documents, node("ctl1", "ctl2"))
    assert (effects(both), both.actions) == ({Effect.GONE}, ())


@needs_scheduler
def test_a_resource_that_nobody_watches(cluster: Cluster) -> None:
    monitor = 'name="monitor" interval="5s" timeout="15s"'
    documents = changed(three(cluster), cib(monitor, monitor + ' enabled="false"'))
    (found,) = predicted(documents, Failure("x", resources=frozenset({"database-mariadb"})))
    assert found.unnoticed == ("database-mariadb",)
    assert Effect.GONE in effects(found)


CLONE = (
    '<clone id="web-clone"><primitive id="web" class="ocf" provider="pacemaker" type="Dummy">'
    '<operations><op id="web-m" name="monitor" interval="10s"/></operations></primitive></clone>'
)


@needs_scheduler
def test_a_clone_goes_on_with_fewer(cluster: Cluster) -> None:
    documents = changed(three(cluster), more("resources", CLONE))
    lost, dead = predicted(documents, node("ctl3"), Failure("x", resources=frozenset({"web"})))
    assert lost.effects["web-clone"] is Effect.REDUNDANCY
    assert dead.effects["web-clone"] is Effect.REDUNDANCY


@needs_scheduler
@pytest.mark.parametrize(
    "change",
    [
        cib('validate-with="pacemaker-3.9"', 'validate-with="pacemaker-4.0"'),
        cib('validate-with="pacemaker-3.9"', 'validate-with="pacemaker-3.9" crm_feature_set="3.20.1" have-quorum="0"'),
        more("constraints", '<rsc_order id="o" first="database-mariadb" then="nothing"/>'),
        cib('<node id="3" uname="ctl3"/>', ""),
    ],
)
def test_a_cib_is_made_fit_for_this_scheduler(change: Change, cluster: Cluster) -> None:
    documents = changed(three(cluster), change)
    (found,) = predicted(documents, node(_active(documents)))
    assert effects(found) == {Effect.INTERRUPTED}


@needs_scheduler
def test_what_the_scheduler_refuses_is_said(cluster: Cluster) -> None:
    documents = changed(three(cluster), more("resources", '<primitive id="x" class="nothing" wrong="1"/>'))
    with pytest.raises(Unpredictable, match="refuses this CIB"), Scheduler(read(documents), ()) as scheduler:
        scheduler.healthy()


def test_without_a_scheduler_or_a_cib_it_is_said(cluster: Cluster) -> None:
    with pytest.raises(Unpredictable, match="no CIB"):
        Scheduler(Evidence(), ())
    evidence = read(three(cluster))
    with pytest.raises(Unpredictable), Scheduler(evidence, (), program="/bin/false") as scheduler:
        scheduler.healthy()


@needs_scheduler
def test_a_cluster_set_up_by_hand() -> None:
    names = ("cib.xml", "corosync.conf", "mysql.res")
    cib_, conf_, drbd_ = (Text(name, (BY_HAND / name).read_text()) for name in names)
    evidence = read(Documents(cib=cib_, corosync=conf_, drbd=(drbd_,)))
    assert evidence.pacemaker
    found = services.of_cluster(evidence.pacemaker)
    assert {each.name: each.primitives for each in found} == {
        "g-mysql": ("p-drbd-mysql", "p-ip-mysql", "p-fs-mysql", "p-mysql"),
        "p-keystone": ("p-keystone",),
    }
    with Scheduler(evidence, found) as scheduler:
        beta = scheduler.predict(node("beta"))
        drbd = scheduler.predict(Failure("x", resources=frozenset({"p-drbd-mysql"})))
    assert beta.stuck == ("beta",)
    assert drbd.unnoticed == ("p-drbd-mysql",)
    assert drbd.effects["g-mysql"] is Effect.GONE


def members(count: int, quorum: str) -> Evidence:
    nodes = "".join(f"node {{\nname: n{n}\nnodeid: {n}\nring0_addr: 10.0.0.{n}\n}}\n" for n in range(1, count + 1))
    return read(
        Documents(
            corosync=Text("x", f"quorum {{\nprovider: corosync_votequorum\n{quorum}\n}}\nnodelist {{\n{nodes}}}\n")
        )
    )


LMS = "device {\nmodel: net\nnet {\nhost: q\nalgorithm: lms\n}\n}"
FFSPLIT = "device {\nmodel: net\nnet {\nhost: q\nalgorithm: ffsplit\n}\n}"


@pytest.mark.parametrize(
    ("count", "quorum", "lost", "expected"),
    [
        (3, "", {"n1"}, True),
        (3, "", {"n1", "n2"}, False),
        (2, "", {"n1"}, False),
        (2, "two_node: 1", {"n1"}, True),
        (2, FFSPLIT, {"n1"}, True),
        (4, "", {"n1", "n2"}, False),
        (4, FFSPLIT, {"n1", "n2"}, True),
        (4, "auto_tie_breaker: 1", {"n3", "n4"}, True),
        (4, "auto_tie_breaker: 1", {"n1", "n2"}, False),
        (3, LMS, {"n1", "n2"}, True),
        (5, "", {"n1", "n2"}, True),
        (3, "", {"n1", "n2", "n3"}, False),
    ],
)
def test_votes(count: int, quorum: str, lost: set[str], expected: bool) -> None:
    assert is_quorate(members(count, quorum), lost) is expected


BUNDLE = """
<bundle id="db"><podman image="x" replicas="3" promoted-max="1"/><network control-port="3123"/>
  <primitive id="galera" class="ocf" provider="heartbeat" type="galera">
    <operations><op id="g-m" name="monitor" interval="10s" role="Promoted"/></operations></primitive></bundle>"""


@needs_scheduler
def test_a_bundle_is_promoted_and_moves(cluster: Cluster) -> None:
    documents = changed(three(cluster), more("resources", BUNDLE))
    evidence = read(documents)
    assert evidence.pacemaker
    with Scheduler(evidence, services.of_cluster(evidence.pacemaker)) as scheduler:
        running = scheduler.healthy()
        assert len(running.on["galera"]) == 3
        assert len(running.promoted["galera"]) == 1
        lost = scheduler.predict(node("ctl3"))
    assert lost.effects["db"] in (Effect.INTERRUPTED, Effect.REDUNDANCY)
