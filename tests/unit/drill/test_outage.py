"""Downtime against its definition, worked out the slow way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quorate.drill.clients.outage import latency, measure, seen, steady
from quorate.drill.clients.record import Outcome, Record, Write

INTERVAL = 0.005


def write(ended: float, outcome: Outcome = Outcome.ACKNOWLEDGED, due: float | None = None) -> Write:
    due = ended - 0.001 if due is None else due
    return Write(round(due / INTERVAL), due, due, ended, outcome, 0.0)


@given(
    st.lists(
        st.tuples(st.integers(0, 20_000).map(lambda n: n / 1000), st.sampled_from(Outcome)), min_size=1, max_size=60
    ),
    st.integers(0, 20_000).map(lambda n: n / 1000),
)
def test_downtime_is_the_longest_gap_that_ends_after_the_fault(ends: list[tuple[float, Outcome]], fault: float) -> None:
    writes = [write(*end) for end in ends]
    answers = [w.ended for w in writes if w.outcome is Outcome.ACKNOWLEDGED]
    outage = measure(writes, fault, INTERVAL)
    if not any(answer < fault for answer in answers):
        assert outage is None
        return
    assert outage is not None
    closed = [
        b - a for a in answers for b in answers if a < b and b > fault and not any(a < answer < b for answer in answers)
    ]
    watched_until = max(fault, *(w.ended for w in writes))
    at_the_end = watched_until - max(answers) if max(answers) < watched_until else 0.0
    assert outage.downtime == pytest.approx(max([*closed, at_the_end]))
    if outage.gap.end is None:
        assert outage.gap.start == max(answers)
    assert outage.precision >= 2 * INTERVAL
    assert all(gap.seconds <= outage.downtime for gap in outage.others)


def test_the_precision_is_the_neighbouring_gaps() -> None:
    ends = [0.98, 1.0, 1.03, 13.0, 13.05, 13.06]
    outage = measure([write(end) for end in ends], 1.02, INTERVAL)
    assert outage is not None
    assert (outage.gap.start, outage.gap.end) == (1.03, 13.0)
    assert outage.downtime == pytest.approx(11.97)
    assert outage.precision == pytest.approx(0.03 + 0.05)


def test_a_second_outage_is_not_hidden_behind_the_first() -> None:
    ends = [0.9, 1.0, 11.0, 11.1, 14.1, 14.2]
    outage = measure([write(end) for end in ends], 1.05, INTERVAL)
    assert outage is not None
    assert [gap.seconds for gap in outage.others] == [pytest.approx(3.0)]


def test_no_answer_any_more_is_no_end() -> None:
    writes = [write(1.0), write(1.1), *(write(t, Outcome.REFUSED) for t in (2.0, 3.0, 9.1))]
    outage = measure(writes, 1.05, INTERVAL)
    assert outage is not None
    assert (outage.gap.start, outage.gap.end) == (1.1, None)
    assert outage.downtime == pytest.approx(8.0)


def test_latency_counts_from_the_due_time() -> None:
    writes = [write(n / 10 + 0.001 * n, due=n / 10) for n in range(1, 101)]
    found = latency(writes, 0, 100)
    assert found is not None
    assert found.writes == 100
    assert found.p50 == pytest.approx(0.050)
    assert found.p99 == pytest.approx(0.099)


def test_steady_wants_every_write_and_enough_of_them() -> None:
    ends = [7 + n / 200 for n in range(600)]
    now = ends[-1]
    assert steady([write(end) for end in ends], now, 2.5, 200)
    assert not steady([write(end) for end in ends[:300] + ends[500:]], now, 2.5, 200)
    assert not steady([*(write(end) for end in ends), write(now, Outcome.UNKNOWN)], now, 2.5, 200)


def test_what_clients_saw() -> None:
    record = Record(200, tuple(write(end) for end in (0.9, 1.0, 5.0, 5.1)), complete=True)
    clients = seen(record, 1.05)
    assert clients.outcomes == {"acknowledged": 4, "refused": 0, "unknown": 0}
    assert clients.outage is not None and clients.outage.downtime == pytest.approx(4.0)
    assert clients.latency_before is not None and clients.latency_before.writes == 2
