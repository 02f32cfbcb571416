"""A transition graph of the scheduler's as steps, each with those that it waits for. Pure.

Of what a graph holds only that is kept which a person, or a journal, would call a step of a recovery: who is fenced,
and what is stopped, demoted, started and promoted, and where. Monitors, notifications, fence devices and what is only
done in thought (`pseudo_event`) are passed over, and what waits for them waits for what these wait for.
"""

from dataclasses import dataclass

from lxml import etree

from quorate.proof.transition import FENCE, Action, in_order, primitive_of

STEPS = frozenset({"stop", "demote", "start", "promote"})

Element = etree._Element


@dataclass(frozen=True)
class Step(Action):
    """One step."""

    after: tuple[int, ...] = ()
    """The steps that have to be through before it begins, by their place in the course."""


def course_of(graph: Element) -> tuple[Step, ...]:
    """The steps of a graph, as `crm_simulate --save-graph` writes it, none before one that it waits for.

    Raises Unusual if the graph has no end.
    """
    inputs = {
        str(action.get("id")): [str(each.get("id")) for each in synapse.iterfind("inputs/trigger/*")]
        for synapse in graph.iterfind("synapse")
        for action in synapse.iterfind("action_set/*")
    }
    steps: list[Step] = []
    through: dict[str, frozenset[int]] = {}  # by action: the step that it is, or all steps that it waits for
    for action in in_order(graph):
        id_ = str(action.get("id"))
        before = frozenset[int]().union(*(through[each] for each in inputs[id_]))
        if step := _step(action, before):
            before = frozenset({len(steps)})
            steps.append(step)
        through[id_] = before
    return tuple(steps)


def _step(action: Element, before: frozenset[int]) -> Step | None:
    operation, node = str(action.get("operation")), str(action.get("on_node"))
    if action.tag == "crm_event" and operation == FENCE:
        return Step("fence", "", node, tuple(sorted(before)))
    resource = action.find("primitive")
    if action.tag != "rsc_op" or operation not in STEPS or resource is None or resource.get("class") == FENCE:
        return None
    return Step(operation, primitive_of(str(resource.get("id"))), node, tuple(sorted(before)))
