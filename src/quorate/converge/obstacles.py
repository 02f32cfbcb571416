"""Everything that is looked for on the hosts before anything is changed on any of them."""

from collections.abc import Iterator, Sequence

from quorate.cluster.model import Cluster
from quorate.converge import databases, keys, marks, units, volumes
from quorate.converge.databases import Migrate
from quorate.converge.keys import WriteKeys
from quorate.converge.obstacle import Obstacle
from quorate.converge.step import Step, View
from quorate.design.model import Design
from quorate.hosts.inspection import Request, Seen

RELEASES = ("12", "13")
SPACE = 1536 * 1024**2
"""Free bytes that the installation of all packages takes at most, downloads included."""
SPACE_INSTALLED = 64 * 1024**2


def asks(cluster: Cluster) -> dict[str, Request]:
    """What has to be seen for it, besides what the steps ask."""
    return {
        name: Request(addresses=frozenset(str(link.address.ip) for link in node.links.values()))
        for name, node in cluster.nodes.items()
    }


def find(cluster: Cluster, design: Design, view: View, all_steps: Sequence[Step] = ()) -> list[Obstacle]:
    """All that stands in the way of these steps, on every host. Pure."""
    return [
        *(obstacle for seen in view.values() for obstacle in _host(cluster, design, seen)),
        *volumes.obstacles(cluster.name, design.volumes, view),
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
    for unit in wanted.units:
        if units.runs_by_itself(unit, seen) and marks.new(unit.name) not in seen.pending:
            yield Obstacle(
                seen.host,
                f"{unit.name} is running there, without Pacemaker, which is to run it",
                f"If nobody needs what it serves: systemctl disable --now {unit.name}",
            )
