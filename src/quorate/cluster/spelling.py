"""A worked-out cluster as a cluster file again, with everything spelled out."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from quorate.cluster import units
from quorate.cluster.document import scalar
from quorate.cluster.findings import Path
from quorate.cluster.model import Api, Cluster, Database, Image, Messaging, Network, Node, Use


def spell(cluster: Cluster) -> dict[str, Any]:
    """The cluster as plain data in the file's own shape; `loading.load` makes the same cluster of it."""
    return {
        "cluster": cluster.name,
        "nodes": {name: _node(node) for name, node in cluster.nodes.items()},
        "networks": {name: _network(network) for name, network in cluster.networks.items()},
        "services": {name: _service(body) for name, body in cluster.services.declared().items()},
        "objectives": {
            name: {"downtime": units.write_duration(objective.downtime), "lost_writes": objective.lost_writes}
            for name, objective in cluster.objectives.items()
        },
    }


def write(cluster: Cluster, origins: Mapping[Path, str]) -> str:
    """The same as YAML, each value with an aligned comment that says where it came from."""
    lines = list(_lines(spell(cluster), ()))
    width = max(len(line) for line, path in lines if path in origins) if origins else 0
    return "".join(f"{line:{width}}  # {origins[path]}\n" if path in origins else f"{line}\n" for line, path in lines)


def _node(node: Node) -> dict[str, Any]:
    links = {}
    for network, link in node.links.items():
        links[network] = {"address": str(link.address.ip)} | ({"nic": link.nic} if link.nic else {})
    return {"links": links, "bmc": {"ipmi": str(node.bmc.ipmi), "user": node.bmc.user}, "data": node.data}


def _network(network: Network) -> dict[str, Any]:
    spelled = {"cidr": str(network.cidr), "uses": [str(use) for use in Use if use in network.uses]}
    return spelled | ({"vip": str(network.vip.ip)} if network.vip else {})


def _service(service: Database | Messaging | Api) -> dict[str, Any]:
    """What is None isn't a key of this kind of service."""
    spelled: dict[str, Any] = {"engine": service.engine}
    if isinstance(service, Database | Messaging):
        spelled |= {"replicated_by": service.replicated_by}
    spelled |= {"on": list(service.on)}
    if isinstance(service, Image):
        spelled |= {
            "store": {service.store.kind: service.store.options} if service.store.options else service.store.kind
        }
    if not isinstance(service, Api) or isinstance(service, Image):
        spelled |= {"size": units.write_size(service.size)} if service.size else {}
    if isinstance(service, Database | Messaging):
        spelled |= {"vip": str(service.vip.ip)} if service.vip else {}
        spelled |= {"port": service.port}
    return spelled


def _lines(mapping: Mapping[str, Any], above: Path) -> Iterator[tuple[str, Path]]:
    for key, value in mapping.items():
        path = (*above, key)
        indented = f"{'  ' * len(above)}{_word(key)}:"
        if isinstance(value, dict) and value:
            yield indented, path
            yield from _lines(value, path)
        elif isinstance(value, list):
            yield f"{indented} [{', '.join(map(_word, value))}]", path
        else:
            yield f"{indented} {_word(value)}", path


def _word(value: object) -> str:
    """One value; in double quotes, as JSON, where YAML would read the bare word as something else."""
    if isinstance(value, str) and re.fullmatch(r"[\w/][\w./@+=-]*", value, re.ASCII) and scalar(value) == value:
        return value
    return json.dumps(value)
