"""What is predicted for a part's loss, given who serves; and that each difference from what was seen is told."""

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest

from quorate.cluster.loading import load
from quorate.cluster.model import Cluster
from quorate.design import Design, work_out
from quorate.drill.audit.audit import Blow
from quorate.drill.clients.outage import Gap, Outage
from quorate.drill.judgement.expectation import promised
from quorate.drill.judgement.forecast import Fate, Forecast, Glimpse, Prediction, fate, fates, foretell, understand
from quorate.drill.targets import Target
from quorate.errors import InputError
from quorate.proof.damage import standing

EXAMPLES = Path(__file__).parents[3] / "examples"
STAYS, MOVES, GONE = Fate.STAYS, Fate.MOVES, Fate.GONE


@pytest.fixture(scope="module")
def site() -> Cluster:
    return load((EXAMPLES / "lab-site.yaml").read_bytes(), "lab-site.yaml")


@pytest.fixture(scope="module")
def design(site: Cluster) -> Design:
    return work_out(site)


@pytest.mark.parametrize(
    ("parts", "active", "lost", "fenced", "becomes"),
    [
        ("feed-a", "ctl1", "", "", STAYS),
        ("feed-b", "ctl1", "ctl3", "", STAYS),  # its BMC is gone with it; it served nothing
        ("sw-n", "ctl1", "ctl1", "ctl1", MOVES),
        ("sw-n", "ctl2", "ctl1", "ctl1", STAYS),
        ("ctl1", "ctl1", "ctl1", "ctl1", MOVES),
        ("ctl3", "ctl1", "ctl3", "ctl3", STAYS),
        ("n1", "ctl1", "ctl1", "", GONE),  # nobody may start what it served: it can't be fenced
        ("n1", "ctl2", "ctl1", "", STAYS),
        ("oob-n", "ctl1", "", "", STAYS),
        ("ctl1,oob-n", "ctl1", "ctl1", "", GONE),
        ("ctl1,ctl3", "ctl1", "ctl1 ctl3", "", GONE),
        ("ctl1,ctl3", "ctl2", "ctl1 ctl3", "", GONE),  # one of three is no majority
        ("feed-a,feed-b", "ctl2", "ctl1 ctl2 ctl3", "", GONE),
    ],
)
def test_what_becomes_of_the_database(
    site: Cluster, design: Design, parts: str, active: str, lost: str, fenced: str, becomes: Fate
) -> None:
    names = understand(parts, standing(design, site))
    forecast = foretell(site, design, names, {"database": active})
    assert forecast.lost == tuple(lost.split())
    assert forecast.fenced == tuple(fenced.split())
    assert forecast.fates == {"database": becomes}


def test_an_outage_by_one_part_is_borne_only_where_a_waiver_says_so(site: Cluster, design: Design) -> None:
    on_ctl1 = {"database": "ctl1"}
    assert foretell(site, design, ("n1",), on_ctl1).borne == ("database",)
    assert foretell(site, design, ("sw-n",), on_ctl1).borne == (), "it is taken over, within the objective"
    assert foretell(site, design, ("ctl1", "oob-n"), on_ctl1).borne == ("database",), "two failures at once"
    after = max(waiver.until for waiver in site.waivers) + timedelta(days=1)
    assert foretell(site, design, ("n1",), on_ctl1, today=after).borne == ()
    unwaived = site.model_copy(update={"waivers": ()})
    assert foretell(unwaived, design, ("n1",), on_ctl1).borne == ()


@pytest.mark.parametrize(
    ("parts", "objective"),
    [
        ("sw-n", True),
        ("feed-a,sw-n", False),  # more than one failure
        ("n1", False),  # a waiver bears it
    ],
)
def test_the_objective_holds_for_one_failure_that_nobody_bears(
    site: Cluster, design: Design, parts: str, objective: bool
) -> None:
    names = understand(parts, standing(design, site))
    predicted = foretell(site, design, names, {"database": "ctl1"})
    target = Target(predicted.lost, None, (), parts=names)
    blow = Blow(target, 0.0, {}, predicted.lost, spared=True, over=1.0)
    assert promised("database", blow, predicted) is objective


def test_the_objective_holds_for_one_feed_that_takes_all_nodes(site: Cluster, design: Design) -> None:
    everybody = tuple(design.hosts)
    predicted = dataclasses.replace(
        foretell(site, design, ("feed-a", "feed-b"), {"database": "ctl1"}), parts=("feed-a",), borne=()
    )
    blow = Blow(Target(everybody, None, (), parts=("feed-a",)), 0.0, {}, everybody, spared=False, over=1.0)
    assert promised("database", blow, predicted)
    assert not promised("database", blow, dataclasses.replace(predicted, borne=("database",)))


