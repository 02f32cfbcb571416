"""Which network interfaces share a card."""

import re

from quorate.cluster.model import Node

_FUNCTION = re.compile(r"(en(?:P\d+)?(?:p\d+)?s\d+)f\d+\w*")
"""Predictable names of one PCI device's functions, `ens1f0` and `ens1f1` (systemd.net-naming-scheme(7))."""


def of(node: Node) -> dict[str, str]:
    """By interface: the card that it shares with another one. As declared, else as the names say."""
    if node.cards:
        return {nic: card for card, nics in node.cards.items() if len(nics) > 1 for nic in nics}
    nics = {nic for link in node.links.values() for nic in link.nics}
    by_card: dict[str, list[str]] = {}
    for nic in nics:
        if match := _FUNCTION.fullmatch(nic):
            by_card.setdefault(match[1], []).append(nic)
    return {nic: card for card, shared in by_card.items() if len(shared) > 1 for nic in shared}
