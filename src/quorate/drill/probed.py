"""Which service has which probe."""

from collections.abc import Callable, Mapping

from quorate.drill.probe import Place, Probe
from quorate.drill.probes import identity, image, messaging, sql

PROBES: Mapping[str, Callable[[Place], Probe]] = {
    "database": sql.Sql,
    "messaging": messaging.Messaging,
    "identity": identity.Identity,
    "image": image.Image,
}
"""By the service's name."""
