"""A Pacemaker cluster's configuration as typed data, and how Pacemaker writes durations, scores and booleans."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

from quorate.proof.evidence.documents import Spot

Element = etree._Element

FOREVER = float("inf")

_UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "ms": 1e-3, "msec": 1e-3, "us": 1e-6, "usec": 1e-6}
_UNITS |= {"m": 60.0, "min": 60.0, "h": 3600.0, "hr": 3600.0}
_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def seconds(text: str | None) -> float | None:
    """A duration as Pacemaker writes it, `30`, `30s`, `500ms`, `1min`, `PT1M`; None for anything else."""
    if text is None:
        return None
    if match := re.fullmatch(r"\s*(\d{1,12})\s*([A-Za-z]*)\s*", text):
        scale = _UNITS.get(match[2].lower())
        return None if scale is None else int(match[1]) * scale
    if (match := _ISO.fullmatch(text.strip())) and len(text) > 1:
        days, hours, minutes, rest = (int(group or 0) for group in match.groups())
        return float(((days * 24 + hours) * 60 + minutes) * 60 + rest)
    return None


def score(text: str | None, default: float = 0.0) -> float:
    """A score as Pacemaker writes it; anything that is none counts as the default."""
    if text is None:
        return default
    word = text.strip().upper()
    if word in ("INFINITY", "+INFINITY", "-INFINITY"):
        return -FOREVER if word.startswith("-") else FOREVER
    try:
        value = int(word)
    except ValueError:
        return default
    return FOREVER if value >= 1_000_000 else -FOREVER if value <= -1_000_000 else float(value)


def is_true(text: str | None, default: bool = False) -> bool:
    """A boolean as Pacemaker reads it."""
    if text is None:
        return default
    word = text.strip().lower()
    if word in ("true", "on", "yes", "y", "1"):
        return True
    return False if word in ("false", "off", "no", "n", "0") else default


@dataclass(frozen=True)
class Pair:
    """A name's value; `conditional` if it counts only while a rule holds."""

    value: str
    spot: Spot
    conditional: bool = False


Pairs = Mapping[str, Pair]


def value(pairs: Pairs, *names: str) -> str | None:
    """The first of these names that is set."""
    return next((pairs[name].value for name in names if name in pairs), None)


@dataclass(frozen=True)
class Operation:
    """One operation of a resource; times in seconds, `timeout` None where it is left to the defaults."""

    name: str
    interval: float
    timeout: float | None
    role: str
    on_fail: str
    enabled: bool
    spot: Spot


@dataclass(frozen=True)
class Primitive:
    """A resource with an agent, its template's part included; `within` are its group, clone or bundle, inmost first."""

    id: str
    agent: str
    parameters: Pairs
    meta: Pairs
    operations: tuple[Operation, ...]
    within: tuple[str, ...]
    spot: Spot

    @property
    def is_fencing(self) -> bool:
        """Whether it is a fence device."""
        return self.agent.startswith("stonith:")


@dataclass(frozen=True)
class Holder:
    """A group, clone or bundle; `kind` is its element: group, clone, master or bundle."""

    id: str
    kind: str
    children: tuple[str, ...]
    meta: Pairs
    within: tuple[str, ...]
    promotable: bool
    spot: Spot
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Of a bundle: its container's, `replicas`, `promoted-max` and the like."""


@dataclass(frozen=True)
class Node:
    """A node of the cluster; `kind` is member or remote, and guest for one that a resource makes."""

    name: str
    kind: str
    attributes: Pairs
    spot: Spot


@dataclass(frozen=True)
class Location:
    """How much resources like a node; `rule` if an expression decides: `node` is then what it compares #uname to."""

    id: str
    resources: tuple[str, ...]
    node: str
    score: float
    role: str
    rule: bool
    spot: Spot
    negated: bool = False
    """The rule is about every node but this one."""


@dataclass(frozen=True)
class Colocation:
    """`resource` runs where `other` does."""

    id: str
    resource: str
    role: str
    other: str
    other_role: str
    score: float
    spot: Spot


