"""Reading a running cluster: every node asked once, side by side, and what they say pieced together into one State."""

from collections.abc import Iterator, Mapping

from lxml import etree

from quorate.design.model import Design
from quorate.errors import HostError
from quorate.hosts import Hosts
from quorate.hosts.inspection import Request, Seen, look
from quorate.live.state import NodeState, Replica, ResourceState, State
from quorate.services.links import DEAD, PREFIX
from quorate.services.parts import AttributeRule, Primitive

SCORE = "master-"
"""Before the name of a primitive: the node attribute that is its promotion score (crm_attribute(8), `--promotion`)."""
WORDS = Request(cluster=frozenset({"crm_mon", "links"}))

Element = etree._Element


def asks(design: Design) -> dict[str, Request]:
    """What one look at every host has to bring."""
    return {name: WORDS | Request(units=frozenset(_by_systemd(name, design))) for name in design.hosts}


async def read(hosts: Hosts, design: Design) -> State:
    """The cluster now. Nodes that don't answer are in it as such; nothing is raised for them."""
    return interpret(await look(hosts, asks(design)), design)


def interpret(answers: Mapping[str, Seen | HostError], design: Design) -> State:
    """What the nodes' answers mean together. Pure."""
    seen = {name: answer for name, answer in answers.items() if isinstance(answer, Seen)}
    monitors = {name: monitor for name in seen if (monitor := _monitor(seen[name])) is not None}
    view = _best(monitors)
    current = view.find("summary/current_dc") if view is not None else None
    resources = tuple(_resources(view)) if view is not None else ()
    return State(
        nodes={name: _node(name, answers.get(name), view) for name in design.hosts},
        quorate=current is not None and current.get("with_quorum") == "true",
        dc=current.get("name") if current is not None else None,
        resources=resources,
        replicas={
            volume.name: {host: _replica(seen[host], volume.minor) for host in volume.hosts if host in seen}
            for volume in design.volumes
        },
        links={name: links(seen[name]) for name in design.hosts if name in seen},
        fencing=_fencing(design, resources) if view is not None else dict.fromkeys(design.hosts, "unknown"),
        failed_actions=tuple(_failures(view)) if view is not None else (),
        active={name: _started_on(service.active_resource, resources) for name, service in design.services.items()},
        bans=tuple(_bans(view, design)) if view is not None else (),
        withheld=tuple(_withheld(view)) if view is not None else (),
        unheard=_unheard(view) if view is not None else {},
        promotable=_promotable(view) if view is not None else {},
        units_down={name: down for name in design.hosts if name in seen and (down := _down(seen[name], design))},
    )


def _by_systemd(name: str, design: Design) -> list[str]:
    """A host's units that systemd itself is to keep running. (Corosync and Pacemaker show otherwise.)"""
    cluster = ("corosync.service", "pacemaker.service")
    return [unit.name for unit in design.hosts[name].units if unit.enabled and unit.name not in cluster]


def _down(seen: Seen, design: Design) -> tuple[str, ...]:
    """Those that don't run."""
    found = {name: seen.units[name] for name in _by_systemd(seen.host, design) if name in seen.units}
    return tuple(name for name, unit in found.items() if unit.active != "active")


def links(seen: Seen) -> dict[str, tuple[bool, ...]]:
    """By peer, whether each of Corosync's links to it is connected; from `corosync-cfgtool -n`."""
    found: dict[str, tuple[bool, ...]] = {}
    said = seen.said.get("links")
    peer = ""
    for line in said.stdout.splitlines() if said and said.status == 0 else ():
        words = line.split()
        if words[:1] == ["nodeid:"]:
            peer = seen.corosync_nodes.get(words[1].rstrip(":"), words[1])
            found[peer] = ()
        elif words[:1] == ["LINK:"]:
            found[peer] += ("connected" in words and "disconnected" not in words,)
    return found


def _monitor(seen: Seen) -> Element | None:
    said = seen.said.get("crm_mon")
    if said is None or said.status != 0:
        return None
    try:
        return etree.fromstring(said.stdout.encode())
    except etree.XMLSyntaxError:
        return None


def _best(monitors: Mapping[str, Element]) -> Element | None:
    """The view that counts: that of the partition with quorum, from its coordinator if it answers; else any."""

    def rank(name: str) -> int:
        current = monitors[name].find("summary/current_dc")
        if current is None or current.get("present") != "true":
            return 0
        return 1 + 2 * (current.get("with_quorum") == "true") + (current.get("name") == name)

    return monitors[max(monitors, key=rank)] if monitors else None


def _node(name: str, answer: Seen | HostError | None, view: Element | None) -> NodeState:
    found = view.find(f"nodes/node[@name='{name}']") if view is not None else None
    says: dict[str, str] = {str(key): str(value) for key, value in found.items()} if found is not None else {}
    problem = ""
    if isinstance(answer, HostError):
        problem = answer.what
    elif isinstance(answer, Seen) and _monitor(answer) is None:
        problem = _why_silent(answer)
    member = says.get("online") == "true" and says.get("pending") != "true"
    return NodeState(
        name,
        reachable=isinstance(answer, Seen),
        online=member and says.get("standby") != "true",
        unclean=says.get("unclean") == "true",
        standby=member and says.get("standby") == "true",  # a member without Pacemaker is said to be in standby, too
        problem=problem,
    )


