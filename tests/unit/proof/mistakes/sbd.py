"""Mistakes about SBD, each with the rule that finds it and the cluster that it is planted in."""

from ..known import Change, more
from .planting import prop

TWO_DISKS = (
    '<primitive id="sbd" class="stonith" type="fence_sbd"><instance_attributes id="sbd-p">'
    '<nvpair id="sbd-d" name="devices" value="/dev/disk/by-id/a,/dev/disk/by-id/b"/></instance_attributes></primitive>'
)

MISTAKES: list[tuple[str, str, Change | list[Change]]] = [
    ("watchdog-two-nodes", "two", prop("stonith-watchdog-timeout", "-1")),
    ("watchdog-missing", "three", [prop("stonith-watchdog-timeout", "10s"), prop("have-watchdog", "false")]),
    ("sbd-two-disks", "three", more("resources", TWO_DISKS)),
]
