"""What a drill keeps so that it can be held again: `drill.json` and the cluster file, written before the fault.

The target stands there as it was resolved: a drill on `active:database` is held again on the node that served then,
once the database is back there.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from quorate import __version__
from quorate.cluster import spelling
from quorate.cluster.loading import load
from quorate.cluster.model import Cluster
from quorate.drill.order import Drill
from quorate.drill.targets import Target
from quorate.errors import InputError

NAME = "drill.json"
CLUSTER = "cluster.yaml"
VERSION = 1


@dataclass(frozen=True)
class Step:
    """A fault and what it is done to, to be held by itself or as one of a sequence."""

    fault: str
    on: str
    serving: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    """By service, the node that served it when this was held before; held again, they serve first."""

    def __str__(self) -> str:
        return f"{self.fault} on {self.on}"


@dataclass(frozen=True)
class Kept:
    """A drill as it was held."""

    drill: int
    """The version of this document."""
    made_by: str
    cluster: str
    fault: str
    on: str
    """As it was typed."""
    target: str
    """The same as nodes, or as a service on a node."""
    nodes: tuple[str, ...]
    serving: Mapping[str, str | None]
    """By service, the node that served it before the fault."""
    rates: Mapping[str, float]
    """Operations a second, by service that was probed."""
    thorough: bool

    @property
    def step(self) -> Step:
        """The same, to be held again."""
        return Step(self.fault, self.target, self.serving)


def write(
    folder: Path, drill: Drill, target: Target, serving: Mapping[str, str | None], rates: dict[str, float]
) -> None:
    """Writes down how a drill is held."""
    kept = Kept(
        drill=VERSION,
        made_by=f"quorate {__version__}",
        cluster=drill.cluster.name,
        fault=drill.fault.name,
        on=drill.on,
        target=pinned(target),
        nodes=target.nodes,
        serving=dict(serving),
        rates=rates,
        thorough=drill.thorough,
    )
    (folder / NAME).write_text(json.dumps(asdict(kept), indent=2) + "\n")
    write_cluster(folder, drill.cluster)


def write_cluster(folder: Path, cluster: Cluster) -> None:
    """Writes the cluster file, every default spelled out, beside it."""
    (folder / CLUSTER).write_text(spelling.write(cluster, {}))


def pinned(target: Target) -> str:
    """A target as a person would type it who wants the same nodes again."""
    if target.parts:
        return ",".join(target.parts)
    return f"{target.nodes[0]}:{target.service}" if target.service else ",".join(target.nodes)


def read(folder: Path) -> Kept:
    """What `write` wrote. Raises InputError."""
    document = document_of(folder / NAME)
    try:
        if document["drill"] != VERSION:
            raise InputError(f"drills of version {document['drill']} can't be held again", where=str(folder / NAME))
        return Kept(**{**document, "nodes": tuple(document["nodes"])})
    except (KeyError, TypeError):
        raise InputError("this is no drill that was kept", where=str(folder / NAME)) from None


def read_cluster(folder: Path) -> Cluster:
    """The cluster that it was held on. Raises InputError."""
    file = folder / CLUSTER
    try:
        return load(file.read_bytes(), str(file))
    except OSError as error:
        raise InputError(f"it can't be read: {error.strerror}", where=str(file)) from None


def document_of(file: Path) -> dict[str, Any]:
    """A JSON object. Raises InputError."""
    try:
        document = json.loads(file.read_bytes())
    except OSError as error:
        raise InputError(f"it can't be read: {error.strerror}", where=str(file)) from None
    except ValueError as error:
        raise InputError(f"this is no JSON: {error}", where=str(file)) from None
    if not isinstance(document, dict):
        raise InputError("this is no JSON object", where=str(file))
    return document
