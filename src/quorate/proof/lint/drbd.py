"""DRBD: that an acknowledged write is on both disks, and that nothing throws one away."""

import re

from quorate.proof.evidence import Drbd, Evidence
from quorate.proof.evidence.drbd import Resource
from quorate.proof.lint.hosts import spot
from quorate.proof.lint.rule import ERROR, WARNING, Found, Hit, Unseen, drbd_clones, on_drbd, on_hosts

DISCARDING = re.compile(r"discard-(?!zero-changes)|violently|call-pri-lost|pri-lost")
"""After a split brain these choose one side's data by a guess, drbd.conf(5); `discard-zero-changes` loses nothing."""
FIXED = (9, 28)
"""drbd-utils from which crm-fence-peer.sh understands Pacemaker 2.1.7 and later."""
FEATURES = (3, 18)
"""crm_feature_set of Pacemaker 2.1.7, since when membership is written as a time."""


def module(evidence: Evidence, resource: Resource) -> int | None:
    """The major version of the DRBD module: 8 or 9; None if nothing tells."""
    for host in evidence.hosts.values():
        if match := re.match(r"(\d+)\.", host.drbd):
            return int(match[1])
    handler = resource.value("fence-peer") or ""
    return 9 if "crm-fence-peer.9" in handler else 8 if "fence-peer" in handler else None


def numbers(version: str) -> tuple[int, ...]:
    """`9.22.0-1` as (9, 22, 0)."""
    return tuple(int(each) for each in re.findall(r"\d+", version.partition("-")[0])[:3])


@on_drbd("drbd-protocol", ERROR)
def writes_are_on_both_disks(drbd: Drbd, _: Evidence) -> Found:
    """Replication is synchronous: protocol C.

    With A or B a write is acknowledged before it is on the other disk: a takeover loses it, and nobody is told.

    Fix: `net { protocol C; }`.
    """
    for resource in drbd.resources.values():
        if (resource.value("protocol") or "C").upper() != "C":
            yield Hit(resource.at("protocol"), f"{resource.name} uses protocol {resource.value('protocol')}")


@on_drbd("drbd-two-primaries", ERROR)
def there_is_one_primary(drbd: Drbd, _: Evidence) -> Found:
    """Two primaries aren't allowed.

    A file system that isn't made for it is destroyed by being mounted twice, and DRBD would let it happen.

    Fix: remove `allow-two-primaries`.
    """
    for resource in drbd.resources.values():
        if (resource.value("allow-two-primaries") or "no") != "no":
            yield Hit(resource.at("allow-two-primaries"), f"{resource.name} allows two primaries")


@on_drbd("drbd-discards", ERROR)
def no_data_is_thrown_away(drbd: Drbd, _: Evidence) -> Found:
    """After a split brain no side's data is discarded by itself.

    What looks older, smaller or secondary may hold the writes that clients were told are safe.

    Fix: `after-sb-0pri discard-zero-changes` or `disconnect`; `after-sb-1pri disconnect; after-sb-2pri disconnect`.
    """
    for resource in drbd.resources.values():
        for name in ("after-sb-0pri", "after-sb-1pri", "after-sb-2pri", "rr-conflict"):
            if (text := resource.value(name)) and DISCARDING.search(text):
                yield Hit(resource.at(name), f"{resource.name} has `{name} {text}`")


@on_drbd("drbd-fencing", ERROR)
def a_lost_peer_is_fenced(drbd: Drbd, _: Evidence) -> Found:
    """A primary that loses its peer waits until the peer can't be promoted: `fencing resource-and-stonith`.

    Without it a primary that is cut off goes on acknowledging writes, while the other side is promoted without them.

    Fix: `fencing resource-and-stonith;` with a fence-peer handler.
    """
    for resource in drbd.resources.values():
        if (text := resource.value("fencing") or "dont-care") != "resource-and-stonith":
            yield Hit(resource.at("fencing"), f"{resource.name} has `fencing {text}`")


