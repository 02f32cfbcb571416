#!/usr/bin/python3 -ESs
"""Resource agent `ocf:quorate:links`: which networks a node still reaches, as node attributes for the cluster's rules.

Membership goes on over whatever ring is left, so Pacemaker doesn't see that a node has lost the network of the clients.
Each monitor asks the other nodes on each network by ICMP echo, and sets `link-NETWORK` to 1 if anybody answers, to 0 if
nobody does. The monitor succeeds in both cases: a dead link is no failure of the watcher.

The nodes notice the death of a whole network one after the other. The attributes are dampened (attrd_updater(8),
`--delay`) for longer than that takes: they reach the scheduler together, and between nodes that are alike nothing
moves.
"""

import _socket  # the C module alone: what `socket` adds costs more than all the rest of a monitor
import os
import sys
import time

TYPE_CHECKING = False  # as in `typing`, without its import
if TYPE_CHECKING:
    from quorate.node import ocf
else:
    import ocf  # stands beside this file on a node

NETWORKS = ocf.Parameter(
    "networks",
    "",
    "What is watched, NETWORK:NODE=ADDRESS,NODE=ADDRESS..., with spaces between networks. A node asks the addresses of "
    "the others; a network on which it has none isn't its own",
)
DAMPENING = ocf.Parameter(
    "dampening",
    "5",
    "Seconds without another change before the cluster hears of one: longer than a monitor's round",
    "integer",
)

WAIT = 0.5
"""Seconds for answers to one round of requests."""
ROUNDS = 2
"""One lost packet is no lost link."""
REFRESH = 60
"""Seconds after which attributes are told again without a change: the cluster may have forgotten them."""

ECHO_REPLY, ECHO_REQUEST = 0, 8
SOL_RAW, ICMP_FILTER = 255, 1
"""<linux/icmp.h>; Python doesn't name them."""


def start() -> int:
    """Looks at once, and sets the attributes."""
    tell(look(), {})
    return ocf.SUCCESS


def stop() -> int:
    """Takes the attributes back. Rules don't hold for what isn't there."""
    for network in networks():
        try:
            update(network, "--delete")
        except ocf.Failed as failed:  # they go with the node; a stop that fails would cost it
            ocf.warn(failed.reason)
    if os.path.exists(record()):
        os.unlink(record())
    return ocf.SUCCESS


def monitor() -> int:
    """Looks, and sets what has changed."""
    said = told()
    if said is None:
        return ocf.NOT_RUNNING
    if not said:
        ocf.remind()
    tell(look(), said)
    return ocf.SUCCESS


def validate() -> int:
    """Whether the parameters can be right, and requests can be sent."""
    DAMPENING.seconds  # noqa: B018
    if not NETWORKS.value.split():
        raise ocf.Failed("networks: there must be one", ocf.ERR_CONFIGURED)
    networks()
    opened().close()
    return ocf.SUCCESS


def networks() -> "dict[str, list[str]]":
    """By network that this node is on: the addresses of the other nodes."""
    # Pacemaker's own name for the node that an action is run on.
    here = os.environ.get("OCF_RESKEY_CRM_meta_on_node") or os.uname().nodename  # noqa: SIM112
    found = {}
    for word in NETWORKS.value.split():
        network, _, rest = word.partition(":")
        nodes = dict(pair.partition("=")[::2] for pair in rest.split(","))
        if not network or not all(name and is_address(address) for name, address in nodes.items()):
            raise ocf.Failed(f"networks: {word!r} is not NETWORK:NODE=ADDRESS,...", ocf.ERR_CONFIGURED)
        if nodes.pop(here, None) is not None:
            if not nodes:
                raise ocf.Failed(f"networks: on {network} there is nobody to ask", ocf.ERR_CONFIGURED)
            found[network] = list(nodes.values())
    return found


def is_address(word: str) -> bool:
    """An IPv4 address: a monitor waits for no name server."""
    numbers = word.split(".")
    return len(numbers) == 4 and all(number.isdigit() and int(number) < 256 for number in numbers)


def look() -> "dict[str, str]":
    """By network: 1 if anybody answers there, else 0. As fast as the first answer of each, if there are any."""
    asked = networks()
    silent = set(asked)
    # Answers to somebody else's requests come to this socket as well.
    identity = (os.getpid() & 0xFFFF).to_bytes(2, "big")
    token = os.urandom(8)
    requests = opened()
    try:
        for number in range(ROUNDS):
            for network in silent:
                for address in asked[network]:
                    send(requests, address, echo(ECHO_REQUEST, identity, number, token))
            deadline = time.monotonic() + WAIT
            while silent and (left := deadline - time.monotonic()) > 0:
                address, answer = receive(requests, left)
                if answer in [echo(ECHO_REPLY, identity, before, token) for before in range(number + 1)]:
                    silent = {network for network in silent if address not in asked[network]}
    finally:
        requests.close()
    return {network: "0" if network in silent else "1" for network in asked}


