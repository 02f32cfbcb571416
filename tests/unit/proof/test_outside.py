"""Quorum devices and SBD: what hangs on them, and what becomes of a node when they fail with it."""

import shutil

import pytest

from quorate.cluster.model import Cluster
from quorate.errors import InputError
from quorate.proof import outside, services
from quorate.proof.evidence import Documents, Evidence, Text, read
from quorate.proof.evidence.documents import HostFacts, HostFile
from quorate.proof.examination import failure_of
from quorate.proof.scheduler import Effect, Failure, Prediction, Scheduler
from quorate.proof.votes import is_quorate

from .known import Change, changed, cib, conf, host, more, three, two
from .mistakes.planting import prop, qdevice

needs_scheduler = pytest.mark.skipif(not shutil.which("crm_simulate"), reason="install pacemaker-cli-utils")


def members(count: int, how: str, where: str = "10.0.0.99") -> Evidence:
    nodes = "".join(f"node {{\nname: n{n}\nnodeid: {n}\nring0_addr: 10.0.0.{n}\n}}\n" for n in range(1, count + 1))
    device = f"device {{\nmodel: net\nnet {{\nhost: {where}\nalgorithm: {how}\n}}\n}}\n"
    quorum = f"quorum {{\nprovider: corosync_votequorum\n{device}}}\n"
    return read(Documents(corosync=Text("corosync.conf", f"{quorum}nodelist {{\n{nodes}}}\n")))


@pytest.mark.parametrize(
    ("count", "how", "lost", "expected"),
    [
        (2, "ffsplit", 0, True),
        (2, "ffsplit", 1, False),
        (4, "ffsplit", 1, True),
        (4, "ffsplit", 2, False),
        (3, "lms", 0, True),
        (3, "lms", 1, False),  # corosync-qdevice(8): without the device every node is needed
        (5, "lms", 1, False),
    ],
)
def test_votes_without_the_device(count: int, how: str, lost: int, expected: bool) -> None:
    gone = {f"n{number}" for number in range(1, lost + 1)}
    assert is_quorate(members(count, how), gone, without_device=True) is expected
    assert is_quorate(members(count, how), gone)


def test_a_device_on_a_member_goes_with_it() -> None:
    on_member = members(2, "ffsplit", where="10.0.0.1")
    assert not is_quorate(on_member, {"n1"})
    assert is_quorate(on_member, {"n2"})
    assert outside.parts(on_member) == ()  # it is the node that fails


def predicted(documents: Documents, *failures: Failure) -> list[Prediction]:
    evidence = read(documents)
    assert evidence.pacemaker
    with Scheduler(evidence, services.of_cluster(evidence.pacemaker)) as scheduler:
        return [scheduler.predict(each) for each in failures]


def lost(node: str, *parts: str) -> Failure:
    return Failure("x", nodes=frozenset({node}), outside=frozenset(parts))


@needs_scheduler
def test_two_nodes_and_a_quorum_device_survive_any_one_of_the_three(cluster: Cluster) -> None:
    documents = changed(two(cluster), conf("two_node: 1", "two_node: 0"), qdevice(how="ffsplit"))
    evidence = read(documents)
    assert evidence.pacemaker
    with Scheduler(evidence, services.of_cluster(evidence.pacemaker)) as scheduler:
        found = {each.failure.name: each for each in scheduler.predict_all(scheduler.single_failures())}
        twice = {each.failure.name: each for each in scheduler.predict_all(scheduler.double_failures())}
    assert (found["10.20.0.99"].worst, found["10.20.0.99"].actions, found["10.20.0.99"].quorate) == (
        Effect.NONE,
        (),
        True,
    )
    assert max(found[name].worst for name in ("ctl1", "ctl2")) is Effect.INTERRUPTED
    for name in ("ctl1 and 10.20.0.99", "ctl2 and 10.20.0.99"):
        assert (twice[name].quorate, twice[name].worst) == (False, Effect.GONE)


def sbd(disks: str) -> tuple[Change, ...]:
    """Fencing by these disks alone."""
    pair = f'<nvpair id="sbd-d" name="devices" value="{disks}"/>' if disks else ""
    device = '<primitive id="sbd" class="stonith" type="fence_sbd"><instance_attributes id="sbd-p">'
    return (
        *(cib(f'name="pcmk_host_list" value="ctl{n}"', 'name="pcmk_host_list" value="nobody"') for n in (1, 2, 3)),
        more("resources", f"{device}{pair}</instance_attributes></primitive>"),
    )


