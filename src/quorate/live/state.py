"""What is true of a running cluster right now, as data. `reading` makes it; `unmet` says what is missing to "ready"."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class NodeState:
    """One node as the cluster and its own host see it."""

    name: str
    reachable: bool
    """Its SSH daemon answers."""
    online: bool
    """It is a member, and Pacemaker says it is online, not standby, not pending."""
    unclean: bool
    standby: bool
    problem: str = ""
    """Why it could not be read, in a sentence."""


@dataclass(frozen=True)
class Replica:
    """One side of a replicated volume, in DRBD's words."""

    role: str
    """Primary, Secondary or Unknown."""
    disk: str
    """UpToDate, Inconsistent, Outdated ..."""
    connection: str
    """Connected, SyncSource, SyncTarget, WFConnection, StandAlone ...; Unconfigured: DRBD isn't up there."""
    percent_synced: float | None = None


@dataclass(frozen=True)
class ResourceState:
    """One instance of a resource on one node."""

    id: str
    node: str
    role: str
    """Started, Stopped, Promoted, Unpromoted."""
    failed: bool = False


@dataclass(frozen=True)
class State:
    """A whole cluster at one moment, pieced together from every node that answered."""

    nodes: Mapping[str, NodeState]
    quorate: bool
    dc: str | None
    resources: tuple[ResourceState, ...]
    replicas: Mapping[str, Mapping[str, Replica]]
    """By volume, then by host."""
    links: Mapping[str, Mapping[str, tuple[bool, ...]]]
    """Corosync's links: by node, then by peer, whether each link (by number) is connected."""
    fencing: Mapping[str, str]
    """By node: the fence device that is started for it and where it runs, or why there is none."""
    failed_actions: tuple[str, ...]
    active: Mapping[str, str | None]
    """By service: the node that serves clients."""
    bans: tuple[str, ...] = ()
    """Constraints that keep a resource off a node and that no design declares, each a sentence."""
    unheard: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By node: the networks on which nobody answers it, as the watcher of links has it."""
    promotable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By primitive of a promotable clone: the nodes with a promotion score; no other is promoted, whatever happens."""
    withheld: tuple[str, ...] = ()
    """What the cluster was told not to do, each a sentence: to fence, to manage a node or a resource."""
    units_down: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By host: units that systemd is to keep running, and that don't run."""

    def started(self, id_: str) -> tuple[str, ...]:
        """The nodes on which a resource, or an instance of it, is started."""
        found = (each for each in self.resources if each.id == id_ and not each.failed)
        return tuple(each.node for each in found if each.node and each.role in ("Started", "Promoted"))
