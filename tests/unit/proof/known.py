"""Clusters that are right and of which everything is known; every test plants its mistake into one of them."""

import dataclasses
from collections.abc import Callable

from quorate.cluster.model import Cluster
from quorate.design import work_out
from quorate.proof.evidence import Documents, HostFacts, HostFile, Text, designed, read
from quorate.proof.evidence.documents import DiskState, UnitState
from quorate.proof.lint.run import Linted, lint

Change = Callable[[Documents], Documents]

RABBITMQ = """
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = rabbit@ctl1
cluster_formation.classic_config.nodes.2 = rabbit@ctl2
cluster_formation.classic_config.nodes.3 = rabbit@ctl3
cluster_partition_handling = pause_minority
"""
KEYSTONE = """
[DEFAULT]
transport_url = rabbit://openstack:***@10.20.0.11:5671,openstack:***@10.20.0.12:5671,openstack:***@10.20.0.13:5671//
[database]
connection = mysql+pymysql://keystone:***@10.20.0.20:3306/keystone
[fernet_tokens]
max_active_keys = 4
"""
GLANCE = """
[glance_store]
default_store = file
filesystem_store_datadir = /var/lib/glance/images
"""
HOSTS = "127.0.0.1 localhost\n10.20.0.11 ctl1\n10.20.0.12 ctl2\n10.20.0.13 ctl3\n"
FILES = {
    "/etc/corosync/corosync.conf": HostFile(0o644, "root", "c"),
    "/var/lib/rabbitmq/.erlang.cookie": HostFile(0o400, "rabbitmq", "d"),
    "/etc/rabbitmq/rabbitmq.conf": HostFile(0o644, "root", "e", RABBITMQ),
    "/etc/hosts": HostFile(0o644, "root", "f", HOSTS),
    "/etc/keystone/keystone.conf": HostFile(0o640, "root", "g", KEYSTONE),
    "/etc/keystone/fernet-keys/": HostFile(0o700, "keystone", "h"),
    "/etc/keystone/credential-keys/": HostFile(0o700, "keystone", "i"),
    "/etc/glance/glance-api.conf": HostFile(0o640, "root", "j", GLANCE),
    "/proc/mounts": HostFile(0o444, "root", "", "nas:/images /var/lib/glance nfs4 rw 0 0\n/dev/sda1 / ext4 rw 0 0\n"),
}


def three(cluster: Cluster) -> Documents:
    """The design of three nodes with a database, and hosts of which all is known and right."""
    documents = designed.documents(work_out(cluster), cluster)
    return dataclasses.replace(
        documents, hosts={name: _known(host, documents) for name, host in documents.hosts.items()}
    )


def _known(host: HostFacts, documents: Documents) -> HostFacts:
    others = [name for name in documents.hosts if name != host.name]
    return dataclasses.replace(
        host,
        files={**host.files, **FILES},
        units={**host.units, "haproxy.service": UnitState("enabled")},
        packages={"corosync": "3.1.9-2", "pacemaker": "3.0.0-1", "drbd-utils": "9.22.0-1"},
        users={"mysql": 108},
        agents=frozenset(
            {
                "linbit:drbd",
                "heartbeat:Filesystem",
                "heartbeat:IPaddr2",
                "quorate:mariadb",
                "quorate:links",
                "quorate:backing-disk",
            }
        ),
        clock=0.01,
        clock_precision=0.02,
        certificates={"/etc/quorate/tls/front.pem": 300 * 86400.0},
        disks={"database": DiskState("Secondary", "UpToDate", "Connected")},
        drbd="8.4.11",
        pacemaker="3.0.0",
        links=dict.fromkeys(others, (True, True)),
    )


def two(cluster: Cluster) -> Documents:
    """The same on two nodes, as two nodes have to be configured."""
    nodes = {name: node for name, node in cluster.nodes.items() if name != "ctl3"}
    documents = three(cluster.model_copy(update={"nodes": nodes}))
    delay = '<nvpair id="delay" name="priority-fencing-delay" value="15s"/>'
    priority = '<nvpair id="priority" name="priority" value="1"/>'
    return changed(
        documents,
        conf("provider: corosync_votequorum", "provider: corosync_votequorum\n    two_node: 1"),
        cib('<nvpair id="quorate-stonith-action"', f'{delay}<nvpair id="quorate-stonith-action"'),
        cib('<meta_attributes id="quorate-defaults">', f'<meta_attributes id="quorate-defaults">{priority}'),
        each_host(text("/etc/rabbitmq/rabbitmq.conf", "nodes.2 = rabbit@ctl2\n", "")),
        each_host(text("/etc/rabbitmq/rabbitmq.conf", "nodes.3 = rabbit@ctl3\n", "")),
    )


def changed(documents: Documents, *changes: Change) -> Documents:
    """All changes, one after the other."""
    for change in changes:
        documents = change(documents)
    return documents


def cib(old: str, new: str) -> Change:
    """Another text in the CIB."""

    def change(documents: Documents) -> Documents:
        assert documents.cib
        assert old in documents.cib.content, old
        return dataclasses.replace(documents, cib=Text("cib.xml", documents.cib.content.replace(old, new)))

    return change


def more(section: str, xml: str) -> Change:
    """Something more in a section of the CIB."""
    return cib(f"</{section}>", f"{xml}</{section}>")


def conf(old: str, new: str) -> Change:
    """Another text in corosync.conf."""

    def change(documents: Documents) -> Documents:
        assert documents.corosync
        assert old in documents.corosync.content, old
        content = documents.corosync.content.replace(old, new)
        return dataclasses.replace(documents, corosync=Text("corosync.conf", content))

    return change


def drbd(old: str, new: str) -> Change:
    """Another text in the DRBD resource."""

    def change(documents: Documents) -> Documents:
        (before,) = documents.drbd
        assert old in before.content, old
        return dataclasses.replace(documents, drbd=(Text("r0.res", before.content.replace(old, new)),))

    return change


def host(name: str, **facts: object) -> Change:
    """Other facts of a host."""

    def change(documents: Documents) -> Documents:
        known = dataclasses.replace(documents.hosts[name], **facts)  # type: ignore[arg-type]
        return dataclasses.replace(documents, hosts={**documents.hosts, name: known})

    return change


def file(name: str, path: str, **fields: object) -> Change:
    """Another file on a host."""

    def change(documents: Documents) -> Documents:
        before = documents.hosts[name].files[path]
        assert before
        after = dataclasses.replace(before, **fields)  # type: ignore[arg-type]
        return host(name, files={**documents.hosts[name].files, path: after})(documents)

    return change


def text(path: str, old: str, new: str) -> Callable[[str], Change]:
    """Another text in a file of a host."""

    def on(name: str) -> Change:
        def change(documents: Documents) -> Documents:
            before = documents.hosts[name].files[path]
            assert before
            assert before.text is not None
            assert old in before.text, old
            return file(name, path, text=before.text.replace(old, new))(documents)

        return change

    return on


def each_host(on: Callable[[str], Change]) -> Change:
    """The same change on every host."""

    def change(documents: Documents) -> Documents:
        return changed(documents, *(on(name) for name in documents.hosts))

    return change


def linted(documents: Documents) -> Linted:
    """What all rules say."""
    return lint(read(documents))


def codes(documents: Documents) -> set[str]:
    """The codes of all findings."""
    return {finding.code for finding in linted(documents).findings}