@on_drbd("drbd-fencing-section", ERROR)
def fencing_stands_where_it_counts(drbd: Drbd, evidence: Evidence) -> Found:
    """`fencing` stands in the section that the module's version reads: `disk` for 8.4, `net` for 9.

    In the other one drbdadm refuses the file, or older ones drop the line: the replica is then not fenced at all.

    Fix: move the line.
    """
    for resource in drbd.resources.values():
        found = resource.settings.get("fencing")
        version = module(evidence, resource)
        if found and version is None:
            yield Unseen(f"the version of the DRBD module, for {resource.name}")
        elif found and found.section in ("disk", "net") and found.section != {8: "disk", 9: "net"}.get(version or 0):
            yield Hit(found.spot, f"`fencing` of {resource.name} stands in `{found.section}`, the module is {version}")


@on_drbd("drbd-no-handler", ERROR)
def fencing_has_a_handler(drbd: Drbd, _: Evidence) -> Found:
    """There are handlers that fence the peer, and that lift it again.

    Without `fence-peer` a primary that loses its peer stays frozen; without `unfence-peer` (or `after-resync-target`)
    the constraint stays, and with it the cluster without a takeover.

    Fix: `handlers { fence-peer ...; unfence-peer ...; }` with the scripts of drbd-utils for the module's version.
    """
    for resource in drbd.resources.values():
        if (resource.value("fencing") or "dont-care") == "dont-care":
            continue
        if not resource.value("fence-peer"):
            yield Hit(resource.spot, f"{resource.name} has no `fence-peer` handler")
        if not resource.value("unfence-peer") and not resource.value("after-resync-target"):
            yield Hit(resource.spot, f"{resource.name} has no handler that lifts the fencing after a resync")


@on_drbd("drbd-handler-version", ERROR)
def the_handler_is_for_the_module(drbd: Drbd, evidence: Evidence) -> Found:
    """The fence-peer handler is the one for the module's version.

    `crm-fence-peer.9.sh` asks for what only DRBD 9 tells, `crm-fence-peer.sh` the other way round: it waits until its
    time is over, and the takeover fails.

    Fix: `crm-fence-peer.sh` for 8.4, `crm-fence-peer.9.sh` for 9.
    """
    for resource in drbd.resources.values():
        handler = resource.value("fence-peer") or ""
        versions = {host.drbd for host in evidence.hosts.values() if host.drbd}
        if "crm-fence-peer" in handler and not versions:
            yield Unseen(f"the version of the DRBD module, for {resource.name}")
        for version in versions:
            wants = 9 if "crm-fence-peer.9" in handler else 8
            if "crm-fence-peer" in handler and numbers(version)[:1] != (wants,):
                yield Hit(
                    resource.at("fence-peer"), f"{resource.name}'s handler is for DRBD {wants}, the module is {version}"
                )


@on_drbd("drbd-handler-outdated", ERROR)
def the_handler_knows_pacemaker(drbd: Drbd, evidence: Evidence) -> Found:
    """The fence-peer handler understands this Pacemaker.

    Since Pacemaker 2.1.7 a node's membership is written as a time. drbd-utils before 9.28 expect `true`, so the handler
    takes every peer for unknown and waits until its time is over, 90 s on every takeover.

    Fix: drbd-utils 9.28 or later; until then a handler of your own, or a patched one.
    """
    for resource in drbd.resources.values():
        if "crm-fence-peer" not in (resource.value("fence-peer") or ""):
            continue
        feature_set = numbers(evidence.pacemaker.feature_set) if evidence.pacemaker else ()
        utils = {host.packages["drbd-utils"] for host in evidence.hosts.values() if host.packages.get("drbd-utils")}
        if not utils or not feature_set:
            yield Unseen(f"the versions of drbd-utils and Pacemaker, for the handler of {resource.name}")
        for version in sorted(utils):
            if numbers(version)[:2] < FIXED and feature_set >= FEATURES:
                yield Hit(resource.at("fence-peer"), f"{resource.name}'s handler is of drbd-utils {version}")


@on_drbd("drbd-timeouts", WARNING)
def a_silent_peer_is_asked_in_time(drbd: Drbd, _: Evidence) -> Found:
    """`timeout` is below `ping-int` and `connect-int`.

    drbd.conf(5), of 8.4 as of 9, wants it so, and no tool checks it: `timeout` is in tenths of a second, the other two
    are in seconds. A peer that doesn't answer shall be given up before the next question is due.

    Fix: lower `timeout`, and raise `ko-count` to keep `timeout` times `ko-count`; or raise the other two.
    """
    for resource in drbd.resources.values():
        limit = _number(resource, "timeout") / 10
        for name in ("ping-int", "connect-int"):
            if limit >= (other := _number(resource, name)):
                where = resource.at("timeout" if resource.value("timeout") else name)
                yield Hit(where, f"{resource.name}: `timeout` is {limit:g} s, `{name}` is {other} s")


