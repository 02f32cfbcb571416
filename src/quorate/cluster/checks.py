"""What must fit together in a cluster file: pure functions from the worked-out cluster to problems.

Each says what is wrong, why it matters, and what to write instead. A default takes part like a written value, because
the cluster would be built with it; the message then says that it is one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import combinations

from quorate.cluster.defaults import Worked
from quorate.cluster.facility_checks import problems as facility_problems
from quorate.cluster.findings import Path, Problem, Severity, quoted, suggestion
from quorate.cluster.model import Api, Cluster, Database, Image, Messaging, Network, Use
from quorate.cluster.written import WrittenCluster

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
CERTIFICATES = ("ca", "front")
"""These stand beside the nodes' certificates, under the same kind of name."""
_RENUMBERED = re.compile(r"/dev/(sd|hd|vd|xvd|nvme|ubd)\w+")


@dataclass(frozen=True)
class File:
    """What the checks look at: the file as it is written and as it is worked out."""

    written: WrittenCluster
    cluster: Cluster
    worked: Worked


@dataclass(frozen=True)
class _Host:
    """One host address of the cluster."""

    path: Path
    address: IPv4Address
    whose: str
    network: Network | None
    """The network that it has to be on; None: anywhere."""


def ground(file: File) -> Iterator[Problem]:
    """What is wrong with names and networks, on which everything else stands."""
    yield from _names(file)
    yield from _networks_are_apart(file)


def problems(file: File) -> Iterator[Problem]:
    """Everything else that doesn't fit."""
    for check in (
        _enough_nodes,
        _networks_carry_everything,
        _links_to_networks,
        _addresses_fit,
        _addresses_differ,
        _vips_are_reachable,
        _front_has_a_network,
        _every_node_can_be_fenced,
        _disks_keep_their_names,
        _some_service,
        _placed_on_declared_nodes,
        _enough_of_them,
        _stands_on_what_is_there,
        _objectives_of_services,
    ):
        yield from check(file)
    yield from facility_problems(file.written, file.cluster)


def _names(file: File) -> Iterator[Problem]:
    cluster = file.cluster
    named: list[tuple[Path, str, str, bool]] = [(("cluster",), cluster.name, "a cluster", False)]
    named += [(("nodes", name), name, "a node", True) for name in cluster.nodes]
    named += [(("networks", name), name, "a network", True) for name in cluster.networks]
    for path, name, what, at_key in named:
        if not _LABEL.fullmatch(name) or name.isdigit() or name == "localhost":
            yield Problem(
                "bad-name",
                path,
                f"{quoted(name)} can't be the name of {what}",
                "Names become host names, Pacemaker's node names and names of volumes.",  # RFC 1123, 2.1
                "Small letters, digits and `-` between them, at most 63, not digits alone.",
                at_key=at_key,
            )
        elif name in CERTIFICATES and path[0] == "nodes":
            what = f"{quoted(name)} can't be the name of a node: a certificate that isn't a node's is called so"
            yield Problem("bad-name", path, what, todo="Call it something else.", at_key=True)


def _enough_nodes(file: File) -> Iterator[Problem]:
    if (count := len(file.cluster.nodes)) < 3:
        yield Problem(
            "too-few-nodes",
            ("nodes",),
            f"a cluster needs three nodes or more, and here {'is' if count == 1 else 'are'} {count or 'none'}",
            "Quorum is more than half of the votes: of two nodes neither can tell a dead peer from a cut cable.",
            "Declare a third node; it needn't hold data. Two-node clusters come later.",
            at_key=True,
        )


def _networks_carry_everything(file: File) -> Iterator[Problem]:
    networks = file.cluster.networks
    uses = tuple(("networks", name, "uses") for name in networks)
    needs = {
        Use.SSH: "SSH is how Quorate reaches the nodes.",
        Use.RING: "Corosync's membership needs two links.",
        Use.REPLICATION: "DRBD needs a network to replicate over.",
    }
    for use, means in needs.items():
        carriers = [network.name for network in networks.values() if use in network.uses]
        if not carriers:
            what, todo = f"no network is used for {use}", f"Add `{use}` to the `uses` of a network."
            yield Problem(f"no-{use}-network", ("networks",), what, means, todo, also=uses, at_key=True)
        elif use is Use.RING and len(carriers) == 1:
            yield Problem(
                "one-ring",
                ("networks", carriers[0], "uses"),
                f"the ring has one link only, on {carriers[0]}",
                "When that network fails, all nodes lose each other at once; with a second link nothing happens.",
                "Add `ring` to the `uses` of another network.",
                also=uses,
            )


def _networks_are_apart(file: File) -> Iterator[Problem]:
    for one, other in combinations(file.cluster.networks.values(), 2):
        if one.cidr.overlaps(other.cidr):
            yield Problem(
                "networks-overlap",
                ("networks", other.name, "cidr"),
                f"{other.name} ({other.cidr}) overlaps {one.name} ({one.cidr})",
                "A host could not tell which link leads to an address.",
                "Give each network addresses of its own.",
                also=(("networks", one.name, "cidr"),),
            )


