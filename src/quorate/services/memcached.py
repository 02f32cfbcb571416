"""Memcached: Identity's cache of tokens, one a node, each on its own.

Nothing is lost with one: clients (oslo.cache) spread their keys over all and do without the ones that don't answer.
So it is no affair of Pacemaker's: systemd starts it at boot, and again when it ends.
"""

from quorate.cluster.model import Cluster
from quorate.services.parts import File, Listener, Part, Reach, Unit

UNIT = "memcached.service"
PORT = 11211
MEBIBYTES = 64


def blueprint(cluster: Cluster, hosts: tuple[str, ...]) -> Part:
    """A cache on each of these hosts."""
    return Part(
        packages=dict.fromkeys(hosts, ("memcached",)),
        files={
            host: (File(f"/etc/systemd/system/{UNIT}.d/quorate.conf", (_drop_in(host, cluster),), restarts=(UNIT,)),)
            for host in hosts
        },
        units=dict.fromkeys(hosts, (Unit(UNIT, enabled=True),)),
        listeners={
            host: (
                Listener(PORT, str(cluster.internal_address(host)), "memcached", Reach.CLUSTER),
                Listener(PORT, "127.0.0.1", "memcached", Reach.HOST),
            )
            for host in hosts
        },
    )


def servers(cluster: Cluster, hosts: tuple[str, ...]) -> tuple[str, ...]:
    """The caches as clients name them, `address:port`. All clients need the same order: it decides who has a key."""
    return tuple(f"{cluster.internal_address(host)}:{PORT}" for host in hosts)


def _drop_in(host: str, cluster: Cluster) -> str:
    # The arguments stand here instead of in Debian's memcached.conf, which a Perl script would turn into them.
    return f"""\
[Unit]
# It listens on an address of the node, which must be there.
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=
ExecStart=/usr/bin/memcached -u memcache -P /run/memcached/memcached.pid \\
    -l 127.0.0.1,{cluster.internal_address(host)} -p {PORT} -U 0 -m {MEBIBYTES} -c 1024 -t 2
Restart=always
RestartSec=1
"""
