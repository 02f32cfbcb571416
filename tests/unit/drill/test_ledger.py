"""Every planted loss and every planted row is found, and nothing else is."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from quorate.drill.ledger import compare
from quorate.drill.record import Outcome, Record, Write


def record(outcomes: list[Outcome], complete: bool = True) -> Record:
    writes = tuple(
        Write(number, number / 200, None, number / 200, outcome, 0.0) for number, outcome in enumerate(outcomes, 1)
    )
    return Record(200, writes, complete)


outcomes = st.lists(st.sampled_from(Outcome), max_size=60)


@given(outcomes, st.data())
def test_planted_losses_and_rows(outcomes: list[Outcome], data: st.DataObject) -> None:
    def some(of: Callable[[Outcome], bool]) -> set[int]:
        numbers = [number for number, outcome in enumerate(outcomes, 1) if of(outcome)]
        return data.draw(st.sets(st.sampled_from(numbers))) if numbers else set()

    acknowledged = {number for number, outcome in enumerate(outcomes, 1) if outcome is Outcome.ACKNOWLEDGED}
    lost = some(lambda outcome: outcome is Outcome.ACKNOWLEDGED)
    done_after_all = some(lambda outcome: outcome is Outcome.UNKNOWN)
    refused_and_there = some(lambda outcome: outcome is Outcome.REFUSED)
    invented = data.draw(st.sets(st.integers(1000, 2000)))

    ledger = compare(record(outcomes), (acknowledged - lost) | done_after_all | refused_and_there | invented)
    assert set(ledger.lost) == lost
    assert set(ledger.never_sent) == refused_and_there | invented
    assert ledger.sound == (not lost and not refused_and_there and not invented)
    assert ledger.unknown_found == len(done_after_all)
    assert ledger.unknown_missing == outcomes.count(Outcome.UNKNOWN) - len(done_after_all)
    assert ledger.acknowledged == len(acknowledged)


def test_a_record_that_breaks_off_accuses_nobody() -> None:
    ledger = compare(record([Outcome.ACKNOWLEDGED], complete=False), [1, 2])
    assert ledger.sound
    assert ledger.undecided == (2,)
