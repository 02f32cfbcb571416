"""A file system on DRBD that follows the primary: what a stateful service stands on.

A volume is a logical volume on each of two hosts, DRBD over both, and a file system on top. Pacemaker promotes one
side and mounts it there. That an acknowledged write is never lost rests on three things together:

- protocol C: a write is acknowledged once it is on both disks;
- `fencing resource-and-stonith`: a primary that loses its peer freezes until `fence-peer` has made sure, with a
  majority of the cluster, that the peer can't be promoted (`quorate.node.fence_peer` has the reasoning);
- after a split nobody's data is thrown away by itself: `after-sb-* disconnect`.

A disk that fails is DRBD's business. One that hangs costs its node: `quorate.node.backing_disk`.
"""

from quorate import node
from quorate.cluster.model import Cluster, Use
from quorate.services.only_on import only_on
from quorate.services.parts import (
    Clone,
    Colocation,
    Constraint,
    File,
    Listener,
    Operation,
    Order,
    Part,
    Primitive,
    Reach,
    Secret,
    Unit,
    Volume,
)

PROMOTED = "Promoted"
PROMOTE_TIMEOUT = 90
"""Seconds that Pacemaker gives a promotion, the fence-peer handler's wait included."""
FENCE_DEADLINE = 60
"""Seconds after which the handler gives up: well before Pacemaker does, so that the reason reaches the journal."""

DISK_PATIENCE = 8
"""Seconds in which a disk that is waited for must get something done. With the monitor's interval, fencing and takeover
it stays within an objective of 30 s; a path that fails over takes less, or is an error."""

HANDLER = "/usr/lib/quorate/fence-peer"


def clone_id(volume: str) -> str:
    """The promotable clone that runs a volume's DRBD on both hosts."""
    return f"{volume}-volume"


def filesystem_id(volume: str) -> str:
    """The mount on the primary."""
    return f"{volume}-filesystem"


def backing_disk_id(volume: str) -> str:
    """The watcher of the primary's own disk."""
    return f"{volume}-backing-disk"


def with_primary(resource: str, volume: str) -> Colocation:
    """Keeps a resource where the volume is primary."""
    return Colocation(f"{resource}-with-primary", resource, clone_id(volume), with_role=PROMOTED)


def replicated_filesystem(volume: Volume, cluster: Cluster) -> Part:
    """Everything that a volume needs on its hosts and in the cluster."""
    return Part(
        packages=dict.fromkeys(volume.hosts, ("drbd-utils", "lvm2", "e2fsprogs")),
        files=dict.fromkeys(
            volume.hosts,
            (
                File(f"/etc/drbd.d/{volume.name}.res", drbd_resource(volume, cluster), mode=0o600),
                File("/etc/modules-load.d/quorate-drbd.conf", ("drbd\n",)),
                File(HANDLER, (node.source("fence_peer"),), mode=0o755),
                File("/usr/lib/ocf/resource.d/quorate/backing-disk", (node.source("backing_disk"),), mode=0o755),
                File("/usr/lib/ocf/resource.d/quorate/ocf.py", (node.source("ocf"),)),
            ),
        ),
        units=dict.fromkeys(volume.hosts, (Unit("drbd.service", enabled=False),)),
        listeners={
            host: (Listener(volume.port, _address(host, cluster), process="", reach=Reach.CLUSTER),)
            for host in volume.hosts
        },
        volumes=(volume,),
        resources=(_clone(volume), _filesystem(volume), _backing_disk(volume)),
        constraints=(
            *only_on(clone_id(volume.name), volume.hosts, cluster),
            *_on_primary(filesystem_id(volume.name), volume, cluster),
            *_on_primary(backing_disk_id(volume.name), volume, cluster),
        ),
    )


def _on_primary(resource: str, volume: Volume, cluster: Cluster) -> tuple[Constraint, ...]:
    """What starts where the volume is primary, once it is."""
    promoted = Order(f"{resource}-after-promotion", first=clone_id(volume.name), first_action="promote", then=resource)
    return (*only_on(resource, volume.hosts, cluster), with_primary(resource, volume.name), promoted)


