"""Lint: rules over the evidence. Each rule is a small function; docs/findings.md is made of their docstrings.

rule         what a rule is
fencing      quorum      corosync      resources      constraints      drbd      timeouts
addresses    services    hosts         certificates
reference    docs/findings.md
"""
