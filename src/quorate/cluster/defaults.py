"""What a person left out of the cluster file, worked out; and for every value where it came from."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import TypeVar

from quorate.cluster.facility import Need, Waiver
from quorate.cluster.facility_defaults import work_out_facility
from quorate.cluster.findings import Path, Problem
from quorate.cluster.model import (
    Api,
    Bmc,
    Cluster,
    Database,
    Image,
    Link,
    Messaging,
    Network,
    Node,
    Objective,
    Services,
    Store,
    Use,
)
from quorate.cluster.written import (
    WrittenApi,
    WrittenBmc,
    WrittenCluster,
    WrittenDatabase,
    WrittenImage,
    WrittenLink,
    WrittenMessaging,
    WrittenNetwork,
    WrittenNode,
    WrittenObjective,
)
from quorate.cluster.written_facility import WrittenNeed, WrittenWaiver

T = TypeVar("T")

NETWORKS = {
    "management": (IPv4Network("10.20.0.0/24"), frozenset({Use.SSH, Use.RING, Use.API})),
    "storage": (IPv4Network("10.22.0.0/24"), frozenset({Use.RING, Use.REPLICATION})),
}
BMC_NETWORK = IPv4Network("10.29.0.0/24")
FIRST_NODE = 11
"""The host number of the first node on every network; the others follow."""
DATABASE_VIP = 20
FRONT_VIP = 21
MESSAGING_VIP = 22
"""Host numbers of the floating addresses."""
BROKERS = 3
"""A quorum of two is enough for each message; more brokers make each publish dearer, not safer."""
ENGINES = {
    "identity": "keystone",
    "image": "glance",
    "placement": "placement",
    "compute": "nova",
    "network": "neutron",
    "block-storage": "cinder",
    "dashboard": "horizon",
}
ONLY_ONE = "the only one so far"
ENOUGH = "enough to begin with"

_NOWHERE = IPv4Network("0.0.0.0/32")
_NO_ONE = IPv4Interface("0.0.0.0/32")


@dataclass
class Worked:
    """A cluster with everything worked out."""

    origins: dict[Path, Path | str] = field(default_factory=dict)
    """For every value: the path in the file where it is written, or why it is the default."""
    problems: list[Problem] = field(default_factory=list)
    """What only a person can know, and didn't write."""
    unknown: set[Path] = field(default_factory=set)
    """The values that could not be worked out; in `cluster` something harmless stands for them."""

    def choose(self, path: Path, written: T | None, default: T, why: str) -> T:
        """What is written, or else the default; remembers which."""
        self.origins[path] = path if written is not None else why
        return default if written is None else written

    def need(self, path: Path, written: T | None, instead: T, todo: str) -> T:
        """What is written; there is no default."""
        self.origins[path] = path
        if written is not None:
            return written
        self.problems.append(Problem("missing", path, f"`{path[-1]}` is missing", todo=todo))
        self.unknown.add(path)
        return instead


def work_out(written: WrittenCluster) -> tuple[Cluster, Worked]:
    """The whole cluster.

    Problems are left in `Worked`; with any, the cluster is good for nothing but finding more of them.
    """
    worked = Worked()
    name = worked.need(("cluster",), written.cluster, "cluster", "Write `cluster: NAME` at the top.")
    todo = "Write the controllers' host names: `nodes: [ctl1, ctl2, ctl3]`."
    nodes = worked.need(("nodes",), written.nodes, {}, todo)
    apis = written.services.apis()
    networks = _networks(worked, written.networks, with_front=bool(apis))
    services = Services.model_validate(
        {
            "database": _database(worked, written.services.database, list(nodes), networks),
            "messaging": _messaging(worked, written.services.messaging, list(nodes), networks),
            **{name: _api(worked, name, body, list(nodes)) for name, body in apis.items()},
        }
    )
    cluster = Cluster(
        name=name,
        nodes={name: _node(worked, index, name, node, networks) for index, (name, node) in enumerate(nodes.items())},
        networks=networks,
        services=services,
        objectives=_objectives(worked, written.objectives, list(services.declared())),
        facility=work_out_facility(worked.origins, written.facility),
        waivers=_waivers(worked, written.waivers),
    )
    return cluster, worked


def host_number(network: IPv4Network, number: int) -> IPv4Address:
    """The n-th address of a network; one outside if the network is too small, for the checks to find."""
    return IPv4Address(min(int(network.network_address) + number, 2**32 - 1))


def on_network(address: IPv4Address, networks: Iterable[Network]) -> IPv4Interface:
    """The address with the prefix length of the network that holds it, or 32 if none does."""
    prefix = next((network.cidr.prefixlen for network in networks if address in network.cidr), 32)
    return IPv4Interface(f"{address}/{prefix}")


