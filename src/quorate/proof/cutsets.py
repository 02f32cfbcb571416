"""Minimal cut sets: which few parts, failing together, take a service down.

The graph is monotone: a gate fails when at least `fails_at` of its children have failed, and a child is another gate
or a part. `fails_at` 1 is "needs all of them", `n` of n is "any one is enough", `n - k + 1` is "k of n are needed".
Parts and gates may be shared as one likes. A cut set of a gate is a set of parts whose failure fails it; it is minimal
when no smaller one is inside it.

How it is done, in three steps:

1. Parts in series become one class. A part that does nothing but fail gates that need all of their children is the
   same as any other part that fails the same ones, whichever of them it is that broke.
2. Bottom-up, each gate gets its cuts as bit masks over the classes: `one`, the classes that fail it alone; `two[i]`,
   the classes that fail it together with i; `three[i, j]`. What a gate makes of its children's masks is counted for all
   classes at once, bit-sliced: plane p of a counter is a mask that holds bit p of each class's count.
3. A class i (or a pair) is looked at in a gate only if a child reacts to it, and only those children are counted anew.

So time goes with the number of reactions and not with parts squared, and a gate's masks are forgotten after their last
use. Pure, and exact up to the order that was asked for: no probabilities, no cut-off below it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product


@dataclass(frozen=True)
class Gate:
    """Fails when at least `fails_at` of its children have failed. One listed twice counts twice."""

    fails_at: int
    children: tuple[str, ...]


def needs_all(*children: str) -> Gate:
    """Fails with the first of its children."""
    return Gate(1, children)


def needs(count: int, children: Sequence[str]) -> Gate:
    """Works as long as `count` of its children do."""
    return Gate(len(children) - count + 1, tuple(children))


class Cyclic(ValueError):
    """Gates that stand on one another in a circle; `gates` are those, in order."""

    def __init__(self, gates: Sequence[str]) -> None:
        self.gates = tuple(gates)
        super().__init__(f"these gates depend on each other in a circle: {' -> '.join([*gates, gates[0]])}")


class TooMany(ValueError):
    """More cut sets of order three than the caller wanted to have."""


@dataclass
class _Cuts:
    """A gate's minimal cuts as masks over the classes. A cut of two or three stands under all its keys."""

    one: int = 0
    two: dict[int, int] = field(default_factory=dict)
    three: dict[tuple[int, int], int] = field(default_factory=dict)

    def further(self, failed: Sequence[int]) -> int | None:
        """What fails it beside `one` once these classes have failed; None if it has failed already."""
        mask = 0
        for i in failed:
            if self.one >> i & 1:
                return None
            mask |= self.two.get(i, 0)
        if len(failed) == 2:
            i, j = failed
            if self.two.get(i, 0) >> j & 1:
                return None
            mask |= self.three.get((i, j), 0)
        return mask


@dataclass(frozen=True)
class CutSets:
    """The minimal cut sets of some gates up to an order."""

    order: int
    classes: tuple[tuple[str, ...], ...]
    """Parts in series: in a cut each of a class stands for any other."""
    _cuts: Mapping[str, _Cuts]

    def merged(self, top: str) -> Iterator[tuple[int, ...]]:
        """The cuts as classes, by their positions in `classes`: smaller ones first."""
        cuts = self._cuts[top]
        for i in _bits(cuts.one):
            yield (i,)
        for i in sorted(cuts.two):
            for j in _bits(cuts.two[i] >> i + 1):
                yield i, i + 1 + j
        for i, j in sorted(cuts.three):
            for k in _bits(cuts.three[i, j] >> j + 1):
                yield i, j, j + 1 + k

    def of(self, top: str) -> Iterator[frozenset[str]]:
        """The cuts, part by part: smaller ones first. With long classes these are many more than `merged`."""
        for cut in self.merged(top):
            for parts in product(*(self.classes[i] for i in cut)):
                yield frozenset(parts)

    def count(self, top: str) -> tuple[int, ...]:
        """How many cuts there are of each order, part by part."""
        sizes = [len(members) for members in self.classes]
        alike: dict[int, int] = {}
        for i, size in enumerate(sizes):
            alike[size] = alike.get(size, 0) | 1 << i

        def weight(mask: int) -> int:
            return sum(size * (mask & group).bit_count() for size, group in alike.items())

        cuts = self._cuts[top]
        counts = (
            weight(cuts.one),
            sum(sizes[i] * weight(mask) for i, mask in cuts.two.items()) // 2,
            sum(sizes[i] * sizes[j] * weight(mask) for (i, j), mask in cuts.three.items()) // 3,
        )
        return counts[: self.order]


