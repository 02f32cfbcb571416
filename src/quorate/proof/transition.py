"""A transition of the scheduler's, carried out on a CIB as `crm_simulate --simulate` carries it out.

What happens is decided by the scheduler alone; this is only the bookkeeping after it: every action goes well, in the
order in which the graph lets them begin, and leaves its entry in the status section. crm_simulate copies and compares
the whole CIB for each of them, which for a hundred resources takes longer than the decision. Its manner is that of
Pacemaker's lib/pacemaker/pcmk_graph_consumer.c and pcmk_simulate.c; tests hold the two against each other.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from lxml import etree

Element = etree._Element

ORDINARY = frozenset({"start", "stop", "promote", "demote", "monitor", "notify", "cancel"})
"""Actions of resources that leave one entry in the history and change nothing else."""
FENCE = "stonith"
_PASSED_OVER = frozenset({"id", "crm_feature_set", "op-digest", "on_node", "on_node_uuid", "pcmk_external_ip"})
_QUOTES = {'"': "&quot;"}
_TRANSITION = "00000000-0000-0000-0000-000000000000"


class Unusual(Exception):
    """Something is in the graph that only crm_simulate itself knows how to carry out."""


@dataclass(frozen=True)
class Action:
    """One thing that the cluster does; `what` is start, stop, promote ..., without a resource fence or self-fence."""

    what: str
    resource: str
    node: str

    def __str__(self) -> str:
        return f"{self.what} {self.resource} on {self.node}" if self.resource else f"{self.what} {self.node}"


def carry_out(graph: Element, cib: Element) -> tuple[Action, ...]:
    """Carries out a transition graph on a CIB, and says what was done, in order. Raises Unusual, with the CIB spoiled.

    Args:
        graph: as `crm_simulate --save-graph` writes it.
        cib: with a status section; it is changed.
    """
    states = {str(state.get("uname")): state for state in cib.iterfind("status/node_state")}
    return tuple(done for action in in_order(graph) for done in _done(action, states))


def in_order(graph: Element) -> Iterator[Element]:
    """The actions as they begin: pass for pass through the graph, each as soon as all that it waits for is done."""
    waiting = [
        (
            [str(each.get("id")) for each in synapse.iterfind("inputs/trigger/*")],
            list(synapse.iterfind("action_set/*")),
        )
        for synapse in graph.iterfind("synapse")
    ]
    done: set[str] = set()
    while waiting:
        later = []
        for inputs, actions in waiting:
            if done.issuperset(inputs):
                yield from actions
                done.update(str(each.get("id")) for each in actions)
            else:
                later.append((inputs, actions))
        if len(later) == len(waiting):
            raise Unusual("the transition doesn't come to its end")
        waiting = later


def primitive_of(id_: str) -> str:
    """The primitive of a clone's instance: without its number."""
    return re.sub(r":\d+$", "", id_)


def _done(action: Element, states: Mapping[str, Element]) -> Iterator[Action]:
    operation, node = str(action.get("operation")), str(action.get("on_node"))
    match action.tag:
        case "pseudo_event" if operation == FENCE:
            raise Unusual("a guest node is fenced")  # with the container around it
        case "pseudo_event":
            return
        case "crm_event" if operation == FENCE:
            _fence(action, states, node)
            yield Action("fence", "", node)
        case "crm_event":
            yield Action(operation, "", node)
        case "rsc_op":
            resource = action.find("primitive")
            if resource is None or operation not in ORDINARY or action.get("router_node") or node not in states:
                raise Unusual(f"{operation} on {node}")
            _enter(action, resource, states[node])
            if operation != "notify":
                yield Action(operation, primitive_of(str(resource.get("id"))), node)
        case tag:
            raise Unusual(str(tag))


def _fence(action: Element, states: Mapping[str, Element], node: str) -> None:
    """The node is off, and what was known of it is forgotten."""
    attributes = action.find("attributes")
    if attributes is not None and attributes.get("CRM_meta_stonith_action") == "on":
        return
    if node not in states:
        raise Unusual(f"{node} is fenced, and has no state")
    state = states[node]
    state.attrib.update({"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "down"})
    for known in (*state.findall("lrm"), *state.findall("transient_attributes")):
        state.remove(known)


def _enter(action: Element, resource: Element, state: Element) -> None:
    """The action's entry in the history of its resource on its node."""
    operation = str(action.get("operation"))
    if operation == "notify":
        return  # the scheduler passes over these
    resources = state.find("lrm/lrm_resources")
    if resources is None:
        resources = etree.SubElement(etree.SubElement(state, "lrm", {"id": str(state.get("id"))}), "lrm_resources")
    name = str(resource.get("id"))
    kind = {key: str(resource.get(key)) for key in ("class", "provider", "type") if resource.get(key)}
    history = next((each for each in resources if each.get("id") == name), None)
    if history is None:
        history = etree.SubElement(resources, "lrm_resource", {"id": name} | kind)
    attributes = action.find("attributes")
    given = {str(key): str(text) for key, text in attributes.attrib.items()} if attributes is not None else {}
    call = max((int(each.get("call-id") or 0) for each in history), default=0) + 1
    interval = int(given.get("CRM_meta_interval") or 0)
    code = int(given.get("CRM_meta_op_target_rc") or 0)
    node = str(state.get("uname"))
    enter(history, name, operation, node=node, call=call, transition=0, code=code, parameters=given, interval=interval)


def enter(
    history: Element,
    name: str,
    operation: str,
    *,
    node: str,
    call: int,
    transition: int,
    code: int,
    parameters: Mapping[str, str],
    interval: int = 0,
) -> None:
    """One operation that ended as it should, in a resource's history on a node.

    Args:
        history: the `lrm_resource`.
        name: the resource's, as the history has it.
        operation: start, monitor ...
        node: Pacemaker 3.0 doesn't trust the order of `call` without it.
        call: counts up; a monitor counts only if it came after the start.
        transition: the action's number in its transition.
        code: what it returned.
        parameters: as the agent was given them. Pacemaker knows them again by a digest.
        interval: milliseconds; 0: done once.
    """
    id_ = f"{name}_{operation}_{interval}" if interval else f"{name}_last_0"
    key = f"{transition}:0:{code}:{_TRANSITION}"
    said = {
        "id": id_,
        "operation_key": f"{name}_{operation}_{interval}",
        "operation": operation,
        "on_node": node,
        "crm-debug-origin": "quorate",
        "crm_feature_set": "3.15.0",
        "transition-key": key,
        "transition-magic": f"0:{code};{key}",
        "call-id": str(call),
        "rc-code": str(code),
        "op-status": "0",
        "interval": str(interval),
        "op-digest": _digest(parameters, recurring=bool(interval)),
    }
    entry = next((each for each in history if each.get("id") == id_), None)
    if entry is None:
        etree.SubElement(history, "lrm_rsc_op", said)
    else:
        entry.attrib.clear()
        for key, text in said.items():
            entry.set(key, text)


def _digest(parameters: Mapping[str, str], *, recurring: bool) -> str:
    """As pcmk__filter_op_for_digest() has it: of Pacemaker's own, only the time-out of what recurs counts."""
    counted = {
        key: text
        for key, text in parameters.items()
        if key not in _PASSED_OVER and (not key.startswith("CRM_meta_") or (recurring and key == "CRM_meta_timeout"))
    }
    attributes = "".join(f' {key}="{escape(text, _QUOTES)}"' for key, text in sorted(counted.items()))
    return hashlib.md5(f" <parameters{attributes}/>\n".encode(), usedforsecurity=False).hexdigest()
