"""The shortest part of a sequence that still fails: delta debugging, ddmin. Pure.

A. Zeller and R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE Transactions on Software
Engineering 28(2), 2002, section 3. What remains is 1-minimal: without any one of its steps it doesn't fail.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def shortest(steps: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """Leaves out what isn't needed for a failure.

    A try is dear, so none is made twice; and the last step, at which the sequence failed, is tried alone before
    anything else.

    Args:
        steps: a sequence that fails.
        fails: tries a part of it, in the same order.
    """
    tried: dict[tuple[int, ...], bool] = {}

    def fail(numbers: tuple[int, ...]) -> bool:
        if numbers not in tried:
            tried[numbers] = fails([steps[number] for number in numbers])
        return tried[numbers]

    left = tuple(range(len(steps)))
    if len(left) > 1 and fail(left[-1:]):
        return [steps[left[-1]]]
    parts = 2
    while len(left) > 1:
        smaller = next(filter(fail, _smaller(left, parts)), None)
        if smaller is not None:
            parts = 2 if len(smaller) * 2 <= len(left) else max(parts - 1, 2)
            left = smaller
        elif parts >= len(left):
            break
        else:
            parts = min(2 * parts, len(left))
    return [steps[number] for number in left]


def _smaller(left: tuple[int, ...], parts: int) -> Iterator[tuple[int, ...]]:
    """Each of so many parts by itself, the latest first, then all without each."""
    ends = [round(number * len(left) / parts) for number in range(parts + 1)]
    pieces = [left[start:end] for start, end in itertools.pairwise(ends)]
    yield from reversed(pieces)
    if parts > 2:
        yield from (tuple(number for number in left if number not in piece) for piece in pieces)