def cut_sets(gates: Mapping[str, Gate], tops: Iterable[str], order: int = 2, most: int = 1_000_000) -> CutSets:
    """The minimal cut sets of each top with at most `order` parts (1, 2 or 3).

    Args:
        gates: by name; every child that isn't among them is a part. A gate without children never fails.
        tops: gates or parts.
        order: the largest number of parts in a cut.
        most: how many cuts of order three (of classes, at any one gate) to go through with before raising TooMany.

    Raises Cyclic, TooMany, and ValueError for an order or a `fails_at` out of range.
    """
    if order not in (1, 2, 3):
        raise ValueError(f"cut sets of order 1, 2 or 3, not {order}")
    tops = tuple(dict.fromkeys(tops))
    ordered = _ordered(gates, tops)
    classes = _classes(gates, ordered, tops)
    members: dict[int, list[str]] = {}
    for part, number in classes.items():
        members.setdefault(number, []).append(part)
    found: dict[str, _Cuts] = {part: _Cuts(1 << number) for part, number in classes.items()}
    alike: dict[tuple[int, tuple[str, ...]], str] = {}
    uses: dict[str, int] = {}
    for name in ordered:
        for child in gates[name].children:
            uses[child] = uses.get(child, 0) + 1
    for name in ordered:
        gate = gates[name]
        same = alike.setdefault((gate.fails_at, tuple(sorted(gate.children))), name)
        found[name] = found[same] if same in found else _cuts(gate, [found[c] for c in gate.children], order, most)
        for child in gate.children:
            uses[child] -= 1
            if not uses[child] and child in gates and child not in tops:
                del found[child]
    return CutSets(
        order, tuple(tuple(members[number]) for number in sorted(members)), {top: found[top] for top in tops}
    )


def _ordered(gates: Mapping[str, Gate], tops: Iterable[str]) -> list[str]:
    """The gates beneath the tops, every one after its children. Raises Cyclic."""
    ordered: list[str] = []
    done: set[str] = set()
    for top in tops:
        if top not in gates or top in done:
            continue
        path = {top: iter(gates[top].children)}
        while path:
            name, children = next(reversed(path.items()))
            for child in children:
                if child in path:
                    around = list(path)
                    raise Cyclic(around[around.index(child) :])
                if child in gates and child not in done:
                    path[child] = iter(gates[child].children)
                    break
            else:
                if gates[name].fails_at < 1:
                    raise ValueError(f"the gate {name} would fail with nothing failed")
                done.add(name)
                ordered.append(name)
                del path[name]
    return ordered


def _classes(gates: Mapping[str, Gate], ordered: Sequence[str], tops: Sequence[str]) -> dict[str, int]:
    """By part: the number of its class."""
    parents: dict[str, list[str]] = {}
    for name in ordered:
        for child in gates[name].children:
            parents.setdefault(child, []).append(name)
    # Where the failure of a gate that needs all of its children is nothing but the failure of another such gate.
    upmost: dict[str, str] = {}
    for name in reversed(ordered):
        above = parents.get(name, [])
        alone = len(above) == 1 and name not in tops and gates[name].fails_at == gates[above[0]].fails_at == 1
        upmost[name] = upmost[above[0]] if alone else name
    numbers: dict[tuple[str, ...], int] = {}
    classes = {}
    for part in dict.fromkeys([*(child for name in ordered for child in gates[name].children), *tops]):
        if part in gates:
            continue
        above = parents.get(part, [])
        series = part not in tops and all(gates[parent].fails_at == 1 for parent in above)
        key = tuple(sorted({upmost[parent] for parent in above})) if series else ("", part)
        classes[part] = numbers.setdefault(key, len(numbers))
    return classes


def _cuts(gate: Gate, children: list[_Cuts], order: int, most: int) -> _Cuts:
    """A gate's cuts from its children's."""
    if gate.fails_at > len(children):
        return _Cuts()
    if gate.fails_at == 1:
        return _any_of(children)
    counting = _Counting(gate.fails_at, children)
    cuts = _Cuts(counting.alone())
    if order > 1:
        for i in counting.reacting:
            if not cuts.one >> i & 1 and (mask := counting.beside(i)):
                cuts.two[i] = mask
    if order > 2:
        _triples(cuts, counting, most)
    return cuts


def _any_of(children: Iterable[_Cuts]) -> _Cuts:
    """The cuts of a gate that fails with the first of its children: theirs, without those that hold a smaller one."""
    cuts = _Cuts()
    children = list({id(child): child for child in children}.values())
    if len(children) == 1:
        return children[0]
    for child in children:
        cuts.one |= child.one
    keep = ~cuts.one
    for child in children:
        for i, mask in child.two.items():
            if keep >> i & 1 and (left := mask & keep):
                cuts.two[i] = cuts.two.get(i, 0) | left
    for child in children:
        for (i, j), mask in child.three.items():
            if keep >> i & 1 and keep >> j & 1 and not cuts.two.get(i, 0) >> j & 1:
                left = mask & keep & ~cuts.two.get(i, 0) & ~cuts.two.get(j, 0)
                if left:
                    cuts.three[i, j] = cuts.three.get((i, j), 0) | left
    return cuts


