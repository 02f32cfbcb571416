"""Corosync: that members hear of each other over more than one way, safely, and in time."""

import ipaddress
from collections import Counter

from quorate.proof.evidence import Corosync, Evidence
from quorate.proof.lint.hosts import files, same_everywhere, spot
from quorate.proof.lint.rule import ERROR, WARNING, Found, Hit, Unseen, on_corosync, on_hosts

OBSOLETE = {
    "rrp_mode": "redundant rings are knet links now",
    "vsftype": "it is gone",
    "secauth": "`crypto_cipher` and `crypto_hash` took its place",
    "threads": "it is gone",
    "compatibility": "it is gone",
    "rrp_problem_count_timeout": "redundant rings are knet links now",
    "rrp_problem_count_threshold": "redundant rings are knet links now",
    "heartbeat_failures_allowed": "it isn't for use",
}
"""Keys of the section totem that Corosync 3 ignores or warns of, corosync.conf(5)."""
AUTHKEY = "/etc/corosync/authkey"
CONF = "/etc/corosync/corosync.conf"


def network_of(address: str, evidence: Evidence) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The network that an address is on: as the hosts say, else a guess of /24 (IPv6: /64). None for a name."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    for host in evidence.hosts.values():
        for text in host.networks or ():
            interface = ipaddress.ip_interface(text)
            if interface.ip == parsed:
                return interface.network
    return ipaddress.ip_network(f"{address}/{24 if parsed.version == 4 else 64}", strict=False)


@on_corosync("single-link", ERROR)
def there_are_two_links(conf: Corosync, _: Evidence) -> Found:
    """Members hear of each other over two links.

    With one, a switch, a cable or a wrong move in a network's configuration divides a cluster of healthy nodes, and
    nodes are fenced that had nothing. A bond doesn't help against its switch pair, a loop or a VLAN that is gone.

    Fix: add `ring1_addr` to every node, on another network with a switch of its own.
    """
    if conf.members and len(conf.links) < 2:
        yield Hit(conf.members[0].spot, "Corosync has one link")


@on_corosync("links-incomplete", ERROR)
def every_node_has_every_link(conf: Corosync, _: Evidence) -> Found:
    """Every node has an address on every link.

    A link that one node lacks is no second way to that node; Corosync refuses such a list for udpu.

    Fix: add the missing `ringN_addr`.
    """
    for member in conf.members:
        if missing := sorted(set(conf.links) - set(member.addresses)):
            yield Hit(member.spot, f"{member.name} has no address on link {', '.join(map(str, missing))}")


@on_corosync("links-one-network", WARNING)
def links_are_on_different_networks(conf: Corosync, evidence: Evidence) -> Found:
    """The links are on different networks.

    Two addresses on one network leave through one interface and one switch: two names for one way.

    Fix: give the second link a network and a switch of its own.
    """
    seen: dict[object, int] = {}
    for link in conf.links:
        networks = {network_of(member.addresses[link], evidence) for member in conf.members if link in member.addresses}
        for network in sorted(networks - {None}, key=str):
            if (other := seen.setdefault(network, link)) != link:
                yield Hit(conf.members[0].spot, f"links {other} and {link} are both on {network}")


@on_corosync("ring-only-on-replication", ERROR)
def the_ring_has_a_way_of_its_own(conf: Corosync, evidence: Evidence) -> Found:
    """The members' only link isn't the replication's.

    One cable then takes the replica and the membership at once: the node that is fenced may be the one with the newer
    data.

    Fix: add a link on another network.
    """
    if len(conf.links) != 1 or not evidence.drbd:
        return
    ring = {network_of(address, evidence) for member in conf.members for address in member.addresses.values()} - {None}
    for resource in evidence.drbd.resources.values():
        addresses = [text.rpartition(":")[0].strip("[]") or text for text in resource.hosts.values()]
        if {network_of(address, evidence) for address in addresses} & ring:
            yield Hit(resource.spot, f"{resource.name} is replicated over the only link that Corosync has")


