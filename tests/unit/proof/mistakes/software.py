"""Mistakes about the hosts' software, each with the rule that finds it and the cluster that it is planted in."""

from quorate.proof.evidence.documents import UnitState

from ..known import Change, host

MISTAKES: list[tuple[str, str, Change | list[Change]]] = [
    ("unit-enabled", "three", host("ctl1", units={"mariadb.service": UnitState("enabled")})),
    ("cluster-not-enabled", "three", host("ctl1", units={"pacemaker.service": UnitState("disabled")})),
    ("version-differs", "three", host("ctl1", packages={"drbd-utils": "9.28.0-1"})),
    ("uid-differs", "three", host("ctl1", users={"mysql": 999})),
    ("clock-differs", "three", host("ctl1", clock=-3.0)),
]
