#!/usr/bin/python3 -ESs
"""Loads the node's firewall: nftables, or where the kernel has none for IP, the same rules at the network cards.

Debian's kernels for User Mode Linux are built without nf_tables' IP families (CONFIG_NF_TABLES_INET). They do have
traffic control (tc-flower(8)), which drops a packet before IP sees it. It is the second choice: cards that come later
aren't covered, and a reload opens the ports for some milliseconds.

Both files are written by `quorate apply` (`quorate.design.firewall`).
"""

import os
import subprocess
import sys

NFT, TC = "/usr/sbin/nft", "/usr/sbin/tc"
RULES, FILTERS = "/etc/quorate/firewall.nft", "/etc/quorate/firewall.tc"
BLOCK = "47"
"""The filters' number, which all cards share (tc(8), "ingress_block"); `firewall.tc` has the same."""


def main() -> int:
    """Loads it; the exit status of what failed."""
    loaded = subprocess.run([NFT, "--file", RULES], capture_output=True, text=True)
    if loaded.returncode == 0:
        return 0
    # Is it the rules, or does this kernel know no such table at all?
    if subprocess.run([NFT, "--check", "add table inet quorate"], capture_output=True).returncode == 0:
        sys.stderr.write(loaded.stderr)
        return loaded.returncode
    print("this kernel has no nf_tables for IP: filtering at the network cards instead")
    for card in cards():
        # Away with the one that is there: it would be kept, with its old filters, when another is added.
        subprocess.run([TC, "qdisc", "delete", "dev", card, "clsact"], capture_output=True)
        added = subprocess.run([TC, "qdisc", "add", "dev", card, "ingress_block", BLOCK, "clsact"])
        if added.returncode:
            return added.returncode
    return subprocess.run([TC, "-batch", FILTERS]).returncode


def cards() -> list[str]:
    """The network interfaces that stand for a device, real or virtual; not lo, nor what is made of others."""
    return sorted(name for name in os.listdir("/sys/class/net") if os.path.exists(f"/sys/class/net/{name}/device"))


if __name__ == "__main__":
    sys.exit(main())