@needs_scheduler
@pytest.mark.parametrize(
    ("disks", "broken", "is_stuck"),
    [
        ("/dev/a", (), False),
        ("/dev/a", ("/dev/a",), True),
        ("/dev/a,/dev/b", ("/dev/b",), True),  # sbd(8): it doesn't fence with one of two
        ("/dev/a;/dev/b;/dev/c", ("/dev/b",), False),
        ("/dev/a /dev/b /dev/c", ("/dev/b", "/dev/c"), True),
    ],
)
def test_a_node_is_fenced_over_the_disks_that_are_left(
    disks: str, broken: tuple[str, ...], is_stuck: bool, cluster: Cluster
) -> None:
    documents = changed(three(cluster), *sbd(disks))
    (found,) = predicted(documents, lost("ctl1", *broken))
    assert (found.stuck == ("ctl1",)) is is_stuck
    assert ("fence" in {action.what for action in found.actions}) is not is_stuck


@needs_scheduler
def test_a_disk_alone_takes_nothing(cluster: Cluster) -> None:
    documents = changed(three(cluster), *sbd("/dev/a"))
    (found,) = predicted(documents, Failure("/dev/a", outside=frozenset({"/dev/a"})))
    assert (found.worst, found.actions) == (Effect.NONE, ())


def test_disks_are_found_where_they_are_named(cluster: Cluster) -> None:
    documents = changed(three(cluster), *sbd(""))
    assert outside.disks(read(documents)) == ()
    settings = HostFile(0o644, "root", "x", '# SBD_DEVICE="/dev/z"\nSBD_DEVICE="/dev/a;/dev/b"\n')
    known = HostFacts("ctl1", files={"/etc/default/sbd": settings})
    assert outside.disks(read(changed(documents, host("ctl1", files=known.files)))) == ("/dev/a", "/dev/b")


@needs_scheduler
@pytest.mark.parametrize(("policy", "resets"), [("stop", True), ("freeze", True), ("ignore", False)])
def test_without_quorum_watchdogs_reset_their_nodes(policy: str, resets: bool, cluster: Cluster) -> None:
    documents = changed(
        three(cluster), cib('name="no-quorum-policy" value="stop"', f'name="no-quorum-policy" value="{policy}"')
    )
    diskless = changed(documents, prop("stonith-watchdog-timeout", "10s"))
    both = Failure("x", nodes=frozenset({"ctl1", "ctl2"}))
    found, before = (*predicted(diskless, both), *predicted(documents, both))
    assert ([str(action) for action in found.actions if action.what == "self-fence"] == ["self-fence ctl3"]) is resets
    assert "self-fence" not in {action.what for action in before.actions}  # no watchdog is waited for


@needs_scheduler
def test_where_quorum_is_ignored_a_node_must_still_be_fenced(cluster: Cluster) -> None:
    ignored = cib('name="no-quorum-policy" value="stop"', 'name="no-quorum-policy" value="ignore"')
    nobody = cib('name="pcmk_host_list" value="ctl1"', 'name="pcmk_host_list" value="x"')
    one = changed(two(cluster), conf("two_node: 1", "two_node: 0"), ignored)
    fenced, waited_for = (*predicted(one, lost("ctl1")), *predicted(changed(one, nobody), lost("ctl1")))
    assert (fenced.quorate, fenced.stuck, waited_for.stuck) == (False, (), ("ctl1",))
    assert "fence" in {action.what for action in fenced.actions}


@needs_scheduler
def test_watchdogs_fence_a_node_that_is_lost(cluster: Cluster) -> None:
    bare = changed(
        three(cluster),
        *(cib(f'name="pcmk_host_list" value="ctl{n}"', 'name="pcmk_host_list" value="x"') for n in (1, 2, 3)),
    )
    waiting = changed(bare, prop("stonith-watchdog-timeout", "10s"))
    nothing = changed(waiting, prop("have-watchdog", "false"))
    assert [each.stuck for documents in (bare, waiting, nothing) for each in predicted(documents, lost("ctl1"))] == [
        ("ctl1",),
        (),
        ("ctl1",),
    ]


def test_what_if_takes_their_names(cluster: Cluster) -> None:
    evidence = read(changed(three(cluster), qdevice(), *sbd("/dev/a")))
    found = failure_of(evidence, ["ctl1", "10.20.0.99", "/dev/a"])
    assert (sorted(found.nodes), sorted(found.outside)) == (["ctl1"], ["/dev/a", "10.20.0.99"])
    with pytest.raises(InputError, match="neither"):
        failure_of(evidence, ["/dev/b"])
