"""What Pacemaker would do after a failure: its own scheduler is asked, `crm_simulate`, on the CIB as it will be.

The CIB is given a status section as a healthy cluster has it: all nodes online, nothing failed, promotion scores where
agents would set them. The scheduler starts everything; then a failure is put in, and it is asked again and again until
it has nothing more to do. Two things crm_simulate doesn't do are done here: quorum is counted (`votes`), and a node
that nothing can fence isn't fenced.
"""

import enum
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

from quorate.errors import QuorateError
from quorate.proof.evidence import Evidence, Pacemaker
from quorate.proof.evidence.pacemaker import Operation
from quorate.proof.healthy import with_everything_started, with_healthy_status
from quorate.proof.lint.fencing import devices, is_on, targets, watchdog_fences
from quorate.proof.lint.resources import PROMOTED, monitors
from quorate.proof.services import Service
from quorate.proof.votes import is_quorate
from quorate.services.links import DEAD, PREFIX

PROGRAM = "crm_simulate"
ROUNDS = 12
"""How often the scheduler is asked at most until it has nothing more to do."""
TIMEOUT = 60.0
"""Seconds for one question."""

Element = etree._Element


class Unpredictable(QuorateError):
    """The scheduler can't be asked about this cluster on this machine."""


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


@dataclass(frozen=True)
class Action:
    """One thing that the cluster does; `what` is start, stop, promote, demote, migrate_to ... or fence."""

    what: str
    resource: str
    node: str

    def __str__(self) -> str:
        return f"fence {self.node}" if self.what == "fence" else f"{self.what} {self.resource} on {self.node}"


@dataclass(frozen=True)
class Running:
    """Where things run: by primitive, the nodes with an instance; and those of them that are promoted."""

    on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    promoted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


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