def test_what_stands_on_another_service_moves_with_it() -> None:
    cluster = load((EXAMPLES / "lab.yaml").read_bytes(), "lab.yaml")
    design = work_out(cluster)
    active = {"database": "ctl1", "messaging": "ctl1", "identity": "ctl2", "image": "ctl2"}
    assert foretell(cluster, design, ("ctl1",), active).fates == {
        "database": MOVES,
        "messaging": STAYS,  # on all of them at once
        "identity": MOVES,
        "image": MOVES,
    }
    assert foretell(cluster, design, ("ctl3",), active).fates == dict.fromkeys(active, STAYS)
    stuck = foretell(cluster, design, ("ctl1", "bmc-network"), {**active, "database": "ctl2"})
    assert stuck.fates == dict.fromkeys(active, STAYS)  # ctl1 serves nothing that is in one place
    assert foretell(cluster, design, ("ctl1", "bmc-network"), active).fates["identity"] is GONE


def test_an_unknown_part_is_bad_input(site: Cluster, design: Design) -> None:
    with pytest.raises(InputError) as error:
        understand("fed-b", standing(design, site))
    assert "feed-b" in error.value.todo


def forecast(site: Cluster, design: Design, part: str) -> Forecast:
    return foretell(site, design, (part,), {"database": "ctl1"})


SEEN = Glimpse(lost=("ctl1",), fenced=("ctl1",), serving={"database": "ctl2"}, healed=1040.0)


def test_as_predicted(site: Cluster, design: Design) -> None:
    assert Prediction(forecast(site, design, "sw-n"), SEEN, {"database": MOVES}).differences == []


@pytest.mark.parametrize(
    ("lost", "fenced", "became", "says"),
    [
        ("ctl1", "ctl1", GONE, "database is gone until it is healed, and was predicted otherwise: it is taken over"),
        ("ctl1", "ctl1", STAYS, "database goes on where it is"),
        ("", "ctl1", MOVES, "ctl1 not lost, which was predicted"),
        ("ctl1 ctl3", "ctl1", MOVES, "ctl3 lost, which was not predicted"),
        ("ctl1", "", MOVES, "ctl1 not fenced, which was predicted"),
        ("ctl1", "ctl1 ctl2", MOVES, "ctl2 fenced, which was not predicted"),
    ],
)
def test_each_difference_is_told(
    site: Cluster, design: Design, lost: str, fenced: str, became: Fate, says: str
) -> None:
    seen = dataclasses.replace(SEEN, lost=tuple(lost.split()), fenced=tuple(fenced.split()))
    (difference,) = Prediction(forecast(site, design, "sw-n"), seen, {"database": became}).differences
    assert says in difference


@pytest.mark.parametrize(
    ("gap", "serving", "becomes"),
    [
        (Gap(1000.0, 1052.0, 52.0), "ctl1", GONE),
        (Gap(1000.0, None, 80.0), "ctl1", GONE),
        (Gap(1000.0, 1012.0, 12.0), "ctl2", MOVES),
        (Gap(1000.0, 1003.0, 3.0), "ctl1", STAYS),
        (Gap(1039.99, 1040.01, 0.02), "ctl1", STAYS),  # one answer after another, and the healing between
        (Gap(1045.0, 1055.0, 10.0), "ctl1", STAYS),  # after it
    ],
)
def test_what_clients_saw_says_what_became_of_it(gap: Gap, serving: str, becomes: Fate) -> None:
    seen = dataclasses.replace(SEEN, serving={"database": serving})
    assert fate(Outage(gap, 0.02, ()), "ctl1", seen, "database") is becomes


def test_a_service_is_taken_over_with_what_it_stands_on() -> None:
    cluster = load((EXAMPLES / "lab.yaml").read_bytes(), "lab.yaml")
    before = {"database": "ctl1", "messaging": "ctl3", "identity": "ctl2", "image": "ctl2"}
    predicted = foretell(cluster, work_out(cluster), ("ctl1",), before)
    seen = dataclasses.replace(SEEN, serving={**before, "database": "ctl2"})
    became = fates(predicted, dict.fromkeys(before), before, seen)
    assert became == {"database": MOVES, "messaging": STAYS, "identity": MOVES, "image": MOVES}
    assert Prediction(predicted, seen, became).differences == []


def test_without_a_majority_nobody_is_fenced(site: Cluster, design: Design) -> None:
    everything = foretell(site, design, ("feed-a", "feed-b"), {"database": "ctl1"})
    assert (everything.quorate, everything.fenced) == (False, ())
    assert everything.damage.silent == everything.lost
