"""Every operation of a probe as columns of numbers, and figures that are drawn from a record. Pure."""

from collections import Counter

from quorate.drill.clients.outage import Clients
from quorate.drill.clients.record import Outcome, Record, Write
from quorate.drill.report.model import Operations

LETTERS = {Outcome.ACKNOWLEDGED: "a", Outcome.REFUSED: "r", Outcome.UNKNOWN: "u"}
MOST_REASONS = 20


def columns(record: Record, fault: float) -> Operations:
    """Every operation of a record, its times counted from the fault."""
    writes = sorted(record.writes, key=lambda write: write.number)
    reasons = Counter(write.detail for write in writes if not write.served and write.detail)
    return Operations(
        due=[round((write.due - fault) * 1e6) for write in writes],
        latency=[max(0, round(write.latency * 1e6)) for write in writes],
        outcome="".join(map(_letter, writes)),
        reasons=dict(reasons.most_common(MOST_REASONS)),
    )


def time_to_repair(clients: Clients, fault: float) -> float | None:
    """Seconds from the fault, or from the last answer if that came later, to the first answer after the downtime."""
    if clients.outage is None or clients.outage.gap.end is None:
        return None
    return clients.outage.gap.end - max(fault, clients.outage.gap.start)


def _letter(write: Write) -> str:
    if write.outcome is Outcome.ACKNOWLEDGED and not write.served:
        return "f"
    return LETTERS[write.outcome]
