"""What got better or worse: only what is beyond the precision, and beyond the middle half of several drills."""

import pytest

from quorate.drill.report.comparing import Change, Difference, compare, span
from quorate.drill.report.model import Report

from .conftest import changed


def downtime(found: list[Difference], service: str = "database") -> Change:
    return next(each.change for each in found if (each.service, each.figure) == (service, "downtime"))


def figures(found: list[Difference], change: Change) -> list[tuple[str, str]]:
    return [(each.service, each.figure) for each in found if each.change is change]


def test_a_report_is_as_good_as_itself(real: list[Report]) -> None:
    found = compare(real, real)
    assert figures(found, Change.WORSE) == figures(found, Change.BETTER) == []


@pytest.mark.parametrize(("seconds", "change"), [(10.15, Change.SAME), (10.25, Change.WORSE), (9.75, Change.BETTER)])
def test_beyond_the_precision(real: list[Report], seconds: float, change: Change) -> None:
    before, after = changed(real[1], "database", 10.0), changed(real[1], "database", seconds)
    assert downtime(compare([before], [after])) is change
    assert downtime(compare([before], [after]), "image") is Change.SAME


def test_one_slow_drill_among_many_is_no_change(real: list[Report]) -> None:
    usual = [changed(real[1], "database", 10 + tenth / 10) for tenth in range(8)]
    slow = changed(real[1], "database", 60.0)
    assert downtime(compare(usual, [*usual, slow])) is Change.SAME
    assert downtime(compare(usual, [slow, slow, slow])) is Change.WORSE


def test_no_answer_until_the_end_has_no_upper_end(real: list[Report]) -> None:
    part = changed(real[1], "database", 100.0).services["database"]
    assert part.clients.outage
    gap = part.clients.outage.gap.model_copy(update={"end": None})
    outage = part.clients.outage.model_copy(update={"gap": gap})
    found = span([part.model_copy(update={"clients": part.clients.model_copy(update={"outage": outage})})])
    assert found and (found.low, found.high) == (99.9, float("inf"))


def test_a_lost_write_is_worse_however_short_the_outage(real: list[Report]) -> None:
    before, after = changed(real[1], "database", 10.0), changed(real[1], "database", 1.0, lost=1, kept=False)
    found = compare([before], [after])
    assert figures(found, Change.WORSE) == [("database", "not kept"), ("database", "lost")]
    assert downtime(found) is Change.BETTER


def test_what_only_one_side_has_is_told_and_is_no_change(real: list[Report], unheld: list[Report]) -> None:
    found = compare(real[:2], [real[1], *unheld])
    missing = [(each.fault, each.on) for each in found if each.figure == "drill"]
    assert missing == [("kill", "active:identity"), ("kill", "ctl1:x"), ("kill", "ctl2:x")]
    assert figures(found, Change.WORSE) == []


def test_clusters_of_different_names_are_compared(real: list[Report]) -> None:
    other = changed(real[1], "database", 30.0).model_copy(update={"cluster": "other"})
    assert downtime(compare([real[1]], [other])) is Change.WORSE