class Scheduler:
    """Asks about one cluster. Use as a context: it keeps documents in a folder of its own until the end."""

    def __init__(self, evidence: Evidence, services: Iterable[Service], program: str | None = None) -> None:
        if evidence.pacemaker is None:
            raise Unpredictable("there is no CIB to ask about", todo="Hand one in with --cib.")
        found = program or shutil.which(PROGRAM)
        if found is None:
            raise Unpredictable(
                f"{PROGRAM} isn't installed on this machine", todo="Install Debian's package pacemaker-cli-utils."
            )
        self.evidence, self.pacemaker = evidence, evidence.pacemaker
        self.services = tuple(services)
        self._program = found
        self._folder = tempfile.TemporaryDirectory(prefix="quorate-")
        self._healthy: tuple[Path, Running] | None = None
        self._count = 0

    def __enter__(self) -> "Scheduler":
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def healthy(self) -> Running:
        """Where everything runs while nothing has failed. Raises Unpredictable."""
        return self._start()[1]

    def never_run(self) -> tuple[str, ...]:
        """Services of which some part doesn't run even while nothing has failed."""
        running = self.healthy()
        return tuple(each.name for each in self.services if not all(running.on.get(id_) for id_ in each.primitives))

    def single_failures(self) -> list[Failure]:
        """Each node, each resource, and each link that rules look at."""
        nodes = [Failure(name, nodes=frozenset({name})) for name in self.evidence.nodes]
        working = [id_ for id_, each in self.pacemaker.primitives.items() if not each.is_fencing]
        links = [
            Failure(f"{node}'s link to {network}", links=frozenset({(node, network)}))
            for network in self._watched_networks()
            for node in self.evidence.nodes
        ]
        return nodes + [Failure(id_, resources=frozenset({id_})) for id_ in working] + links

    def _watched_networks(self) -> list[str]:
        expressions = self.pacemaker.document.iterfind("configuration/constraints/rsc_location/rule/expression")
        named = dict.fromkeys(str(each.get("attribute")) for each in expressions)
        return [name.removeprefix(PREFIX) for name in named if name.startswith(PREFIX)]

    def double_failures(self) -> list[Failure]:
        """Each pair of nodes, at one moment."""
        nodes = self.evidence.nodes
        pairs = [(one, other) for index, one in enumerate(nodes) for other in nodes[index + 1 :]]
        return [Failure(f"{one} and {other}", nodes=frozenset({one, other})) for one, other in pairs]

    def predict_all(self, failures: Iterable[Failure], workers: int = 2) -> list[Prediction]:
        """All of them, side by side."""
        self.healthy()
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(self.predict, failures))

    def predict(self, failure: Failure) -> Prediction:
        """What a failure leads to. Raises Unpredictable."""
        document, before = self._start()
        if not set(self.evidence.nodes) - failure.nodes:
            return Prediction(failure, (), dict.fromkeys((each.name for each in self.services), Effect.GONE), False)
        if failure.links:
            document = self._without_links(document, failure.links)
        quorate = is_quorate(self.evidence, failure.nodes)
        stuck = self._stuck(failure, quorate)
        arguments: list[str] = []
        for node in sorted(failure.nodes - set(stuck)):
            arguments += ["--node-fail", node]
        unnoticed = []
        for id_ in sorted(failure.resources):
            if specs := self._injections(id_, before):
                arguments += [word for spec in specs for word in ("--op-inject", spec)]
            elif before.on.get(id_):
                unnoticed.append(id_)
        actions, _, after = self._until_settled(document, arguments, quorate)
        lost = failure.nodes
        survivors = Running(
            {id_: tuple(node for node in nodes if node not in lost) for id_, nodes in after.on.items()},
            {id_: tuple(node for node in nodes if node not in lost) for id_, nodes in after.promoted.items()},
        )
        own = {each.name: self._effect(each, failure, before, survivors, actions, unnoticed) for each in self.services}
        effects = {each.name: _with_others(each, own) for each in self.services}
        return Prediction(failure, actions, effects, quorate, stuck, tuple(unnoticed), survivors)

    def _without_links(self, document: Path, links: Collection[tuple[str, str]]) -> Path:
        """The same moment, with what the watchers of these links say then."""
        cib = etree.parse(document).getroot()
        for node, network in links:
            for pairs in cib.iterfind(f"status/node_state[@uname='{node}']/transient_attributes/instance_attributes"):
                words = {"id": f"{pairs.get('id')}-{PREFIX}{network}", "name": PREFIX + network, "value": DEAD}
                etree.SubElement(pairs, "nvpair", words)
        after = self._path()
        after.write_bytes(etree.tostring(cib))
        return after

    def _stuck(self, failure: Failure, quorate: bool) -> tuple[str, ...]:
        """The failed nodes that would have to be fenced, and that nothing can fence."""
        if not is_on(self.pacemaker) or not quorate:
            return ()
        watchdog = watchdog_fences(self.pacemaker)
        listed = [targets(each) for each in devices(self.pacemaker)]
        leveled = {level.target for level in self.pacemaker.levels}
        return tuple(
            node
            for node in sorted(failure.nodes)
            if node in failure.unfenceable
            or not (watchdog or node in leveled or any(each is None or node in each for each in listed))
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

    def _start(self) -> tuple[Path, Running]:
        if self._healthy is None:
            stopped = with_healthy_status(self.evidence, self.pacemaker)
            first, started = self._path(), self._path()
            first.write_bytes(etree.tostring(stopped))
            planned = self._ask(first, [], True, None)
            started.write_bytes(etree.tostring(with_everything_started(stopped, self.pacemaker, planned)))
            _, document, running = self._until_settled(started, [], quorate=True)
            self._healthy = self._unvalidated(document), running
        return self._healthy

    def _unvalidated(self, document: Path) -> Path:
        """The same, never to be validated again: a third of the time. As it was, if this scheduler won't have it so."""
        bare = self._path()
        bare.write_bytes(re.sub(rb'\bvalidate-with="[^"]*"', b'validate-with="none"', document.read_bytes(), count=1))
        try:
            answer = self._ask(bare, [], True, self._path())
        except Unpredictable:
            return document
        return document if any(_actions(answer)) else bare

    def _until_settled(
        self, document: Path, arguments: list[str], quorate: bool
    ) -> tuple[tuple[Action, ...], Path, Running]:
        actions: list[Action] = []
        running = Running()
        for _ in range(ROUNDS):
            after = self._path()
            answer = self._ask(document, arguments, quorate, after)
            done = list(_actions(answer))
            actions += done
            running = _running(answer)
            document, arguments = after, []
            if not done:
                break
        return tuple(actions), document, running

    def _ask(self, document: Path, arguments: list[str], quorate: bool, after: Path | None) -> Element:
        """The scheduler's answer; its plan is carried out, and what it leads to saved, only with a path for that."""
        argv = [self._program, "--xml-file", str(document), "--quorum", "true" if quorate else "false", *arguments]
        argv += ["--simulate", "--save-output", str(after)] if after else ["--run"]
        argv += ["--output-as=xml"]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT, check=False)
            answer = etree.fromstring(done.stdout.encode())
        except (OSError, subprocess.TimeoutExpired, etree.XMLSyntaxError) as error:
            raise Unpredictable(f"{PROGRAM} gave no answer: {error}", where=self.pacemaker.source) from None
        status = answer.find("status")
        if done.returncode != 0 or status is None or status.get("code") != "0" or (after and not after.exists()):
            said = [each.text or "" for each in answer.iterfind(".//error")] + done.stderr.splitlines()
            why = "; ".join(line for line in said[:3] if line) or f"status {done.returncode}"
            why = why.replace(f"{document}:", "line ").replace(str(document), "the CIB")
            raise Unpredictable(f"{PROGRAM} refuses this CIB: {why}", where=self.pacemaker.source)
        return answer

    def _path(self) -> Path:
        self._count += 1
        return Path(self._folder.name) / f"{self._count}.xml"


