"""How long a failure is felt: part by part, each with where its figure comes from, against the objective.

A node that dies:    detection + fencing + what has to start, in order + balancer + client
A process that dies: until the next monitor + stopping and starting it + client
A link that is lost: until the watcher's next look + its dampening + what has to stop, and to start elsewhere + client

Detection is what corosync.conf says. What a start takes nobody can read from a configuration: such figures are the
medians of the drills in docs/drills.md and docs/measured.md, and marked so; a service that isn't in them gets an
assumption, and is marked.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from quorate.proof.evidence import Evidence, Pacemaker
from quorate.proof.evidence.pacemaker import seconds, value
from quorate.proof.lint.addresses import floating
from quorate.proof.lint.fencing import devices, is_by_disk, is_on
from quorate.proof.lint.resources import PROMOTED, monitors
from quorate.proof.services import Service
from quorate.services.links import DAMPENING, INTERVAL, PREFIX, SILENCE

DRILLS = "measured: median of 10 power cuts in the lab, docs/drills.md"
SWITCHES = "measured: median of 12 planned switch-overs in the lab, docs/measured.md"
ASSUMED = "assumed, nobody measured it"
FENCING = 1.85
"""Seconds from the new membership to a node that is surely off, by IPMI."""
MSGWAIT = 10.0
"""Seconds; sbd(8): what `sbd create` sets, twice the watchdog's time-out."""
MSGWAIT_SOURCE = "SBD's own default, nobody read the disk"
PROMOTE, MOUNT, MARIADB = 2.3, 1.95, 2.75
DEMOTE, UNMOUNT, MARIADB_STOPS = 1.2, 4.1, 1.5
START = 2.0
STOP = 1.0
ADDRESS = 1.0
HAPROXY = ("/etc/quorate/haproxy.cfg", "/etc/haproxy/haproxy.cfg")
COROSYNC_DEFAULT = 3.0
_SERVERS = ("ocf:quorate:mariadb", "ocf:heartbeat:mysql", "ocf:heartbeat:mariadb")
BROKERS = "measured: median of 3 drills in the lab, docs/measured.md; an Erlang machine boots, on a slow core"
APIS = "measured: of Keystone and Glance in the lab, docs/measured.md; Python loads them, on a slow core"
_STARTS = {
    **dict.fromkeys(_SERVERS, (MARIADB, DRILLS)),
    "ocf:quorate:rabbitmq": (57.3, BROKERS),
    "ocf:quorate:openstack-api": (10.0, APIS),
}
"""Seconds from the agent's start to a server that answers, and where the figure comes from."""


@dataclass(frozen=True)
class Part:
    """One part of an outage; `limit` is the most that a time-out lets it be, where there is one. In seconds."""

    name: str
    seconds: float
    source: str
    limit: float | None = None


@dataclass(frozen=True)
class Budget:
    """An outage of one service after one kind of failure."""

    service: str
    failure: str
    """`node`, `process` or `link`."""
    parts: tuple[Part, ...]
    objective: float | None

    @property
    def expected(self) -> float:
        """Seconds, if every part takes what it usually takes."""
        return sum(part.seconds for part in self.parts)

    @property
    def worst(self) -> float:
        """Seconds, if every part with a time-out takes all of it, and succeeds at the last moment."""
        return sum(part.limit if part.limit is not None else part.seconds for part in self.parts)

    @property
    def is_kept(self) -> bool:
        """Whether the objective stands what is expected; true without an objective."""
        return self.objective is None or self.expected <= self.objective

    def cheapest(self) -> str:
        """Which setting would shorten it most."""
        movable = [part for part in self.parts if part.source.split(",")[0] in ("corosync.conf", "monitor", "delay")]
        if not movable:
            return "No setting makes it shorter: another design has to (active on several nodes behind a balancer)."
        part = max(movable, key=lambda each: each.seconds)
        return f"The longest part that a setting decides is {part.name}: {part.seconds:.1f} s ({part.source})."


def budgets(evidence: Evidence, service: Service, objective: float | None) -> tuple[Budget, ...]:
    """What this service costs the loss of the active node, of the process alone, and of the node's link to clients."""
    pacemaker = evidence.pacemaker
    if pacemaker is None:
        return ()
    starting = tuple(_starting(pacemaker, service))
    takeover = (*_detection(evidence), *_fencing(pacemaker), *starting) if starting else ()
    node = (*takeover, *_balancer(evidence, service, sum(part.seconds for part in takeover)))
    found = [Budget(service.name, "node", node, objective)] if node else []
    balanced = not _stands_alone(pacemaker, service) and tuple(_balancer(evidence, service, 0.0))
    if process := balanced or tuple(_process(pacemaker, service)):
        found.append(Budget(service.name, "process", process, objective))
    if starting and (link := tuple(_link(pacemaker, service))):
        found.append(Budget(service.name, "link", (*link, *starting), objective))
    return tuple(found)


