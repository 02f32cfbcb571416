"""Why a service fails: one failing path through the graph, in words."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from quorate.proof.tree import Tree


@dataclass(frozen=True)
class Why:
    """A failure, and what it comes from: one cause, or as many as it takes."""

    name: str
    """The gate or the part."""
    words: str
    because: tuple["Why", ...] = ()

    def path(self) -> Iterator["Why"]:
        """This and everything beneath, from the top."""
        yield self
        for cause in self.because:
            yield from cause.path()

    def lines(self, indent: str = "") -> list[str]:
        """The path as lines; one cause after the other on one line, several beneath each other."""
        words, here = [self.words], self
        while len(here.because) == 1:
            here = here.because[0]
            if here.words != words[-1]:
                words.append(here.words)
        lines = [f"{indent}{' <- '.join(words)}"]
        for cause in here.because:
            lines += cause.lines(f"{indent}  ")
        return lines


_ONE_THING = ("up ", "need ", "link ", "cool ", "stands ")
"""Gates that are one cause, with all that they hang on."""


def causes(tree: Tree, top: str, down: set[str]) -> list[str]:
    """The gates that have failed and each alone fail the top: those that are a finding, or as near to it as can be."""
    found: dict[str, None] = {}
    seen, stack = set(), [top]
    while stack:
        name = stack.pop()
        if name in seen or name not in down:
            continue
        seen.add(name)
        gate = tree.gates.get(name)
        if gate is None or name in tree.codes or gate.fails_at > 1 or name.startswith(_ONE_THING):
            found[name] = None
        else:
            stack += reversed(gate.children)
    return list(found)


def explain(tree: Tree, top: str, failed: Iterable[str], through: str | None = None) -> Why:
    """The shortest path by which these parts fail a gate that they do fail; `through` one of its causes, if given."""
    failed = set(failed)
    length: dict[str, int] = dict.fromkeys(failed, 1)
    chosen: dict[str, tuple[str, ...]] = {}
    leads: set[str] = {through} if through else set()
    for name, gate in tree.gates.items():
        lead = [child for child in gate.children if child in leads] if gate.fails_at == 1 else []
        leads.update(name for _ in lead[:1])
        causes = sorted((child for child in gate.children if child in length), key=length.__getitem__)
        if len(causes) >= gate.fails_at:
            chosen[name] = tuple(lead[:1] or causes[: gate.fails_at])
            length[name] = 1 + sum(length[cause] for cause in chosen[name])

    def why(name: str) -> Why:
        if name in tree.parts:
            return Why(name, f"{tree.parts[name]} fails")
        return Why(name, tree.words[name], tuple(why(cause) for cause in chosen[name]))

    return why(top)