def _with_others(service: Service, own: Mapping[str, Effect]) -> Effect:
    """What becomes of a service, those that it stands on included; that they lose an instance doesn't touch it."""
    others = [own[name] for name in service.stands_on if own.get(name, Effect.NONE) > Effect.REDUNDANCY]
    return max([own[service.name], *others])


def _monitor_of(pacemaker: Pacemaker, id_: str, promoted: bool) -> Operation | None:
    recurring = monitors(pacemaker.primitives[id_])
    fitting = [each for each in recurring if (each.role.lower() in PROMOTED) is promoted]
    return min(fitting, key=lambda each: each.interval, default=None)


def _actions(answer: Element) -> Iterable[Action]:
    for each in answer.iterfind("transition/*"):
        operation = str(each.get("op") or each.get("task") or "")
        resource = re.sub(r":\d+$", "", str(each.get("resource") or ""))
        if each.tag == "fencing_action":
            yield Action("fence", "", str(each.get("target")))
        elif each.tag == "rsc_action" and operation != "notify":
            yield Action(operation, resource, str(each.get("node")))
        elif each.tag == "cluster_action":
            yield Action(operation, "", str(each.get("node")))


def _running(answer: Element) -> Running:
    on: dict[str, list[str]] = {}
    promoted: dict[str, list[str]] = {}
    for resource in answer.iterfind("revised_cluster_status/resources//resource"):
        id_ = re.sub(r":\d+$", "", str(resource.get("id")))
        nodes = [str(node.get("name")) for node in resource.iterfind("node")]
        good = resource.get("active") == "true" and resource.get("orphaned") != "true"
        if good and resource.get("role") in ("Started", "Promoted", "Unpromoted", "Master", "Slave"):
            on.setdefault(id_, []).extend(nodes)
            if resource.get("role") in ("Promoted", "Master"):
                promoted.setdefault(id_, []).extend(nodes)
    return Running({id_: tuple(each) for id_, each in on.items()}, {id_: tuple(each) for id_, each in promoted.items()})