def with_others(own: Iterable[Budget], services: Iterable[Service]) -> tuple[Budget, ...]:
    """The budgets of several services: one that stands on another is gone for as long as that, if it takes longer."""
    own = tuple(own)
    known = {(each.service, each.failure): each for each in own if each.failure != "process"}
    stands_on = {service.name: service.stands_on for service in services}
    found = []
    for each in own:
        beneath = ((name, each.failure) for name in stands_on.get(each.service, ()))
        longest = max((known[key] for key in beneath if key in known), key=lambda other: other.expected, default=each)
        if longest.expected > each.expected:
            what = f"{longest.service}, which it stands on, answers again"
            part = Part(what, longest.expected, f"the time budget of {longest.service}", longest.worst)
            each = dataclasses.replace(each, parts=(part,))
        found.append(each)
    return tuple(found)


def _detection(evidence: Evidence) -> Iterator[Part]:
    conf = evidence.corosync
    if conf is None:
        token = COROSYNC_DEFAULT + 0.65 * max(len(evidence.nodes) - 2, 0)
        source = f"Corosync's default for {len(evidence.nodes)} nodes, corosync.conf wasn't seen"
        yield Part("the token is lost", token, source)
        yield Part("the others agree (consensus)", 1.2 * token, source)
        return
    token_source = "corosync.conf, token" if conf.totem.get("token") else "corosync.conf, token left to its default"
    consensus = "consensus" if conf.totem.get("consensus") else "consensus left to its default, 1.2 times token"
    yield Part("the token is lost", conf.token, token_source, conf.token)
    yield Part("the others agree (consensus)", conf.consensus, f"corosync.conf, {consensus}", conf.consensus)


def _fencing(pacemaker: Pacemaker) -> Iterator[Part]:
    if not is_on(pacemaker):
        return
    general = seconds(pacemaker.property("stonith-timeout")) or 60.0
    limits = [
        seconds(value(device.parameters, "pcmk_reboot_timeout", "pcmk_off_timeout")) or general
        for device in devices(pacemaker)
    ]
    watchdog = seconds((pacemaker.property("stonith-watchdog-timeout") or "0").lstrip("-")) or 0.0
    if watchdog:
        yield Part("the watchdog is waited for", watchdog, "delay, stonith-watchdog-timeout", watchdog)
    elif any(is_by_disk(device) for device in devices(pacemaker)):
        yield Part("SBD's message counts as read (msgwait)", MSGWAIT, MSGWAIT_SOURCE, max(limits, default=general))
    else:
        yield Part("fencing", FENCING, DRILLS, max(limits, default=general))
    if delay := _delay(pacemaker):
        yield Part("fencing is delayed", delay, "delay, of the fence devices or priority-fencing-delay", delay)


def _delay(pacemaker: Pacemaker) -> float:
    """The longest delay that a fencing may be given."""
    found = [seconds(pacemaker.property("priority-fencing-delay")) or 0.0]
    for device in devices(pacemaker):
        for name in ("pcmk_delay_max", "pcmk_delay_base", "delay"):
            text = value(device.parameters, name) or ""
            found += [seconds(each.rpartition(":")[2]) or 0.0 for each in re.split(r"[\s;,]+", text) if each]
    return max(found)


def _starting(pacemaker: Pacemaker, service: Service) -> Iterator[Part]:
    """What has to start one after the other."""
    addresses = {primitive.id for primitive, _ in floating(pacemaker)}
    for id_ in _waited_for(pacemaker, service):
        agent = pacemaker.primitives[id_].agent
        clone = pacemaker.clone_of(id_)
        if clone and clone.promotable:
            figure = (PROMOTE, DRILLS) if agent == "ocf:linbit:drbd" else (START, ASSUMED)
            yield Part(f"{id_} is promoted", *figure, limit=_limit(pacemaker, id_, "promote"))
        elif agent == "ocf:heartbeat:Filesystem":
            yield Part(f"{id_} is mounted", MOUNT, DRILLS, _limit(pacemaker, id_, "start"))
        else:
            figure = _STARTS.get(agent, (ADDRESS if id_ in addresses else START, ASSUMED))
            yield Part(f"{id_} starts", *figure, limit=_limit(pacemaker, id_, "start"))


def _link(pacemaker: Pacemaker, service: Service) -> Iterator[Part]:
    """From the loss of a link that our watcher looks at to all that moves having stopped; nobody is fenced for it."""
    watchers = [each for each in pacemaker.primitives.values() if each.agent == "ocf:quorate:links"]
    moving = [id_ for id_ in service.primitives if _moves(pacemaker, id_)]
    ruled = _ruled(pacemaker)
    if not watchers or not any({id_, pacemaker.top(id_)} & ruled for id_ in moving):
        return
    watcher = watchers[0]
    interval = min((each.interval for each in monitors(watcher)), default=float(INTERVAL))
    yield Part("the watcher of links looks again", interval, "monitor, its interval", interval)
    yield Part("nobody answers it", SILENCE, "ocf:quorate:links", SILENCE)
    dampening = seconds(value(watcher.parameters, "dampening")) or float(DAMPENING)
    yield Part("all nodes' watchers are waited for", dampening, "delay, the watcher's dampening", dampening)
    yield from _stopping(pacemaker, service)


