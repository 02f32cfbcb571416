"""How a report's figures are written, in every form of it. Pure."""

from quorate.drill.report.history import Distribution
from quorate.drill.report.model import Report, Service

NOTHING = "\N{EN DASH}"
"""In the place of a figure that isn't there."""


def seconds(value: float | None, digits: int = 2) -> str:
    """`18.07 s`."""
    return NOTHING if value is None else f"{value:.{digits}f} s"


def latency(value: float | None) -> str:
    """`12 ms`, `1.98 s`."""
    if value is None:
        return NOTHING
    if value < 0.01:
        return f"{value * 1000:.1f} ms"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def latencies(part: Service) -> str:
    """`p50 / p99 before 4.0 ms / 20 ms, during ..., after ...`."""
    clients = part.clients
    told = []
    for when, of in (
        ("before", clients.latency_before),
        ("during", clients.latency_during),
        ("after", clients.latency_after),
    ):
        told.append(f"{when} {latency(of.p50)} / {latency(of.p99)}" if of else f"{when} {NOTHING}")
    return f"p50 / p99 {', '.join(told)}"


def downtime(part: Service) -> str:
    """`18.07 ± 0.10 s`."""
    outage = part.clients.outage
    if outage is None:
        return "not measured"
    if outage.gap.end is None:
        return f"at least {outage.gap.seconds:.2f} s"
    return f"{outage.gap.seconds:.2f} ± {outage.precision:.2f} s"


def promised(part: Service) -> str:
    """What the objective allows."""
    return "any time" if part.promise.downtime is None else f"{part.promise.downtime:g} s"


def moved(part: Service) -> str:
    """`ctl1 → ctl2`, or the one node."""
    return part.before if part.after == part.before else f"{part.before} → {part.after or 'nowhere'}"


def aim(report: Report) -> str:
    """What the fault hit: `active:database: ctl1`."""
    nodes = " and ".join(report.nodes)
    return report.on if nodes in ("", report.on) or ",".join(report.nodes) == report.on else f"{report.on}: {nodes}"


def spread(figure: Distribution | None) -> str:
    """`9.2 / 11.2 / 12.2 s, n 10`: the least, the median and the most of several drills; one figure alone of one."""
    if figure is None:
        return NOTHING
    if figure.n == 1:
        return f"{figure.median:.2f} s"
    return f"{figure.low:.2f} / {figure.median:.2f} / {figure.high:.2f} s, n {figure.n}"


def count(value: int | None) -> str:
    """A number; not looked for if nobody was asked."""
    return "not looked for" if value is None else str(value)
