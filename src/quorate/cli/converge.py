"""`quorate plan` and `quorate apply`: what would have to change, and changing it."""

import asyncio
import contextlib
import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence

import typer
from rich.console import Console

from quorate.cli import clouds
from quorate.cli.progress import progress
from quorate.cli.site import DEFAULT_FILE, ClusterFile, Format, Output, Site
from quorate.converge import Converging, Outcome, Planned, Prospect, steps
from quorate.errors import Refused
from quorate.hosts import Hosts
from quorate.live import asks, interpret, unmet, wait_until_ready
from quorate.progress import Progress, Silent


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(plan)
    app.command()(apply)


def plan(file: ClusterFile = DEFAULT_FILE, output: Output = Format.TEXT) -> None:
    """Show what `apply` would do now; changes nothing."""
    site = Site.open(file).enter()

    async def look() -> Prospect:
        async with site.hosts() as hosts:
            return await _converging(site, hosts).plan()

    prospect = asyncio.run(look())
    planned = prospect.planned
    if output is Format.JSON:
        print(json.dumps([_as_json(each) for each in planned], indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    phase = None
    for each in planned:
        if each.step.phase is not phase:
            phase = each.step.phase
            console.print(f"[bold]{phase.value}[/bold]")
        console.print(f"  {_line(each)}", markup=False)
    print(
        "\nNothing was changed; `quorate apply` does it."
        if planned
        else "Nothing to do: everything is as it should be."
    )
    _warn(prospect.notices)


def apply(file: ClusterFile = DEFAULT_FILE, output: Output = Format.TEXT) -> None:
    """Make the hosts and the cluster what the cluster file says, and wait until it is ready."""
    quiet, begun = output is Format.JSON, time.monotonic()
    outcome = converge(Site.open(file).enter(), Silent() if quiet else progress())
    if quiet:
        done = [{**_as_json(planned), "seconds": round(seconds, 1)} for planned, seconds in outcome.done]
        seconds = round(time.monotonic() - begun, 1)
        whole = {"changed": bool(done), "steps": done, "ready": True, "seconds": seconds, "notices": outcome.notices}
        print(json.dumps(whole, indent=2))
    elif outcome.done:
        print(f"Ready. {len(outcome.done)} steps were done.")
    else:
        print("Ready. Nothing was changed: everything was as it should be.")
    if not quiet:
        _warn(outcome.notices)


def converge(site: Site, shown: Progress | None = None) -> Outcome:
    """Applies the cluster file and waits until the cluster is ready. Raises QuorateError."""
    shown = shown or progress()
    clouds.write(site)

    async def bring_about() -> Outcome:
        async with site.hosts() as hosts:
            outcome = await _converging(site, hosts).apply(shown)
            if outcome.done or unmet(site.design, interpret(outcome.view, site.design)):
                with shown.phase("Wait until the cluster is ready") as say:
                    await wait_until_ready(hosts, site.design, say)
            return outcome

    with only_one(site):
        return asyncio.run(bring_about())


def _converging(site: Site, hosts: Hosts) -> Converging:
    # The look brings what `live` needs, too: a run without changes then knows from it that the cluster is ready.
    return Converging(
        site.cluster,
        site.design,
        steps(site.design, site.secret),
        hosts,
        also=asks(site.design),
    )


@contextlib.contextmanager
def only_one(site: Site) -> Iterator[None]:
    """Keeps a second change of the same cluster out while one runs; the lock ends with the process. Raises Refused."""
    site.folder.mkdir(mode=0o700, exist_ok=True)
    with (site.folder / "apply.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Refused(
                f"another `quorate apply` or `keys rotate` is at work (process {lock.read().strip() or 'unknown'})",
                where=str(site.path),
                todo="Wait for it, or end it; then run this again.",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _warn(notices: Sequence[str]) -> None:
    """What is left to a person."""
    for notice in notices:
        print(f"Warning: {notice}", file=sys.stderr)


def _line(planned: Planned) -> str:
    where = f"{planned.step.host}: " if planned.step.host else ""
    return f"{where}{planned.step.title} ({planned.why})"


def _as_json(planned: Planned) -> dict[str, str | None]:
    step = planned.step
    return {"phase": step.phase.name.lower(), "host": step.host, "step": step.title, "why": planned.why}