def _networks(worked: Worked, written: dict[str, WrittenNetwork] | None, *, with_front: bool) -> dict[str, Network]:
    networks: dict[str, Network] = {}
    for name, body in ({name: WrittenNetwork() for name in NETWORKS} if written is None else written).items():
        path = ("networks", name)
        if name in NETWORKS:
            cidr, uses = NETWORKS[name]
            why = f"of the network `{name}`"
            cidr = worked.choose((*path, "cidr"), body.cidr, cidr, why)
            uses = worked.choose((*path, "uses"), body.uses, uses, why)
        else:
            cidr = worked.need((*path, "cidr"), body.cidr, _NOWHERE, "For example `cidr: 10.20.0.0/24`.")
            todo = f"Write what it carries: `uses: [{', '.join(Use)}]`, or some of these."
            uses = worked.need((*path, "uses"), body.uses, frozenset(), todo)
        vip = None
        if body.vip:
            worked.origins[(*path, "vip")] = (*path, "vip")
            vip = body.vip
        elif with_front and Use.API in uses and not any(Use.API in network.uses for network in networks.values()):
            why = f"host number {FRONT_VIP} on {name}, the first network for api"
            vip = worked.choose((*path, "vip"), None, host_number(cidr, FRONT_VIP), why)
        interface = IPv4Interface(f"{vip}/{cidr.prefixlen}") if vip else None
        link = worked.choose((*path, "link"), body.link, "ethernet", "the usual one")
        gateway = _need(worked, (*path, "gateway"), body.gateway)
        networks[name] = Network(name=name, cidr=cidr, uses=uses, vip=interface, link=link, gateway=gateway)
    return networks


def _node(worked: Worked, index: int, name: str, written: WrittenNode, networks: dict[str, Network]) -> Node:
    path = ("nodes", name)
    number = FIRST_NODE + index
    links = {}
    for network in networks.values():
        body = written.links.get(network.name, WrittenLink())
        link_path = (*path, "links", network.name)
        default = host_number(network.cidr, number)
        why = f"host number {number} on {network.name}"
        address = worked.choose((*link_path, "address"), body.address, default, why)
        if body.nic is not None:
            worked.origins[(*link_path, "nic")] = (*link_path, "nic")
        interface = IPv4Interface(f"{address}/{network.cidr.prefixlen}")
        via = _need(worked, (*link_path, "via"), body.via)
        links[network.name] = Link(network=network.name, address=interface, nics=body.nic or (), via=via)
    why = "the partition that the operator has labelled so"
    data = worked.choose((*path, "data"), written.data, "/dev/disk/by-partlabel/quorate-data", why)
    for key in ("rack", "mtbf", "mttr", "cards"):
        if getattr(written, key) is not None:
            worked.origins[(*path, key)] = (*path, key)
    return Node(
        name=name,
        links=links,
        bmc=_bmc(worked, path, number, written.bmc),
        data=data,
        rack=written.rack,
        power=_need(worked, (*path, "power"), written.power),
        needs=_need(worked, (*path, "needs"), written.needs),
        cards=written.cards or {},
        mtbf=written.mtbf,
        mttr=written.mttr,
    )


def _need(worked: Worked, path: Path, written: WrittenNeed | None) -> Need | None:
    """What is written; what isn't declared isn't modelled."""
    if written is None:
        return None
    worked.origins[path] = path
    return written.need


def _waivers(worked: Worked, written: Iterable[WrittenWaiver]) -> tuple[Waiver, ...]:
    waivers = []
    for index, body in enumerate(written):
        path = ("waivers", index)
        finding = worked.need((*path, "finding"), body.finding, "", "Write the finding's code, as `check` prints it.")
        where = worked.need((*path, "where"), body.where, (), "Write the part or parts that it is about.")
        because = worked.need((*path, "because"), body.because, "", "Write why it is borne.")
        until = worked.need((*path, "until"), body.until, date.min, "Write the day after which it is said again.")
        waivers.append(Waiver(finding=finding, where=where, because=because, until=until))
    if waivers:
        worked.origins[("waivers",)] = ("waivers",)
    return tuple(waivers)


def _bmc(worked: Worked, node: Path, number: int, written: WrittenBmc) -> Bmc:
    path = (*node, "bmc")
    why = f"host number {number} on the BMCs' network {BMC_NETWORK}"
    return Bmc(
        ipmi=worked.choose((*path, "ipmi"), written.ipmi, host_number(BMC_NETWORK, number), why),
        user=worked.choose((*path, "user"), written.user, "admin", "the usual first user of a BMC"),
        via=_need(worked, (*path, "via"), written.via),
        power=_need(worked, (*path, "power"), written.power),
    )