def opened() -> _socket.socket:
    """A socket for requests, and for nothing but answers to them."""
    try:
        requests = _socket.socket(_socket.AF_INET, _socket.SOCK_RAW, _socket.IPPROTO_ICMP)
    except PermissionError:
        raise ocf.Failed("only root may send ICMP", ocf.ERR_INSTALLED) from None
    requests.setsockopt(SOL_RAW, ICMP_FILTER, (0xFFFFFFFF & ~(1 << ECHO_REPLY)).to_bytes(4, sys.byteorder))
    # To neighbours alone: an answer that came by a router, from another network, would prove nothing.
    requests.setsockopt(_socket.SOL_SOCKET, _socket.SO_DONTROUTE, 1)
    return requests


def send(requests: _socket.socket, address: str, packet: bytes) -> None:
    """Sends one request. That it can't be sent, for want of a route or a carrier, is silence, too."""
    try:  # noqa: SIM105  what `contextlib` imports costs more than all of a monitor
        requests.sendto(packet, (address, 0))
    except OSError:
        pass


def receive(requests: _socket.socket, patience: float) -> "tuple[str, bytes]":
    """The next answer, and whose it is; empty if there is none in so many seconds."""
    # struct timeval; zero would be no limit at all.
    limit = max(int(patience * 1_000_000), 1)
    timeval = (limit // 1_000_000).to_bytes(8, sys.byteorder) + (limit % 1_000_000).to_bytes(8, sys.byteorder)
    requests.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, timeval)
    try:
        packet, (address, _) = requests.recvfrom(256)
    except OSError:
        return "", b""
    return address, packet[(packet[0] & 0x0F) * 4 :]


def echo(kind: int, identity: bytes, number: int, token: bytes) -> bytes:
    """An echo message (RFC 792) with its checksum (RFC 1071)."""
    rest = identity + number.to_bytes(2, "big") + token
    words = [int.from_bytes(rest[at : at + 2], "big") for at in range(0, len(rest), 2)]
    total = sum(words, kind << 8)
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return bytes([kind, 0]) + (~total & 0xFFFF).to_bytes(2, "big") + rest


def tell(found: "dict[str, str]", said: "dict[str, str]") -> None:
    """Sets the attributes that are not what was said last, and writes down what is said now."""
    changed = {network: value for network, value in found.items() if said.get(network) != value}
    for network, value in changed.items():
        if said and value == "0":
            ocf.warn(f"nobody answers on {network}")
        update(network, f"--update={value}", f"--delay={DAMPENING.seconds}s")
    if changed:
        folder, name = os.path.split(record())
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/.{name}", "w") as file:
            file.write("".join(f"{network}={value}\n" for network, value in found.items()))
        os.replace(f"{folder}/.{name}", record())


def told() -> "dict[str, str] | None":
    """What was said last, nothing if that is long ago; None: the watcher isn't started."""
    try:
        with open(record()) as file:
            lines = file.read().splitlines()
            old = abs(time.time() - os.fstat(file.fileno()).st_mtime) > REFRESH
    except FileNotFoundError:
        return None
    return {} if old else dict(line.partition("=")[::2] for line in lines)


def record() -> str:
    """The file with what was said last. It goes with a reboot, as the attributes do."""
    folder = os.environ.get("HA_RSCTMP", "/run/resource-agents")
    return f"{folder}/quorate-links-{os.environ.get('OCF_RESOURCE_INSTANCE', 'links').replace(':', '-')}"


def update(network: str, *words: str) -> None:
    """Runs attrd_updater for this node."""
    status = os.spawnlp(os.P_WAIT, "attrd_updater", "attrd_updater", f"--name=link-{network}", *words)
    if status == 127:
        raise ocf.Failed("there is no attrd_updater on this host", ocf.ERR_INSTALLED)
    if status != 0:
        raise ocf.Failed(f"attrd_updater can't set link-{network}: status {status}")


if __name__ == "__main__":
    ocf.run(
        "links",
        "Which networks a node still reaches, as node attributes\n"
        "Asks the other nodes on each network by ICMP echo, and sets link-NETWORK to 1 if anybody answers, to 0 if "
        "nobody does. Rules on these attributes move what clients can't reach any more. A dead link is no failure of "
        "this resource.",
        [NETWORKS, DAMPENING],
        [
            ocf.Action("start", start, timeout=20),
            ocf.Action("stop", stop, timeout=20),
            ocf.Action("monitor", monitor, timeout=20, interval=2),
            ocf.Action("validate-all", validate, timeout=10),
        ],
    )