NET_DEFAULTS = {"timeout": 60, "ping-int": 10, "connect-int": 10}
"""drbd.conf(5); `timeout` in tenths of a second."""


def _number(resource: Resource, name: str) -> int:
    text = resource.value(name) or ""
    return int(text) if text.isdigit() else NET_DEFAULTS[name]


@on_drbd("drbd-flushes-off", ERROR)
def disks_are_flushed(drbd: Drbd, _: Evidence) -> Found:
    """DRBD flushes the disks' caches.

    Without flushes a write that both sides have acknowledged may be in two volatile caches when a feed fails.

    Fix: remove `disk-flushes no`, `md-flushes no`, `no-disk-flushes`; they are for controllers with a battery.
    """
    for resource in drbd.resources.values():
        for name in ("disk-flushes", "md-flushes", "no-disk-flushes", "no-md-flushes"):
            text = resource.value(name)
            if text is not None and (name.startswith("no-") or text == "no"):
                yield Hit(resource.at(name), f"{resource.name} has `{name}{'' if text == 'yes' else ' ' + text}`")


@on_drbd("drbd-io-error", WARNING)
def a_broken_disk_is_left(drbd: Drbd, _: Evidence) -> Found:
    """A disk that fails is detached, and the peer's is used.

    With `pass_on` the error goes up to the file system, which turns read-only, though a good copy is one hop away.

    Fix: `disk { on-io-error detach; }`.
    """
    for resource in drbd.resources.values():
        if (text := resource.value("on-io-error")) and text not in ("detach",):
            yield Hit(resource.at("on-io-error"), f"{resource.name} has `on-io-error {text}`")


@on_drbd("drbd-not-verified", WARNING)
def replicas_can_be_compared(drbd: Drbd, _: Evidence) -> Found:
    """The replicas can be compared block by block.

    Without `verify-alg` there is no `drbdadm verify`: a bit that flipped is found when that disk is all there is.

    Fix: `net { verify-alg crc32c; }`, and a `drbdadm verify` every week.
    """
    for resource in drbd.resources.values():
        if not resource.value("verify-alg"):
            yield Hit(resource.spot, f"{resource.name} has no `verify-alg`")


@on_drbd("drbd-unresolved", ERROR)
def pacemaker_and_drbd_agree(drbd: Drbd, evidence: Evidence) -> Found:
    """Every DRBD resource that Pacemaker manages is configured.

    The agent can't start what drbdadm doesn't know.

    Fix: correct `drbd_resource`, or add the resource file on both nodes.
    """
    pacemaker = evidence.pacemaker
    for id_, name in drbd_clones(pacemaker).items() if pacemaker else ():
        if name and name not in drbd.resources:
            assert pacemaker is not None
            yield Hit(pacemaker.primitives[id_].spot, f"{id_} manages the DRBD resource {name}, which no file has")


@on_hosts("drbd-not-up-to-date", ERROR)
def both_disks_are_up_to_date(evidence: Evidence) -> Found:
    """Both disks are UpToDate, and connected.

    Until they are, there is one copy of the data, and a takeover is refused, or loses what the other side lacks.

    Fix: `drbdadm status`; reconnect (`drbdadm connect`), let it synchronise, replace the disk.
    """
    names = evidence.drbd.resources.values() if evidence.drbd else ()
    for resource in names:
        for name in resource.hosts:
            host = evidence.hosts.get(name)
            state = host.disks.get(resource.name) if host and host.disks is not None else None
            if host is None or host.disks is None:
                yield Unseen(f"the disks of {resource.name} on {name}")
            elif state is None:
                yield Hit(spot(host, resource.name), f"{resource.name} isn't up on {name}")
            elif state.disk != "UpToDate" or state.connection != "Connected":
                yield Hit(spot(host, resource.name), f"{resource.name} on {name} is {state.disk}, {state.connection}")
