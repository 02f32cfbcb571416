"""Mistakes about resources, each with the rule that finds it and the cluster that it is planted in."""

# ruff: noqa: E501 (a mistake reads best as the one line of XML that it is)

from ..known import Change, cib, host, more
from .planting import MONITORED, location, prop, without

LINKS = cib('<clone id="links-clone">', '<master id="links-clone">')

MISTAKES: list[tuple[str, str, Change | list[Change]]] = [
    ("unknown-role", "three", cib('with-rsc-role="Promoted"', 'with-rsc-role="Promotd"')),
    ("old-role-name", "three", cib('with-rsc-role="Promoted"', 'with-rsc-role="Master"')),
    ("no-monitor", "three", cib(MONITORED, MONITORED + ' enabled="false"')),
    (
        "no-promoted-monitor",
        "three",
        cib('interval="20s" timeout="60s" role="Promoted"', 'interval="20s" timeout="60s" role="Started"'),
    ),
    (
        "same-interval",
        "three",
        cib('interval="30s" timeout="60s" role="Unpromoted"', 'interval="20s" timeout="60s" role="Unpromoted"'),
    ),
    ("on-fail-ignored", "three", cib(MONITORED, MONITORED + ' on-fail="ignore"')),
    ("no-stickiness", "three", cib('name="resource-stickiness" value="200"', 'name="resource-stickiness" value="0"')),
    ("fails-back", "three", location("home", "database-mariadb", "ctl1", "1000")),
    (
        "endless-restarts",
        "three",
        cib('name="migration-threshold" value="3"', 'name="migration-threshold" value="INFINITY"'),
    ),
    ("failures-never-expire", "three", without('name="failure-timeout"')),
    (
        "failure-timeout-short",
        "three",
        cib('name="failure-timeout" value="300s"', 'name="failure-timeout" value="100s"'),
    ),
    (
        "start-failure-loops",
        "three",
        [
            prop("start-failure-is-fatal", "false"),
            cib('name="migration-threshold" value="3"', 'name="migration-threshold" value="INFINITY"'),
        ],
    ),
    ("maintenance-left-on", "three", prop("maintenance-mode", "true")),
    (
        "standby-left-on",
        "three",
        cib(
            '<node id="3" uname="ctl3"/>',
            '<node id="3" uname="ctl3"><instance_attributes id="s"><nvpair id="s-s" name="standby" value="on"/></instance_attributes></node>',
        ),
    ),
    (
        "resource-stopped",
        "three",
        cib(
            'type="mariadb">',
            'type="mariadb"><meta_attributes id="t"><nvpair id="t-t" name="target-role" value="Stopped"/></meta_attributes>',
        ),
    ),
    (
        "asymmetric-no-location",
        "three",
        [prop("symmetric-cluster", "false")]
        + [location(f"l{n}", f"fence-ctl{n}", f"ctl{n % 3 + 1}", "0") for n in (1, 2, 3)],
    ),
    ("drbd-clone", "three", cib('name="promoted-max" value="1"', 'name="promoted-max" value="2"')),
    (
        "drbd-without-notify",
        "three",
        cib('name="ignore_missing_notifications" value="true"', 'name="ignore_missing_notifications" value="false"'),
    ),
    (
        "agent-obsolete",
        "three",
        more(
            "resources",
            '<primitive id="x" class="upstart" type="x"><operations><op id="x-m" name="monitor" interval="10s"/></operations></primitive>',
        ),
    ),
    (
        "agent-missing",
        "three",
        host("ctl2", agents=frozenset({"linbit:drbd", "heartbeat:Filesystem", "heartbeat:IPaddr2"})),
    ),
]
AMONG_OTHERS: list[tuple[str, list[Change]]] = [
    (
        "obsolete-master",
        [cib('<clone id="database-volume">', '<master id="database-volume">'), cib("</clone>", "</master>"), LINKS],
    ),
]
"""Mistakes that are several at once, or bring others with them."""
