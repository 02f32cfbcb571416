"""Where everything of a drill's timeline stands: latencies, errors, the cluster's events, the phases. Pure.

Everything shares one time axis. Across it places are per cent, so that the page may be as wide as it likes; dots and
bands are in a picture that is stretched to that width (`WIDTH` units wide, its height in pixels). A label has a width
in pixels that doesn't stretch: labels are laid out in lanes for the narrowest plot that they have to fit into, and what
doesn't collide there doesn't in a wider one, since places move apart and labels don't grow.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from quorate.drill.report.model import Event, EventKind, Operations, Report, Service

WIDTH, HEIGHT, STRIP = 1000, 96, 10
"""Of the picture of one service's operations: its units across, its pixels down, and those of the strip of errors."""
CHARACTER = 6.7
"""Pixels of a character of a label; they are set in a monospaced font of 11 px, whose characters are 0.6 em wide."""
MARGIN = 16
"""Pixels of a label besides its characters."""
NARROW, WIDE = 240, 590
"""Pixels of the narrowest plot on a phone and on anything else; page.css has the widths that make them so."""
MOST_EVENTS = 24
MOST_TICKS = 6
STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
"""Seconds between two ticks."""
SLOWEST, FASTEST = 1.0, 0.001
"""Seconds that the latencies' axis shows at least."""
_IMPORTANCE = list(EventKind)


@dataclass(frozen=True)
class Axis:
    """The time axis, in seconds from the fault."""

    start: float
    end: float

    def at(self, seconds: float) -> float:
        """A time's place in per cent, held inside the axis."""
        return round(min(100.0, max(0.0, (seconds - self.start) / (self.end - self.start) * 100)), 3)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Places and labels, the fault's own among them."""
        step = next((s for s in STEPS if (self.end - self.start) / s <= MOST_TICKS), STEPS[-1])
        numbers = range(math.ceil(self.start / step), math.floor(self.end / step) + 1)
        return [(self.at(n * step), f"{n * step} s") for n in numbers]


@dataclass(frozen=True)
class Band:
    """A stretch of time, in the picture's units."""

    x: float
    width: float
    style: str
    title: str


@dataclass(frozen=True)
class Plot:
    """One service's operations."""

    paths: Sequence[tuple[str, str]]
    """By style: dots as one path."""
    bands: Sequence[Band]
    """Behind the dots: the fault, the downtime, further gaps."""
    errors: Sequence[Band]
    """In the strip below them."""
    decades: Sequence[tuple[float, str]]
    """The latencies' axis: pixels from above, and a label."""


@dataclass(frozen=True)
class Label:
    """An event as it is drawn."""

    event: Event
    at: float
    """Per cent."""
    lane: int
    text: str
    pixels: float
    """How wide it is."""


@dataclass(frozen=True)
class Lanes:
    """The events for plots of one width and above."""

    labels: Sequence[Label]
    count: int


@dataclass(frozen=True)
class Step:
    """A phase of the recovery, or another moment of it, as a bar from the one before it."""

    name: str
    seconds: float | None
    """Since the fault; None if it was not seen."""
    node: str
    evidence: str
    left: float = 0.0
    width: float = 0.0
    """Per cent."""


@dataclass(frozen=True)
class Timeline:
    """A whole drill."""

    axis: Axis
    plots: dict[str, Plot]
    """By service; those whose operations were kept."""
    narrow: Lanes
    wide: Lanes
    steps: Sequence[Step]
    left_out: int
    """Events that are in the table only."""


def timeline(report: Report) -> Timeline:
    """Lays a drill out that was held."""
    moments = _moments(report)
    axis = _axis(report, [step.seconds for step in moments if step.seconds is not None])
    kept = {name: part.operations for name, part in report.services.items() if part.operations}
    scale = _scale(kept.values())
    over = report.healed if report.healed is not None else report.since(report.over)
    chosen = _chosen(report, axis)
    return Timeline(
        axis=axis,
        plots={
            name: _plot(report, report.services[name], operations, axis, scale, over)
            for name, operations in kept.items()
        },
        narrow=lanes(chosen, axis, NARROW),
        wide=lanes(chosen, axis, WIDE),
        steps=_bars(moments, axis),
        left_out=len(report.events) - len(chosen),
    )