def _database(
    worked: Worked, written: WrittenDatabase | None, nodes: list[str], networks: dict[str, Network]
) -> Database | None:
    if written is None:
        return None
    path = ("services", "database")
    on = worked.choose((*path, "on"), written.on, tuple(nodes[:2]), "the first two nodes")
    if len(on) != 2:
        worked.unknown.add((*path, "on"))
        on = ("nobody", "nobody")
    return Database(
        engine=worked.choose((*path, "engine"), written.engine, "mariadb", ONLY_ONE),
        replicated_by=worked.choose((*path, "replicated_by"), written.replicated_by, "drbd", ONLY_ONE),
        on=(on[0], on[1]),
        size=worked.choose((*path, "size"), written.size, 1 << 30, ENOUGH),
        vip=_vip(worked, path, written.vip, DATABASE_VIP, networks),
        port=worked.choose((*path, "port"), written.port, 3306, "MySQL's own port"),
    )


def _vip(
    worked: Worked, service: Path, written: IPv4Address | None, number: int, networks: dict[str, Network]
) -> IPv4Interface:
    """A floating address that stands with its service; by default on the network where the nodes are managed."""
    ssh = next((network for network in networks.values() if Use.SSH in network.uses), None)
    if ssh is None and written is None:
        worked.unknown.add((*service, "vip"))
    why = f"host number {number} on {ssh.name}, the first network for ssh" if ssh else ""
    vip = worked.choose((*service, "vip"), written, host_number(ssh.cidr, number) if ssh else _NO_ONE.ip, why)
    return on_network(vip, networks.values())


def _messaging(
    worked: Worked, written: WrittenMessaging | None, nodes: list[str], networks: dict[str, Network]
) -> Messaging | None:
    if written is None:
        return None
    path = ("services", "messaging")
    engine = worked.choose((*path, "engine"), written.engine, "rabbitmq", ONLY_ONE)
    replicated_by = worked.choose((*path, "replicated_by"), written.replicated_by, "quorum", "no shared part at all")
    port = worked.choose((*path, "port"), written.port, 5671, "AMQP's own port with TLS")
    if replicated_by == "quorum":
        why = "the first three nodes: a majority of them keeps every message"
        on = worked.choose((*path, "on"), written.on, tuple(nodes[:BROKERS]), why)
        return Messaging(engine=engine, replicated_by=replicated_by, on=on, port=port)
    return Messaging(
        engine=engine,
        replicated_by=replicated_by,
        on=worked.choose((*path, "on"), written.on, tuple(nodes[:2]), "the first two nodes"),
        size=worked.choose((*path, "size"), written.size, 1 << 30, ENOUGH),
        vip=_vip(worked, path, written.vip, MESSAGING_VIP, networks),
        port=port,
    )


def _api(worked: Worked, name: str, written: WrittenApi, nodes: list[str]) -> Api:
    path = ("services", name)
    engine = worked.choose((*path, "engine"), written.engine, ENGINES[name], ONLY_ONE)
    if not isinstance(written, WrittenImage):
        return Api(engine=engine, on=worked.choose((*path, "on"), written.on, tuple(nodes), "every node"))
    store = worked.choose((*path, "store"), written.store, Store(kind="drbd"), "needs nothing that isn't here")
    if store.kind != "drbd":
        on = worked.choose((*path, "on"), written.on, tuple(nodes), "every node")
        return Image(engine=engine, on=on, store=store)
    on = worked.choose((*path, "on"), written.on, tuple(nodes[:2]), "the first two nodes")
    size = worked.choose((*path, "size"), written.size, 1 << 30, ENOUGH)
    return Image(engine=engine, on=on, store=store, size=size)


def _objectives(worked: Worked, written: dict[str, WrittenObjective], services: list[str]) -> dict[str, Objective]:
    """One for each service: what is written for it, else under `default`, else our own."""
    objectives = {}
    for service in services:
        own, general = written.get(service, WrittenObjective()), written.get("default", WrittenObjective())
        path = ("objectives", service)
        objectives[service] = Objective(
            downtime=_promise(worked, (*path, "downtime"), own.downtime, general.downtime, timedelta(seconds=30)),
            lost_writes=_promise(worked, (*path, "lost_writes"), own.lost_writes, general.lost_writes, 0),
            per_year=own.per_year or general.per_year,
        )
        if written_for := [name for name, body in ((service, own), ("default", general)) if body.per_year]:
            worked.origins[(*path, "per_year")] = ("objectives", written_for[0], "per_year")
    return objectives


def _promise(worked: Worked, path: Path, own: T | None, general: T | None, default: T) -> T:
    if own is None and general is not None:
        worked.origins[path] = ("objectives", "default", path[-1])
        return general
    return worked.choose(path, own, default, "what every service is held to")
