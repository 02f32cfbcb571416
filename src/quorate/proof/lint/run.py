"""Running all rules: findings in the order of their weight, and what nobody looked at."""

from dataclasses import dataclass

from quorate.cluster.findings import Severity
from quorate.proof.evidence import Evidence, Spot

# Importing a file of rules adds its rules.
from quorate.proof.lint import (  # noqa: F401
    addresses,
    certificates,
    constraints,
    corosync,
    database,
    drbd,
    fencing,
    messaging,
    openstack,
    quorum,
    resources,
    sbd,
    software,
    timeouts,
)
from quorate.proof.lint.rule import RULES, Hit, Rule

REFERENCE = "docs/findings.md"


@dataclass(frozen=True)
class Finding:
    """One message of a check."""

    code: str
    severity: Severity
    subject: str
    """What kind of thing it is about: fencing, quorum, ..."""
    where: Spot
    what: str
    means: str
    """Why it matters."""
    todo: str
    """The fix."""

    @property
    def link(self) -> str:
        """Its section in the documentation."""
        return f"{REFERENCE}#{self.code}"


@dataclass(frozen=True)
class Linted:
    """What all rules said."""

    findings: tuple[Finding, ...]
    unseen: dict[str, tuple[str, ...]]
    """By what nobody brought: the codes of the rules that would have looked at it."""


def rules() -> tuple[Rule, ...]:
    """All rules, by subject: which file of rules was imported first makes no difference."""
    return tuple(sorted(RULES.values(), key=lambda rule: rule.subject))


def lint(evidence: Evidence) -> Linted:
    """Runs every rule."""
    findings: dict[Finding, None] = {}
    unseen: dict[str, list[str]] = {}
    for rule in rules():
        for found in rule.check(evidence):
            if isinstance(found, Hit):
                todo = found.todo or rule.fix
                each = Finding(rule.code, rule.severity, rule.subject, found.where, found.what, rule.why, todo)
                findings[each] = None
            elif rule.code not in unseen.setdefault(found.what, []):
                unseen[found.what].append(rule.code)
    ordered = sorted(findings, key=lambda each: each.severity is not Severity.ERROR)
    return Linted(tuple(ordered), {what: tuple(codes) for what, codes in unseen.items()})
