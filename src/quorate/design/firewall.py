"""The firewall: a table of our own in nftables that closes the cluster's ports to everybody else.

It is made of the listeners that the services declare. What it doesn't know stays as it is: its policy is to accept, it
has no rule but for our own addresses and ports, and other tables keep their say (a packet has to pass all of them,
nft(8), "Chains"). A port is closed by dropping, so that a scan of a network learns nothing.

No connection tracking: it would cost memory on nodes that pass on every client's request, and a reload has nothing to
forget. It isn't needed, because our ports are all below those that Linux gives to outgoing connections (32768 to
60999), so that no answer to a node's own request can go to one of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address

from quorate import node
from quorate.cluster.model import Cluster, Network, Node
from quorate.services.parts import File, Listener, Part, Reach, Unit

UNIT = "quorate-firewall.service"
PROGRAM = "/usr/lib/quorate/firewall"
RULES = "/etc/quorate/firewall.nft"
FILTERS = "/etc/quorate/firewall.tc"
BLOCK = 47
"""As in `quorate.node.firewall`."""
ANYWHERE = "0.0.0.0"  # noqa: S104  as a listener says it


def firewall(cluster: Cluster, listeners: Mapping[str, tuple[Listener, ...]]) -> Part:
    """The table, and the unit that loads it at boot, on every host."""
    return Part(
        packages=dict.fromkeys(cluster.nodes, ("nftables", "iproute2")),
        files={
            host: (
                File(PROGRAM, (node.source("firewall"),), mode=0o755, restarts=(UNIT,)),
                File(RULES, (rules(cluster, listeners.get(host, ())),), restarts=(UNIT,)),
                File(FILTERS, (filters(cluster, listeners.get(host, ())),), restarts=(UNIT,)),
                File(f"/etc/systemd/system/{UNIT}", (SERVICE,), restarts=(UNIT,)),
                File("/etc/systemd/system/nftables.service.d/quorate.conf", (BESIDE_DEBIANS,)),
            )
            for host in cluster.nodes
        },
        units=dict.fromkeys(cluster.nodes, (Unit(UNIT, enabled=True),)),
    )


def rules(cluster: Cluster, listeners: Iterable[Listener]) -> str:
    """One host's table, for `nft -f`: loading it replaces the one that is there, in one step (nft(8), "Atomicity")."""
    lines = "".join(f"        {line}\n" for closed in _closed(cluster, listeners) for line in _rules(*closed))
    return f"""\
# Closes the cluster's own ports to everybody else, and touches nothing besides.
table inet quorate
delete table inet quorate

table inet quorate {{
    chain input {{
        type filter hook input priority filter; policy accept;
        iif lo accept
{lines}    }}
}}
"""


def filters(cluster: Cluster, listeners: Iterable[Listener]) -> str:
    """The same for `tc -batch`, on kernels without nf_tables for IP (`quorate.node.firewall`, tc-flower(8))."""
    return "".join(f"{line}\n" for closed in _closed(cluster, listeners) for line in _filters(*closed))


Closed = tuple[str, str, tuple[str, ...], tuple[int, ...]]
"""Protocol, address, the sources that may come in, and the ports."""


def _closed(cluster: Cluster, listeners: Iterable[Listener]) -> list[Closed]:
    closed: dict[tuple[str, str, tuple[str, ...]], set[int]] = {}
    for listener in listeners:
        if listener.reach is not Reach.CLIENTS and not IPv4Address(listener.address).is_loopback:
            key = (listener.protocol, listener.address, tuple(_allowed(listener, cluster)))
            closed.setdefault(key, set()).add(listener.port)
    return [(*key, tuple(sorted(ports))) for key, ports in sorted(closed.items())]


def _filters(protocol: str, address: str, allowed: tuple[str, ...], ports: tuple[int, ...]) -> Iterator[str]:
    to = "" if address == ANYWHERE else f" dst_ip {address}"
    for port in ports:
        which = f"ip_proto {protocol}{to} dst_port {port}"
        for source in allowed:
            yield f"filter add block {BLOCK} protocol ip pref 10 flower {which} src_ip {source} action pass"
        yield f"filter add block {BLOCK} protocol ip pref 20 flower {which} action drop"
        if not to:
            yield f"filter add block {BLOCK} protocol ipv6 pref 30 flower {which} action drop"


def _rules(protocol: str, address: str, allowed: tuple[str, ...], ports: tuple[int, ...]) -> Iterator[str]:
    to = "" if address == ANYWHERE else f"ip daddr {address} "
    sources = f"ip saddr != {{ {', '.join(allowed)} }} " if allowed else ""
    which = f"{protocol} dport {{ {', '.join(map(str, ports))} }}"
    yield f"{to}{sources}{which} counter drop"
    if not to and allowed:
        # Such a rule speaks of IPv4 alone; the socket may take IPv6, by which the nodes don't speak to each other.
        yield f"meta nfproto ipv6 {which} counter drop"


def _allowed(listener: Listener, cluster: Cluster) -> Iterator[str]:
    """Who may come in, as addresses or networks."""
    for network in _networks(listener.address, cluster):
        match listener.reach:
            case Reach.CLUSTER:
                yield from (str(each.address_on(network.name)) for each in _linked(network, cluster))
            case Reach.NETWORK:
                yield str(network.cidr)


def _networks(address: str, cluster: Cluster) -> Iterator[Network]:
    """The networks over which an address is reached."""
    for network in cluster.networks.values():
        if address == ANYWHERE or IPv4Address(address) in network.cidr:
            yield network


def _linked(network: Network, cluster: Cluster) -> Iterator[Node]:
    return (each for each in cluster.nodes.values() if network.name in each.links)


SERVICE = f"""\
[Unit]
Description=Closes the ports of Quorate's cluster to other hosts
Documentation=man:nft(8)
DefaultDependencies=no
# Before any address is there.
Wants=network-pre.target
Before=network-pre.target shutdown.target
After=nftables.service
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={PROGRAM}
ExecReload={PROGRAM}
# Nothing at its stop: a restart would leave the ports open for a moment. To open them: nft delete table inet quorate

[Install]
WantedBy=sysinit.target
"""

BESIDE_DEBIANS = f"""\
# Debian's own firewall begins and ends with `flush ruleset`, which takes all tables: ours is put back at once.
[Service]
ExecStartPost={PROGRAM}
ExecReload={PROGRAM}
ExecStopPost={PROGRAM}
"""
