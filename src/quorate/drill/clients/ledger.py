"""The ledger: every acknowledged write, looked for again in what a service holds. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from quorate.drill.clients.record import Outcome, Record


@dataclass(frozen=True)
class Found:
    """What a service holds of the operations of a probe."""

    numbers: Sequence[int]
    """Of the operations, in the order in which the service gives them out; what is there twice stands here twice."""
    turns: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    """By number, where an order was promised: who sent it, and its turn among all that this one sent."""
    wrong: tuple[str, ...] = ()
    """In what it contradicts itself, in sentences."""
    redelivered: int = 0
    """How many came a second time and said so, which is allowed: the same one, and no copy of it."""


@dataclass(frozen=True)
class Ledger:
    """A record compared with what one replica holds. All tuples of numbers are operations', ascending."""

    acknowledged: int
    refused: int
    unknown_found: int
    unknown_missing: int
    lost: tuple[int, ...]
    """Acknowledged, and not there."""
    never_sent: tuple[int, ...]
    """There, although the client knows that it was refused, or never sent it: somebody invents writes."""
    undecided: tuple[int, ...]
    """There and not in a record that breaks off: sent while the probe was killed, perhaps."""
    duplicated: tuple[int, ...] = ()
    """There more than once."""
    disordered: tuple[int, ...] = ()
    """Acknowledged, and found behind another one that the same client had sent later."""
    wrong: tuple[str, ...] = ()
    """See `Found`."""
    redelivered: int = 0
    """See `Found`."""

    @property
    def sound(self) -> bool:
        """Nothing is lost, invented, there twice or out of order, and nothing contradicts itself."""
        flaws = (self.lost, self.never_sent, self.duplicated, self.disordered, self.wrong)
        return not any(flaws)


def compare(record: Record, found: Found) -> Ledger:
    """Looks for every write of the record among those that were found."""
    times = Counter(found.numbers)
    there = set(times)
    numbers: dict[Outcome, set[int]] = {outcome: set() for outcome in Outcome}
    for write in record.writes:
        numbers[write.outcome].add(write.number)
    acknowledged, unknown = numbers[Outcome.ACKNOWLEDGED], numbers[Outcome.UNKNOWN]
    unrecorded = there - acknowledged - unknown - numbers[Outcome.REFUSED]
    return Ledger(
        acknowledged=len(acknowledged),
        refused=len(numbers[Outcome.REFUSED]),
        unknown_found=len(unknown & there),
        unknown_missing=len(unknown - there),
        lost=tuple(sorted(acknowledged - there)),
        never_sent=tuple(sorted((there & numbers[Outcome.REFUSED]) | (unrecorded if record.complete else set()))),
        undecided=() if record.complete else tuple(sorted(unrecorded)),
        duplicated=tuple(sorted(number for number, count in times.items() if count > 1)),
        disordered=tuple(sorted(_disordered(found, acknowledged))),
        wrong=found.wrong,
        redelivered=found.redelivered,
    )


def _disordered(found: Found, acknowledged: set[int]) -> Iterator[int]:
    """The first copy of each counts; the others are duplicates already."""
    furthest: dict[str, int] = {}
    for number in dict.fromkeys(found.numbers):
        if number in acknowledged and number in found.turns:
            sender, turn = found.turns[number]
            if turn < furthest.setdefault(sender, turn):
                yield number
            furthest[sender] = max(turn, furthest[sender])
