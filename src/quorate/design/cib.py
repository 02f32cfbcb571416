"""The design as Pacemaker's configuration, and how it is merged into a cluster's own.

The CIB isn't ours alone: Pacemaker keeps the nodes, states and bookkeeping in it, people move resources and add
their own, and fence-peer handlers keep constraints. So every element that Quorate declares is listed in one tag,
which stays in the CIB and says next time what was ours:

    <tag id="quorate"> <obj_ref id="database-mariadb"/> ... </tag>

Ours are the elements in that list, and those that a design declares by id (cluster properties: by name). They
become what the design says, or go. Everything else is left as it is, above all the fence-peer handlers' constraints:
one of them may be all that keeps a stale replica from being promoted.
"""

import copy
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from lxml import etree

from quorate.design.model import Design
from quorate.services.parts import (
    AttributeRule,
    Clone,
    Colocation,
    Constraint,
    Location,
    Operation,
    Order,
    Primitive,
    Resource,
)

SCHEMA = "pacemaker-3.9"
"""The newest that Pacemaker 2.1 and 3.0 both take."""

TAG = "quorate"
PROPERTY_SET = "cib-bootstrap-options"
"""The set that Pacemaker looks into first, and every tool writes to. Its other entries aren't ours."""
DEFAULTS_SET = "quorate-defaults"

Element = etree._Element


def configuration(design: Design) -> Element:
    """`<configuration>` with all that the design declares, and nothing else."""
    properties = _pairs("quorate", design.properties)
    defaults = _xml("meta_attributes", {"id": DEFAULTS_SET}, _pairs(DEFAULTS_SET, design.resource_defaults))
    resources = [_resource(resource) for resource in design.resources]
    constraints = [_constraint(constraint) for constraint in design.constraints]
    declared = [*properties, *resources, *constraints, defaults]
    references = [_xml("obj_ref", {"id": element.get("id")}) for element in declared]
    return _xml(
        "configuration",
        {},
        [
            _xml("crm_config", {}, [_xml("cluster_property_set", {"id": PROPERTY_SET}, properties)]),
            _xml("nodes", {}),
            _xml("resources", {}, resources),
            _xml("constraints", {}, constraints),
            _xml("tags", {}, [_xml("tag", {"id": TAG}, references)]),
            _xml("rsc_defaults", {}, [defaults]),
        ],
    )


def first(design: Design) -> Element:
    """The CIB with which a cluster begins that has none. Its epoch is above that of a node that begins with nothing."""
    sections = [_xml("configuration", {}, [_xml("nodes", {})]), _xml("status", {})]
    version = {"validate-with": SCHEMA, "admin_epoch": "0", "epoch": "1", "num_updates": "0"}
    return merge(_xml("cib", version, sections), design)


def owned(cib: Element) -> frozenset[str]:
    """The ids that Quorate once declared in this CIB."""
    return frozenset(str(ref.get("id")) for ref in cib.iterfind(f"configuration/tags/tag[@id='{TAG}']/obj_ref"))


def merge(current: Element, design: Design) -> Element:
    """The CIB as the design wants it: a copy of the current one, with what is ours changed and nothing else.

    An element that already says what it should stays untouched, in its place, so that merging twice changes nothing.
    """
    cib = copy.deepcopy(current)
    cib.set("validate-with", SCHEMA)
    ours = owned(cib) | {TAG}
    live = _child(cib, "configuration")
    for section in configuration(design):
        holder = _child(live, section.tag)
        declared = list(section)
        if section.tag == "crm_config":
            holder = _child(holder, "cluster_property_set", PROPERTY_SET)
            declared = list(declared[0])
        _settle(holder, declared, ours)
    return cib


def _settle(holder: Element, declared: Iterable[Element], ours: AbstractSet[str]) -> None:
    """Makes the children of one element what was declared, without touching those that aren't ours."""
    missing = {_key(element): element for element in declared}
    for child in list(holder.iterchildren(etree.Element)):
        wanted = missing.pop(_key(child), None)
        if wanted is None:
            if child.get("id") in ours:
                holder.remove(child)
        elif not _same(child, wanted):
            holder.replace(child, wanted)
    holder.extend(missing.values())


def _key(element: Element) -> str | None:
    """What makes two elements the same one: an id, and for a cluster property its name."""
    return element.get("name") if element.tag == "nvpair" else element.get("id")


