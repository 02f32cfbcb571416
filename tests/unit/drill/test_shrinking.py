"""The shortest failing part of a sequence is found, whatever of it is needed."""

import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from quorate.drill.sequences.shrinking import shortest


class Tries:
    """Fails if all that is needed is there; remembers what was tried."""

    def __init__(self, needed: set[int]) -> None:
        self.needed, self.tried = needed, list[tuple[int, ...]]()

    def __call__(self, steps: Sequence[int]) -> bool:
        self.tried.append(tuple(steps))
        return self.needed <= set(steps)


@given(st.integers(1, 24).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), min_size=1))))
def test_exactly_what_is_needed_is_left(case: tuple[int, set[int]]) -> None:
    length, needed = case
    tries = Tries(needed)
    assert shortest(range(length), tries) == sorted(needed)
    assert len(tries.tried) == len(set(tries.tried)), "nothing is tried twice"
    assert all(list(tried) == sorted(tried) for tried in tries.tried), "the order stays"


def test_one_step_that_fails_alone_takes_one_try() -> None:
    tries = Tries({19})
    assert shortest(range(20), tries) == [19]
    assert tries.tried == [(19,)]


def test_two_of_twenty_take_few_tries() -> None:
    tries = Tries({3, 19})
    assert shortest(range(20), tries) == [3, 19]
    assert len(tries.tried) < 40


def test_what_is_left_is_minimal_even_if_failing_depends_on_more_than_what_is_there() -> None:
    """Two kinds in any order: several answers, and none of its steps can be left out."""

    def fails(steps: Sequence[str]) -> bool:
        return "a" in steps and "b" in steps

    found = shortest("aabcbacb", fails)
    assert fails(found)
    assert not any(fails(part) for part in itertools.combinations(found, len(found) - 1))


def test_the_same_step_twice_is_two_steps() -> None:
    assert shortest("xyx", lambda steps: list(steps).count("x") == 2) == ["x", "x"]
