"""Mistakes about quorum, each with the rule that finds it and the cluster that it is planted in."""

from ..known import Change, cib, conf
from .planting import FOUR, qdevice

MISTAKES: list[tuple[str, str, Change | list[Change]]] = [
    ("quorum-ignored", "three", cib('name="no-quorum-policy" value="stop"', 'name="no-quorum-policy" value="ignore"')),
    ("no-quorum-provider", "three", conf("provider: corosync_votequorum", "# nothing")),
    ("two-node-missing", "two", conf("two_node: 1", "two_node: 0")),
    ("two-node-wrong", "three", conf("corosync_votequorum", "corosync_votequorum\n    two_node: 1")),
    ("no-wait-for-all", "two", conf("two_node: 1", "two_node: 1\n    wait_for_all: 0")),
    (
        "device-and-tie-breaker",
        "three",
        [conf("corosync_votequorum\n", "corosync_votequorum\n    auto_tie_breaker: 1\n"), qdevice()],
    ),
    ("expected-votes", "three", conf("corosync_votequorum", "corosync_votequorum\n    expected_votes: 5")),
    ("device-on-member", "three", qdevice(host="10.20.0.13")),
    ("device-votes", "three", qdevice(votes="votes: 7")),
]
AMONG_OTHERS: list[tuple[str, list[Change]]] = [
    ("even-votes", [FOUR]),
    (
        "no-quorum-now",
        [
            cib("<cib ", '<cib have-quorum="0" '),
            cib("<status/>", '<status><node_state id="1" uname="ctl1"/></status>'),
        ],
    ),
]
"""Mistakes that are several at once, or bring others with them."""
