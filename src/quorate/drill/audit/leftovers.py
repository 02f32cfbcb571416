"""What a drill, or the cluster's way out of one, has left behind in the cluster itself."""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from quorate import live
from quorate.design.model import Design
from quorate.errors import HostError
from quorate.hosts import Hosts

Element = etree._Element

_YES = frozenset({"true", "on", "yes", "y", "1"})
"""Pacemaker's words, crm_str_to_boolean() in its lib/common/strings.c."""
_FAILS = "fail-count-"
"""Begins the name of the attribute that counts a resource's failures on a node (Pacemaker Explained, "Failures")."""


@dataclass(frozen=True)
class Leftovers:
    """What should not be there any more."""

    constraints: tuple[str, ...] = ()
    """Those in the cluster that the design doesn't have: a move that stays, a fence-peer's ban."""
    others: tuple[str, ...] = ()
    """Nodes in standby or maintenance, counted failures, failed actions, each a sentence."""


async def leftovers(hosts: Hosts, design: Design) -> Leftovers:
    """Looks for them once all is over. Raises HostError if no node answers."""
    for node in design.hosts:
        try:
            text = (await (await hosts.host(node)).run("cibadmin", "--query")).stdout
            break
        except HostError:
            continue
    else:
        raise HostError("no node says what is left in the cluster")
    state = await live.read(hosts, design)
    failed = (f"a failed action is left: {action}" for action in state.failed_actions)
    cib = etree.fromstring(text.encode())
    return Leftovers(tuple(constraints(cib, design)), (*left(cib), *failed))


def constraints(cib: Element, design: Design) -> Iterator[str]:
    """The constraints that aren't the design's, by their names. Pure."""
    ours = {constraint.id for constraint in design.constraints}
    for section in cib.iter("constraints"):
        yield from (id_ for child in section if (id_ := str(child.get("id"))) not in ours)


def left(cib: Element) -> Iterator[str]:
    """What a CIB says of nodes that are kept from working, and of failures that are still counted. Pure."""
    names = {str(node.get("id")): str(node.get("uname")) for node in cib.iterfind("configuration/nodes/node")}
    names |= {str(state.get("id")): str(state.get("uname")) for state in cib.iterfind("status/node_state")}
    for attribute in cib.iterfind("configuration/crm_config/cluster_property_set/nvpair"):
        if attribute.get("name") in ("maintenance-mode", "stop-all-resources") and _is_on(attribute):
            yield f"the whole cluster has {attribute.get('name')} on"
    for path in ("configuration/nodes/node", "status/node_state"):
        for node in cib.iterfind(path):
            for attribute in node.iter("nvpair"):
                yield from _of_node(names[str(node.get("id"))], attribute)


def _of_node(node: str, attribute: Element) -> Iterator[str]:
    name = str(attribute.get("name"))
    if name in ("standby", "maintenance") and _is_on(attribute):
        yield f"{node} is left in {name}"
    elif name.startswith(_FAILS) and attribute.get("value") != "0":
        what, _, operation = name.removeprefix(_FAILS).partition("#")
        yield f"failures of {what} ({operation or 'any'}) on {node} are still counted: {attribute.get('value')}"


def _is_on(attribute: Element) -> bool:
    return str(attribute.get("value")).lower() in _YES
