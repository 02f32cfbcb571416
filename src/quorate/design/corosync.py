"""corosync.conf: who is a member, over which links, and how fast a silent node is noticed.

The time budget, in ms, of a node that falls silent:

    0      the last token passes
    1000   `token` is over: the others look for a new ring      (token_coefficient 0: however many nodes)
    2200   `consensus` is over: they agree on a ring without it (at least 1.2 times token, corosync.conf(5))

So Pacemaker hears of it after 2.2 s; Corosync's own defaults (3000 + 650 a node beyond two, times 2.2) need 8 s for
three nodes. Shorter tokens were tried by others and taken back: a busy node that is held up for a second isn't dead.

A link that falls silent is left after `knet_ping_timeout`, half a token, and the token goes over another link in the
other half: a lost network costs no membership.
"""

from quorate.cluster.model import Cluster, Use

PORT = 5405
"""Of link 0; each further link has the next one (seen with Corosync 3.1.9 and knet)."""
TOKEN = 1000
CONSENSUS = TOKEN * 12 // 10
PING_TIMEOUT = TOKEN // 2
PING_INTERVAL = PING_TIMEOUT // 2
MTU_INTERVAL = 5
"""Seconds between two looks at how long a packet may be. With the default of 60 a path that swallows long packets and
lets short ones through, tokens and pings among them, holds the whole cluster up for a minute (seen)."""


def conf(cluster: Cluster) -> str:
    """The whole file, corosync.conf(5) of Corosync 3.1; the same on every node."""
    rings = [network.name for network in cluster.networks_for(Use.RING)]
    interfaces = "".join(_interface(number) for number in range(len(rings)))
    nodes = "".join(
        _node(nodeid, name, [str(node.address_on(ring)) for ring in rings])
        for nodeid, (name, node) in enumerate(cluster.nodes.items(), start=1)
    )
    return f"""\
totem {{
    version: 2
    cluster_name: {cluster.name}
    transport: knet
    crypto_cipher: aes256
    crypto_hash: sha256
    token: {TOKEN}
    token_coefficient: 0
    consensus: {CONSENSUS}
    knet_pmtud_interval: {MTU_INTERVAL}
{interfaces}}}

quorum {{
    provider: corosync_votequorum
}}

nodelist {{
{nodes}}}

logging {{
    to_stderr: no
    to_logfile: no
    to_syslog: yes
}}
"""


def _interface(number: int) -> str:
    return f"""\
    interface {{
        linknumber: {number}
        knet_ping_interval: {PING_INTERVAL}
        knet_ping_timeout: {PING_TIMEOUT}
    }}
"""


def _node(nodeid: int, name: str, addresses: list[str]) -> str:
    links = "".join(f"        ring{number}_addr: {address}\n" for number, address in enumerate(addresses))
    return f"""\
    node {{
        name: {name}
        nodeid: {nodeid}
{links}    }}
"""