def _links_to_networks(file: File) -> Iterator[Problem]:
    networks = file.cluster.networks
    for node, body in (file.written.nodes or {}).items():
        for network in (name for name in body.links if name not in networks):
            yield Problem(
                "undeclared-network",
                ("nodes", node, "links", network),
                f"{node} has a link to {quoted(network)}, which isn't declared under `networks`",
                todo=suggestion(network, networks),
                also=(("networks",),),
                at_key=True,
            )


def _hosts(file: File) -> Iterator[_Host]:
    cluster = file.cluster
    for node in cluster.nodes.values():
        for link in node.links.values():
            path = ("nodes", node.name, "links", link.network, "address")
            yield _host(file, path, link.address.ip, f"{node.name}'s on {link.network}", cluster.networks[link.network])
        yield _host(file, ("nodes", node.name, "bmc", "ipmi"), node.bmc.ipmi, f"{node.name}'s BMC's")
    for place, whose, vip in _vips(file):
        network = next((network for network in cluster.networks.values() if vip in network.cidr), None)
        if place[0] == "networks":
            network = cluster.networks[str(place[1])]
        yield _host(file, place, vip, whose, network)


def _vips(file: File) -> Iterator[tuple[Path, str, IPv4Address]]:
    """Every floating address: where it is written, whose it is."""
    for network in file.cluster.networks.values():
        if network.vip:
            yield ("networks", network.name, "vip"), "the front's", network.vip.ip
    for name, service in file.cluster.services.declared().items():
        if isinstance(service, Database | Messaging) and service.vip:
            yield ("services", name, "vip"), f"the {name} service's", service.vip.ip


def _host(file: File, path: Path, address: IPv4Address, whose: str, network: Network | None = None) -> _Host:
    origin = file.worked.origins[path]
    return _Host(path, address, whose if origin == path else f"{whose} (by default: {origin})", network)


def _addresses_fit(file: File) -> Iterator[Problem]:
    for host in _hosts(file):
        if host.network is None:
            continue
        cidr = host.network.cidr
        also: tuple[Path, ...] = (("networks", host.network.name, "cidr"),)
        if host.address not in cidr:
            yield Problem(
                "address-outside",
                host.path,
                f"{host.address}, {host.whose}, is outside {host.network.name} ({cidr})",
                todo=f"Write an address of {cidr}.",
                also=also,
            )
        elif host.address in (cidr.network_address, cidr.broadcast_address):
            which = "network" if host.address == cidr.network_address else "broadcast"
            yield Problem(
                "reserved-address",
                host.path,
                f"{host.address}, {host.whose}, is the {which} address of {host.network.name} ({cidr})",
                "No host can have it.",
                f"Write another address of {cidr}.",
                also=also,
            )


def _addresses_differ(file: File) -> Iterator[Problem]:
    def is_written(host: _Host) -> bool:
        return file.worked.origins[host.path] == host.path

    seen: dict[IPv4Address, _Host] = {}
    for host in sorted(_hosts(file), key=is_written):  # so that the finding points to something written
        first = seen.setdefault(host.address, host)
        if first is not host:
            yield Problem(
                "same-address",
                host.path,
                f"{host.address} is {first.whose} and {host.whose}",
                "Two machines with one address answer for each other, and a fencing could hit the wrong one.",
                "Give each an address of its own.",
                also=(first.path, *(("networks", net.name, "cidr") for net in (host.network, first.network) if net)),
            )


def _vips_are_reachable(file: File) -> Iterator[Problem]:
    networks = file.cluster.networks.values()
    for path, whose, vip in _vips(file):
        if path[0] == "services" and not any(vip in network.cidr for network in networks):
            ranges = ", ".join(f"{network.name} {network.cidr}" for network in networks)
            yield Problem(
                "vip-outside",
                path,
                f"{vip}, {whose}, is on none of the networks",
                "A node can only take over an address of a network that it has a link to.",
                f"Write a free address of one of {ranges}.",
                also=tuple(("networks", network.name, "cidr") for network in networks),
            )


def _front_has_a_network(file: File) -> Iterator[Problem]:
    """The services behind the front need a network for clients, and the front has one address."""
    apis = [name for name, body in file.cluster.services.declared().items() if isinstance(body, Api)]
    networks = file.cluster.networks
    uses = tuple(("networks", name, "uses") for name in networks)
    carriers = [network.name for network in networks.values() if Use.API in network.uses]
    if apis and not carriers:
        yield Problem(
            "no-api-network",
            ("networks",),
            f"no network is used for api, and {apis[0]} has clients",
            todo="Add `api` to the `uses` of a network.",
            also=uses,
            at_key=True,
        )
    for network in networks.values():
        if network.vip and (not apis or network.name != next(iter(carriers), None)):
            why = (
                f"the front is on {carriers[0]}, the first network for api"
                if apis and carriers
                else "nothing is behind it"
            )
            yield Problem(
                "vip-unused",
                ("networks", network.name, "vip"),
                f"no node will ever have this address: {why}",
                todo="Leave it out.",
                also=(("services",), *uses),
                whole=True,
            )


