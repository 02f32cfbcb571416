"""Real nodes on this machine: User Mode Linux kernels with links, disks, a power switch and a BMC each.

Nothing outside this package knows that a node is not real: it is reached by SSH, and fenced by IPMI.

    spec      what the lab shall be: plain data
    image     the root file system that all machines start from (cached)
    kernel    a User Mode Linux kernel that starts on this host (cached)
    network   a network namespace with a bridge a network and a tap a link
    machine   one node: start, power off, console
    seed      what makes a machine this one and no other: name, addresses, keys
    bmc       one IPMI power switch, a process of its own
    lab       the whole: up, down, status, and what of it is broken
"""

from quorate.lab.lab import Lab, MachineStatus
from quorate.lab.spec import BmcSpec, DamageSpec, DropSpec, LabSpec, LinkSpec, MachineSpec, NetworkSpec

__all__ = [
    "BmcSpec",
    "DamageSpec",
    "DropSpec",
    "Lab",
    "LabSpec",
    "LinkSpec",
    "MachineSpec",
    "MachineStatus",
    "NetworkSpec",
]
