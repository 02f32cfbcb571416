"""The findings of the topology: their words, as docs/findings.md has them. `topology` looks for them."""

from quorate.cluster.findings import Severity
from quorate.proof.lint.rule import Rule

SUBJECT = "topology"


def _rule(code: str, severity: Severity, demand: str, why: str, fix: str) -> tuple[str, Rule]:
    return code, Rule(code, severity, SUBJECT, demand, why, fix, lambda _: iter(()))


RULES: dict[str, Rule] = dict(
    (
        _rule(
            "quorum-together",
            Severity.ERROR,
            "No part of the facility takes half of the nodes.",
            "The nodes that are left are no majority: they stop everything, rightly, because they can't know whether "
            "the others still run.",
            "Spread the nodes: the third vote into a zone, and onto a feed and a switch, of its own.",
        ),
        _rule(
            "replicas-together",
            Severity.ERROR,
            "No part takes all hosts of a service.",
            "All copies are lost at once, so there is nothing to take over to.",
            "Move one of them out of this part's reach, or let it hang on another part as well.",
        ),
        _rule(
            "fencing-together",
            Severity.ERROR,
            "No part takes a node together with its BMC, or with the way to it.",
            "The others can't know that the node is off, so they start nothing of what it ran: the cluster stands "
            "still, with live nodes in it, until a person says that the node is off.",
            "Give the BMC power and a switch that its node doesn't hang on alone. For what takes the whole place, let "
            "a person confirm that the node is off (`stonith_admin --confirm NODE`), and waive this with that as the "
            "reason.",
        ),
        _rule(
            "no-fencing",
            Severity.ERROR,
            "Every node that serves has a fence device.",
            "When it is lost the others can never know that it is off, so they start nothing of what it ran.",
            "Give the node a BMC.",
        ),
        _rule(
            "link-unwatched",
            Severity.ERROR,
            "A node that loses the network on which it serves is noticed.",
            "Membership goes over another ring, and Pacemaker doesn't look at this link, or can't tell that it is this "
            "one: the nodes ask each other, and no two others are left that hear each other. Nothing moves, and "
            "clients reach nobody until a person looks.",
            "Make the link a bond over two interfaces and two switches; let at least three nodes have links to the "
            "network, no two of them by one switch alone, so that they can be watched.",
        ),
        _rule(
            "single-part",
            Severity.ERROR,
            "No part of the facility takes a service down alone.",
            "While it is broken the service is gone; nothing else can take its place.",
            "Put a second one beside it, or let what needs it hang on another as well.",
        ),
        _rule(
            "rings-together",
            Severity.WARNING,
            "A node's rings go through different interfaces, cards and switches.",
            "When that part fails the node is lost, and fenced, although it has two rings against exactly that.",
            "Let the rings go through different interfaces, cards and switches, or make their links bonds.",
        ),
        _rule(
            "downtime-promise",
            Severity.ERROR,
            "The downtime that an average year brings is within the objective.",
            "Worked out of the parts' failures and repairs, and of the takeovers, the promise is broken in an average "
            "year. Many figures are defaults: write `mtbf` and `mttr` where you know better.",
            "See which fixes save the most for their price; or promise less.",
        ),
    )
)
"""By code."""