@on_corosync("obsolete-setting", WARNING)
def nothing_is_obsolete(conf: Corosync, _: Evidence) -> Found:
    """corosync.conf holds nothing that Corosync 3 has dropped.

    What is ignored still looks, to the next reader, as if it protected something.

    Fix: remove it; `corosync.conf(5)` of the installed version has what took its place.
    """
    for key, instead in OBSOLETE.items():
        if key in conf.totem.keys:
            yield Hit(conf.at(conf.totem, key), f"`{key}` is obsolete: {instead}")
    for name in ("service", "amf", "aisexec"):
        for section in conf.root.all(name):
            yield Hit(conf.at(section, name), f"the section `{name}` is obsolete: systemd starts Pacemaker")


@on_corosync("old-transport", WARNING)
def the_transport_is_knet(conf: Corosync, _: Evidence) -> Found:
    """The transport is knet.

    udp and udpu have one link, no encryption of their own since Corosync 3, and are kept for old clusters only.
    Multicast, besides, depends on the switches' IGMP snooping, a classic reason for members that vanish.

    Fix: `transport: knet`, and a node list with `ring0_addr` and `ring1_addr`.
    """
    if conf.transport != "knet":
        yield Hit(conf.at(conf.totem, "transport"), f"the transport is {conf.transport}")
        return
    for interface in conf.totem.all("interface"):
        if "mcastaddr" in interface.keys:
            yield Hit(conf.at(interface, "mcastaddr"), "a multicast address is set")


@on_corosync("unencrypted", ERROR)
def traffic_is_encrypted(conf: Corosync, _: Evidence) -> Found:
    """What members say to each other is encrypted and signed.

    Whoever can send a packet to an open port of a cluster without that is a member: it can fence nodes and, through
    Pacemaker, run commands as root.

    Fix: `crypto_cipher: aes256` and `crypto_hash: sha256`, and a key made with `corosync-keygen` on all nodes.
    """
    old = (conf.totem.get("secauth") or "off").lower() in ("on", "yes")
    weak = {"none", ""}
    for key in ("crypto_cipher", "crypto_hash"):
        if (conf.totem.get(key) or ("aes256" if old else "none")).lower() in weak:
            yield Hit(conf.at(conf.totem, key), f"`{key}` is none")
            return


@on_corosync("token-short", WARNING)
def the_token_is_not_too_short(conf: Corosync, _: Evidence) -> Found:
    """The token's time-out is a second or more.

    A busy node, a snapshot or a firmware's interrupt can hold Corosync up for hundreds of milliseconds; then healthy
    nodes are fenced. Corosync's own 1000 ms were raised to 3000 because of that.

    Fix: `token: 1000` or more, unless the jitter was measured on this very hardware.
    """
    if conf.token < 1:
        yield Hit(conf.at(conf.totem, "token"), f"the token is lost after {conf.token * 1000:.0f} ms")


@on_corosync("consensus-short", ERROR)
def consensus_follows_the_token(conf: Corosync, _: Evidence) -> Found:
    """`consensus` is at least 1.2 times `token`.

    Shorter, the members give up agreeing before all have noticed the loss; below the token, with more than two nodes,
    memberships form and break without end (corosync.conf(5)).

    Fix: remove `consensus`; Corosync works it out.
    """
    if conf.consensus < 1.2 * conf.token - 0.001 and (len(conf.members) != 2 or conf.consensus < 0.05):
        yield Hit(
            conf.at(conf.totem, "consensus"),
            f"consensus is {conf.consensus * 1000:.0f} ms, 1.2 times the token is {1200 * conf.token:.0f} ms",
        )


@on_corosync("no-node-list", ERROR)
def members_are_listed(conf: Corosync, _: Evidence) -> Found:
    """All members stand in a node list, with a name, a number and addresses.

    Without it Corosync doesn't know how many votes there are, and Pacemaker has to guess names from addresses.

    Fix: write `nodelist { node { name: ..., nodeid: ..., ring0_addr: ... } ... }`.
    """
    nodes = [node for each in conf.root.all("nodelist") for node in each.all("node")]
    if not nodes:
        yield Hit(conf.spot, "there is no node list")
    for node in nodes:
        for key in ("name", "nodeid", "ring0_addr"):
            if not node.get(key) and not (key == "ring0_addr" and any(each.startswith("ring") for each in node.keys)):
                yield Hit(conf.at(node, key), f"a node of the list has no `{key}`")


