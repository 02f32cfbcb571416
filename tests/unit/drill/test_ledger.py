"""Every planted loss and every planted row is found, and nothing else is."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from quorate.drill.clients.ledger import Found, compare
from quorate.drill.clients.record import Outcome, Record, Write


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

    there = (acknowledged - lost) | done_after_all | refused_and_there | invented
    ledger = compare(record(outcomes), Found(list(there)))
    assert set(ledger.lost) == lost
    assert set(ledger.never_sent) == refused_and_there | invented
    assert ledger.sound == (not lost and not refused_and_there and not invented)
    assert ledger.unknown_found == len(done_after_all)
    assert ledger.unknown_missing == outcomes.count(Outcome.UNKNOWN) - len(done_after_all)
    assert ledger.acknowledged == len(acknowledged)


def test_a_record_that_breaks_off_accuses_nobody() -> None:
    ledger = compare(record([Outcome.ACKNOWLEDGED], complete=False), Found([1, 2]))
    assert ledger.sound
    assert ledger.undecided == (2,)


def test_what_is_there_twice_is_not_sound() -> None:
    ledger = compare(record([Outcome.ACKNOWLEDGED] * 3), Found([1, 2, 3, 2]))
    assert (ledger.duplicated, ledger.sound) == ((2,), False)


def test_what_comes_again_and_says_so_is_counted_only() -> None:
    ledger = compare(record([Outcome.ACKNOWLEDGED] * 3), Found([1, 2, 3], redelivered=2))
    assert (ledger.redelivered, ledger.duplicated, ledger.sound) == (2, (), True)


def test_a_contradiction_in_what_was_found_is_not_sound() -> None:
    assert not compare(record([Outcome.ACKNOWLEDGED]), Found([1], wrong=("the bank's total is 3",))).sound


@given(st.lists(st.sampled_from("ab"), max_size=30), st.data())
def test_order_is_looked_at_for_each_sender_alone(senders: list[str], data: st.DataObject) -> None:
    """However two senders' writes are mixed, only those that stand behind a later one of the same sender count."""
    numbers = list(range(1, len(senders) + 1))
    turns = {number: (sender, senders[: number - 1].count(sender)) for number, sender in enumerate(senders, 1)}
    mixed = data.draw(st.permutations(numbers))
    ledger = compare(record([Outcome.ACKNOWLEDGED] * len(numbers)), Found(mixed, turns))
    late = {
        number
        for at, number in enumerate(mixed)
        if any(turns[other][0] == turns[number][0] and other > number for other in mixed[:at])
    }
    assert set(ledger.disordered) == late
    assert ledger.sound == (not late)


def test_only_what_was_acknowledged_has_a_place_in_the_order() -> None:
    outcomes = [Outcome.ACKNOWLEDGED, Outcome.UNKNOWN, Outcome.ACKNOWLEDGED]
    turns = {1: ("a", 1), 2: ("a", 2), 3: ("a", 3)}
    assert compare(record(outcomes), Found([1, 3, 2], turns)).disordered == ()
    assert compare(record(outcomes), Found([3, 1, 2], turns)).disordered == (1,)
