"""Quorate: a highly available OpenStack control plane from one cluster file, and the evidence that it works."""

__version__ = "0.1.0"
