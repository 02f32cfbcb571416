"""The hosts' software: units, versions, users and clocks."""

import re

from quorate.proof.evidence import Evidence
from quorate.proof.evidence.pacemaker import Primitive, value
from quorate.proof.lint.hosts import spot
from quorate.proof.lint.resources import workers
from quorate.proof.lint.rule import ERROR, WARNING, Found, Hit, Unseen, on_hosts

UNITS = {
    "ocf:linbit:drbd": ("drbd.service",),
    "ocf:heartbeat:mysql": ("mariadb.service", "mysql.service"),
    "ocf:heartbeat:mariadb": ("mariadb.service", "mysql.service"),
    "ocf:heartbeat:galera": ("mariadb.service", "mysql.service"),
    "ocf:heartbeat:pgsql": ("postgresql.service",),
    "ocf:heartbeat:rabbitmq-cluster": ("rabbitmq-server.service",),
    "ocf:rabbitmq:rabbitmq-server-ha": ("rabbitmq-server.service",),
    "ocf:heartbeat:apache": ("apache2.service", "httpd.service"),
    "ocf:heartbeat:nfsserver": ("nfs-server.service",),
    "ocf:heartbeat:redis": ("redis.service", "redis-server.service"),
}
"""The units that start, behind Pacemaker's back, what an agent starts."""
PACKAGES = (
    "corosync",
    "pacemaker",
    "drbd-utils",
    "mariadb-server",
    "rabbitmq-server",
    "keystone",
    "openstack-keystone",
)
LARGEST_OFFSET = 1.0
"""Seconds; tokens, certificates and the order of events in logs stand it."""


def units_of(primitive: Primitive) -> tuple[str, ...]:
    """The systemd units that are what a resource runs."""
    if primitive.agent.startswith("systemd:"):
        name = primitive.agent.removeprefix("systemd:")
        return (name if "." in name else f"{name}.service",)
    if unit := value(primitive.parameters, "unit"):
        return (unit,)
    return UNITS.get(primitive.agent, ())


@on_hosts("unit-enabled", ERROR)
def systemd_leaves_to_pacemaker(evidence: Evidence) -> Found:
    """What Pacemaker runs isn't started by systemd as well.

    A node that boots starts the service by itself, beside the active one: two servers on one file system, one address
    answered twice, or a DRBD that is up in a role that Pacemaker didn't choose.

    Fix: `systemctl disable UNIT` on all nodes.
    """
    for primitive in workers(evidence.pacemaker) if evidence.pacemaker else ():
        for unit in units_of(primitive):
            for host in evidence.hosts.values():
                state = host.units.get(unit)
                if state is None and not host.units:
                    yield Unseen(f"the systemd units of {host.name}")
                elif state is not None and state.enabled in ("enabled", "enabled-runtime"):
                    yield Hit(spot(host, unit), f"{unit} is enabled on {host.name}, and {primitive.id} runs it, too")


@on_hosts("cluster-not-enabled", WARNING)
def the_cluster_starts_at_boot(evidence: Evidence) -> Found:
    """Corosync and Pacemaker start at boot.

    A node that was fenced comes back without them: the cluster stays one failure short until somebody notices.

    Fix: `systemctl enable corosync pacemaker` (`pcs cluster enable --all`), unless this is meant.
    """
    for name in evidence.nodes:
        host = evidence.hosts.get(name)
        if host is None or not host.units:
            yield Unseen(f"the systemd units of {name}")
            continue
        off = [unit for unit in ("corosync.service", "pacemaker.service") if _disabled(host.units.get(unit))]
        # Pacemaker wants Corosync, so Corosync's own switch doesn't matter then.
        if "pacemaker.service" in off:
            yield Hit(spot(host, "pacemaker.service"), f"pacemaker.service is not enabled on {name}")


def _disabled(state: object) -> bool:
    return getattr(state, "enabled", "") in ("disabled", "masked")


@on_hosts("version-differs", WARNING)
def nodes_have_the_same_software(evidence: Evidence) -> Found:
    """The nodes have the same versions.

    During an upgrade they differ; if they stay so, a file system or a database that the newer one has touched can't be
    taken over by the older one.

    Fix: upgrade the other nodes.
    """
    for package in PACKAGES:
        versions: dict[str, list[str]] = {}
        for host in evidence.hosts.values():
            if host.packages.get(package):
                versions.setdefault(host.packages[package], []).append(host.name)
        if len(versions) > 1:
            said = "; ".join(f"{version} on {', '.join(names)}" for version, names in sorted(versions.items()))
            yield Hit(spot(evidence.hosts[next(iter(versions.values()))[0]], package), f"{package}: {said}")
    if not any(host.packages for host in evidence.hosts.values()):
        yield Unseen("the versions of the hosts' packages")


@on_hosts("uid-differs", ERROR)
def users_have_one_number(evidence: Evidence) -> Found:
    """A user that owns replicated data has one number on all nodes.

    A file system stores numbers: on the other node the database's files belong to somebody else, and it doesn't start.

    Fix: give the user the same number everywhere (`usermod -u`, then `chown` on the mounted volume).
    """
    for user in sorted({name for host in evidence.hosts.values() for name in host.users} - _local(evidence)):
        numbers = {host.name: host.users[user] for host in evidence.hosts.values() if user in host.users}
        if len(set(numbers.values())) > 1:
            said = ", ".join(f"{number} on {name}" for name, number in numbers.items())
            yield Hit(spot(evidence.hosts[next(iter(numbers))], user), f"the user {user} is {said}")
    if not any(host.users for host in evidence.hosts.values()):
        yield Unseen("the numbers of the services' users")


def _local(evidence: Evidence) -> set[str]:
    """Users whose data stays on its node: a balancer has none, and of brokers on every node each has its own."""
    pacemaker = evidence.pacemaker
    brokers = [each for each in pacemaker.primitives.values() if "rabbitmq" in each.agent] if pacemaker else []
    each_its_own = brokers and pacemaker and all(pacemaker.clone_of(each.id) for each in brokers)
    return {"haproxy", "rabbitmq"} if each_its_own else {"haproxy"}


@on_hosts("clock-differs", WARNING)
def clocks_agree(evidence: Evidence) -> Found:
    """The nodes' clocks agree to a second.

    Tokens are refused as not yet valid, logs tell a takeover in the wrong order, failures expire too early.

    Fix: `chronyc tracking` on each node; give all of them the same sources.
    """
    clocks = {host.name: host.clock for host in evidence.hosts.values() if host.clock is not None}
    for name in evidence.nodes:
        if name not in clocks:
            yield Unseen(f"the clock of {name}")
    if len(clocks) > 1:
        first, last = min(clocks, key=lambda name: clocks[name]), max(clocks, key=lambda name: clocks[name])
        precision = evidence.hosts[first].clock_precision + evidence.hosts[last].clock_precision
        apart = clocks[last] - clocks[first]
        if apart - precision > LARGEST_OFFSET:
            where = spot(evidence.hosts[last], "clock")
            yield Hit(where, f"{last} is {apart:.1f} s ahead of {first} (± {precision:.2f} s)")


def numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, `1:10.11.6-0` as (10, 11, 6)."""
    return tuple(int(each) for each in re.findall(r"\d+", version.rpartition(":")[2].partition("-")[0])[:3])
