"""Who was fenced, through which BMC: the BMCs' own word for it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class PowerRequest:
    """One request to a BMC that changes power."""

    time: float
    """Seconds since the epoch on this machine's clock."""
    client: str
    """The address that it came from."""
    action: str
    """`off`, `on`, `cycle` or `reset`."""


class BmcLog(Protocol):
    """What every node's BMC was asked to do."""

    def requests(self, node: str) -> Sequence[PowerRequest]:
        """All requests so far, the oldest first."""
        ...


def since(log: BmcLog, nodes: Sequence[str], fault: float) -> Mapping[str, tuple[PowerRequest, ...]]:
    """By node, what its BMC was asked since the fault; nodes whose BMC was asked nothing are left out."""
    asked = {node: tuple(request for request in log.requests(node) if request.time >= fault) for node in nodes}
    return {node: requests for node, requests in asked.items() if requests}
