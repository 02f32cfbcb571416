"""Drills of one kind side by side: the same fault at the same target on the same cluster. Pure."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from quorate.drill.report.model import Report, Result, Service


@dataclass(frozen=True)
class Distribution:
    """A figure over several drills."""

    n: int
    low: float
    median: float
    high: float
    mean: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Distribution | None":
        """None without any value."""
        known = list(values)
        if not known:
            return None
        return cls(len(known), min(known), statistics.median(known), max(known), statistics.fmean(known))


@dataclass(frozen=True)
class Kind:
    """All drills of one kind."""

    cluster: str
    fault: str
    on: str
    runs: Sequence[Report]
    """The oldest first."""

    @property
    def latest(self) -> Report:
        """The latest one that was held; if none was, the latest."""
        return next((run for run in reversed(self.runs) if run.services), self.runs[-1])

    @property
    def held(self) -> Sequence[Report]:
        """Those that came to a verdict."""
        return [run for run in self.runs if run.result in (Result.KEPT, Result.BROKEN)]

    @property
    def services(self) -> Sequence[str]:
        """Those that were probed in any of them."""
        return list(dict.fromkeys(name for run in self.runs for name in run.services))

    def figures(self, service: str, figure: Callable[[Service], float | None]) -> Distribution | None:
        """A figure of a service over all drills that have it."""
        values = (figure(run.services[service]) for run in self.held if service in run.services)
        return Distribution.of(value for value in values if value is not None)

    @property
    def time_to_ready(self) -> Distribution | None:
        """Until the cluster was as the design wants it, over all drills in which it was in time."""
        return Distribution.of(run.time_to_ready for run in self.held if run.time_to_ready is not None)

    def broken(self, service: str) -> int:
        """In how many drills the service's objective was not kept."""
        return sum(not run.services[service].kept for run in self.held if service in run.services)


def kinds(reports: Iterable[Report]) -> list[Kind]:
    """The drills by their kind, in the order in which each kind was held first."""
    found: dict[tuple[str, str, str], list[Report]] = {}
    for report in reports:
        found.setdefault((report.cluster, report.fault, report.on), []).append(report)
    return [Kind(*key, runs) for key, runs in found.items()]


def services(reports: Iterable[Report]) -> list[str]:
    """All services that were probed, in the order in which they start where that can be known."""
    order: list[str] = []
    for names in sorted((list(report.services) for report in reports), key=len, reverse=True):
        order += [name for name in names if name not in order]
    return order


def downtime(part: Service) -> float | None:
    """Seconds; None if it was not measured."""
    return part.clients.outage.gap.seconds if part.clients.outage else None
