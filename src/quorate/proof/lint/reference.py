"""docs/findings.md: made of the rules' own docstrings, so that it can't say anything else than they do."""

from collections.abc import Iterable

from quorate.proof.lint.rule import Rule

HEADING = """\
# Findings

What `quorate check` may say, by what it is about. This page is made of the rules themselves
(`python -m quorate.proof.findings > docs/findings.md`); a test holds it against them.

An **error** can take a service away, lose data, or let a stranger in. A **warning** makes an outage longer, or more
likely, or harder to understand. A finding that you have looked at and bear is waived in the cluster file, with a
reason and a date:

```yaml
waivers:
  - {finding: single-link, where: [ctl1], because: the second switch is ordered, until: 2027-02-01}
```
"""
TITLES = {
    "software": "The hosts' software",
    "openstack": "OpenStack",
    "drbd": "DRBD",
    "sbd": "SBD",
    "foreseen": "What failures do",
    "timeouts": "Time-outs",
}


def page(rules: Iterable[Rule]) -> str:
    """The whole page."""
    subjects: dict[str, list[Rule]] = {}
    for rule in rules:
        subjects.setdefault(rule.subject, []).append(rule)
    parts = [HEADING]
    for subject, found in subjects.items():
        parts.append(f"## {TITLES.get(subject, subject.capitalize())}\n")
        parts += [_section(rule) for rule in found]
    return "\n".join(parts)


def _section(rule: Rule) -> str:
    return f"### {rule.code}\n\n*{rule.severity}.* **{rule.demand}**\n\n{rule.why}\n\nFix: {rule.fix}\n"
