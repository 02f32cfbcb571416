"""What Pacemaker would do after a failure: its own scheduler is asked, `crm_simulate`, on the CIB as it will be.

The CIB is given a status section as a healthy cluster has it: all nodes online, nothing failed, promotion scores where
agents would set them. The scheduler starts everything; then a failure is put in, and it is asked again and again until
it has nothing more to do. Two things crm_simulate doesn't do are done here: quorum is counted (`votes`), and a node
that nothing can fence isn't fenced.
"""

import enum
import os
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

from quorate.proof import outside
from quorate.proof.evidence import Evidence, Pacemaker
from quorate.proof.evidence.pacemaker import Operation
from quorate.proof.healthy import with_dead_links, with_everything_started, with_healthy_status, without_thresholds
from quorate.proof.lint.fencing import is_on
from quorate.proof.lint.quorum import ignores_quorum
from quorate.proof.lint.resources import PROMOTED, monitors
from quorate.proof.services import Service
from quorate.proof.simulation import PROGRAM, Running, Simulation, Unpredictable
from quorate.proof.transition import Action
from quorate.proof.votes import is_quorate
from quorate.services.links import PREFIX

WORKERS = 2
"""Questions at one time, if the machine doesn't say how many processors it has."""


Element = etree._Element

__all__ = ["Action", "Effect", "Failure", "Prediction", "Running", "Scheduler", "Unpredictable"]


class Effect(enum.IntEnum):
    """What a failure does to a service; higher is worse."""

    NONE = 0
    REDUNDANCY = 1
    """It goes on, on fewer instances."""
    INTERRUPTED = 2
    """It stops and comes back by itself."""
    GONE = 3
    """It doesn't come back until the failure is mended."""

    def __str__(self) -> str:
        return ("untouched", "less redundancy", "interrupted", "down")[self]


@dataclass(frozen=True)
class Failure:
    """What fails at one moment. `unfenceable` are nodes whose way to be fenced fails with them."""

    name: str
    nodes: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    unfenceable: frozenset[str] = frozenset()
    links: frozenset[tuple[str, str]] = frozenset()
    """A node and a network on which it hears nobody any more; it stays a member."""
    outside: frozenset[str] = frozenset()
    """What is no node: the quorum device's host, or nobody's reaching it; SBD's disks (`proof.outside`)."""

    @property
    def size(self) -> int:
        """How many things fail."""
        return sum(len(each) for each in (self.nodes, self.resources, self.links, self.outside))


@dataclass(frozen=True)
class Prediction:
    """What a failure leads to."""

    failure: Failure
    actions: tuple[Action, ...]
    """In the order in which the cluster would begin them."""
    effects: Mapping[str, Effect]
    """By service."""
    quorate: bool
    stuck: tuple[str, ...] = ()
    """Nodes that are waited for and that nothing can fence."""
    unnoticed: tuple[str, ...] = ()
    """Resources whose failure no monitor would notice."""
    after: Running = field(default_factory=Running)

    @property
    def worst(self) -> Effect:
        """The worst that it does to any service."""
        return max(self.effects.values(), default=Effect.NONE)


@dataclass(frozen=True)
class _Healthy:
    """The cluster while nothing has failed: its CIB in the program's hands and in ours, and where everything runs."""

    document: Path
    cib: Element
    without_thresholds: Element | None
    """The same for failures of nodes and links only."""
    running: Running
    is_ordinary: bool
    """Whether the scheduler, asked again, leaves it so, and every node is a member."""


