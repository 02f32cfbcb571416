"""Reading a CIB, whatever the schema: old ones, master resources, templates, bundles, rules, tickets, resource sets.

What isn't understood is named in `unknown` and left out; nothing is refused that Pacemaker takes.
"""

import dataclasses
import itertools
import re
from collections.abc import Iterator

from lxml import etree

from quorate.proof.evidence.documents import EvidenceError, Spot, Text
from quorate.proof.evidence.pacemaker import (
    FOREVER,
    Colocation,
    Element,
    Holder,
    Level,
    Location,
    Node,
    Operation,
    Order,
    Pacemaker,
    Pair,
    Pairs,
    Primitive,
    is_true,
    score,
    seconds,
    value,
)

_SECTIONS = frozenset(
    {"crm_config", "nodes", "resources", "constraints", "tags", "acls", "alerts", "rsc_defaults", "op_defaults"}
    | {"fencing-topology"}
)


def read(text: Text) -> Pacemaker:
    """Reads a CIB. Raises EvidenceError if it isn't XML, or not a CIB."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: Text) -> None:
        self.source = text.source
        self.unknown: list[str] = []
        parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
        try:
            self.root = etree.fromstring(text.content.encode(), parser)
        except (etree.XMLSyntaxError, ValueError) as error:
            raise EvidenceError(
                f"this is not XML: {error}", where=text.source, todo="Save it with `cibadmin --query`."
            ) from None
        if self.root.tag != "cib":
            if (inner := self.root.find(".//cib")) is None:
                raise EvidenceError(
                    f"this is no CIB: it begins with <{str(self.root.tag)[:40]}>",
                    where=text.source,
                    todo="Save one with `cibadmin --query`.",
                )
            self.root = inner
        self.ids = {str(each.get("id")): each for each in self.root.iter(etree.Element) if each.get("id")}
        self.templates = {str(each.get("id")): each for each in self.root.iterfind("configuration/resources/template")}
        self.primitives: dict[str, Primitive] = {}
        self.holders: dict[str, Holder] = {}
        self.references: list[tuple[str, Spot]] = []

    def read(self) -> Pacemaker:
        configuration = self.root.find("configuration")
        if configuration is None:
            configuration = etree.SubElement(self.root, "configuration")
        for section in configuration:
            if section.tag not in _SECTIONS:
                self.unknown.append(f"the section <{section.tag}> on line {section.sourceline}")
        for child in self._all("resources"):
            self._resource(child, ())
        locations, colocations, orders, tickets = self._constraints()
        nodes = self._nodes()
        return Pacemaker(
            document=self.root,
            source=self.source,
            schema=self.root.get("validate-with") or "",
            feature_set=self.root.get("crm_feature_set") or "",
            properties=self._pairs(configuration.findall("crm_config/cluster_property_set"), first="cib-bootstrap"),
            defaults=self._pairs(configuration.findall("rsc_defaults/meta_attributes")),
            operation_defaults=self._pairs(configuration.findall("op_defaults/meta_attributes")),
            nodes=nodes,
            primitives=self.primitives,
            holders=self.holders,
            locations=tuple(locations),
            colocations=tuple(colocations),
            orders=tuple(orders),
            levels=tuple(self._levels()),
            tickets=tuple(tickets),
            tags={
                str(tag.get("id")): tuple(str(ref.get("id")) for ref in tag.iterfind("obj_ref"))
                for tag in self._all("tags")
            },
            templates=frozenset(self.templates),
            references=tuple(self.references),
            unknown=tuple(self.unknown),
        )

    def _all(self, section: str) -> Iterator[Element]:
        for holder in self.root.iterfind(f"configuration/{section}"):
            yield from holder.iterchildren(etree.Element)

    def _spot(self, element: Element) -> Spot:
        line = element.sourceline
        return Spot(self.source, line if isinstance(line, int) else 0, str(element.get("id") or ""))

    def _pairs(self, sets: list[Element], first: str = "") -> dict[str, Pair]:
        """The pairs of all sets: the set with the highest score counts first, as Pacemaker has it."""
        resolved = [self._referred(each) for each in sets]
        if first:
            resolved.sort(key=lambda each: not str(each.get("id") or "").startswith(first))
        resolved.sort(key=lambda each: -score(each.get("score")))
        found: dict[str, Pair] = {}
        for each in resolved:
            conditional = each.find("rule") is not None
            for written in (*each.iterfind("nvpair"), *each.iterfind("attributes/nvpair")):
                pair = self._referred(written)
                name = written.get("name") or pair.get("name")
                if name and (name not in found or (found[name].conditional and not conditional)):
                    found[str(name)] = Pair(str(pair.get("value") or ""), self._spot(pair), conditional)
        return found

    def _referred(self, element: Element) -> Element:
        """What an id-ref stands for."""
        reference = element.get("id-ref")
        if reference is None:
            return element
        if reference not in self.ids:
            self.unknown.append(f"the id-ref `{reference}` on line {element.sourceline}, which nothing has as its id")
        found = self.ids.get(str(reference), element)
        return found if found.tag == element.tag else element

    def _nodes(self) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for element in self._all("nodes"):
            name = str(element.get("uname") or element.get("id") or "")
            kind = str(element.get("type") or "member")
            attributes = self._pairs(element.findall("instance_attributes"))
            where = dataclasses.replace(self._spot(element), name=name)
            found[name] = Node(name, "member" if kind == "normal" else kind, attributes, where)
        for state in self.root.iterfind("status/node_state"):
            name = str(state.get("uname") or "")
            if name and name not in found and not self._made_by_resource(name) and state.get("remote_node") != "true":
                found[name] = Node(name, "member", {}, self._spot(state))
        for primitive in self.primitives.values():
            name, kind = self._makes_node(primitive)
            if name:
                had: Pairs = found[name].attributes if name in found else {}
                found[name] = Node(name, kind, had, primitive.spot)
        return found

    def _makes_node(self, primitive: Primitive) -> tuple[str, str]:
        if primitive.agent == "ocf:pacemaker:remote":
            return primitive.id, "remote"
        return value(primitive.meta, "remote-node") or "", "guest"

    def _made_by_resource(self, name: str) -> bool:
        bundles = [each.id for each in self.holders.values() if each.kind == "bundle"]
        return any(re.fullmatch(rf"{re.escape(bundle)}-\d+", name) for bundle in bundles) or any(
            self._makes_node(each)[0] == name for each in self.primitives.values()
        )

    def _resource(self, element: Element, within: tuple[str, ...]) -> None:
        id_ = str(element.get("id") or "")
        match element.tag:
            case "primitive":
                self.primitives[id_] = self._primitive(element, within)
            case "group" | "clone" | "master" | "bundle":
                children = [
                    each
                    for each in element.iterchildren(etree.Element)
                    if each.tag in ("primitive", "group", "clone", "master")
                ]
                self.holders[id_] = self._holder(element, within, tuple(str(each.get("id")) for each in children))
                for child in children:
                    self._resource(child, (id_, *within))
            case "template":
                pass
            case _:
                self.unknown.append(f"the resource <{element.tag}> on line {element.sourceline}")

    def _holder(self, element: Element, within: tuple[str, ...], children: tuple[str, ...]) -> Holder:
        meta = self._pairs(element.findall("meta_attributes"))
        container = next((each for each in element.iterchildren(etree.Element) if each.get("image")), None)
        attributes = {str(key): str(text) for key, text in (container.attrib if container is not None else {}).items()}
        promoted = attributes.get("promoted-max") or attributes.get("masters") or "0"
        return Holder(
            id=str(element.get("id") or ""),
            kind=str(element.tag),
            children=children,
            meta=meta,
            within=within,
            promotable=element.tag == "master" or is_true(value(meta, "promotable")) or promoted not in ("", "0"),
            spot=self._spot(element),
            attributes=attributes,
        )

    def _primitive(self, element: Element, within: tuple[str, ...]) -> Primitive:
        template = self.templates.get(str(element.get("template")))
        if element.get("template") and template is None:
            name = element.get("template")
            self.unknown.append(f"the template `{name}` of `{element.get('id')}`, which isn't there")
        both = [element] if template is None else [element, template]
        source = element if template is None else template
        words = [source.get("class"), source.get("provider"), source.get("type")]
        operations = {
            (each.name, each.interval, each.role): each for one in reversed(both) for each in self._operations(one)
        }
        return Primitive(
            id=str(element.get("id") or ""),
            agent=":".join(str(word) for word in words if word),
            parameters=self._inherited(both, "instance_attributes"),
            meta=self._inherited(both, "meta_attributes"),
            operations=tuple(operations.values()),
            within=within,
            spot=self._spot(element),
        )

    def _inherited(self, elements: list[Element], tag: str) -> dict[str, Pair]:
        found: dict[str, Pair] = {}
        for element in reversed(elements):
            found |= self._pairs(element.findall(tag))
        return found

    def _operations(self, element: Element) -> Iterator[Operation]:
        for holder in element.iterfind("operations"):
            for op in self._referred(holder).iterfind("op"):
                inner = self._pairs([*op.findall("meta_attributes"), *op.findall("instance_attributes")])

                def of(name: str, op: Element = op, inner: Pairs = inner) -> str | None:
                    written = op.get(name)
                    return str(written) if written is not None else value(inner, name)

                yield Operation(
                    name=str(op.get("name") or ""),
                    interval=seconds(of("interval")) or 0.0,
                    timeout=seconds(of("timeout")),
                    role=of("role") or "",
                    on_fail=of("on-fail") or "",
                    enabled=is_true(of("enabled"), default=True),
                    spot=self._spot(op),
                )

    def _levels(self) -> Iterator[Level]:
        for element in self._all("fencing-topology"):
            target = element.get("target") or element.get("target-pattern") or element.get("target-value") or ""
            devices = str(element.get("devices") or "")
            yield Level(str(target), tuple(devices.replace(",", " ").split()), self._spot(element))

    def _constraints(
        self,
    ) -> tuple[list[Location], list[Colocation], list[Order], list[tuple[str, str, Spot]]]:
        locations: list[Location] = []
        colocations: list[Colocation] = []
        orders: list[Order] = []
        tickets: list[tuple[str, str, Spot]] = []
        for element in self._all("constraints"):
            for name in ("rsc", "with-rsc", "first", "then"):
                if element.get(name):
                    self.references.append((str(element.get(name)), self._spot(element)))
            for ref in element.iterfind("resource_set/resource_ref"):
                self.references.append((str(ref.get("id")), self._spot(element)))
            match element.tag:
                case "rsc_location":
                    locations += self._location(element)
                case "rsc_colocation":
                    colocations += self._colocation(element)
                case "rsc_order":
                    orders += self._order(element)
                case "rsc_ticket":
                    tickets.append((str(element.get("ticket")), str(element.get("rsc") or ""), self._spot(element)))
                case _:
                    self.unknown.append(f"the constraint <{element.tag}> on line {element.sourceline}")
        return locations, colocations, orders, tickets

    def _location(self, element: Element) -> Iterator[Location]:
        resources = tuple(self._set_members(element)) or self._matching(element)
        role = str(element.get("role") or "")
        rules = [self._referred(rule) for rule in element.iterfind("rule")]
        where, id_ = self._spot(element), str(element.get("id") or "")
        if not rules:
            yield Location(
                id_, resources, str(element.get("node") or ""), score(element.get("score")), role, False, where
            )
        for rule in rules:
            # Only the simple rule that a fence-peer handler or `crm resource ban` writes is read further.
            names = [each for each in rule.iter("expression") if each.get("attribute") == "#uname"]
            node = str(names[0].get("value") or "") if len(names) == 1 else ""
            yield Location(
                id_,
                resources,
                node,
                score(rule.get("score")),
                str(rule.get("role") or role),
                True,
                where,
                negated=bool(node) and names[0].get("operation") == "ne",
            )

    def _matching(self, element: Element) -> tuple[str, ...]:
        if element.get("rsc"):
            return (str(element.get("rsc")),)
        pattern = str(element.get("rsc-pattern") or "")
        negated = pattern.startswith("!")
        try:
            expression = re.compile(pattern.removeprefix("!"))
        except re.error:
            self.unknown.append(f"the rsc-pattern on line {element.sourceline}")
            return ()
        known = [*self.primitives, *self.holders]
        return tuple(id_ for id_ in known if pattern and bool(expression.search(id_)) is not negated)

    def _sets(self, element: Element) -> list[tuple[Element, list[str]]]:
        found = [self._referred(each) for each in element.iterfind("resource_set")]
        return [(each, [str(ref.get("id")) for ref in each.iterfind("resource_ref")]) for each in found]

    def _set_members(self, element: Element) -> Iterator[str]:
        for _, members in self._sets(element):
            yield from members

    def _colocation(self, element: Element) -> Iterator[Colocation]:
        where, id_ = self._spot(element), str(element.get("id") or "")
        worth = score(element.get("score"), default=0.0)
        if element.get("rsc"):
            roles = [str(element.get(name) or "") for name in ("rsc-role", "with-rsc-role")]
            rsc, other = str(element.get("rsc")), str(element.get("with-rsc") or "")
            yield Colocation(id_, rsc, roles[0], other, roles[1], worth, where)
            return
        sets = self._sets(element)
        for one, members in sets:
            role = str(one.get("role") or "")
            if is_true(one.get("sequential"), default=True):
                for first, second in itertools.pairwise(members):
                    yield Colocation(id_, second, role, first, role, worth, where)
        # Of two sets the first depends on the second (Pacemaker Explained, "Colocating sets of resources").
        for (one, members), (next_, others) in itertools.pairwise(sets):
            for first, second in ((a, b) for a in members for b in others[-1:]):
                yield Colocation(
                    id_, first, str(one.get("role") or ""), second, str(next_.get("role") or ""), worth, where
                )

    def _order(self, element: Element) -> Iterator[Order]:
        where, id_ = self._spot(element), str(element.get("id") or "")
        kind = str(element.get("kind") or ("Optional" if score(element.get("score"), FOREVER) == 0 else "Mandatory"))
        if element.get("first"):
            action = str(element.get("first-action") or "start")
            then = str(element.get("then-action") or action)
            yield Order(id_, str(element.get("first")), action, str(element.get("then") or ""), then, kind, where)
            return
        sets = self._sets(element)
        for one, members in sets:
            action = str(one.get("action") or "start")
            if is_true(one.get("sequential"), default=True):
                for first, second in itertools.pairwise(members):
                    yield Order(id_, first, action, second, action, kind, where)
        for (one, members), (next_, others) in itertools.pairwise(sets):
            before, after = str(one.get("action") or "start"), str(next_.get("action") or "start")
            for first in members[-1:] if is_true(one.get("sequential"), default=True) else members:
                for second in others[:1] if is_true(next_.get("sequential"), default=True) else others:
                    yield Order(id_, first, before, second, after, kind, where)
