"""A site's twin: its cluster file, with what the lab can't have as the site has it taken out, and nothing else. Pure.

What is taken out gets its default, which fits the lab. Names, networks, addresses, services, objectives and the whole
facility stay as they are: they are what shall be tried.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from ruamel.yaml import YAML

from quorate.cluster import loading
from quorate.cluster.model import Cluster, Database, Image, Messaging
from quorate.errors import InputError

MOST_NODES = 5
"""Each takes a gigabyte of memory and a share of the processors; clusters with more are seldom worth their traffic."""
LARGEST_VOLUME = 2 << 30
"""Bytes. A replica is filled over a network of this machine's own, and compared block by block after drills."""
DATA = "/dev/disk/by-partlabel/quorate-data"
"""The one data device that a machine of the lab has."""
MOST_BMCS = 128
"""The upper half of the BMCs' network, a /24, is for the nodes' own addresses on it."""


@dataclass(frozen=True)
class Twin:
    """A twin's cluster file."""

    text: str
    changes: tuple[str, ...]
    """What differs from the site's own, in sentences; none: the site's own file fits the lab."""


Edit = tuple[str, tuple[str, ...]]
"""What differs and why, and the path of what is taken out of the file."""


def twin(text: bytes, source: str) -> Twin:
    """Makes a site's twin. Raises InputError, also if it is too large for a twin."""
    cluster = loading.load(text, source)
    if len(cluster.nodes) > MOST_NODES:
        raise InputError(
            f"the site has {len(cluster.nodes)} nodes, and a twin at most {MOST_NODES}",
            where=source,
            todo="leave out of a copy of the file what the drill is not about",
        )
    edits = list(_edits(cluster))
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 200
    document = yaml.load(text.decode("utf-8-sig"))
    changes = [why for why, path in edits if _taken_out(document, path)]
    if not changes:
        return Twin(text.decode("utf-8-sig"), ())
    written = io.StringIO()
    yaml.dump(document, written)
    head = [f"# The twin of {source} in the lab, made by `quorate lab up --as`; made anew by each. What differs:"]
    head += [f"# - {change}" for change in changes]
    return Twin("\n".join([*head, "", written.getvalue()]), tuple(changes))


def _edits(cluster: Cluster) -> Iterator[Edit]:
    for name, node in cluster.nodes.items():
        if node.data != DATA:
            yield f"the data device of {name} is the lab's one", ("nodes", name, "data")
    if not _bmcs_fit(cluster):
        for name in cluster.nodes:
            ipmi = ("nodes", name, "bmc", "ipmi")
            yield f"the BMC of {name} has the lab's address: there all BMCs are on one network", ipmi
    for name, network in cluster.networks.items():
        if network.link != "ethernet":
            yield f"{name} is Ethernet", ("networks", name, "link")
    for name, service in cluster.services.declared().items():
        size = service.size if isinstance(service, Database | Messaging | Image) else None
        if size and size > LARGEST_VOLUME:
            yield f"the volume of {name} is small", ("services", name, "size")
        if isinstance(service, Image) and service.store.kind != "drbd":
            store = ("services", name, "store")
            yield f"the images are on a replicated volume: the lab has no {service.store.kind}", store


def _bmcs_fit(cluster: Cluster) -> bool:
    """Whether all BMCs are in the lower half of one /24 that is no network of the cluster."""
    addresses = [node.bmc.ipmi for node in cluster.nodes.values()]
    network = IPv4Network(f"{addresses[0]}/24", strict=False)
    apart = not any(network.overlaps(other.cidr) for other in cluster.networks.values())
    return apart and all(address in network and int(address) % 256 < MOST_BMCS for address in addresses)


def _taken_out(document: Any, path: tuple[str, ...]) -> bool:
    """Takes out what stands at a path; whether anything did."""
    *above, key = path
    for step in above:
        if not isinstance(document, dict) or step not in document:
            return False
        document = document[step]
    if not isinstance(document, dict) or key not in document:
        return False
    del document[key]
    return True