def _every_node_can_be_fenced(file: File) -> Iterator[Problem]:
    nodes = file.written.nodes or {}
    if any(body.bmc.ipmi for body in nodes.values()):
        for name, body in nodes.items():
            if not body.bmc.ipmi:
                yield Problem(
                    "no-bmc",
                    ("nodes", name, "bmc", "ipmi"),
                    f"{name} has no BMC address, while other nodes have theirs written",
                    "Without fencing there is no takeover from it; a guessed address could fence a stranger.",
                    f"Write `bmc: {{ipmi: ADDRESS}}` under {name}.",
                )


def _disks_keep_their_names(file: File) -> Iterator[Problem]:
    for node in file.cluster.nodes.values():
        if _RENUMBERED.fullmatch(node.data):
            yield Problem(
                "unstable-device",
                ("nodes", node.name, "data"),
                f"`{node.data}` may be another disk after the next boot",
                "The kernel numbers disks in the order in which it finds them.",
                "Write the disk's path under `/dev/disk/by-id`.",
                severity=Severity.WARNING,
            )


def _some_service(file: File) -> Iterator[Problem]:
    if file.cluster.services == type(file.cluster.services)():
        what, todo = "no service is declared", "For example `services: {database: }`."
        yield Problem("no-service", ("services",), what, todo=todo, whole=True, at_key=True)


def _placed_on_declared_nodes(file: File) -> Iterator[Problem]:
    for name, service in file.cluster.services.declared().items():
        for index, node in enumerate(service.on):
            if node not in file.cluster.nodes:
                yield Problem(
                    "undeclared-node",
                    ("services", name, "on", index),
                    f"{name} shall run on {quoted(node)}, which isn't declared under `nodes`",
                    todo=suggestion(node, file.cluster.nodes),
                    also=(("nodes",),),
                )


def _enough_of_them(file: File) -> Iterator[Problem]:
    """How many nodes a service must be on to survive the loss of any one."""
    for name, service in file.cluster.services.declared().items():
        path: Path = ("services", name, "on")
        count = len(service.on)
        also: tuple[Path, ...] = (("nodes",), ("services", name, "replicated_by"), ("services", name, "store"))
        of_volume = isinstance(service, Messaging) and service.replicated_by == "drbd"
        of_volume = of_volume or (isinstance(service, Image) and service.store.kind == "drbd")
        if of_volume and count != 2:
            means = "DRBD 8.4 replicates to exactly one other."
            yield Problem("drbd-pair", path, f"a DRBD pair is two nodes, not {count}", means, "Name two.", also=also)
        elif isinstance(service, Messaging) and not of_volume and (count < 3 or count % 2 == 0):
            yield Problem(
                "broker-count",
                path,
                f"{count} brokers with quorum queues survive the loss of {(count - 1) // 2}",
                "A queue needs the majority of its brokers; an even number adds a broker and no safety.",
                "Name three nodes, or five; for two there is `replicated_by: drbd`.",
                also=also,
            )
        elif isinstance(service, Api) and count < 2:
            means = "When that node fails the service is gone until it is back."
            yield Problem("one-instance", path, f"{name} runs on one node only", means, "Name two or more.", also=also)


STANDS_ON = {
    "identity": ("database",),
    "image": ("database", "identity"),
    "placement": ("database", "identity"),
    "compute": ("database", "messaging", "identity", "image", "placement"),
    "network": ("database", "messaging", "identity"),
    "block-storage": ("database", "messaging", "identity"),
    "dashboard": ("identity",),
}


def _stands_on_what_is_there(file: File) -> Iterator[Problem]:
    declared = file.cluster.services.declared()
    for name in declared:
        if missing := [other for other in STANDS_ON.get(name, ()) if other not in declared]:
            yield Problem(
                "missing-service",
                ("services", name),
                f"{name} needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not declared",
                todo=f"Add {', '.join(f'`{other}:`' for other in missing)} under `services`.",
                also=tuple(("services", other) for other in missing),
                at_key=True,
            )


def _objectives_of_services(file: File) -> Iterator[Problem]:
    services = list(file.cluster.services.declared())
    for name in file.written.objectives:
        if name not in ("default", *services):
            yield Problem(
                "undeclared-service",
                ("objectives", name),
                f"there is an objective for {quoted(name)}, which isn't declared under `services`",
                todo=suggestion(name, ["default", *services]),
                also=(("services",),),
                whole=True,
                at_key=True,
            )
