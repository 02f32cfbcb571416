"""Making it so: look, plan, do, phase by phase.

What differs is judged anew before every phase, by a look at the hosts as they are then; if nothing was changed since
the last look, that one serves. So a run without changes is one look: one connection and one round trip a host.
"""

import asyncio
import textwrap
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from quorate.cluster.model import Cluster
from quorate.converge import obstacles, plan, restarts
from quorate.converge.obstacle import Obstructed
from quorate.converge.plan import Planned
from quorate.converge.step import Phase, Step, View
from quorate.design.model import Design
from quorate.errors import HostError, QuorateError
from quorate.hosts import Hosts
from quorate.hosts.inspection import Request, Seen, look
from quorate.progress import Progress, Say


class StepFailed(QuorateError):
    """A step failed; those before it are done."""

    def __init__(self, failures: Sequence[tuple[Step, QuorateError]]) -> None:
        self.failures = tuple(failures)
        first, error = failures[0]
        others = "".join(f"\nAlso: {step.host or 'cluster'}: {step.title}: {other}" for step, other in failures[1:])
        super().__init__(
            f"could not {first.title}: {error.what}{others}",
            where=error.where or first.host or "the cluster",
            means=error.means or "It stopped there; what was done before stays done.",
            todo=error.todo or "Put that right, then run `quorate apply` again: it carries on from here.",
        )


class HostsFailed(HostError):
    """Several hosts could not be looked at."""

    def __init__(self, errors: Sequence[HostError]) -> None:
        self.errors = tuple(errors)
        lines = "\n".join(f"{error}" + (f"\n    -> {error.todo}" if error.todo else "") for error in errors)
        super().__init__(
            f"{len(errors)} hosts can't be looked at:\n{textwrap.indent(lines, '  ')}",
            todo="Put these right, then run the same command again.",
        )


@dataclass
class Outcome:
    """What `apply` did."""

    done: list[tuple[Planned, float]] = field(default_factory=list)
    """Steps with their seconds."""
    view: View = field(default_factory=dict)
    """The last look; after all steps unless something was done."""
    notices: list[str] = field(default_factory=list)
    """What was left to a person, each a sentence."""


@dataclass(frozen=True)
class Prospect:
    """What `apply` would do."""

    planned: list[Planned]
    notices: list[str]
    """What it would leave to a person, each a sentence."""


class Converging:
    """A design, its hosts, and the last look at them."""

    def __init__(
        self,
        cluster: Cluster,
        design: Design,
        all_steps: Sequence[Step],
        hosts: Hosts,
        also: Mapping[str, Request] | None = None,
    ) -> None:
        self._cluster, self._design, self._hosts = cluster, design, hosts
        self.steps = all_steps
        self._asks = plan.asks(cluster, all_steps)
        for host, request in (also or {}).items():
            self._asks[host] |= request

    async def look(self) -> View:
        """What is true on every host now.

        Raises:
            HostError: a host can't be looked at; if several, all their errors in one.
        """
        answers = await look(self._hosts, self._asks)
        errors = [answer for answer in answers.values() if isinstance(answer, HostError)]
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise HostsFailed(errors)
        return {name: answer for name, answer in answers.items() if isinstance(answer, Seen)}

    def _refuse_obstacles(self, view: View, *, changed: bool = False) -> None:
        if found := obstacles.find(self._cluster, self._design, view, self.steps):
            raise Obstructed(found, changed=changed)

    async def plan(self) -> Prospect:
        """What `apply` would do now, as far as can be seen. Changes nothing. Raises HostError, Obstructed."""
        view = await self.look()
        self._refuse_obstacles(view)
        return Prospect(plan.differing(self.steps, view), restarts.notices(self._design, view))

    async def apply(self, progress: Progress) -> Outcome:
        """Does all that differs.

        Raises:
            HostError, Obstructed: before anything was changed, or when a later look shows what the first couldn't.
            StepFailed: a step failed; steps under way on other hosts were finished, nothing later was begun.
        """
        with progress.phase("Look at the hosts"):
            outcome = Outcome(view=await self.look())
        self._refuse_obstacles(outcome.view)
        fresh = True
        for phase in Phase:
            if not fresh:
                outcome.view, fresh = await self.look(), True
                self._refuse_obstacles(outcome.view, changed=True)
            if not (due := plan.differing(self.steps, outcome.view, phase)):
                continue
            with progress.phase(phase.value) as say:
                await self._do(due, outcome, say)
            fresh = False
        outcome.notices = restarts.notices(self._design, outcome.view)
        return outcome

    async def _do(self, due: Sequence[Planned], outcome: Outcome, say: Say) -> None:
        """The steps of one phase: those of each host in order, the hosts side by side, then the cluster's."""
        failures: list[tuple[Step, QuorateError]] = []

        async def in_order(row: Sequence[Planned]) -> None:
            for planned in row:
                if failures:
                    return
                begun = time.monotonic()
                try:
                    await planned.step.do(self._hosts, outcome.view, say)
                except QuorateError as error:
                    failures.append((planned.step, error))
                    return
                seconds = time.monotonic() - begun
                outcome.done.append((planned, seconds))
                where = f"{planned.step.host}: " if planned.step.host else ""
                say(f"{where}{planned.step.title}  {seconds:.1f} s")

        by_host: dict[str, list[Planned]] = {}
        for planned in due:
            if planned.step.host:
                by_host.setdefault(planned.step.host, []).append(planned)
        async with asyncio.TaskGroup() as group:
            for row in by_host.values():
                group.create_task(in_order(row))
        await in_order([planned for planned in due if planned.step.host is None])
        if failures:
            raise StepFailed(failures)
