"""One picture of a Pacemaker cluster, of whatever documents there are: Quorate's own design, files, or a live look.

documents   the documents themselves, and what is known of each host
pacemaker   Pacemaker's configuration as data
cib         reading it from a CIB
corosync    corosync.conf
drbd        DRBD's resources
designed    the documents of a design, as `apply` would put them on the hosts
archive     the documents in a `crm report` or a pcs archive
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from quorate.proof.evidence import cib, corosync, drbd
from quorate.proof.evidence.corosync import Corosync
from quorate.proof.evidence.documents import Documents, EvidenceError, HostFacts, HostFile, Spot, Text
from quorate.proof.evidence.drbd import Drbd
from quorate.proof.evidence.pacemaker import Pacemaker

__all__ = ["Corosync", "Documents", "Drbd", "Evidence", "EvidenceError", "HostFacts", "HostFile", "Pacemaker", "Spot"]
__all__ += ["Text", "read"]


@dataclass(frozen=True)
class Evidence:
    """What is known of a cluster; None is what no document was handed in for."""

    name: str = ""
    pacemaker: Pacemaker | None = None
    corosync: Corosync | None = None
    drbd: Drbd | None = None
    hosts: Mapping[str, HostFacts] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What could not be brought or understood, a sentence each."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the full members, as Corosync or else Pacemaker has them."""
        if self.corosync and self.corosync.members:
            return tuple(member.name for member in self.corosync.members)
        return self.pacemaker.members if self.pacemaker else ()


def read(documents: Documents) -> Evidence:
    """Reads all documents. Raises EvidenceError for a CIB that isn't one."""
    pacemaker = cib.read(documents.cib) if documents.cib else None
    conf = corosync.read(documents.corosync) if documents.corosync else None
    replicated = drbd.read(documents.drbd) if documents.drbd else None
    notes = [*documents.notes]
    if pacemaker:
        notes += [f"{pacemaker.source}: {what} is not understood" for what in pacemaker.unknown]
    if conf:
        notes += [f"{conf.source}: {what} is not understood" for what in conf.unknown]
    if replicated:
        notes += [f"{what} is not understood" for what in replicated.unknown]
    name = documents.name or (conf.totem.get("cluster_name") if conf else None)
    name = name or (pacemaker.property("cluster-name") if pacemaker else None) or ""
    return Evidence(name, pacemaker, conf, replicated, documents.hosts, tuple(notes))
