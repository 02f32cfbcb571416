"""The phases of a recovery and the primaries' turns, in the journals of a real drill (`power-loss.tsv`).

The power of ctl1, which served, was cut; ctl2 took over; ctl1 came back, and a planned switch-over made it serve again.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from quorate.cluster.model import Cluster
from quorate.design import work_out
from quorate.drill.audit import phases, primaries
from quorate.drill.audit.audit import Blow
from quorate.drill.audit.journals import Entry, Journals
from quorate.drill.targets import Target

CUT = 1795383906.991
JOURNALS = Path(__file__).parent / "power-loss.tsv"
SEEN = {
    "noticed": 0.90,
    "fenced": 8.12,
    "address": 9.31,
    "promoted": 11.26,
    "mounted": 13.44,
    "database answers": 16.36,
}


@pytest.fixture
def entries() -> list[Entry]:
    lines = (line.split("\t") for line in JOURNALS.read_text().splitlines())
    return [Entry(node, float(time), source, message) for time, node, source, message in lines]


@pytest.fixture
def find(cluster: Cluster) -> Callable[[list[Entry]], dict[str, float | None]]:
    signs = {**phases.of_power_loss(["ctl1"]), **phases.of_service(work_out(cluster), "database")}
    target = Target(("ctl1",), "database", ())

    def find(entries: list[Entry]) -> dict[str, float | None]:
        blow = Blow(target, injected=CUT, powerless={"ctl1": CUT}, lost=("ctl1",), spared=True, over=CUT + 100)
        recovery = blow.recovery(Journals(tuple(entries), {}, {}))
        return {phase.name: phase.seconds for phase in phases.find(recovery, CUT, signs)}

    return find


def test_a_real_takeover(entries: list[Entry], find: Callable[[list[Entry]], dict[str, float | None]]) -> None:
    assert find(entries) == {name: pytest.approx(seconds, abs=0.01) for name, seconds in SEEN.items()}


@pytest.mark.parametrize("name", SEEN)
def test_what_is_not_in_the_journals_is_not_seen(
    name: str, entries: list[Entry], find: Callable[[list[Entry]], dict[str, float | None]]
) -> None:
    """Without the node that took over, and the lines of the witness at that moment, nothing is put in their place."""
    moment = CUT + SEEN[name]
    found = find([entry for entry in entries if entry.node == "ctl1" or entry.time < moment - 0.5])
    assert found[name] is None


def test_turns_of_the_primaries(entries: list[Entry]) -> None:
    found = primaries.reigns(entries, 0, ["ctl1"], {"ctl1": [CUT]}, CUT - 5, CUT + 100)
    turns = [(reign.node, round(reign.start - CUT, 1), round(reign.end - CUT, 1)) for reign in found]
    assert turns == [("ctl1", -5.0, 0.0), ("ctl2", 11.1, 59.1), ("ctl1", 63.7, 100.0)]
    assert primaries.overlaps("database", found, 0.0) == []
    without_the_cut = primaries.reigns(entries, 0, ["ctl1"], {}, CUT - 5, CUT + 100)
    assert primaries.overlaps("database", without_the_cut, 0.1) != []
