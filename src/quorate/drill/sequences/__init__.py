"""Many drills: every fault that fits a site (`campaign`), or faults drawn from a seed (`drawing`, `sequencing`).

`replay` holds what was kept of one again, and `shrinking` finds the shortest part of it that still fails.
"""
