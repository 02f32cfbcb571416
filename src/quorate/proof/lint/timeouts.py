"""Time-outs that follow from one another. How long a failure takes in all is `proof.budget`'s to say."""

import re

from quorate.proof.evidence import Drbd, Evidence, Pacemaker
from quorate.proof.evidence.pacemaker import seconds, value
from quorate.proof.lint.fencing import devices, type_of, watchdog_fences
from quorate.proof.lint.hosts import files
from quorate.proof.lint.resources import workers
from quorate.proof.lint.rule import ERROR, WARNING, Found, Hit, Unseen, drbd_clones, on_drbd, on_pacemaker, setting

HANDLER = 90.0
"""Seconds that drbd-utils' crm-fence-peer scripts wait without `--timeout`."""
SBD = ("/etc/default/sbd", "/etc/sysconfig/sbd")
SBD_WATCHDOG = 5.0
"""Seconds; sbd(8), SBD_WATCHDOG_TIMEOUT."""
_SLOW = re.compile(
    r"ocf:linbit:drbd|ocf:heartbeat:(Filesystem|mysql|mariadb|galera|pgsql|rabbitmq\S*|VirtualDomain|db2)"
)


@on_pacemaker("default-timeout", WARNING)
def slow_resources_have_their_time(pacemaker: Pacemaker, _: Evidence) -> Found:
    """Slow resources say how long they may take to start and to stop.

    Left to Pacemaker's default of 20 s a database that recovers after a crash counts as failed, and one that writes out
    its buffers is fenced for it.

    Fix: `op start timeout=120s` and `op stop timeout=120s`, after what the service really needs.
    """
    if value(pacemaker.operation_defaults, "timeout"):
        return
    for primitive in workers(pacemaker):
        for name in ("start", "stop") if _SLOW.fullmatch(primitive.agent) else ():
            operation = pacemaker.operation(primitive.id, name)
            if operation is None or operation.timeout is None:
                yield Hit(primitive.spot, f"{primitive.id} ({primitive.agent}) has no time-out for its {name}")
                break


@on_pacemaker("fence-timeout-short", ERROR)
def fencing_is_given_its_time(pacemaker: Pacemaker, _: Evidence) -> Found:
    """A fencing may take longer than the waits that are configured in it.

    A fencing that is broken off counts as failed, however surely the node is off: the takeover waits for another try.

    Fix: raise `stonith-timeout` or `pcmk_reboot_timeout`, or lower `power_wait` and `delay`.
    """
    general = seconds(pacemaker.property("stonith-timeout")) or 60.0
    for device in devices(pacemaker):
        limit = seconds(value(device.parameters, "pcmk_reboot_timeout", "pcmk_off_timeout")) or general
        waits = sum(seconds(value(device.parameters, name)) or 0.0 for name in ("delay", "power_wait", "reboot_wait"))
        if waits >= limit:
            yield Hit(device.spot, f"{device.id} waits {waits:g} s by itself, and may take {limit:g} s")
        if "sbd" in type_of(device) and general < 60 and not value(device.parameters, "pcmk_reboot_timeout"):
            yield Hit(setting(pacemaker, "stonith-timeout"), f"SBD has {general:g} s for a fencing by disk")


@on_pacemaker("watchdog-timeout-short", ERROR)
def watchdogs_are_waited_for(pacemaker: Pacemaker, evidence: Evidence) -> Found:
    """The cluster waits longer than a watchdog takes to fire.

    With `stonith-watchdog-timeout` below twice SBD's own time-out the others take over from a node that is still on.

    Fix: `stonith-watchdog-timeout` of at least twice SBD_WATCHDOG_TIMEOUT.
    """
    if not watchdog_fences(pacemaker):
        return
    written = (pacemaker.property("stonith-watchdog-timeout") or "").strip()
    if written.startswith("-"):
        return  # Pacemaker takes twice SBD's time-out itself
    found = False
    for path in SBD:
        for where, file in files(evidence, path):
            if isinstance(file, Unseen) or file.text is None:
                continue
            found = True
            match = re.search(r"^\s*SBD_WATCHDOG_TIMEOUT=[\"']?(\d+)", file.text, re.MULTILINE)
            fires = float(match[1]) if match else SBD_WATCHDOG
            if (seconds(written) or 0) < 2 * fires:
                yield Hit(where, f"the watchdog fires after {fires:g} s, the cluster waits {written}")
    if not found:
        yield Unseen("SBD's settings on the nodes")


@on_drbd("promote-shorter-than-handler", ERROR)
def promotions_outlast_the_handler(drbd: Drbd, evidence: Evidence) -> Found:
    """A promotion may take longer than DRBD's fence-peer handler.

    The handler runs inside the promotion. If Pacemaker breaks that off first, the node has failed its promotion, and
    the reason is lost with it.

    Fix: a `promote` time-out above the handler's own (`--timeout`), or a shorter one there.
    """
    pacemaker = evidence.pacemaker
    if pacemaker is None:
        yield Unseen("Pacemaker's configuration (CIB)")
        return
    for id_, name in drbd_clones(pacemaker).items():
        resource = drbd.resources.get(name)
        handler = resource.value("fence-peer") if resource else None
        if not handler:
            continue
        match = re.search(r"--timeout[ =](\d+)|fence-peer fence (\d+)", handler)
        if not match and "crm-fence-peer" not in handler:
            continue
        waits = float(match[1] or match[2]) if match else HANDLER
        promote = pacemaker.operation(id_, "promote")
        limit = pacemaker.timeout(promote) if promote else seconds(value(pacemaker.operation_defaults, "timeout")) or 20
        if limit <= waits:
            where = promote.spot if promote else pacemaker.primitives[id_].spot
            yield Hit(where, f"{id_} may take {limit:g} s to be promoted, the fence-peer handler {waits:g} s")