def lanes(events: Iterable[Event], axis: Axis, width: float) -> Lanes:
    """Puts each event's label into the first lane where it touches no other in a plot of this many pixels or more."""
    taken: list[float] = []
    labels = []
    for event in events:
        text = _fitted(event, width)
        pixels = round(len(text) * CHARACTER + MARGIN, 1)
        at = axis.at(event.at)
        left = min(at / 100 * width, width - pixels)
        lane = next((number for number, right in enumerate(taken) if right <= left), len(taken))
        taken[lane:] = [left + pixels, *taken[lane + 1 :]]
        labels.append(Label(event, at, lane, text, pixels))
    return Lanes(labels, len(taken))


def _fitted(event: Event, width: float) -> str:
    """An event's text, with the node if that isn't in it already and there is room for it.

    A text that is wider than the whole plot gives up its middle; the table below has all of it.
    """
    most = int((width - MARGIN) / CHARACTER)
    text, node = event.text, event.nodes[0] if len(event.nodes) == 1 else ""
    if len(text) > most:
        return f"{text[: most // 2]}…{text[-(most - most // 2 - 1) :]}"
    longer = f"{text} ({node})"
    return longer if node and node not in text and len(longer) <= most else text


def _chosen(report: Report, axis: Axis) -> list[Event]:
    """The most important events, those of the outage before those of the return, in the order of time."""
    ends = [p.clients.outage.gap.end for p in report.services.values() if p.clients.outage and p.clients.outage.gap.end]
    recovered = max(ends, default=float("inf")) - (report.injected or 0.0)

    def importance(event: Event) -> tuple[bool, int, float]:
        return event.at > recovered, _IMPORTANCE.index(event.kind), event.at

    drawable = [event for event in report.events if axis.start <= event.at <= axis.end]
    return sorted(sorted(drawable, key=importance)[:MOST_EVENTS], key=lambda event: event.at)


def _axis(report: Report, moments: Sequence[float]) -> Axis:
    """From the first operation to the last outcome, or to the last moment of the recovery without operations."""
    starts, ends = [-1.0], [1.0, *moments]
    for part in report.services.values():
        if part.operations and part.operations.due:
            starts.append(min(part.operations.due) / 1e6)
            ends.append(max(map(sum, zip(part.operations.due, part.operations.latency, strict=True))) / 1e6)
    return Axis(min(starts), max(ends))


def _scale(kept: Iterable[Operations]) -> tuple[int, int]:
    """The decades of the latencies' axis, common to all services: powers of ten of seconds."""
    latencies = [latency / 1e6 for operations in kept for latency in operations.latency if latency > 0]
    low, high = min([FASTEST, *latencies]), max([SLOWEST, *latencies])
    return max(-6, math.floor(math.log10(low))), math.ceil(math.log10(high) - 1e-9)


def _plot(
    report: Report, part: Service, operations: Operations, axis: Axis, scale: tuple[int, int], over: float | None
) -> Plot:
    low, high = scale
    cells: dict[str, set[tuple[int, int]]] = {"served": set(), "refused": set(), "unknown": set()}
    styles = {"a": "served", "f": "unknown", "r": "refused", "u": "unknown"}
    for due, latency, outcome in zip(operations.due, operations.latency, operations.outcome, strict=True):
        decade = math.log10(max(latency / 1e6, 10.0**low))
        y = round((high - decade) / (high - low) * HEIGHT)
        cells[styles[outcome]].add((round(axis.at(due / 1e6) / 100 * WIDTH), y))
    return Plot(
        paths=[(style, _dots(found)) for style, found in cells.items() if found],
        bands=list(_bands(report, part, axis, over)),
        errors=_errors(operations, axis, 1 / part.clients.rate),
        decades=_decades(low, high),
    )


def _dots(cells: Iterable[tuple[int, int]]) -> str:
    """Dots as lines without length; their round ends are what is seen."""
    return "".join(f"M{x} {y}h0" for x, y in sorted(cells))


