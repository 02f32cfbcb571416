"""Every kind of finding that a check of a cluster has; run as a program it prints docs/findings.md."""

from quorate.proof.foreseen import FORESEEN
from quorate.proof.lint import reference, run
from quorate.proof.lint.rule import RULES, Rule
from quorate.proof.topology_rules import RULES as TOPOLOGY


def all_rules() -> tuple[Rule, ...]:
    """In the order of the documentation."""
    assert run, "importing it adds the rules"
    return (*TOPOLOGY.values(), *(rule for rule, _ in FORESEEN.values()), *RULES.values())


if __name__ == "__main__":
    print(reference.page(all_rules()), end="")