def _same(one: Element, other: Element) -> bool:
    children, others = list(one.iterchildren(etree.Element)), list(other.iterchildren(etree.Element))
    return (
        one.tag == other.tag
        and sorted(one.attrib.items()) == sorted(other.attrib.items())
        and len(children) == len(others)
        and all(map(_same, children, others))
    )


def _child(parent: Element, tag: str, id_: str | None = None) -> Element:
    """The child with this tag and id; made if there is none."""
    for child in parent.iterchildren(tag):
        if child.get("id") == id_:
            return child
    child = _xml(tag, {"id": id_})
    parent.append(child)
    return child


def _resource(resource: Resource) -> Element:
    match resource:
        case Clone():
            children = [*_meta(resource.id, resource.meta), _primitive(resource.primitive)]
            return _xml("clone", {"id": resource.id}, children)
        case Primitive():
            return _primitive(resource)


def _primitive(primitive: Primitive) -> Element:
    kind, *provider, type_ = primitive.agent.split(":")
    children = _meta(primitive.id, primitive.meta)
    if primitive.parameters:
        set_id = f"{primitive.id}-parameters"
        children.append(_xml("instance_attributes", {"id": set_id}, _pairs(set_id, primitive.parameters)))
    if primitive.operations:
        operations = [_operation(primitive.id, operation) for operation in primitive.operations]
        children.append(_xml("operations", {}, operations))
    return _xml(
        "primitive",
        {"id": primitive.id, "class": kind, "provider": provider[0] if provider else None, "type": type_},
        children,
    )


def _operation(resource: str, operation: Operation) -> Element:
    return _xml(
        "op",
        {
            "id": f"{resource}-{operation.name}-{operation.interval}s",
            "name": operation.name,
            "interval": f"{operation.interval}s",
            "timeout": f"{operation.timeout}s",
            "role": operation.role,
            "on-fail": operation.on_fail,
        },
    )


def _constraint(constraint: Constraint) -> Element:
    match constraint:
        case Location(id=id_, resource=resource, node=node, score=score, probed=probed):
            discovery = None if probed else "never"
            return _xml(
                "rsc_location",
                {"id": id_, "rsc": resource, "node": node, "score": score, "resource-discovery": discovery},
            )
        case AttributeRule():
            return _attribute_rule(constraint)
        case Colocation(id=id_, resource=resource, with_resource=other, with_role=role, score=score):
            return _xml(
                "rsc_colocation",
                {"id": id_, "rsc": resource, "with-rsc": other, "with-rsc-role": role, "score": score},
            )
        case Order():
            return _xml(
                "rsc_order",
                {
                    "id": constraint.id,
                    "first": constraint.first,
                    "first-action": constraint.first_action,
                    "then": constraint.then,
                    "then-action": constraint.then_action,
                    "kind": constraint.kind,
                },
            )


def _attribute_rule(constraint: AttributeRule) -> Element:
    expressions: dict[str, str | None] = {constraint.operation: constraint.value}
    if constraint.operation == "ne":
        expressions["not_defined"] = None
    rule = {
        "id": constraint.rule,
        "role": constraint.role,
        "score": constraint.score,
        "boolean-op": "or" if len(expressions) > 1 else None,
    }
    children = [
        _xml(
            "expression",
            {
                "id": f"{constraint.rule}-{operation}",
                "attribute": constraint.attribute,
                "operation": operation,
                "value": value,
            },
        )
        for operation, value in expressions.items()
    ]
    return _xml("rsc_location", {"id": constraint.id, "rsc": constraint.resource}, [_xml("rule", rule, children)])


def _meta(owner: str, meta: Mapping[str, str]) -> list[Element]:
    set_id = f"{owner}-meta"
    return [_xml("meta_attributes", {"id": set_id}, _pairs(set_id, meta))] if meta else []


def _pairs(prefix: str, values: Mapping[str, str]) -> list[Element]:
    return [_xml("nvpair", {"id": f"{prefix}-{name}", "name": name, "value": value}) for name, value in values.items()]


def _xml(tag: str, attributes: Mapping[str, str | None], children: Iterable[Element] = ()) -> Element:
    """An element; an attribute that is None is left out."""
    element = etree.Element(tag, {name: value for name, value in attributes.items() if value is not None})
    element.extend(children)
    return element
