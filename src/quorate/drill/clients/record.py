"""A probe's record: an append-only text file with one line a write, so that a kill of anything loses nothing.

    # {"record": 1, "probe": "sql", "rate": 200.0, "epoch": 1763845200.1, "monotonic": 8123.4}
    1<TAB>due<TAB>sent<TAB>ended<TAB>acknowledged<TAB>latency<TAB>lag<TAB>detail
    # {"end": 1763845260.2, "writes": 12000}

Times are seconds since the epoch, UTC, to the microsecond. The wall clock is read once, in the first line, beside the
monotonic clock that all later times are counted by: a step of the wall clock during a drill changes no figure.
"""

import enum
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSION = 1

STALE = "stale read"
"""How the detail begins of an operation that didn't see what had been acknowledged before it."""


class Outcome(enum.StrEnum):
    """How a write ended, as its client knows it."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    """Certainly not done: never sent, or the server said no."""
    UNKNOWN = "unknown"
    """Sent, and never answered: it may be done, now or later. A time-out is unknown."""


@dataclass(frozen=True, slots=True)
class Write:
    """One numbered write."""

    number: int
    due: float
    """When its turn was, whatever the others did."""
    sent: float | None
    """None if it never left the client."""
    ended: float
    """When its outcome was known."""
    outcome: Outcome
    lag: float
    """Seconds that the probe itself, not the service, was late with it."""
    detail: str = ""
    """Why it is not served."""

    @property
    def served(self) -> bool:
        """Acknowledged, and whatever else belongs to the operation (reading back, say) went well, too."""
        return self.outcome is Outcome.ACKNOWLEDGED and not self.detail

    @property
    def latency(self) -> float:
        """Seconds from its due time, so that waiting behind a stall counts."""
        return self.ended - self.due


@dataclass(frozen=True)
class Record:
    """What one probe wrote down, in the order in which outcomes became known."""

    rate: float
    writes: tuple[Write, ...]
    complete: bool
    """The probe ended by itself: a number that isn't here was never sent."""

    @property
    def worst_lag(self) -> float:
        """The most that the probe fell behind its own schedule, in seconds."""
        return max((write.lag for write in self.writes), default=0.0)


def head(probe: str, rate: float, epoch: float, monotonic: float) -> str:
    """A record's first line."""
    fields = {"record": VERSION, "probe": probe, "rate": rate, "epoch": epoch, "monotonic": monotonic}
    return f"# {json.dumps(fields)}\n"


def line(write: Write) -> str:
    """A write as its line."""
    sent = "-" if write.sent is None else f"{write.sent:.6f}"
    detail = " ".join(write.detail.split())
    return (
        f"{write.number}\t{write.due:.6f}\t{sent}\t{write.ended:.6f}\t{write.outcome}"
        f"\t{write.latency:.6f}\t{write.lag:.6f}\t{detail}\n"
    )


def tail(epoch: float, writes: int) -> str:
    """The last line of a record whose probe stopped by itself."""
    return f"# {json.dumps({'end': epoch, 'writes': writes})}\n"


class Reader:
    """Reads a record while it grows; a line that isn't finished yet is left for the next time."""

    def __init__(self, path: Path) -> None:
        self._path, self._offset, self._rest = path, 0, b""
        self._head: dict[str, Any] = {}
        self._complete = False
        self._writes: list[Write] = []

    def more(self) -> Sequence[Write]:
        """The writes that ended since the last call."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            new = file.read()
        self._offset += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        before = len(self._writes)
        for text in lines:
            self._take(text.decode())
        return self._writes[before:]

    def record(self) -> Record:
        """Everything so far."""
        self.more()
        return Record(self._head.get("rate", 0.0), tuple(self._writes), self._complete)

    def _take(self, text: str) -> None:
        if text.startswith("#"):
            fields = json.loads(text[1:])
            self._complete = self._complete or "end" in fields
            self._head = self._head or fields
            return
        number, due, sent, ended, outcome, _latency, lag, detail = text.split("\t", 7)
        self._writes.append(
            Write(
                number=int(number),
                due=float(due),
                sent=None if sent == "-" else float(sent),
                ended=float(ended),
                outcome=Outcome(outcome),
                lag=float(lag),
                detail=detail,
            )
        )


def read(path: Path) -> Record:
    """A whole record."""
    return Reader(path).record()
