"""A worked-out cluster as a cluster file again, with everything spelled out."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from quorate.cluster import units
from quorate.cluster.document import scalar
from quorate.cluster.facility import Facility, FacilityPart, Kind, Need, Waiver
from quorate.cluster.findings import Path
from quorate.cluster.model import Api, Bmc, Cluster, Database, Image, Link, Messaging, Network, Node, Objective, Use
from quorate.cluster.written_facility import SECTIONS


def spell(cluster: Cluster) -> dict[str, Any]:
    """The cluster as plain data in the file's own shape; `loading.load` makes the same cluster of it."""
    return {
        "cluster": cluster.name,
        "nodes": {name: _node(node) for name, node in cluster.nodes.items()},
        "networks": {name: _network(network) for name, network in cluster.networks.items()},
        "services": {name: _service(body) for name, body in cluster.services.declared().items()},
        "objectives": {name: _objective(objective) for name, objective in cluster.objectives.items()},
        **({"facility": _facility(cluster.facility)} if cluster.facility != Facility() else {}),
        **({"waivers": [_waiver(waiver) for waiver in cluster.waivers]} if cluster.waivers else {}),
    }


def write(cluster: Cluster, origins: Mapping[Path, str]) -> str:
    """The same as YAML, each value with an aligned comment that says where it came from."""
    lines = list(_lines(spell(cluster), ()))
    width = max(len(line) for line, path in lines if path in origins) if origins else 0
    return "".join(f"{line:{width}}  # {origins[path]}\n" if path in origins else f"{line}\n" for line, path in lines)


def _node(node: Node) -> dict[str, Any]:
    return {
        "links": {network: _link(link) for network, link in node.links.items()},
        "bmc": _bmc(node.bmc),
        "data": node.data,
        **({"rack": node.rack} if node.rack is not None else {}),
        **_needs({"power": node.power, "needs": node.needs}),
        **({"cards": {card: list(nics) for card, nics in node.cards.items()}} if node.cards else {}),
        **_figures(node),
    }


def _link(link: Link) -> dict[str, Any]:
    spelled: dict[str, Any] = {"address": str(link.address.ip)}
    if link.nics:
        spelled["nic"] = link.nic or list(link.nics)
    return spelled | _needs({"via": link.via})


def _bmc(bmc: Bmc) -> dict[str, Any]:
    return {"ipmi": str(bmc.ipmi), "user": bmc.user, **_needs({"via": bmc.via, "power": bmc.power})}


def _network(network: Network) -> dict[str, Any]:
    spelled = {"cidr": str(network.cidr), "uses": [str(use) for use in Use if use in network.uses]}
    vip = {"vip": str(network.vip.ip)} if network.vip else {}
    return spelled | vip | {"link": network.link} | _needs({"gateway": network.gateway})


def _objective(objective: Objective) -> dict[str, Any]:
    spelled: dict[str, Any] = {"downtime": units.write_duration(objective.downtime)}
    spelled["lost_writes"] = objective.lost_writes
    return spelled | ({"per_year": units.write_duration(objective.per_year)} if objective.per_year else {})


def _needs(needs: Mapping[str, Need | None]) -> dict[str, Any]:
    return {word: _need(need, all_of=word == "needs") for word, need in needs.items() if need is not None}


def _need(need: Need, *, all_of: bool = False) -> Any:
    """An expression in its shortest form, where a bare list means any or all of it."""
    of = [entry if isinstance(entry, str) else _need(entry) for entry in need.of]
    if need.count == (len(of) if all_of else 1):
        return of
    return {"all" if need.count == len(of) else "any" if need.count == 1 else f"{need.count} of": of}


def _figures(part: Node | FacilityPart) -> dict[str, str]:
    figures = {"mtbf": part.mtbf, "mttr": part.mttr}
    return {word: units.write_duration(value) for word, value in figures.items() if value is not None}


def _facility(facility: Facility) -> dict[str, Any]:
    spelled: dict[str, Any] = {}
    for section, kind in SECTIONS.items():
        if parts := facility.of_kind(kind):
            spelled[section] = {part.name: _part(part, facility) for part in parts}
            for rack in spelled[section] if kind is Kind.RACK else ():
                pdus = [pdu for pdu in facility.of_kind(Kind.PDU) if pdu.place == rack]
                spelled[section][rack] |= (
                    {"pdus": {pdu.name: _needs(pdu.needs) | _figures(pdu) for pdu in pdus}} if pdus else {}
                )
    return spelled | ({"goals": {name: _need(goal) for name, goal in facility.goals.items()}} if facility.goals else {})


def _part(part: FacilityPart, facility: Facility) -> dict[str, Any]:
    words = {Kind.RACK: "rack", Kind.ZONE: "zone", Kind.SITE: "site"}
    place = {words[facility.parts[part.place].kind]: part.place} if part.place is not None else {}
    return place | _needs(part.needs) | _figures(part)


def _waiver(waiver: Waiver) -> dict[str, Any]:
    return {
        "finding": waiver.finding,
        "where": list(waiver.where),
        "because": waiver.because,
        "until": waiver.until.isoformat(),
    }


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