def _clone(volume: Volume) -> Clone:
    return Clone(
        clone_id(volume.name),
        Primitive(
            f"{volume.name}-drbd",
            "ocf:linbit:drbd",
            parameters={
                "drbd_resource": volume.name,
                # DRBD calls the `unfence-peer` handler after a resync; in case that failed, the monitor of a primary
                # in sync calls it again.
                "unfence_if_all_uptodate": "true",
                "ignore_missing_notifications": "true",
            },
            operations=(
                Operation("start", timeout=60),
                Operation("promote", timeout=PROMOTE_TIMEOUT),
                Operation("demote", timeout=60),
                Operation("stop", timeout=60),
                # Two monitors of one resource need two intervals: an operation's identity is its name and interval.
                # They take a second, and may take their time: a node that is busy hasn't lost its disk.
                Operation("monitor", timeout=60, interval=20, role=PROMOTED),
                Operation("monitor", timeout=60, interval=30, role="Unpromoted"),
            ),
        ),
        meta={
            "promotable": "true",
            "promoted-max": "1",
            "promoted-node-max": "1",
            "clone-max": "2",
            "clone-node-max": "1",
            # With notifications a takeover runs the agent six times, one after the other, before the file system is
            # mounted. All that the agent does in them its start and its monitors do as well.
            "notify": "false",
            # One side's start doesn't hold up or restart what runs on the other.
            "interleave": "true",
        },
    )


def _filesystem(volume: Volume) -> Primitive:
    return Primitive(
        filesystem_id(volume.name),
        "ocf:heartbeat:Filesystem",
        parameters={
            "device": volume.device,
            "directory": volume.mountpoint,
            "fstype": volume.filesystem,
            "options": volume.mount_options,
            "run_fsck": "no",  # the journal is replayed by the mount itself
        },
        operations=(
            Operation("start", timeout=60),
            Operation("stop", timeout=60),
            Operation("monitor", timeout=60, interval=20),
        ),
    )


def _backing_disk(volume: Volume) -> Primitive:
    return Primitive(
        backing_disk_id(volume.name),
        "ocf:quorate:backing-disk",
        parameters={"minor": str(volume.minor), "patience": str(DISK_PATIENCE)},
        operations=(
            Operation("start", timeout=20),
            Operation("stop", timeout=20),
            # The verdict is the agent's; that a busy node takes long to come to one is no reason to fence it.
            Operation("monitor", timeout=60, interval=5, on_fail="fence"),
        ),
    )


def _address(host: str, cluster: Cluster) -> str:
    """Where a host's DRBD listens for its peer."""
    return str(cluster.nodes[host].address_on(cluster.networks_for(Use.REPLICATION)[0].name))


def drbd_resource(volume: Volume, cluster: Cluster) -> tuple[str | Secret, ...]:
    """The DRBD 8.4 resource file, drbd.conf(5) of that version; times in tenths of a second where it says so.

    A peer that dies is noticed within 2 s, by the first write (`timeout`) or an idle connection (`ping-int` and
    `ping-timeout`): before the cluster comes to promote the other side. One that answers pings but finishes no write
    is dropped after 10 s (`ko-count` times `timeout`). `timeout` must be below `ping-int` and `connect-int`.

    A disk that fails is let go, and the peer's is used over the network: drbd.conf(5), `on-io-error detach`; `pass_on`
    would hand the error to the file system and the service. The agent's promotion score sinks to 10 then, against
    10000 of the side that has a disk, so within a monitor's interval that one becomes primary.
    """
    sides = "".join(
        f"""
    on {host} {{
        address ipv4 {_address(host, cluster)}:{volume.port};
    }}"""
        for host in volume.hosts
    )
    return (
        f"""resource {volume.name} {{
    device    {volume.device} minor {volume.minor};
    disk      {volume.logical_volume};
    meta-disk internal;

    net {{
        protocol       C;
        cram-hmac-alg  sha256;
        shared-secret  \"""",
        Secret(f"drbd-{volume.name}"),
        f"""\";
        verify-alg     crc32c;
        # Room for a resync or a comparison to run ahead: with the default of 2048 both take twice as long.
        max-buffers    8000;
        max-epoch-size 8000;
        timeout        9;
        ping-timeout   10;
        ping-int       1;
        # A peer that is dropped because nothing long gets through connects again at once, and hangs again: what it
        # takes to be told that it is out of date has to fit in between.
        connect-int    3;
        ko-count       11;
        after-sb-0pri  disconnect;
        after-sb-1pri  disconnect;
        after-sb-2pri  disconnect;
        rr-conflict    disconnect;
    }}
    disk {{
        fencing        resource-and-stonith;
        on-io-error    detach;
        # A fixed rate: the adaptive controller starts at a few MB/s and leaves a disk out of date for minutes.
        c-plan-ahead   0;
        resync-rate    300M;
    }}
    handlers {{
        fence-peer     "{HANDLER} fence {FENCE_DEADLINE}";
        unfence-peer   "{HANDLER} unfence {FENCE_DEADLINE}";
    }}
{sides}
}}
""",
    )