class Scheduler:
    """Asks about one cluster. Use as a context: it keeps documents in a folder of its own until the end."""

    def __init__(
        self, evidence: Evidence, services: Iterable[Service], program: str | None = None, *, quick: bool = True
    ) -> None:
        """`quick`: carry out ordinary transitions here; the same comes of it without, only later."""
        if evidence.pacemaker is None:
            raise Unpredictable("there is no CIB to ask about", todo="Hand one in with --cib.")
        found = program or shutil.which(PROGRAM)
        if found is None:
            raise Unpredictable(
                f"{PROGRAM} isn't installed on this machine", todo="Install Debian's package pacemaker-cli-utils."
            )
        self.evidence, self.pacemaker = evidence, evidence.pacemaker
        self.services = tuple(services)
        self._simulation = Simulation(found, self.pacemaker.source)
        self._is_quick = quick
        self.unpredicted: list[tuple[Failure, Unpredictable]] = []
        """Failures to which `predict_all` got no answer, and why."""
        self._healthy: _Healthy | None = None

    def __enter__(self) -> "Scheduler":
        return self

    def __exit__(self, *_: object) -> None:
        self._simulation.close()

    def healthy(self) -> Running:
        """Where everything runs while nothing has failed. Raises Unpredictable."""
        return self._start().running

    def never_run(self) -> tuple[str, ...]:
        """Services of which some part doesn't run even while nothing has failed."""
        running = self.healthy()
        return tuple(each.name for each in self.services if not all(running.on.get(id_) for id_ in each.primitives))

    def single_failures(self) -> list[Failure]:
        """Each node, each resource, each link that rules look at, the quorum device and each of SBD's disks."""
        nodes = [Failure(name, nodes=frozenset({name})) for name in self.evidence.nodes]
        working = [id_ for id_, each in self.pacemaker.primitives.items() if not each.is_fencing]
        links = [
            Failure(f"{node}'s link to {network}", links=frozenset({(node, network)}))
            for network in self._watched_networks()
            for node in self.evidence.nodes
        ]
        resources = [Failure(id_, resources=frozenset({id_})) for id_ in working]
        without = [Failure(name, outside=frozenset({name})) for name in outside.parts(self.evidence)]
        return [*nodes, *resources, *links, *without]

    def _watched_networks(self) -> list[str]:
        expressions = self.pacemaker.document.iterfind("configuration/constraints/rsc_location/rule/expression")
        named = dict.fromkeys(str(each.get("attribute")) for each in expressions)
        return [name.removeprefix(PREFIX) for name in named if name.startswith(PREFIX)]

    def double_failures(self) -> list[Failure]:
        """Each pair of nodes, at one moment, and each node while the quorum device or one of SBD's disks is lost."""
        nodes = self.evidence.nodes
        pairs = [(one, other) for index, one in enumerate(nodes) for other in nodes[index + 1 :]]
        both = [Failure(f"{one} and {other}", nodes=frozenset({one, other})) for one, other in pairs]
        return both + [
            Failure(f"{node} and {name}", nodes=frozenset({node}), outside=frozenset({name}))
            for name in outside.parts(self.evidence)
            for node in nodes
        ]

    def predict_all(self, failures: Iterable[Failure], workers: int | None = None) -> list[Prediction]:
        """All of them, side by side, as many at one time as there are processors.

        What the scheduler gives no answer to is left out, and stands in `unpredicted`. Raises Unpredictable if it can't
        be asked about this cluster at all.
        """
        self.healthy()
        with ThreadPoolExecutor(workers or os.cpu_count() or WORKERS) as pool:
            return [each for each in pool.map(self._predict_or_note, failures) if each is not None]

    def _predict_or_note(self, failure: Failure) -> Prediction | None:
        try:
            return self.predict(failure)
        except Unpredictable as error:
            self.unpredicted.append((failure, error))
            return None

    def predict(self, failure: Failure) -> Prediction:
        """What a failure leads to. Raises Unpredictable."""
        before = self._start().running
        if not set(self.evidence.nodes) - failure.nodes:
            return Prediction(failure, (), dict.fromkeys((each.name for each in self.services), Effect.GONE), False)
        without_device = outside.device_host(self.evidence.corosync) in failure.outside
        quorate = is_quorate(self.evidence, failure.nodes, without_device=without_device)
        stuck = self._stuck(failure, quorate)
        failing: dict[str, list[str]] = {}
        unnoticed = []
        for id_ in sorted(failure.resources):
            if specs := self._injections(id_, before):
                failing[id_] = specs
            elif before.on.get(id_):
                unnoticed.append(id_)
        actions, after = self._settled(failure, stuck, failing, quorate)
        if not quorate and outside.fences_itself(self.evidence):
            left = [node for node in self.evidence.nodes if node not in failure.nodes]
            actions, after = (*actions, *(Action("self-fence", "", node) for node in left)), after.without(left)
        survivors = after.without(failure.nodes)
        own = {each.name: self._effect(each, failure, before, survivors, actions, unnoticed) for each in self.services}
        effects = {each.name: _with_others(each, own) for each in self.services}
        return Prediction(failure, actions, effects, quorate, stuck, tuple(unnoticed), survivors)

    def _stuck(self, failure: Failure, quorate: bool) -> tuple[str, ...]:
        """The failed nodes that would have to be fenced, and that nothing can fence."""
        if not is_on(self.pacemaker) or not (quorate or ignores_quorum(self.pacemaker)):
            return ()
        return tuple(
            node
            for node in sorted(failure.nodes)
            if node in failure.unfenceable
            or not outside.can_fence(self.evidence, self.pacemaker, node, failure.outside)
        )

    def _injections(self, id_: str, running: Running) -> list[str]:
        """The failure of a resource where it counts most: its promoted instance, or the one that others run beside."""
        nodes = running.promoted.get(id_) or running.on.get(id_) or ()
        monitor = _monitor_of(self.pacemaker, id_, promoted=bool(running.promoted.get(id_)))
        if monitor is None or not nodes:
            return []
        beside = [node for node in self._beside(id_, running) if node in nodes]
        return [f"{id_}_monitor_{round(monitor.interval * 1000)}@{next(iter([*beside, *nodes]))}=7"]

    def _beside(self, id_: str, running: Running) -> list[str]:
        """The nodes where something runs that has to run beside this resource."""
        top = self.pacemaker.top(id_)
        return [
            node
            for each in self.pacemaker.colocations
            if self.pacemaker.top(each.other) == top and each.score > 0
            for follower in self.pacemaker.members_of(each.resource)
            for node in running.on.get(follower, ())
        ]

    def _effect(
        self,
        service: Service,
        failure: Failure,
        before: Running,
        after: Running,
        actions: tuple[Action, ...],
        unnoticed: Collection[str],
    ) -> Effect:
        touched = {action.resource for action in actions if action.what not in ("monitor", "notify", "fence")}
        worst = Effect.NONE
        for id_ in service.primitives:
            was, now = before.on.get(id_, ()), after.on.get(id_, ())
            if not was:
                continue
            worst = max(worst, self._effect_on(id_, failure, before, after, id_ in touched, id_ in unnoticed))
            if not now:
                worst = Effect.GONE
        return worst

    def _effect_on(
        self, id_: str, failure: Failure, before: Running, after: Running, touched: bool, unnoticed: bool
    ) -> Effect:
        was, now = before.on.get(id_, ()), after.on.get(id_, ())
        active_was, active_now = before.promoted.get(id_, ()), after.promoted.get(id_, ())
        hit = id_ in failure.resources
        if self.pacemaker.clone_of(id_) is None:
            if unnoticed or not now:
                return Effect.GONE
            return Effect.INTERRUPTED if touched or set(was) & failure.nodes or hit else Effect.NONE
        if active_was and (unnoticed or not active_now):
            return Effect.GONE
        if active_was and (set(active_now) != set(active_was) or (hit and touched)):
            return Effect.INTERRUPTED
        if hit and (len(was) == 1 or (not active_was and self._beside(id_, before))):
            # What clients come to runs beside one instance, and that one failed.
            return Effect.GONE if unnoticed else Effect.INTERRUPTED
        return Effect.REDUNDANCY if len(now) < len(was) or hit else Effect.NONE

    def _settled(
        self, failure: Failure, stuck: Collection[str], failing: Mapping[str, Sequence[str]], quorate: bool
    ) -> tuple[tuple[Action, ...], Running]:
        """What comes of a failure, and where things run then. `failing`: by resource what is reported of it."""
        healthy = self._start()
        lost = sorted(failure.nodes - set(stuck))
        if quorate and not (lost or failing or failure.links):
            return (), healthy.running
        injected = [word for specs in failing.values() for spec in specs for word in ("--op-inject", spec)]
        if self._is_quick and healthy.is_ordinary:
            leaner = healthy.without_thresholds
            if failing and leaner is not None:
                leaner = without_thresholds(healthy.cib, self.pacemaker, failing)
            cib = with_dead_links(healthy.cib if leaner is None else leaner, failure.links)
            if quick := self._simulation.settle_quickly(cib, lost, injected, quorate=quorate):
                return quick
        document = healthy.document
        if failure.links:
            document = self._simulation.write(with_dead_links(healthy.cib, failure.links))
        nodes = [word for node in lost for word in ("--node-fail", node)]
        return self._simulation.settle(document, [*nodes, *injected], quorate=quorate)[:2]

    def _start(self) -> _Healthy:
        if self._healthy is None:
            stopped = with_healthy_status(self.evidence, self.pacemaker)
            planned = self._simulation.decide(self._simulation.write(stopped))
            started = self._simulation.write(with_everything_started(stopped, self.pacemaker, planned))
            _, running, settled = self._simulation.settle(started, (), quorate=True)
            document = self._unvalidated(settled)
            cib = etree.parse(document).getroot()
            ordinary = document is not settled and self._has_only_members()
            without = without_thresholds(cib, self.pacemaker) if ordinary else None
            self._healthy = _Healthy(document, cib, without, running, ordinary)
        return self._healthy

    def _has_only_members(self) -> bool:
        """Neither remote nor guest nodes, with which crm_simulate has ways of its own, nor bundles, which make some."""
        kinds = {node.kind for node in self.pacemaker.nodes.values()}
        return kinds <= {"member"} and all(holder.kind != "bundle" for holder in self.pacemaker.holders.values())

    def _unvalidated(self, document: Path) -> Path:
        """The same, never to be validated again: a third of the time. As it was, if this scheduler won't have it so."""
        cib = etree.parse(document).getroot()
        cib.set("validate-with", "none")
        bare = self._simulation.write(cib)
        return bare if self._simulation.is_at_rest(bare) else document


def _with_others(service: Service, own: Mapping[str, Effect]) -> Effect:
    """What becomes of a service, those that it stands on included; that they lose an instance doesn't touch it."""
    others = [own[name] for name in service.stands_on if own.get(name, Effect.NONE) > Effect.REDUNDANCY]
    return max([own[service.name], *others])


def _monitor_of(pacemaker: Pacemaker, id_: str, promoted: bool) -> Operation | None:
    recurring = monitors(pacemaker.primitives[id_])
    fitting = [each for each in recurring if (each.role.lower() in PROMOTED) is promoted]
    return min(fitting, key=lambda each: each.interval, default=None)
