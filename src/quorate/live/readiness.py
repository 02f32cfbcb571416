"""Is the cluster ready, and if not: what is missing.

Ready is: every node a member, quorum, all links, fencing for every node, every resource where it should be, both sides
of every volume UpToDate and connected, every unit of systemd's running, nothing failed, nothing kept off a node that a
design doesn't want off, and nothing that the cluster was told not to do. Then, and only then, any one failure can be
survived.
"""

import asyncio
import itertools
from collections.abc import Iterator

from quorate.design.model import Design
from quorate.errors import HostError
from quorate.hosts import Hosts
from quorate.live.reading import read
from quorate.live.state import State
from quorate.progress import Say
from quorate.services.parts import Clone, Location, Primitive

TIMEOUT = 180.0
INTERVAL = 2.0  # each look costs a node half a second of its processor


def unmet(design: Design, state: State) -> list[str]:
    """What is missing to "ready", each a sentence; empty: it is ready."""
    found = [*_nodes(state), *_links(state), *_unheard(state), *_replicas(state), *_units(state)]
    if state.dc is not None:  # without a coordinator nobody knows about the rest
        found += [*_fencing(design, state), *_placed(design, state)]
        found += [f"A failed action: {action}." for action in state.failed_actions]
        found += [f"{sentence}." for sentence in (*state.bans, *state.withheld)]
    return found


def _nodes(state: State) -> Iterator[str]:
    if state.dc is None:
        yield "No node is the coordinator (DC)."
    elif not state.quorate:
        yield "There is no quorum."
    for node in state.nodes.values():
        if not node.reachable:
            yield f"{node.name} can't be looked at: {node.problem}."
        elif node.unclean:
            yield f"{node.name} is unclean: it waits to be fenced."
        elif node.standby:
            yield f"{node.name} is in standby."
        elif not node.online:
            yield f"{node.name} is not online{f': {node.problem}' if node.problem else ''}."


def _links(state: State) -> Iterator[str]:
    for one, other in itertools.combinations(state.links, 2):
        sides = [state.links[one].get(other, ()), state.links[other].get(one, ())]
        count = max(map(len, sides))
        if count == 0:
            yield f"Corosync has no link between {one} and {other}."
        for number in range(count):
            if not all(number < len(side) and side[number] for side in sides):
                yield f"Corosync's link {number} between {one} and {other} is down."


def _unheard(state: State) -> Iterator[str]:
    for node, networks in state.unheard.items():
        for network in networks:
            yield f"{node} has lost its link to {network}: nobody answers it there."


def _units(state: State) -> Iterator[str]:
    for host, units in state.units_down.items():
        for unit in units:
            yield f"{unit} doesn't run on {host}."


def _fencing(design: Design, state: State) -> Iterator[str]:
    for node in design.hosts:
        if " on " not in state.fencing.get(node, ""):
            yield f"Nothing can fence {node}: {state.fencing.get(node, 'no device')}."


def _placed(design: Design, state: State) -> Iterator[str]:
    for resource in design.resources:
        if isinstance(resource, Clone):
            yield from _clone_placed(resource, design, state)
        elif not resource.agent.startswith("stonith:"):
            yield from _primitive_placed(resource, state)
    for service in design.services.values():
        places = {name: _where(state, name, ("Started", "Promoted")) for name in service.resources}
        clones = {clone.id: clone.primitive.id for clone in design.resources if isinstance(clone, Clone)}
        for name, primitive in clones.items():
            if name in places:
                places[name] = _where(state, primitive, ("Promoted",))
        if len({place for found in places.values() for place in found}) > 1:
            where = ", ".join(f"{name} on {' and '.join(found) or 'no node'}" for name, found in places.items())
            yield f"The parts of {service.name} are not together: {where}."


def _primitive_placed(resource: Primitive, state: State) -> Iterator[str]:
    found = [each for each in state.resources if each.id == resource.id]
    if not found:
        yield f"{resource.id} isn't configured in the cluster."
    elif any(each.failed for each in found):
        yield f"{resource.id} has failed on {' and '.join(each.node or 'no node' for each in found)}."
    elif [each.role for each in found] != ["Started"]:
        yield f"{resource.id} is {' and '.join(_at(each.role, each.node) for each in found)}."


def _clone_placed(clone: Clone, design: Design, state: State) -> Iterator[str]:
    id_ = clone.primitive.id
    found = [each for each in state.resources if each.id == id_]
    kept_off = {
        each.node
        for each in design.constraints
        if isinstance(each, Location) and each.resource == clone.id and each.score == "-INFINITY"
    }
    hosts = len(set(design.hosts) - kept_off)
    instances = min(int(clone.meta.get("clone-max", hosts)), hosts)
    promoted = int(clone.meta.get("promoted-max", 1)) if clone.meta.get("promotable") == "true" else 0
    running = [each for each in found if each.node and not each.failed]
    wanted = ["Promoted"] * promoted + (["Unpromoted"] if promoted else ["Started"]) * (instances - promoted)
    if not found:
        yield f"{clone.id} isn't configured in the cluster."
    elif sorted(each.role for each in running) != sorted(wanted):
        now = ", ".join(_at(each.role, each.node) for each in found if each.node) or "stopped everywhere"
        aim = f"{promoted} promoted of {instances}" if promoted else f"{instances} of them"
        yield f"{clone.id} is not whole: {now}; wanted {aim}."
    elif promoted:
        for node in sorted({each.node for each in running} - set(state.promotable.get(id_, ()))):
            yield f"{clone.id} would not be promoted on {node}: the cluster knows no promotion score for it."


def _at(role: str, node: str) -> str:
    return f"{role.lower()} on {node}" if node else role.lower()


def _where(state: State, id_: str, roles: tuple[str, ...]) -> list[str]:
    return [each.node for each in state.resources if each.id == id_ and each.role in roles and each.node]


def _replicas(state: State) -> Iterator[str]:
    for volume, sides in state.replicas.items():
        for host, side in sides.items():
            if side.connection == "Unconfigured":
                yield f"{volume} isn't up on {host}."
            elif side.disk != "UpToDate":
                done = "" if side.percent_synced is None else f", {side.percent_synced:.0f} % synchronised"
                yield f"{volume} on {host} is {side.disk} ({side.connection}{done})."
            elif side.connection != "Connected" and not side.connection.startswith("Verify"):
                yield f"{volume} on {host} is not connected to its peer ({side.connection})."


async def wait_until_ready(
    hosts: Hosts, design: Design, say: Say, *, timeout: float = TIMEOUT, interval: float = INTERVAL
) -> State:
    """Looks again and again, `interval` seconds apart, until nothing is missing, and says whenever that changes.

    Raises:
        HostError: still not ready after `timeout` seconds; says what is missing.
    """
    missing = ["The nodes haven't answered yet: they, or this machine, are too busy."]
    try:
        async with asyncio.timeout(timeout):
            shown = ""
            while True:
                state = await read(hosts, design)
                missing = unmet(design, state)
                if not missing:
                    return state
                more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
                if (line := f"{missing[0]}{more}") != shown:
                    say(line)
                    shown = line
                await asyncio.sleep(interval)
    except TimeoutError:
        raise HostError(
            f"not ready after {timeout:g} s:\n" + "\n".join(f"  - {line}" for line in missing),
            where=design.cluster,
            todo="`quorate status` shows the whole of it; `journalctl -u pacemaker` on the nodes has the reasons.",
        ) from None
