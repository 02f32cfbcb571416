"""Never two primaries: a planted one is found, a proper takeover is none."""

import pytest

from quorate.drill.audit.journals import Entry
from quorate.drill.audit.primaries import Reign, frozen, overlaps, reigns


def role(time: float, node: str, old: str, new: str, minor: int = 0) -> Entry:
    return Entry(node, time, "kernel", f"drbd database/0 drbd{minor}: role( {old} -> {new} )")


def peer(time: float, node: str, old: str, new: str) -> Entry:
    return Entry(
        node, time, "kernel", f"drbd database/0 drbd0: peer( {old} -> {new} ) conn( WFReportParams -> WFBitMapS )"
    )


TAKEOVER = [
    peer(14.0, "ctl2", "Primary", "Unknown"),
    role(15.0, "ctl2", "Secondary", "Primary"),
    peer(30.0, "ctl1", "Unknown", "Primary"),
]


def test_a_takeover_after_a_power_cut() -> None:
    found = reigns(TAKEOVER, 0, ["ctl1"], {"ctl1": [10.0]}, start=5, end=40)
    assert found == [Reign("ctl1", 5, 10.0), Reign("ctl2", 15.0, 40)]
    assert overlaps("database", found, 0.0) == []


def test_the_same_without_a_power_cut_is_the_disaster() -> None:
    found = reigns(TAKEOVER, 0, ["ctl1"], {}, start=5, end=40)
    (overlap,) = overlaps("database", found, 0.01)
    assert set(overlap.nodes) == {"ctl1", "ctl2"}
    assert (overlap.start, overlap.seconds) == (15.0, 25.0)


def susp(time: float, node: str, old: int, new: int) -> Entry:
    return Entry(node, time, "kernel", f"drbd database: pdsk( UpToDate -> DUnknown ) susp( {old} -> {new} ) ")


def test_of_a_node_whose_bmc_lies_it_counts_until_when_it_could_write() -> None:
    entries = [susp(12.0, "ctl1", 0, 1), *TAKEOVER]
    assert frozen(entries, "database", ()) == frozen(entries, "image", ["ctl1"]) == []
    stopped = frozen(entries, "database", ["ctl1"])
    assert reigns(entries, 0, ["ctl1"], {}, 5, 40, stopped) == [Reign("ctl1", 5, 12.0), Reign("ctl2", 15.0, 40)]
    going_on = frozen([*entries, susp(20.0, "ctl1", 1, 0)], "database", ["ctl1"])
    (overlap,) = overlaps("database", reigns(entries, 0, ["ctl1"], {}, 5, 40, going_on), 0.01)
    assert (overlap.start, overlap.seconds) == (20.0, 20.0)


def test_a_planned_switch_over_and_another_volume() -> None:
    entries = [
        role(20.0, "ctl1", "Primary", "Secondary"),
        role(20.4, "ctl2", "Secondary", "Primary"),
        role(21.0, "ctl1", "Secondary", "Primary", minor=1),
    ]
    found = reigns(entries, 0, ["ctl1"], {}, start=5, end=40)
    assert found == [Reign("ctl1", 5, 20.0), Reign("ctl2", 20.4, 40)]
    assert overlaps("database", found, 0.0) == []


@pytest.mark.parametrize(("uncertainty", "count"), [(0.0, 1), (0.2, 0)])
def test_clocks_decide_no_finer_than_they_are_known(uncertainty: float, count: int) -> None:
    entries = [role(20.1, "ctl1", "Primary", "Secondary"), role(20.0, "ctl2", "Secondary", "Primary")]
    found = reigns(entries, 0, ["ctl1"], {}, start=5, end=40)
    assert len(overlaps("database", found, uncertainty)) == count
