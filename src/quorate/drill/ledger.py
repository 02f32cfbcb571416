"""The ledger: every acknowledged write, looked for again on a database. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from quorate.drill.record import Outcome, Record


@dataclass(frozen=True)
class Ledger:
    """A record compared with the rows that one replica holds. All tuples are numbers of writes, ascending."""

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

    @property
    def sound(self) -> bool:
        """Nothing lost and nothing invented."""
        return not self.lost and not self.never_sent


def compare(record: Record, rows: Iterable[int]) -> Ledger:
    """Looks for every write of the record among the numbers of the rows that were found."""
    times = Counter(rows)
    found = set(times)
    numbers: dict[Outcome, set[int]] = {outcome: set() for outcome in Outcome}
    for write in record.writes:
        numbers[write.outcome].add(write.number)
    acknowledged, unknown = numbers[Outcome.ACKNOWLEDGED], numbers[Outcome.UNKNOWN]
    unrecorded = found - acknowledged - unknown - numbers[Outcome.REFUSED]
    return Ledger(
        acknowledged=len(acknowledged),
        refused=len(numbers[Outcome.REFUSED]),
        unknown_found=len(unknown & found),
        unknown_missing=len(unknown - found),
        lost=tuple(sorted(acknowledged - found)),
        never_sent=tuple(sorted((found & numbers[Outcome.REFUSED]) | (unrecorded if record.complete else set()))),
        undecided=() if record.complete else tuple(sorted(unrecorded)),
        duplicated=tuple(sorted(number for number, count in times.items() if count > 1)),
    )
