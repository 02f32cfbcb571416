"""What a rule is: a small function over the evidence, whose docstring is its page in docs/findings.md.

The docstring's first sentence says what is demanded, what follows says why it matters, and the paragraph that begins
with `Fix:` says what to do. So what a user reads in a finding, in the documentation and in the code is one text.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from quorate.cluster.findings import Severity
from quorate.proof.evidence import Corosync, Drbd, Evidence, Pacemaker, Spot

__all__ = ["ERROR", "RULES", "WARNING", "Found", "Hit", "Rule", "Severity", "Unseen", "described", "drbd_clones"]
__all__ += ["on_corosync", "on_drbd", "on_hosts", "on_pacemaker", "setting"]

ERROR, WARNING = Severity.ERROR, Severity.WARNING


@dataclass(frozen=True)
class Hit:
    """A place where a rule is broken."""

    where: Spot
    what: str
    todo: str = ""
    """A fix that fits this place better than the rule's own."""


@dataclass(frozen=True)
class Unseen:
    """Something that a rule would have had to look at and nobody brought."""

    what: str


Found = Iterator[Hit | Unseen]


@dataclass(frozen=True)
class Rule:
    """One rule; `subject` is the file that it stands in."""

    code: str
    severity: Severity
    subject: str
    demand: str
    why: str
    fix: str
    check: Callable[[Evidence], Found]


RULES: dict[str, Rule] = {}
"""By code."""


def described(
    code: str, severity: Severity, function: Callable[..., object], check: Callable[[Evidence], Found]
) -> Rule:
    """A rule whose words are the docstring of a function."""
    paragraphs = [" ".join(each.split()) for each in re.split(r"\n\s*\n", inspect.getdoc(function) or "")]
    demand, *rest = paragraphs
    fix = " ".join(each.removeprefix("Fix: ") for each in rest if each.startswith("Fix: "))
    why = " ".join(each for each in rest if not each.startswith("Fix: "))
    assert demand and why and fix, f"{code} lacks a part of its docstring"
    return Rule(code, severity, function.__module__.rpartition(".")[2], demand, why, fix, check)


def _add(code: str, severity: Severity, function: Callable[..., Found], check: Callable[[Evidence], Found]) -> None:
    assert code not in RULES, f"two rules are called {code}"
    RULES[code] = described(code, severity, function, check)


def on_pacemaker(
    code: str, severity: Severity
) -> Callable[[Callable[[Pacemaker, Evidence], Found]], Callable[[Pacemaker, Evidence], Found]]:
    """A rule that needs Pacemaker's configuration."""

    def decorate(function: Callable[[Pacemaker, Evidence], Found]) -> Callable[[Pacemaker, Evidence], Found]:
        def check(evidence: Evidence) -> Found:
            if evidence.pacemaker is None:
                yield Unseen("Pacemaker's configuration (CIB)")
            else:
                yield from function(evidence.pacemaker, evidence)

        _add(code, severity, function, check)
        return function

    return decorate


def on_corosync(
    code: str, severity: Severity
) -> Callable[[Callable[[Corosync, Evidence], Found]], Callable[[Corosync, Evidence], Found]]:
    """A rule that needs corosync.conf."""

    def decorate(function: Callable[[Corosync, Evidence], Found]) -> Callable[[Corosync, Evidence], Found]:
        def check(evidence: Evidence) -> Found:
            if evidence.corosync is None:
                yield Unseen("corosync.conf")
            else:
                yield from function(evidence.corosync, evidence)

        _add(code, severity, function, check)
        return function

    return decorate


def on_drbd(
    code: str, severity: Severity
) -> Callable[[Callable[[Drbd, Evidence], Found]], Callable[[Drbd, Evidence], Found]]:
    """A rule that needs DRBD's resources; silent for a cluster that has no DRBD."""

    def decorate(function: Callable[[Drbd, Evidence], Found]) -> Callable[[Drbd, Evidence], Found]:
        def check(evidence: Evidence) -> Found:
            if evidence.drbd is not None:
                yield from function(evidence.drbd, evidence)
            elif evidence.pacemaker is None or drbd_clones(evidence.pacemaker):
                yield Unseen("DRBD's resource files")

        _add(code, severity, function, check)
        return function

    return decorate


def on_hosts(code: str, severity: Severity) -> Callable[[Callable[[Evidence], Found]], Callable[[Evidence], Found]]:
    """A rule about what is on the hosts; it says itself what it missed there."""

    def decorate(function: Callable[[Evidence], Found]) -> Callable[[Evidence], Found]:
        def check(evidence: Evidence) -> Found:
            if not evidence.hosts:
                yield Unseen("the hosts themselves")
            else:
                yield from function(evidence)

        _add(code, severity, function, check)
        return function

    return decorate


def drbd_clones(pacemaker: Pacemaker) -> dict[str, str]:
    """By primitive: the DRBD resource that it manages."""
    return {
        primitive.id: pair.value if (pair := primitive.parameters.get("drbd_resource")) else ""
        for primitive in pacemaker.primitives.values()
        if primitive.agent == "ocf:linbit:drbd"
    }


def setting(pacemaker: Pacemaker, name: str) -> Spot:
    """Where a cluster property stands, or would."""
    pair = pacemaker.properties.get(name) or pacemaker.properties.get(name.replace("-", "_"))
    return pair.spot if pair else Spot(pacemaker.source, 0, f"crm_config, {name}")