@on_corosync("same-node-twice", ERROR)
def members_are_different(conf: Corosync, _: Evidence) -> Found:
    """No two members share a name, a number or an address.

    They take turns in being the one member, and each is fenced for the other.

    Fix: give each node its own.
    """
    for what, each in (
        ("name", [member.name for member in conf.members]),
        ("nodeid", [member.nodeid for member in conf.members if member.nodeid]),
        ("address", [address for member in conf.members for address in member.addresses.values()]),
    ):
        for value, count in Counter(each).items():
            if count > 1:
                yield Hit(conf.spot, f"the {what} {value} stands {count} times in the node list")


@on_corosync("ring-address-by-name", WARNING)
def addresses_need_no_resolver(conf: Corosync, _: Evidence) -> Found:
    """Members are listed by address.

    A name is looked up when Corosync starts: without the name server, or with another answer, the node stays out.

    Fix: write the addresses.
    """
    for member in conf.members:
        for address in member.addresses.values():
            try:
                ipaddress.ip_address(address)
            except ValueError:
                yield Hit(member.spot, f"{member.name} is listed as `{address[:60]}`, a name")
                break


@on_corosync("members-differ", ERROR)
def pacemaker_has_the_same_nodes(conf: Corosync, evidence: Evidence) -> Found:
    """Corosync and Pacemaker know the same nodes.

    A node that only Pacemaker knows is forever missing, and is fenced when the cluster starts; one that only Corosync
    knows has never joined.

    Fix: remove what is left of the old node (`crm_node --remove`), or start Pacemaker on the new one.
    """
    pacemaker = evidence.pacemaker
    if not conf.members or pacemaker is None or not pacemaker.members:
        return
    listed = {member.name for member in conf.members}
    for name in pacemaker.members:
        if name not in listed:
            yield Hit(pacemaker.nodes[name].spot, f"{name} is a node of Pacemaker's, and not in corosync.conf")
    for member in conf.members:
        if member.name not in pacemaker.nodes:
            yield Hit(member.spot, f"{member.name} is in corosync.conf, and no node of Pacemaker's")


@on_hosts("authkey-mode", ERROR)
def the_key_is_private(evidence: Evidence) -> Found:
    """Corosync's key is readable by root alone.

    Whoever reads it can join the cluster, which is root on every node.

    Fix: `chmod 0400 /etc/corosync/authkey; chown root: /etc/corosync/authkey`.
    """
    for host, file in files(evidence, AUTHKEY):
        if isinstance(file, Unseen):
            yield file
        elif file.mode & 0o077 or file.owner != "root":
            yield Hit(host, f"{AUTHKEY} is {file.mode:04o}, {file.owner}'s")


@on_hosts("authkey-differs", ERROR)
def the_key_is_one(evidence: Evidence) -> Found:
    """Corosync's key is the same on all nodes.

    A node with another key is deaf to the others: it comes back from its next restart as a cluster of one.

    Fix: copy /etc/corosync/authkey from a running member to the others.
    """
    yield from same_everywhere(evidence, AUTHKEY, evidence.nodes)


@on_hosts("corosync-conf-differs", ERROR)
def the_configuration_is_one(evidence: Evidence) -> Found:
    """corosync.conf is the same on all nodes.

    Corosync refuses a member whose list differs, or, worse, doesn't notice until the day of a failure.

    Fix: copy it from a running member, then `corosync-cfgtool -R`.
    """
    yield from same_everywhere(evidence, CONF, evidence.nodes)


@on_hosts("link-down", ERROR)
def all_links_are_up(evidence: Evidence) -> Found:
    """All links between members are up.

    The second link is of use only while it works, and nobody notices when it stops.

    Fix: `corosync-cfgtool -n` says which; look for the cable, the switch, the address.
    """
    for host in evidence.hosts.values():
        if host.links is None:
            yield Unseen(f"Corosync's links on {host.name}")
        for peer, ups in (host.links or {}).items():
            for number, up in enumerate(ups):
                if not up:
                    yield Hit(spot(host, "corosync-cfgtool -n"), f"link {number} to {peer} is down")
