"""Everything that is looked for on the hosts before anything is changed on any of them."""

from collections.abc import Iterator, Sequence

from quorate.cluster.model import Cluster, Image
from quorate.converge import databases, keys, marks, said, units, users, volumes
from quorate.converge.databases import Migrate
from quorate.converge.keys import WriteKeys
from quorate.converge.obstacle import Obstacle
from quorate.converge.step import Step, View
from quorate.converge.users import MakeUser
from quorate.design.model import Design
from quorate.hosts.inspection import Request, Seen
from quorate.services import image, messaging
from quorate.services.replicated_filesystem import filesystem_id

RELEASES = ("12", "13")
SPACE = 1536 * 1024**2
"""Free bytes that the installation of all packages takes at most, downloads included."""
SPACE_INSTALLED = 64 * 1024**2


def asks(cluster: Cluster) -> dict[str, Request]:
    """What has to be seen for it, besides what the steps ask."""
    requests = {
        name: Request(addresses=frozenset(str(link.address.ip) for link in node.links.values()))
        for name, node in cluster.nodes.items()
    }
    if broker := cluster.services.messaging:
        for host in broker.on:
            begun = messaging.features_path(broker, host)
            requests[host] |= Request(texts=frozenset({messaging.MARK}), files=frozenset({begun}))
    if store := _mounted_store(cluster):
        for host in store.on:
            requests[host] |= Request(mountpoints=frozenset({image.MOUNT})) | said.ASK
    return requests


def find(cluster: Cluster, design: Design, view: View, all_steps: Sequence[Step] = ()) -> list[Obstacle]:
    """All that stands in the way of these steps, on every host. Pure."""
    return [
        *(obstacle for seen in view.values() for obstacle in _host(cluster, design, seen)),
        *volumes.obstacles(cluster.name, design.volumes, view),
        *users.obstacles([step for step in all_steps if isinstance(step, MakeUser)], view),
        *_strange_brokers(cluster, view),
        *_missing_store(cluster, view),
        *keys.obstacles((step for step in all_steps if isinstance(step, WriteKeys)), view),
        *databases.obstacles((step for step in all_steps if isinstance(step, Migrate)), view),
    ]


def _host(cluster: Cluster, design: Design, seen: Seen) -> Iterator[Obstacle]:
    release, wanted = seen.release, design.hosts[seen.host]
    if release.id != "debian" or release.version not in RELEASES:
        yield Obstacle(
            seen.host,
            f"it runs {release.name or 'an unknown system'}, and Quorate knows Debian {' and '.join(RELEASES)}",
            "Install one of those there.",
        )
    if not seen.python:
        return
    if seen.hostname != seen.host:
        yield Obstacle(
            seen.host,
            f"it calls itself {seen.hostname!r}; DRBD goes by a host's own name",
            f"On it: hostnamectl set-hostname {seen.host}; or call it {seen.hostname} in the cluster file.",
        )
    for address, there in seen.addresses.items():
        if not there:
            yield Obstacle(
                seen.host,
                f"it doesn't have the address {address}",
                "Configure it on that host, or correct it in the cluster file.",
            )
    missing = [name for name in wanted.packages if name not in seen.packages]
    needed = SPACE if missing else SPACE_INSTALLED
    for path, free in seen.free.items():
        if free < needed:
            yield Obstacle(
                seen.host,
                f"too little space on {path}: {free // 1024**2} MiB are free, and {needed // 1024**2} MiB are needed",
                "Make room there (apt-get clean, journalctl --vacuum-size=100M), or enlarge the file system.",
            )
    sockets = {unit.name.removesuffix(".socket") for unit in wanted.units if unit.enabled}
    for unit in wanted.units:
        if unit.name.removesuffix(".service") in sockets:
            continue  # systemd's own, when somebody connects
        if units.runs_by_itself(unit, seen) and marks.new(unit.name) not in seen.pending:
            yield Obstacle(
                seen.host,
                f"{unit.name} is running there, without Pacemaker, which is to run it",
                f"If nobody needs what it serves: systemctl disable --now {unit.name}",
            )


def _strange_brokers(cluster: Cluster, view: View) -> Iterator[Obstacle]:
    """A broker's data that isn't this cluster's: it would join that other cluster, or none."""
    broker = cluster.services.messaging
    for host in broker.on if broker else ():
        assert broker
        seen = view[host]
        features = seen.files.get(messaging.features_path(broker, host))
        whose = messaging.remembered(seen.texts.get(messaging.MARK), "" if features else None)
        if whose is not None and whose != cluster.name:
            yield Obstacle(
                host,
                f"RabbitMQ there remembers {whose if ' ' in whose else f'the cluster {whose!r}'}, not {cluster.name!r}",
                f"If nobody needs what it holds: stop rabbitmq-server there, and move {messaging.DATA} away.",
            )


def _mounted_store(cluster: Cluster) -> Image | None:
    store = cluster.services.image
    return store if store and image.TYPES[store.store.kind] == "file" else None


def _missing_store(cluster: Cluster, view: View) -> Iterator[Obstacle]:
    """A file system for images that a host couldn't mount: an export, or a volume that is mounted nowhere else either.

    One that nobody has tried yet isn't missing.
    """
    store, mount = _mounted_store(cluster), filesystem_id(image.NAME)
    if store is None:
        return
    mounted = [host for host in store.on if view[host].mounted.get(image.MOUNT)]
    for host in store.on:
        if host in mounted or not _has_tried(mount, host, view[host]):
            continue
        if store.store.kind == "nfs":
            what, at = store.store.options["export"], "See that its server is there and exports it to "
            yield _unmounted(host, what, f"{at}{host}", f"{mount}-clone")
        elif not mounted:
            todo = f"`journalctl -u pacemaker` and `dmesg` on {host} have the reason"
            yield _unmounted(host, f"the volume {image.NAME}", todo, mount)


def _has_tried(resource: str, host: str, seen: Seen) -> bool:
    """Whether Pacemaker has on record that a start failed on a host."""
    monitor = said.document(seen, "crm_mon")
    failures = monitor.iterfind("failures/failure") if monitor is not None else ()
    return any(
        each.get("node") == host and str(each.get("op_key", "")).startswith(f"{resource}_start") for each in failures
    )


def _unmounted(host: str, what: str, todo: str, resource: str) -> Obstacle:
    todo = f"{todo}; then, on any node: crm_resource --cleanup --resource {resource}"
    return Obstacle(host, f"the store of images, {what}, isn't mounted on {image.MOUNT}", todo)
