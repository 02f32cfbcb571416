"""Every kind of finding that a check of a cluster has; run as a program it prints docs/findings.md."""

from quorate.proof.foreseen import FORESEEN
from quorate.proof.lint import reference
from quorate.proof.lint.rule import Rule
from quorate.proof.lint.run import rules
from quorate.proof.topology_rules import RULES as TOPOLOGY


def all_rules() -> tuple[Rule, ...]:
    """In the order of the documentation."""
    return (*TOPOLOGY.values(), *(rule for rule, _ in FORESEEN.values()), *rules())


if __name__ == "__main__":
    print(reference.page(all_rules()), end="")
