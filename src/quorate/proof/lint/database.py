"""MariaDB and MySQL: that a commit which was acknowledged is on disk, and that the other node can take over."""

import re
from collections.abc import Iterator

from quorate.proof.evidence import Evidence, HostFacts, Spot
from quorate.proof.evidence.pacemaker import Primitive
from quorate.proof.lint.addresses import floating
from quorate.proof.lint.hosts import spot
from quorate.proof.lint.resources import kept_off
from quorate.proof.lint.rule import ERROR, WARNING, Found, Hit, Unseen, on_hosts

_SERVER = re.compile(r"(server|mysqld|mariadb|mariadbd|galera)(-[\d.]+)?")
_DIRECTORIES = ("/etc/my.cnf", "/etc/mysql/", "/etc/my.cnf.d/")
_AGENTS = ("mysql", "mariadb", "galera")


def settings(host: HostFacts) -> dict[str, tuple[str, Spot]]:
    """The server's options as its files have them, in the order in which it reads them; dashes as underscores."""
    found: dict[str, tuple[str, Spot]] = {}
    paths = [path for path, file in host.files.items() if path.startswith(_DIRECTORIES) and file and file.text]
    for path in sorted(paths, key=lambda path: (path.count("/") > 2, path)):
        file = host.files[path]
        section = ""
        for number, raw in enumerate((file.text or "").splitlines() if file else (), start=1):
            line = raw.split("#")[0].strip()
            if match := re.fullmatch(r"\[(.+)\]", line):
                section = match[1].strip().lower()
            elif line and _SERVER.fullmatch(section):
                name, _, text = line.partition("=")
                name = name.strip().lower().replace("-", "_").removeprefix("loose_")
                found[name] = (text.strip().strip("\"'"), Spot(f"{host.name}:{path}", number, name))
    return found


def servers(evidence: Evidence) -> Iterator[tuple[HostFacts, dict[str, tuple[str, Spot]]]]:
    """The hosts that have a configured server which may run there, and its options."""
    pacemaker = evidence.pacemaker
    managed = {each.id for each in pacemaker.primitives.values() if _is_server(each)} if pacemaker else set()
    for host in evidence.hosts.values():
        never = managed and pacemaker and managed <= kept_off(pacemaker, host.name)
        if not never and (found := settings(host)):
            yield host, found


def _is_server(primitive: Primitive) -> bool:
    return primitive.agent.rpartition(":")[2] in _AGENTS


def _runs_database(evidence: Evidence) -> bool:
    primitives = evidence.pacemaker.primitives.values() if evidence.pacemaker else ()
    return any(_is_server(each) for each in primitives)


@on_hosts("database-not-durable", ERROR)
def commits_are_on_disk(evidence: Evidence) -> Found:
    """A commit is on disk before it is acknowledged.

    With `innodb_flush_log_at_trx_commit` 0 or 2 a power cut takes up to a second of commits that clients were told are
    safe; without the doublewrite buffer it can take a whole page. Replication doesn't make up for it: a site's power
    goes on all nodes at once.

    Fix: `innodb_flush_log_at_trx_commit = 1`, `innodb_doublewrite = ON`, no `innodb_flush_method = nosync`.
    """
    any_ = False
    for _, found in servers(evidence):
        any_ = True
        for name, wrong in (
            ("innodb_flush_log_at_trx_commit", ("0", "2")),
            ("innodb_doublewrite", ("0", "off")),
            ("innodb_flush_method", ("nosync", "littlesync")),
        ):
            text, where = found.get(name, ("", Spot("")))
            if text.lower() in wrong:
                yield Hit(where, f"`{name}` is {text}")
    if not any_ and _runs_database(evidence):
        yield Unseen("the database server's configuration")


@on_hosts("binlog-not-synced", WARNING)
def the_binary_log_is_synced(evidence: Evidence) -> Found:
    """A binary log is synced with every commit.

    After a crash it lacks transactions that the tables have, and replicas that read it go another way.

    Fix: `sync_binlog = 1`, or no `log_bin` where nobody reads it.
    """
    for host, found in servers(evidence):
        if "log_bin" in found and found.get("sync_binlog", ("0", Spot("")))[0] != "1":
            yield Hit(found["log_bin"][1], f"{host.name} writes a binary log and doesn't sync it")


@on_hosts("database-bind", ERROR)
def the_database_listens_for_its_clients(evidence: Evidence) -> Found:
    """The database listens where clients look for it: on the floating address, or on all.

    Bound to loopback or to a node's own address it runs, its monitor is content, and no client reaches it after a
    takeover.

    Fix: `bind-address` of the floating address, or `0.0.0.0` with a firewall.
    """
    pacemaker = evidence.pacemaker
    addresses = {str(address) for _, address in floating(pacemaker)} if pacemaker else set()
    for host, found in servers(evidence):
        text, where = found.get("bind_address", ("", Spot("")))
        own = {each.partition("/")[0] for each in host.networks or ()}
        wildcard = text in ("", "*", "0.0.0.0", "::")  # noqa: S104
        galera = found.get("wsrep_on", ("", where))[0].lower() in ("on", "1")
        if not wildcard and text not in addresses and addresses and not (galera and text in own):
            yield Hit(
                where, f"the database on {host.name} listens on {text}, clients come to {', '.join(sorted(addresses))}"
            )


@on_hosts("database-config-differs", ERROR)
def both_servers_are_configured_alike(evidence: Evidence) -> Found:
    """The database has the same settings on every node that may run it.

    The other log size, page size, data folder or SQL mode shows itself in the takeover.

    Fix: copy the configuration from the node that is active.
    """
    own = ("server_id", "wsrep_node_address", "wsrep_node_name", "bind_address", "report_host")
    seen: list[tuple[HostFacts, dict[str, str]]] = []
    for host, found in servers(evidence):
        plain = {name: text for name, (text, _) in found.items() if name not in own}
        if seen and plain != seen[0][1]:
            names = sorted(name for name in {*plain, *seen[0][1]} if plain.get(name) != seen[0][1].get(name))
            yield Hit(spot(host, names[0]), f"{', '.join(names[:5])} differ between {seen[0][0].name} and {host.name}")
        seen.append((host, plain))
