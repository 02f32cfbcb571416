"""Mistakes about DRBD, each with the rule that finds it and the cluster that it is planted in."""

from quorate.proof.evidence.documents import DiskState

from ..known import Change, cib, drbd, host

MISTAKES: list[tuple[str, str, Change | list[Change]]] = [
    ("drbd-timeouts", "three", drbd("timeout        9;", "timeout        60;")),
    ("drbd-timeouts", "three", drbd("timeout        9;", "timeout        10;")),
    ("drbd-protocol", "three", drbd("protocol       C", "protocol A")),
    ("drbd-two-primaries", "three", drbd("protocol       C;", "protocol C; allow-two-primaries;")),
    ("drbd-discards", "three", drbd("after-sb-1pri  disconnect", "after-sb-1pri discard-secondary")),
    ("drbd-fencing", "three", drbd("resource-and-stonith", "resource-only")),
    (
        "drbd-fencing-section",
        "three",
        [
            drbd("fencing        resource-and-stonith;", ""),
            drbd("protocol       C;", "protocol C; fencing resource-and-stonith;"),
        ],
    ),
    ("drbd-no-handler", "three", drbd("unfence-peer ", "# ")),
    ("drbd-flushes-off", "three", drbd("on-io-error    detach;", "on-io-error detach; disk-flushes no;")),
    ("drbd-io-error", "three", drbd("detach", "pass_on")),
    ("drbd-not-verified", "three", drbd("verify-alg     crc32c;", "")),
    (
        "drbd-unresolved",
        "three",
        [cib('name="drbd_resource" value="database"', 'name="drbd_resource" value="databse"')],
    ),
    (
        "drbd-not-up-to-date",
        "three",
        host("ctl2", disks={"database": DiskState("Secondary", "Inconsistent", "SyncTarget")}),
    ),
]
AMONG_OTHERS: list[tuple[str, list[Change]]] = [
    (
        "drbd-handler-version",
        [drbd('"/usr/lib/quorate/fence-peer fence 60"', '"/usr/lib/drbd/crm-fence-peer.9.sh"')],
    ),
    (
        "drbd-handler-outdated",
        [
            drbd('"/usr/lib/quorate/fence-peer fence 60"', '"/usr/lib/drbd/crm-fence-peer.sh"'),
            cib("<cib ", '<cib crm_feature_set="3.19.0" '),
        ],
    ),
]
"""Mistakes that are several at once, or bring others with them."""
