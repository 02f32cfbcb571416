"""The documents of a design, as `apply` would put them on the hosts: one lint judges what is built and what is met."""

import hashlib

from lxml import etree

from quorate.cluster.model import Cluster
from quorate.design import cib, corosync
from quorate.design.model import Design, HostDesign
from quorate.proof.evidence.documents import Documents, HostFacts, HostFile, Text, UnitState
from quorate.services.parts import File, Secret

DRBD = "/etc/drbd.d/"


def documents(design: Design, cluster: Cluster) -> Documents:
    """Everything that the design says about the hosts; what only a running host can tell is left out."""
    document = cib.first(design)
    nodes = document.find("configuration/nodes")
    assert nodes is not None, "cib.first makes it"
    for nodeid, name in enumerate(cluster.nodes, start=1):
        etree.SubElement(nodes, "node", {"id": str(nodeid), "uname": name})
    replicated = {
        file.path: _text(file)
        for host in design.hosts.values()
        for file in host.files
        if file.path.startswith(DRBD) and file.path.endswith(".res")
    }
    return Documents(
        name=design.cluster,
        cib=Text("design, CIB", etree.tostring(document, pretty_print=True, encoding="unicode")),
        corosync=Text("design, corosync.conf", corosync.conf(cluster)),
        drbd=tuple(Text(f"design, {path}", text) for path, text in replicated.items()),
        hosts={name: _facts(host, cluster) for name, host in design.hosts.items()},
    )


def _facts(host: HostDesign, cluster: Cluster) -> HostFacts:
    return HostFacts(
        name=host.name,
        files={
            file.path: HostFile(file.mode, file.owner, hashlib.sha256(_text(file).encode()).hexdigest(), _text(file))
            for file in host.files
        },
        units={unit.name: UnitState("enabled" if unit.enabled else "disabled") for unit in host.units},
        networks=tuple(str(link.address) for link in cluster.nodes[host.name].links.values()),
    )


def _text(file: File) -> str:
    """A file's content, a secret standing in it by its name."""
    return "".join(f"<{piece.name}>" if isinstance(piece, Secret) else piece for piece in file.content)
