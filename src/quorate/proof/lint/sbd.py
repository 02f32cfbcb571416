"""SBD: fencing by the node's own watchdog, with a shared disk or without."""

from quorate.proof import outside
from quorate.proof.evidence import Evidence, Pacemaker
from quorate.proof.lint.fencing import devices, is_by_disk, waits_for_watchdogs, watchdog_fences
from quorate.proof.lint.rule import ERROR, WARNING, Found, Hit, on_pacemaker, setting


@on_pacemaker("watchdog-two-nodes", ERROR)
def two_nodes_need_a_disk(pacemaker: Pacemaker, evidence: Evidence) -> Found:
    """Fencing by watchdog alone is for clusters with real quorum.

    A node switches itself off when it has lost quorum. With `two_node` neither side ever loses it, so a node that is
    cut off goes on, and the other counts it as fenced.

    Fix: use SBD with a shared disk, or a BMC, or add a quorum device.
    """
    disk = any(is_by_disk(device) for device in devices(pacemaker))
    device = evidence.corosync is not None and evidence.corosync.has_device
    if watchdog_fences(pacemaker) and not disk and not device and len(evidence.nodes) == 2:
        yield Hit(setting(pacemaker, "stonith-watchdog-timeout"), "two nodes rely on their watchdogs alone")


@on_pacemaker("watchdog-missing", ERROR)
def watchdogs_that_are_waited_for_are_there(pacemaker: Pacemaker, _: Evidence) -> Found:
    """Where the cluster waits for watchdogs, the nodes have them.

    With `stonith-watchdog-timeout` above 0 and `have-watchdog` false (the cluster sets it by itself) SBD doesn't run:
    Pacemaker 2.0 and later end themselves rather than count a node as fenced that nothing has reset.

    Fix: start `sbd.service` on every node, or set `stonith-watchdog-timeout=0`.
    """
    if waits_for_watchdogs(pacemaker) and not watchdog_fences(pacemaker):
        yield Hit(setting(pacemaker, "stonith-watchdog-timeout"), "watchdogs are waited for, and there are none")


@on_pacemaker("sbd-two-disks", WARNING)
def disks_are_one_or_three(pacemaker: Pacemaker, evidence: Evidence) -> Found:
    """SBD has one disk or three.

    Of two it needs both to fence, because it can't tell a lost disk from a storage that is divided (sbd(8)): when one
    is broken no node can be fenced, and the next that dies is waited for.

    Fix: a third disk, on a third storage.
    """
    for device in devices(pacemaker):
        if is_by_disk(device) and len(outside.disks_of(device, evidence)) == 2:
            yield Hit(device.spot, f"{device.id} has two disks")
