"""Mistakes about addresses, each with the rule that finds it and the cluster that it is planted in."""

from ..known import Change
from .planting import address

MISTAKES: list[tuple[str, str, Change | list[Change]]] = [
    ("address-invalid", "three", address("10.20.0.999")),
    ("address-twice", "three", address("10.20.0.20")),
    ("address-of-node", "three", address("10.20.0.12")),
    ("address-off-network", "three", address("172.16.0.5")),
    ("address-monitor-slow", "three", address("10.20.0.77", monitor="300s")),
]