def _stopping(pacemaker: Pacemaker, service: Service) -> Iterator[Part]:
    """What has to stop one after the other where it can be asked to."""
    for id_ in reversed(_waited_for(pacemaker, service)):
        agent = pacemaker.primitives[id_].agent
        clone = pacemaker.clone_of(id_)
        if clone and clone.promotable:
            figure = (DEMOTE, SWITCHES) if agent == "ocf:linbit:drbd" else (STOP, ASSUMED)
            yield Part(f"{id_} is demoted", *figure, limit=_limit(pacemaker, id_, "demote"))
        elif agent == "ocf:heartbeat:Filesystem":
            yield Part(f"{id_} is unmounted", UNMOUNT, SWITCHES, _limit(pacemaker, id_, "stop"))
        else:
            figure = (MARIADB_STOPS, SWITCHES) if agent in _SERVERS else (STOP, ASSUMED)
            yield Part(f"{id_} is stopped", *figure, limit=_limit(pacemaker, id_, "stop"))


def _ruled(pacemaker: Pacemaker) -> set[str]:
    """What leaves a node because of its links."""
    locations = pacemaker.document.iterfind("configuration/constraints/rsc_location")
    return {
        str(each.get("rsc"))
        for each in locations
        if any(str(rule.get("attribute")).startswith(PREFIX) for rule in each.iterfind("rule/expression"))
    }


def _waited_for(pacemaker: Pacemaker, service: Service) -> list[str]:
    """What moves one after the other. An address does so beside the rest, unless it is all there is."""
    whole = [id_ for id_ in service.primitives if _moves(pacemaker, id_)]
    addresses = {primitive.id for primitive, _ in floating(pacemaker)}
    return [id_ for id_ in whole if id_ not in addresses] or whole[:1]


def _moves(pacemaker: Pacemaker, id_: str) -> bool:
    """Whether the loss of one node means that it has to be started or promoted elsewhere."""
    clone = pacemaker.clone_of(id_)
    return clone is None or clone.promotable


def _limit(pacemaker: Pacemaker, id_: str, name: str) -> float:
    operation = pacemaker.operation(id_, name)
    general = seconds(value(pacemaker.operation_defaults, "timeout")) or 20.0
    return pacemaker.timeout(operation) if operation else general


def _balancer(evidence: Evidence, service: Service, before: float) -> Iterator[Part]:
    """How much longer than a takeover a balancer keeps sending requests to a server that is gone."""
    for host, path in ((host, path) for host in evidence.hosts.values() for path in HAPROXY):
        file = host.files.get(path)
        if file and file.text and re.search(rf"^backend {re.escape(service.name)}\s*$", file.text, re.MULTILINE):
            delay = balancer_delay(file.text)
            if delay > before:
                yield Part("the balancer leaves the server out", delay - before, f"{path}: inter, fall", delay - before)
            return


def balancer_delay(text: str) -> float:
    """Seconds until HAProxy leaves a server out: a check that fails, `inter` after the last good one, and `fall` - 1
    more, `fastinter` apart. Without them 2 s and 3 checks (HAProxy's own defaults).
    """
    inter = [_haproxy_time(each) for each in re.findall(r"\binter (\d\w*)", text)]
    fast = [_haproxy_time(each) for each in re.findall(r"\bfastinter (\d\w*)", text)]
    fall = [int(each) for each in re.findall(r"\bfall (\d{1,4})\b", text)]
    if not inter and not fall and " check" not in text:
        return 0.0
    slow = max(inter, default=2.0)
    return slow + (max(fall, default=3) - 1) * max(fast, default=slow)


def _haproxy_time(text: str) -> float:
    """HAProxy's durations: milliseconds without a unit."""
    return int(text) / 1000 if text.isdigit() else seconds(text) or 2.0


def _stands_alone(pacemaker: Pacemaker, service: Service) -> bool:
    """Whether one node at a time can serve it: what moves, but for addresses, has to be where the server is."""
    addresses = {primitive.id for primitive, _ in floating(pacemaker)}
    return any(_moves(pacemaker, id_) for id_ in service.primitives if id_ not in addresses)


def _process(pacemaker: Pacemaker, service: Service) -> Iterator[Part]:
    """The loss of what serves the clients: the last that starts. It may run on all nodes, and serve on one alone."""
    alone = _stands_alone(pacemaker, service)
    for id_ in reversed([each for each in service.primitives if alone or _moves(pacemaker, each)]):
        recurring = monitors(pacemaker.primitives[id_])
        clone = pacemaker.clone_of(id_)
        fitting = [each for each in recurring if clone is None or not clone.promotable or each.role.lower() in PROMOTED]
        if not fitting:
            continue
        monitor = min(fitting, key=lambda each: each.interval)
        most = monitor.interval + pacemaker.timeout(monitor)
        yield Part(f"{id_}'s monitor comes round", monitor.interval, "monitor, its interval", most)
        stop = _limit(pacemaker, id_, "stop")
        yield Part(f"{id_} is stopped", STOP, ASSUMED, stop)
        start = _STARTS.get(pacemaker.primitives[id_].agent, (START, ASSUMED))
        yield Part(f"{id_} starts", *start, limit=_limit(pacemaker, id_, "start"))
        return
