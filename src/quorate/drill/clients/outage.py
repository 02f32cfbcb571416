"""What clients saw: downtime and latency from a probe's record. Pure.

Downtime is the longest gap between two neighbouring acknowledged writes that ends after the fault; its precision is the
gap to the neighbouring success on either side (OpenStack performance-docs, reliability v2).
"""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quorate.drill.clients.record import STALE, Outcome, Record, Write

WORTH_TELLING = 0.5
"""Seconds. A shorter gap besides the longest one is not listed, nor one of less than three operations' turns."""


@dataclass(frozen=True)
class Gap:
    """A time without an acknowledged write."""

    start: float
    """The last acknowledgement before it."""
    end: float | None
    """The first acknowledgement after it; None if there was none while the probe looked."""
    seconds: float
    """If there is no end: at least this long."""


@dataclass(frozen=True)
class Outage:
    """What a fault cost the clients."""

    gap: Gap
    precision: float
    """Seconds by which the downtime may be wrong, either way."""
    others: tuple[Gap, ...]
    """Further gaps after the fault, longest first."""

    @property
    def downtime(self) -> float:
        """Seconds without an answered write."""
        return self.gap.seconds


@dataclass(frozen=True)
class Latency:
    """Of acknowledged writes, in seconds from their due time."""

    writes: int
    p50: float
    p99: float


@dataclass(frozen=True)
class Clients:
    """What the clients of a service saw of a fault."""

    rate: float
    """Writes due in a second."""
    outcomes: Mapping[str, int]
    """How many writes were acknowledged, refused and unknown."""
    complete: bool
    """The probe ran to its end."""
    probe_lag: float
    """The most that the probe, not the service, fell behind its own schedule, in seconds."""
    outage: Outage | None
    latency_before: Latency | None
    latency_after: Latency | None
    latency_during: Latency | None = None
    """Of those due between the fault and the end of the outage: what waited for it to end, above all."""
    stale: tuple[int, ...] = ()
    """Numbers of the operations that did not see what had been acknowledged before them."""


def seen(record: Record, fault: float) -> Clients:
    """Everything that a record says about a fault that was injected at this time."""
    outage = measure(record.writes, fault, 1 / record.rate)
    back = outage.gap.end if outage else None
    return Clients(
        rate=record.rate,
        outcomes={outcome.value: 0 for outcome in Outcome} | Counter(write.outcome.value for write in record.writes),
        complete=record.complete,
        probe_lag=record.worst_lag,
        outage=outage,
        latency_before=latency(record.writes, 0, fault),
        latency_after=latency(record.writes, back, float("inf")) if back else None,
        latency_during=latency(record.writes, fault, max(fault, back)) if back else None,
        stale=tuple(sorted(write.number for write in record.writes if write.detail.startswith(STALE))),
    )


def measure(writes: Sequence[Write], fault: float, interval: float) -> Outage | None:
    """Finds the outage that a fault caused.

    Args:
        writes: the whole record, in any order.
        fault: when the fault was injected, seconds since the epoch.
        interval: seconds between two due writes; no gap can be known better than that.

    Returns:
        The outage, or None if nothing was acknowledged before the fault, so that nothing can be measured.
    """
    answers = sorted(write.ended for write in writes if write.served)
    if not answers or answers[0] >= fault:
        return None
    last_look = max(write.ended for write in writes)
    gaps = [Gap(a, b, b - a) for a, b in itertools.pairwise(answers) if b > fault]
    if last_look - answers[-1] > interval or not gaps:
        gaps.append(Gap(answers[-1], None, max(last_look, fault) - answers[-1]))
    longest = max(gaps, key=lambda gap: gap.seconds)
    others = sorted(
        (gap for gap in gaps if gap is not longest and gap.seconds >= max(WORTH_TELLING, 3 * interval)),
        key=lambda gap: -gap.seconds,
    )
    before = [a for a in answers if a < longest.start]
    after = [] if longest.end is None else [a for a in answers if a > longest.end]
    precision = max(interval, longest.start - before[-1] if before else 0.0)
    precision += max(interval, after[0] - longest.end if after and longest.end else 0.0)
    return Outage(longest, precision, tuple(others))


def latency(writes: Sequence[Write], start: float, end: float) -> Latency | None:
    """The latency of the acknowledged writes that were due from `start` to before `end`; None without any."""
    seconds = sorted(write.latency for write in writes if write.served and start <= write.due < end)
    if not seconds:
        return None
    return Latency(len(seconds), _percentile(seconds, 50), _percentile(seconds, 99))


def steady(writes: Sequence[Write], now: float, seconds: float, rate: float) -> bool:
    """Whether, for the last `seconds`, every operation was served, and nearly as many as were due."""
    recent = [write for write in writes if write.ended > now - seconds]
    enough = len(recent) >= max(1, math.floor(0.9 * rate * seconds))
    return enough and all(write.served for write in recent)


def _percentile(ascending: Sequence[float], percent: int) -> float:
    """The smallest value that at least this share of all values does not exceed (nearest rank)."""
    return ascending[max(0, -(-len(ascending) * percent // 100) - 1)]
