"""Mistakes about time-outs, each with the rule that finds it and the cluster that it is planted in."""

from quorate.proof.evidence import HostFile

from ..known import Change, cib, host
from .planting import device, prop

MISTAKES: list[tuple[str, str, Change | list[Change]]] = [
    (
        "promote-shorter-than-handler",
        "three",
        cib('name="promote" interval="0s" timeout="90s"', 'name="promote" interval="0s" timeout="60s"'),
    ),
    (
        "default-timeout",
        "three",
        cib('<op id="database-filesystem-stop-0s" name="stop" interval="0s" timeout="60s"/>', ""),
    ),
    ("fence-timeout-short", "three", device("delay", "45")),
]
AMONG_OTHERS: list[tuple[str, list[Change]]] = [
    (
        "watchdog-timeout-short",
        [
            prop("stonith-watchdog-timeout", "9s"),
            host("ctl1", files={"/etc/default/sbd": HostFile(0o644, "root", "x", "SBD_WATCHDOG_TIMEOUT=5")}),
        ],
    ),
]
"""Mistakes that are several at once, or bring others with them."""
