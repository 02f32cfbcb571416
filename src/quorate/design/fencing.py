"""Fencing: one BMC a node, used by the others. The password stands in a file on the fencing hosts and nowhere else.

`fence_ipmilan` would put it into ipmitool's arguments, where every process of the host can read it. So the agent is
given no password and our `ipmitool`, which takes it from a file (`quorate/node/ipmitool.sh`).
"""

from quorate import node
from quorate.cluster.model import Cluster, Node
from quorate.services.parts import File, Location, Operation, Part, Primitive, Secret

IPMITOOL = "/usr/lib/quorate/ipmitool"
PASSWORDS = "/etc/quorate/bmc"


def secret(node: str) -> str:
    """The name of a BMC's password among the secrets."""
    return f"bmc-{node}"


def fencing(cluster: Cluster) -> Part:
    """A device for each node, and on every host the passwords of the others."""
    return Part(
        packages=dict.fromkeys(cluster.nodes, ("fence-agents-ipmilan", "ipmitool")),
        files={name: _files(name, cluster) for name in cluster.nodes},
        resources=tuple(_device(target) for target in cluster.nodes.values()),
        constraints=tuple(
            # A node that hangs can't fence itself, and one that could needn't.
            Location(f"{_id(name)}-not-on-{name}", _id(name), name, "-INFINITY")
            for name in cluster.nodes
        ),
    )


def _id(target: str) -> str:
    return f"fence-{target}"


def _device(target: Node) -> Primitive:
    return Primitive(
        _id(target.name),
        "stonith:fence_ipmilan",
        parameters={
            "pcmk_host_list": target.name,
            "ip": str(target.bmc.ipmi),
            "username": target.bmc.user,
            "lanplus": "1",
            # `cycle` may report success before the node is off, says the agent.
            "method": "onoff",
            "ipmitool_path": IPMITOOL,
            # Sleeps nothing after a command: what counts is the power status, which the agent waits for.
            "power_wait": "0",
            # Off and on, each looked for so many times, a second apart. A node whose power supply is dead never comes
            # on; the agent reports success then, too, but not before this is over. Under Pacemaker it looks without
            # end unless told otherwise (fencing.py, `--disable-timeout`), and is ended by the time-out below, each
            # time anew: the dead node was never taken for fenced (seen in the lab).
            "disable_timeout": "false",
            "power_timeout": "5",
            "pcmk_reboot_timeout": "40",
            "pcmk_off_timeout": "30",
            "pcmk_monitor_timeout": "30",
            "pcmk_status_timeout": "20",
        },
        operations=(Operation("start", timeout=30), Operation("monitor", timeout=30, interval=60)),
        # A BMC that is away for longer than a start takes stops its device on all nodes, and a stopped device fences
        # nobody. So it is tried again soon after, not in the five minutes that other resources are given (in the lab).
        meta={"failure-timeout": "40s"},
    )


def _files(host: str, cluster: Cluster) -> tuple[File, ...]:
    passwords = tuple(
        File(f"{PASSWORDS}/{other.bmc.ipmi}", (Secret(secret(other.name)), "\n"), mode=0o600)
        for other in cluster.nodes.values()
        if other.name != host
    )
    return (File(IPMITOOL, (node.source("ipmitool.sh"),), mode=0o755), *passwords)
