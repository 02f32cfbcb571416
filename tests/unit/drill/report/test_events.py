"""What the cluster did, from lines that Corosync, Pacemaker, DRBD and the fence-peer handler really wrote."""

import pytest

from quorate.drill.audit.fencing import PowerRequest
from quorate.drill.audit.journals import Entry
from quorate.drill.report.events import events
from quorate.drill.report.model import EventKind, Report


@pytest.mark.parametrize(
    ("source", "message", "kind", "text"),
    [
        (
            "corosync",
            "[TOTEM ] A processor failed, forming new configuration: token timed out (1000ms), waiting 1200ms",
            EventKind.MEMBERSHIP,
            "token lost",
        ),
        (
            "corosync",
            "[QUORUM] This node is within the non-primary component and will NOT provide any service.",
            EventKind.QUORUM,
            "ctl1 without quorum",
        ),
        ("pacemaker-controld", "notice: Node ctl2 state is now lost", EventKind.MEMBERSHIP, "ctl2 lost"),
        (
            "pacemaker-controld",
            "notice: Peer ctl2 was terminated (reboot) by ctl1 on behalf of pacemaker-controld.2551@ctl1: OK",
            EventKind.FENCING,
            "ctl2 fenced",
        ),
        (
            "pacemaker-controld",
            "notice: Result of promote operation for image-drbd on ctl1: OK",
            EventKind.RESOURCE,
            "image-drbd promoted",
        ),
        (
            "pacemaker-controld",
            "notice: Result of monitor operation for identity-api on ctl1: Error occurred (the unit is active)",
            EventKind.FAILURE,
            "identity-api: monitor failed",
        ),
        (
            "kernel",
            "drbd image/0 drbd2: role( Secondary -> Primary )",
            EventKind.REPLICATION,
            "image: primary ctl1",
        ),
        ("kernel", "Linux version 7.2.7 (sbuild@sbuild)", EventKind.BOOT, "ctl1 boots"),
        (
            "quorate-fence-peer",
            "image: hold: ctl2 is fenced or shut down (status 7)",
            EventKind.REPLICATION,
            "image: fence-peer: hold",
        ),
    ],
)
def test_a_line_is_an_event(source: str, message: str, kind: EventKind, text: str) -> None:
    (event,) = events([Entry("ctl1", 1001.0, source, message)], {}, 1000.0, 1100.0)
    assert (event.kind, event.text, event.at, event.nodes) == (kind, text, 1.0, ["ctl1"])
    assert event.evidence == message


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("pacemaker-controld", "notice: Result of monitor operation for database-drbd on ctl1: Promoted"),
        ("pacemaker-controld", "notice: Result of monitor operation for database-mariadb on ctl1: OK"),
        ("pacemaker-controld", "notice: Result of probe operation for database-drbd on ctl2: Not running"),
        ("kernel", "Kernel command line: panic=1 root=/dev/ubda"),
        ("kernel", "drbd database: peer( Primary -> Unknown ) conn( Connected -> NetworkFailure )"),
    ],
)
def test_the_usual_is_none(source: str, message: str) -> None:
    assert events([Entry("ctl1", 1001.0, source, message)], {}, 1000.0, 1100.0) == []


def test_nodes_that_say_the_same_at_once_say_it_once() -> None:
    lost = "notice: Node ctl3 state is now lost"
    lines = [
        Entry(node, at, "pacemaker-controld", lost)
        for node, at in (("ctl1", 1001.0), ("ctl2", 1001.5), ("ctl1", 1030.0))
    ]
    first, again = events(lines, {}, 1000.0, 1100.0)
    assert (first.nodes, first.at) == (["ctl1", "ctl2"], 1.0)
    assert (again.nodes, again.at) == (["ctl1"], 30.0)


def test_only_what_happened_under_load_counts() -> None:
    lines = [Entry("ctl1", at, "kernel", "Linux version 7") for at in (999.0, 1050.0, 1101.0)]
    asked = {"ctl1": [PowerRequest(1002.0, "10.0.0.1", "off"), PowerRequest(1200.0, "10.0.0.1", "on")]}
    found = events(lines, asked, 1000.0, 1100.0)
    assert [event.text for event in found] == ["BMC of ctl1: off", "ctl1 boots"]


def test_a_real_takeover_tells_its_story(real: list[Report]) -> None:
    texts = [event.text for event in real[1].events]
    story = [
        "token lost",
        "ctl2 to fence",
        "ctl2 fenced",
        "database: primary ctl1",
        "database-mariadb started",
        "ctl2 is member",
    ]
    assert sorted(story, key=texts.index) == story