@dataclass(frozen=True)
class Order:
    """`then` does its action after `first` has done its own."""

    id: str
    first: str
    first_action: str
    then: str
    then_action: str
    kind: str
    spot: Spot


@dataclass(frozen=True)
class Level:
    """One level of a fencing topology; `target` is a node's name, or what stands for several."""

    target: str
    devices: tuple[str, ...]
    spot: Spot


@dataclass(frozen=True)
class Pacemaker:
    """The whole configuration."""

    document: Element = field(repr=False, compare=False)
    source: str
    schema: str
    feature_set: str
    properties: Pairs
    defaults: Pairs
    operation_defaults: Pairs
    nodes: Mapping[str, Node]
    primitives: Mapping[str, Primitive]
    holders: Mapping[str, Holder]
    locations: tuple[Location, ...]
    colocations: tuple[Colocation, ...]
    orders: tuple[Order, ...]
    levels: tuple[Level, ...]
    tickets: tuple[tuple[str, str, Spot], ...]
    """Ticket, resource, where."""
    tags: Mapping[str, tuple[str, ...]]
    templates: frozenset[str]
    references: tuple[tuple[str, Spot], ...]
    """Every id that a constraint names, and where."""
    unknown: tuple[str, ...]
    """What wasn't understood, a sentence each."""

    @property
    def spot(self) -> Spot:
        """The document as a whole."""
        return Spot(self.source)

    @property
    def resources(self) -> tuple[Primitive | Holder, ...]:
        """All resources, groups, clones and bundles."""
        return (*self.primitives.values(), *self.holders.values())

    @property
    def members(self) -> tuple[str, ...]:
        """The nodes that run Corosync."""
        return tuple(name for name, node in self.nodes.items() if node.kind == "member")

    def property(self, name: str) -> str | None:
        """A cluster property that is set; the old spelling with underscores counts, too."""
        return value(self.properties, name, name.replace("-", "_"))

    def has(self, id_: str) -> bool:
        """Whether a resource, group, clone, bundle, template or tag has this id."""
        return any(id_ in each for each in (self.primitives, self.holders, self.tags, self.templates))

    def members_of(self, id_: str) -> tuple[str, ...]:
        """The primitives that an id stands for."""
        found: dict[str, None] = {}
        todo, seen = [id_], set()
        while todo:
            each = todo.pop(0)
            if each in seen:
                continue
            seen.add(each)
            if each in self.primitives:
                found[each] = None
            elif each in self.holders:
                todo += self.holders[each].children
            else:
                todo += self.tags.get(each, ())
        return tuple(found)

    def top(self, id_: str) -> str:
        """The outermost resource around one."""
        inner = self.primitives.get(id_) or self.holders.get(id_)
        return inner.within[-1] if inner and inner.within else id_

    def clone_of(self, id_: str) -> Holder | None:
        """The clone or bundle that a primitive is in."""
        inner = self.primitives.get(id_) or self.holders.get(id_)
        around = [self.holders[each] for each in (inner.within if inner else ()) if each in self.holders]
        return next((each for each in around if each.kind != "group"), None)

    def meta(self, id_: str, *names: str) -> str | None:
        """A meta attribute as it counts for a resource: its own, else of what it is in, else the default."""
        inner = self.primitives.get(id_) or self.holders.get(id_)
        around = [self.holders[each].meta for each in (inner.within if inner else ()) if each in self.holders]
        for pairs in (*([inner.meta] if inner else []), *around, self.defaults):
            if (found := value(pairs, *names)) is not None:
                return found
        return None

    def is_conditional(self, *names: str) -> bool:
        """Whether some resource default of these names depends on a rule."""
        return any(name in self.defaults and self.defaults[name].conditional for name in names)

    def timeout(self, operation: Operation) -> float:
        """Seconds that an operation may take; Pacemaker's own default is 20 s."""
        if operation.timeout is not None:
            return operation.timeout
        return seconds(value(self.operation_defaults, "timeout")) or 20.0

    def operation(self, id_: str, name: str) -> Operation | None:
        """A resource's operation that is done once: start, stop, promote, demote."""
        found = self.primitives[id_].operations
        return next((each for each in found if each.name == name and each.interval == 0), None)
