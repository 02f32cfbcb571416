"""Which service has which probe."""

from collections.abc import Callable, Mapping

from quorate.drill.clients.probe import Place, Probe
from quorate.drill.probes import dashboard, identity, image, messaging, placement, sql

PROBES: Mapping[str, Callable[[Place], Probe]] = {
    "database": sql.Sql,
    "messaging": messaging.Messaging,
    "identity": identity.Identity,
    "image": image.Image,
    "placement": placement.Placement,
    "dashboard": dashboard.Dashboard,
}
"""By the service's name."""