def _triples(cuts: _Cuts, counting: "_Counting", most: int) -> None:
    reacting = [i for i in counting.reacting if not cuts.one >> i & 1]
    count = 0
    for at, i in enumerate(reacting):
        paired = cuts.two.get(i, 0)
        begun = counting.begin(i, ~paired)
        for j in reacting[at + 1 :]:
            if paired >> j & 1:
                continue
            mask = begun.beside(j) & ~paired & ~cuts.two.get(j, 0)
            if mask:
                cuts.three[i, j] = mask
                count += mask.bit_count()
                if count > 3 * most:
                    raise TooMany(f"more than {most:,} cut sets of order three")


class _Counting:
    """How many children of a gate fail, for all classes at once."""

    def __init__(self, fails_at: int, children: list[_Cuts]) -> None:
        self.fails_at, self.children = fails_at, children
        self.planes: list[int] = []
        reactions: dict[int, set[int]] = {}
        self.classes = 0
        """Those that are counted: the ones that can be in a cut of two or three."""
        for number, child in enumerate(children):
            _add(self.planes, child.one)
            for i in (*_bits(child.one), *child.two, *(i for pair in child.three for i in pair)):
                reactions.setdefault(i, set()).add(number)
        for i in reactions:
            self.classes |= 1 << i
        self.reacting = {i: reactions[i] for i in sorted(reactions)}
        """By class: the children that it takes part in failing."""
        self.more: dict[int, list[int]] = {}
        """By class: what each of those children adds to the count once the class has failed."""

    def alone(self) -> int:
        """The classes that fail the gate by themselves; from now on only the others are counted."""
        one = _at_least(self.planes, self.fails_at, self.classes)
        self.classes &= ~one
        self.planes = [plane & self.classes for plane in self.planes]
        self.highest = _highest(self.planes)
        for i, touched in self.reacting.items():
            if not one >> i & 1:
                self.more[i] = [more for n in touched if (more := self.adds(n, (i,)))]
        return one

    def adds(self, number: int, failed: tuple[int, ...]) -> int:
        """The classes that fail a child once these have failed, and not before."""
        child = self.children[number]
        further = child.further(failed)
        return (self.classes if further is None else further & self.classes) & ~child.one

    def beside(self, i: int) -> int:
        """The classes that fail the gate together with i."""
        if self.highest + len(self.more[i]) < self.fails_at:
            return 0
        return _at_least(self.with_more(self.planes, self.more[i]), self.fails_at, self.classes)

    def begin(self, i: int, among: int) -> "_Begun":
        """The same with a second class to come."""
        planes = self.with_more(self.planes, self.more[i])
        return _Begun(self, i, planes, _highest([plane & among for plane in planes]))

    def with_more(self, planes: Sequence[int], more: Iterable[int]) -> list[int]:
        """The count with more failures in it."""
        counted = list(planes)
        for mask in more:
            _add(counted, mask)
        return counted


@dataclass
class _Begun:
    """A count in which one class has failed already."""

    counting: _Counting
    i: int
    planes: list[int]
    highest: int

    def beside(self, j: int) -> int:
        """The classes that fail the gate together with i and j."""
        counting = self.counting
        touched, also = counting.reacting[self.i], counting.reacting[j]
        if touched.isdisjoint(also):
            if self.highest + len(counting.more[j]) < counting.fails_at:
                return 0
            planes = counting.with_more(self.planes, counting.more[j])
        else:
            more = [counting.adds(number, (self.i, j)) for number in touched | also]
            if counting.highest + len(more) < counting.fails_at:
                return 0
            planes = counting.with_more(counting.planes, more)
        return _at_least(planes, counting.fails_at, counting.classes)


def _add(planes: list[int], mask: int) -> None:
    """Adds one to the count of every class in a mask."""
    for p, plane in enumerate(planes):
        if not mask:
            return
        planes[p], mask = plane ^ mask, plane & mask
    if mask:
        planes.append(mask)


def _at_least(planes: Sequence[int], count: int, everything: int) -> int:
    """The classes that are counted at least so often."""
    if count >> len(planes):
        return 0
    more, equal = 0, everything
    for p in range(len(planes) - 1, -1, -1):
        if count >> p & 1:
            equal &= planes[p]
        else:
            more |= equal & planes[p]
            equal &= ~planes[p]
    return more | equal


def _highest(planes: Sequence[int]) -> int:
    """The count of the class that is counted most often."""
    count, among = 0, -1
    for p in range(len(planes) - 1, -1, -1):
        if among & planes[p]:
            among &= planes[p]
            count |= 1 << p
    return count


def _bits(mask: int) -> Iterator[int]:
    """The positions of the bits that are set, from the lowest."""
    if mask.bit_count() * 8 > mask.bit_length():  # dense: as text, each position is looked at once
        text = bin(mask)[:1:-1]
        at = text.find("1")
        while at >= 0:
            yield at
            at = text.find("1", at + 1)
        return
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
