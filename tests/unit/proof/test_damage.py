"""What the loss of a part does to the machines, and that the example for the lab has every kind of outcome."""

from datetime import date
from pathlib import Path

import pytest

from quorate.cluster.loading import load
from quorate.design import work_out
from quorate.errors import InputError
from quorate.proof.damage import Damage, standing
from quorate.proof.topology import Study, study, what_if

EXAMPLES = Path(__file__).parents[3] / "examples"


def damage(example: str, *parts: str) -> Damage:
    cluster = load((EXAMPLES / example).read_bytes(), example)
    return standing(work_out(cluster), cluster).damage(parts)


CTL1 = (("ctl1", "management"), ("ctl1", "storage"))
CTL3 = (("ctl3", "management"), ("ctl3", "storage"))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["feed-a"], Damage()),  # everything in the rooms has two power supplies
        (["n1-a", "n1-b"], Damage(("ctl1",), ("ctl1",), CTL1)),
        (["feed-b"], Damage(("ctl3",), ("ctl3",), CTL3)),
        (["sw-n"], Damage(cut=CTL1)),
        (["ctl1"], Damage(powerless=("ctl1",))),
        (["ctl1:bmc"], Damage(silent=("ctl1",))),
        (["oob-s"], Damage(silent=("ctl2", "ctl3"))),
        (["ctl1:eno1"], Damage()),
        (["ctl1:eno1", "ctl1:eno2"], Damage(cut=CTL1[:1])),
        (["stairwell"], Damage(("ctl3",), ("ctl3",), CTL3)),
    ],
)
def test_what_falls_with_a_part(parts: list[str], expected: Damage) -> None:
    assert damage("lab-site.yaml", *parts) == expected


def test_a_dead_cooling_loop_stops_a_node_and_the_switch_by_which_it_could_be_fenced() -> None:
    assert damage("two-rooms.yaml", "crac-1", "crac-2") == Damage(powerless=("ctl1",), silent=("ctl1",))


def test_clients_come_through_gateways() -> None:
    assert damage("two-rooms.yaml", "edge-1") == Damage()
    assert damage("two-rooms.yaml", "edge-1", "carrier-y").cut_off == ("public",)


def test_without_a_facility_there_are_nodes_networks_and_bmcs() -> None:
    assert damage("database.yaml", "storage").cut == tuple((f"ctl{number}", "storage") for number in (1, 2, 3))
    assert damage("database.yaml", "bmc-network").silent == ("ctl1", "ctl2", "ctl3")


def test_a_name_that_is_none_is_answered_with_the_nearest() -> None:
    cluster = load((EXAMPLES / "lab-site.yaml").read_bytes(), "lab-site.yaml")
    stands = standing(work_out(cluster), cluster)
    assert stands.parts(["feed-a", "feed-a", "ctl1"], "here") == ("feed-a", "ctl1")
    for name in ("fed-a", ""):
        with pytest.raises(InputError):
            stands.parts([name], "here")


@pytest.fixture(scope="module")
def found() -> Study:
    cluster = load((EXAMPLES / "lab-site.yaml").read_bytes(), "lab-site.yaml")
    return study(cluster, work_out(cluster), today=date(2026, 11, 23))


def test_nothing_is_wrong_with_the_example_that_nobody_bears(found: Study) -> None:
    assert found.counted == []


@pytest.mark.parametrize(
    ("part", "verdict"),
    [
        ("feed-a", "less redundancy"),
        ("feed-b", "less redundancy"),
        ("ctl3", "less redundancy"),
        ("oob-n", "less redundancy"),
        ("ctl1", "takeover"),
        ("sw-n", "takeover"),
        ("n1", "outage"),
        ("south", "outage"),
    ],
)
def test_the_example_has_every_kind_of_outcome(found: Study, part: str, verdict: str) -> None:
    assert [each.verdict for each in what_if(found, [part])] == [verdict]