def _why_silent(seen: Seen) -> str:
    said = seen.said.get("crm_mon")
    if not seen.python:
        return "python3 isn't installed"
    if said is None or said.status == 127:
        return "Pacemaker isn't installed"
    return "Pacemaker doesn't run"


def _resources(view: Element) -> Iterator[ResourceState]:
    """Every instance of every resource where it runs; one that runs nowhere has no node, and is Stopped."""
    for element in view.iterfind("resources//resource"):
        id_ = str(element.get("id")).partition(":")[0]
        failed = element.get("failed") == "true" or element.get("blocked") == "true"
        # While an action is under way: Starting, Stopping, Promoting ... (crm_mon's `pending`)
        role = element.get("pending") or element.get("role") or "Unknown"
        nodes = [str(node.get("name")) for node in element.iterfind("node")]
        for node in nodes or [""]:
            yield ResourceState(id_, node, role, failed)


def _failures(view: Element) -> Iterator[str]:
    for failure in view.iterfind("failures/failure"):
        operation = failure.get("op_key") or f"{failure.get('id')} {failure.get('task')}"
        reason = failure.get("exitreason") or failure.get("exitstatus") or "failed"
        yield f"{operation} on {failure.get('node')}: {reason}"


def _bans(view: Element, design: Design) -> Iterator[str]:
    """Constraints against a node that no design declares: a person's, or a fence-peer handler's."""
    declared = {constraint.id for constraint in design.constraints}
    declared |= {constraint.rule for constraint in design.constraints if isinstance(constraint, AttributeRule)}
    for ban in view.iterfind("bans/ban"):
        if ban.get("id") not in declared:
            yield f"{ban.get('resource')} is kept off {ban.get('node')} by constraint {ban.get('id')}"


def _withheld(view: Element) -> Iterator[str]:
    """What the cluster was told not to do. While all of it, or a node, is in maintenance, its resources say so, too."""
    options = view.find("summary/cluster_options")
    says: dict[str, str] = {str(key): str(value) for key, value in options.items()} if options is not None else {}
    # The second one is its new name, Pacemaker 3.0.2.
    if "false" in (says.get("stonith-enabled"), says.get("fencing-enabled")):
        yield "Fencing is switched off: what a lost node served is started elsewhere while it may still run there"
    if says.get("stop-all-resources") == "true":
        yield "The cluster was told to stop all resources (stop-all-resources)"
    if says.get("maintenance-mode") == "true":
        yield "The cluster is in maintenance (maintenance-mode): nothing is started, stopped or recovered"
        return
    resting = [str(node.get("name")) for node in view.iterfind("nodes/node") if node.get("maintenance") == "true"]
    for node in resting:
        yield f"{node} is in maintenance: nothing is started, stopped or recovered there"
    for element in view.iterfind("resources//resource"):
        on = [str(node.get("name")) for node in element.iterfind("node")]
        if element.get("managed") == "false" and not (on and set(on) <= set(resting)):
            yield f"{element.get('id')} is not managed{f' on {on[0]}' if on else ''}: it would not be recovered"


def _unheard(view: Element) -> dict[str, tuple[str, ...]]:
    """By node: the networks on which nobody answers it."""
    found: dict[str, tuple[str, ...]] = {}
    for node, name, value in _attributes(view):
        if name.startswith(PREFIX) and value == DEAD:
            found[node] = (*found.get(node, ()), name.removeprefix(PREFIX))
    return found


def _promotable(view: Element) -> dict[str, tuple[str, ...]]:
    """By primitive: the nodes with a promotion score."""
    found: dict[str, tuple[str, ...]] = {}
    for node, name, _value in _attributes(view):
        if name.startswith(SCORE):
            found[name.removeprefix(SCORE)] = (*found.get(name.removeprefix(SCORE), ()), node)
    return found


def _attributes(view: Element) -> Iterator[tuple[str, str, str]]:
    """The nodes' attributes: node, name, value."""
    for node in view.iterfind("node_attributes/node"):
        for attribute in node.iterfind("attribute"):
            yield str(node.get("name")), str(attribute.get("name")), str(attribute.get("value"))


def _replica(seen: Seen, minor: int) -> Replica:
    found = seen.drbd.get(minor)
    if found is None:
        return Replica("Unknown", "DUnknown", "Unconfigured")
    syncing = found.connection.startswith("Sync") or found.connection.startswith("PausedSync")
    return Replica(found.role, found.disk, found.connection, found.percent if syncing else None)


def _fencing(design: Design, resources: tuple[ResourceState, ...]) -> dict[str, str]:
    found = {}
    for target in design.hosts:
        devices = [
            resource.id
            for resource in design.resources
            if isinstance(resource, Primitive)
            and resource.agent.startswith("stonith:")
            and target in resource.parameters.get("pcmk_host_list", "").replace(",", " ").split()
        ]
        started = [f"{device} on {node}" for device in devices if (node := _started_on(device, resources))]
        found[target] = ", ".join(started) or (f"{devices[0]} is not started" if devices else "no device")
    return found


def _started_on(id_: str, resources: tuple[ResourceState, ...]) -> str | None:
    return next(
        (each.node for each in resources if each.id == id_ and each.role == "Started" and not each.failed), None
    )
