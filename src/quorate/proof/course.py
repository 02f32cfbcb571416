"""A transition graph of the scheduler's as steps, each with those that it waits for. Pure.

Of what a graph holds only that is kept which a person, or a journal, would call a step of a recovery: who is fenced,
and what is stopped, demoted, started and promoted, and where. Monitors, notifications, fence devices and what is only
done in thought (`pseudo_event`) are passed over, and what waits for them waits for what these wait for.
"""

import re
from dataclasses import dataclass

from lxml import etree

from quorate.proof.transition import Action

STEPS = frozenset({"stop", "demote", "start", "promote"})
_FENCE = "stonith"

Element = etree._Element


@dataclass(frozen=True)
class Step(Action):
    """One step."""

    after: tuple[int, ...] = ()
    """The steps that have to be through before it begins, by their place in the course."""


def course_of(graph: Element) -> tuple[Step, ...]:
    """The steps of a graph, as `crm_simulate --save-graph` writes it, none before one that it waits for."""
    actions: dict[str, Element] = {}
    inputs: dict[str, list[str]] = {}
    for synapse in graph.iterfind("synapse"):
        waits_for = [str(each.get("id")) for each in synapse.iterfind("inputs/trigger/*")]
        for action in synapse.iterfind("action_set/*"):
            actions[str(action.get("id"))] = action
            inputs[str(action.get("id"))] = waits_for
    places: dict[str, frozenset[int]] = {}
    steps: list[Step] = []

    def through(id_: str) -> frozenset[int]:
        """The steps that are through once this action is: itself, if it is one, or all that it waits for."""
        if id_ not in places:
            places[id_] = frozenset()  # a loop would have no end; the scheduler makes none
            before = frozenset[int]().union(*(through(each) for each in inputs.get(id_, ())))
            if step := _step(actions[id_], before) if id_ in actions else None:
                steps.append(step)
                before = frozenset({len(steps) - 1})
            places[id_] = before
        return places[id_]

    for id_ in actions:
        through(id_)
    return tuple(steps)


def _step(action: Element, before: frozenset[int]) -> Step | None:
    operation, node = str(action.get("operation")), str(action.get("on_node"))
    if action.tag == "crm_event" and operation == _FENCE:
        return Step("fence", "", node, tuple(sorted(before)))
    resource = action.find("primitive")
    if action.tag != "rsc_op" or operation not in STEPS or resource is None or resource.get("class") == _FENCE:
        return None
    return Step(operation, re.sub(r":\d+$", "", str(resource.get("id"))), node, tuple(sorted(before)))
