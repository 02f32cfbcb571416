"""`quorate drill --random`, `--replay` and `--shrink`: sequences of faults, held and held again."""

import asyncio
import dataclasses
import json
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rich.console import Console

from quorate.cli import converge, drill_table, ordering
from quorate.cli.ordering import Options
from quorate.cli.progress import progress
from quorate.cli.site import Format, Site
from quorate.cluster import units
from quorate.drill import report
from quorate.drill.faults import FAULTS
from quorate.drill.order import Drill, Interrupted
from quorate.drill.regression import Step
from quorate.drill.sequences import campaign, drawing, replay, sequencing, shrinking
from quorate.drill.sequences.campaign import Held
from quorate.drill.sequences.replay import Past
from quorate.drill.sequences.sequencing import Course
from quorate.errors import InputError, QuorateError, Refused
from quorate.progress import Progress, Silent

SEEDS = 1_000_000


def seconds(span: str) -> float:
    """What `--for` says: `30m`, `90s`, `2h`. Raises InputError."""
    try:
        found = units.duration(span + "in" if span.endswith("m") else span).total_seconds()
    except ValueError:
        found = 0.0
    if found <= 0:
        raise InputError(f"`{span}` is no time", where=f"--for {span}", todo="30m, 90s, 2h")
    return found


def read(folder: Path) -> Past:
    """See `replay.read`. Raises InputError."""
    return replay.read(folder.absolute())


class _Holding:
    """One sequence after another on a site, shown as it goes."""

    def __init__(self, site: Site, options: Options, quiet: bool) -> None:
        self._site, self._options = site, options
        self.console = Console(quiet=quiet)
        self.shown: Progress = Silent() if quiet else progress()

    def hold(
        self,
        begin: Callable[[Drill], tuple[Course, Iterable[Step]]],
        over: Callable[[], bool] = lambda: False,
        keep_going: bool = False,
    ) -> Course:
        """Holds a sequence. Raises QuorateError."""

        async def hold() -> Course:
            async with ordering.ordered(self._site, self._options) as drill:
                course, steps = begin(drill)
                held = sequencing.hold(drill, steps, course, self.shown, over=over, keep_going=keep_going)
                async for each in held:
                    self._show(each)
                return course

        return asyncio.run(hold())

    def restore(self) -> None:
        """Brings the cluster to where the cluster file wants it. Raises QuorateError."""

        async def wait() -> None:
            async with ordering.ordered(self._site, self._options) as drill:
                with self.shown.phase("The cluster is ready again") as say:
                    await campaign.ready_again(drill, say)

        asyncio.run(wait())
        converge.converge(self._site, self.shown)

    def _show(self, held: Held) -> None:
        if held.verdict:
            report.show(held.verdict, self.console)
        else:
            self.console.print(f"{held.fault} on {held.on}: {held.why}", markup=False, soft_wrap=True)


def hold_random(
    site: Site, options: Options, output: Format, *, seconds: float, seed: int | None, keep_going: bool
) -> Sequence[Held]:
    """Holds what a seed draws, for as long as was said. Raises QuorateError."""
    chosen = secrets.randbelow(SEEDS) if seed is None else seed
    holding = _Holding(site, options, quiet=output is Format.JSON)
    begun = time.monotonic()

    def begin(drill: Drill) -> tuple[Course, Iterable[Step]]:
        among = drawing.choices(campaign.programme(FAULTS.values(), drill), drill)
        if not among:
            raise Refused("no fault fits this site", todo="`quorate drill --list` says what each needs")
        holding.console.print(
            f"Seed {chosen}: {len({step.fault for step in among})} faults on {len(among)} targets", highlight=False
        )
        return sequencing.begin(drill, f"random-{chosen}", seed=chosen), drawing.drawn(among, chosen)

    course = holding.hold(begin, over=lambda: time.monotonic() - begun >= seconds, keep_going=keep_going)
    _conclude(site, course, holding.console, output, time.monotonic() - begun)
    return course.held


def hold_again(site: Site, past: Past, options: Options, output: Format, *, shrink: bool) -> bool:
    """Holds a drill, or a sequence to its failure, again; whether it was kept now. Raises QuorateError."""
    if past.cluster.name != site.cluster.name:
        raise InputError(
            f"it was held on the cluster {past.cluster.name}, and this is {site.cluster.name}", where=str(past.folder)
        )
    rate = ",".join(f"{service}={rate:g}" for service, rate in past.rates.items())
    options = dataclasses.replace(options, probe=tuple(past.rates), rate=rate, thorough=past.thorough)
    holding = _Holding(site, options, quiet=output is Format.JSON)
    if past.cluster != site.cluster:
        holding.console.print("The cluster file has changed since; this is the one of now.")
    if shrink:
        return _shrink(site, past, holding, output)
    begun = time.monotonic()
    course = holding.hold(lambda drill: (_course(drill, past), past.steps))
    _conclude(site, course, holding.console, output, time.monotonic() - begun)
    found = replay.differences(past.reports, course.held)
    for line in found or ["It ended as it did before."]:
        holding.console.print(line, markup=False, highlight=False, soft_wrap=True)
    return course.failed is None


def _course(drill: Drill, past: Past) -> Course:
    return sequencing.begin(drill, "replay", seed=past.seed, after=str(past.folder))


def _shrink(site: Site, past: Past, holding: _Holding, output: Format) -> bool:
    """Tries shorter ones, and keeps the folder of the shortest that fails. Whether none failed at all."""
    failing: list[tuple[Sequence[Step], Course]] = []
    begun = time.monotonic()

    def fails(steps: Sequence[Step]) -> bool:
        if failing:
            holding.restore()
        told = ", ".join(map(str, steps))
        holding.console.print(f"Do {len(steps)} of {len(past.steps)} fail? {told}", markup=False, soft_wrap=True)
        course = holding.hold(lambda drill: (_course(drill, past), steps))
        if course.failed:
            failing.append((steps, course))
        return course.failed is not None

    if not fails(past.steps):
        holding.console.print("It doesn't fail any more, so there is nothing to make shorter.")
        return True
    try:
        shrinking.shortest(past.steps, fails)
        ended = ""
    except Interrupted:
        raise
    except QuorateError as error:
        ended = f"There may be a shorter one; trying ended: {error}"
    steps, course = min(failing, key=lambda tried: len(tried[0]))
    _conclude(site, course, holding.console, output, time.monotonic() - begun)
    told = ", ".join(map(str, steps))
    for line in (f"The shortest that fails has {len(steps)} of {len(past.steps)}: {told}", ended):
        holding.console.print(line, markup=False, soft_wrap=True)
    return False


def _conclude(site: Site, course: Course, console: Console, output: Format, taken: float) -> None:
    """The summary, the page of all drills, and where it is kept."""
    drill_table.show_matrix(course.held, console)
    drill_table.show_summary(course.held, taken, console)
    ordering.draw(site, console)
    if output is Format.JSON:
        print(json.dumps({**course.document(), "folder": str(course.folder)}, indent=2))
    again = f"; held again by `quorate drill --replay {course.folder}`" if course.failed else ""
    console.print(f"Kept in {course.folder}{again}", markup=False, highlight=False, soft_wrap=True)
