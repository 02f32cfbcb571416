"""Mistakes about constraints, each with the rule that finds it and the cluster that it is planted in."""

# ruff: noqa: E501 (a mistake reads best as the one line of XML that it is)

from ..known import Change, cib, more
from .planting import location, without

MISTAKES: list[tuple[str, str, Change | list[Change]]] = [
    (
        "constraint-unresolved",
        "three",
        more("constraints", '<rsc_order id="o" first="database-mariadb" then="nothing"/>'),
    ),
    ("location-unknown-node", "three", location("l", "database-mariadb", "ctl9", "-INFINITY")),
    (
        "colocation-without-role",
        "three",
        cib(
            'rsc="database-filesystem" with-rsc="database-volume" with-rsc-role="Promoted"',
            'rsc="database-filesystem" with-rsc="database-volume"',
        ),
    ),
    ("order-not-after-promotion", "three", cib('first-action="promote"', 'first-action="start"')),
    ("colocation-without-order", "three", without('id="database-filesystem-after-promotion"')),
    ("order-without-colocation", "three", without('id="database-mariadb-with-primary"')),
    (
        "order-loop",
        "three",
        more("constraints", '<rsc_order id="o" first="database-mariadb" then="database-address"/>'),
    ),
    (
        "leftover-constraint",
        "three",
        location("cli-ban-database-mariadb-on-ctl1", "database-mariadb", "ctl1", "-INFINITY"),
    ),
    (
        "replica-fenced-off",
        "three",
        more(
            "constraints",
            '<rsc_location id="drbd-fence-by-handler-r0" rsc="database-volume"><rule id="r" role="Promoted" score="-INFINITY">'
            '<expression id="e" attribute="#uname" operation="ne" value="ctl1"/></rule></rsc_location>',
        ),
    ),
    ("one-node-only", "three", location("l", "database-mariadb", "ctl1", "-INFINITY")),
]