def _decades(low: int, high: int) -> list[tuple[float, str]]:
    units = {-6: "1 µs", -5: "10 µs", -4: "0.1 ms", -3: "1 ms", -2: "10 ms", -1: "0.1 s"}
    every = 1 if high - low <= 5 else 2
    return [
        (round((high - power) / (high - low) * HEIGHT, 1), units.get(power, f"{10 ** max(0, power)} s"))
        for power in range(high, low - 1, -every)
    ]


def _bands(report: Report, part: Service, axis: Axis, over: float | None) -> Iterable[Band]:
    injected = report.injected or 0.0
    if over is not None:
        yield _band(
            axis,
            0.0,
            over,
            "fault",
            f"the fault, and what it took to be ready again: {over:.2f} s"
            if report.healed is None
            else f"the fault, healed after {over:.2f} s",
        )
    if outage := part.clients.outage:
        for gap in outage.others:
            end = axis.end if gap.end is None else gap.end - injected
            yield _band(axis, gap.start - injected, end, "gap", f"no answer for {gap.seconds:.2f} s")
        end = axis.end if outage.gap.end is None else outage.gap.end - injected
        yield _band(axis, outage.gap.start - injected, end, "downtime", f"downtime: {outage.gap.seconds:.2f} s")


def _errors(operations: Operations, axis: Axis, interval: float) -> list[Band]:
    """Neighbouring operations of one bad outcome as one band, each from its due time to the next one's."""
    found: list[Band] = []
    open_: tuple[str, float, float, int] | None = None
    names = {"r": "refused", "u": "unknown", "f": "unknown"}
    columns = zip(operations.due, operations.outcome, strict=True)
    for due, outcome in (*((due / 1e6, names.get(letter, "")) for due, letter in columns), (math.inf, "")):
        if open_ and open_[0] != outcome:
            style, start, end, count = open_
            found.append(_band(axis, start, end, style, f"{count} {style}, {start:.2f} to {end:.2f} s"))
            open_ = None
        if outcome:
            start, count = (open_[1], open_[3]) if open_ else (due, 0)
            open_ = (outcome, start, due + interval, count + 1)
    return found


def _band(axis: Axis, start: float, end: float, style: str, title: str) -> Band:
    x, right = axis.at(start) / 100 * WIDTH, axis.at(end) / 100 * WIDTH
    return Band(round(x, 2), round(max(0.5, right - x), 2), style, title)


def _moments(report: Report) -> list[Step]:
    """The phases in the order in which they came, with the clients' own; those not seen last.

    A service that stayed where it was has no takeover: of its phases only those that were seen are told.
    """
    phases = [Step(p.name, p.seconds, p.node, p.evidence) for p in (report.audit.phases if report.audit else ())]
    for name, part in report.services.items():
        prefix = f"{name}: " if len(report.services) > 1 else ""
        phases += [
            Step(f"{prefix}{p.name}", p.seconds, p.node, p.evidence)
            for p in part.phases
            if p.seconds is not None or part.after != part.before
        ]
        outage, injected = part.clients.outage, report.injected or 0.0
        if outage and outage.gap.end is not None and outage.gap.start <= injected + 1:
            phases.append(Step(f"{prefix}clients are answered", outage.gap.end - injected, "", "the probe's record"))
    marks = {
        "the drill heals it": report.healed,
        "the cluster is ready again, at the latest": report.since(report.over),
    }
    phases += [Step(name, seconds, "", "") for name, seconds in marks.items() if seconds is not None]
    return sorted(phases, key=lambda step: math.inf if step.seconds is None else step.seconds)


def _bars(moments: Sequence[Step], axis: Axis) -> list[Step]:
    bars, begun = [], 0.0
    for step in moments:
        if step.seconds is None:
            bars.append(step)
            continue
        left = axis.at(begun)
        width = round(axis.at(step.seconds) - left, 3)
        bars.append(Step(step.name, step.seconds, step.node, step.evidence, left, width))
        begun = step.seconds
    return bars
