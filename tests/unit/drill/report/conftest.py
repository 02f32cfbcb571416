"""Reports of real drills, and made-up ones."""

from pathlib import Path

import pytest

from quorate.drill.report import reading
from quorate.drill.report.model import Report, Result

DRILLS = Path(__file__).parent / "drills"
SCHEMA_2 = Path(__file__).parent / "schema-2"


@pytest.fixture(scope="session")
def real() -> list[Report]:
    """Four real drills, the oldest first: a kill, a power loss, a freeze that was broken, a power loss again."""
    return list(reading.find([DRILLS]).reports)


@pytest.fixture
def unheld() -> list[Report]:
    """Two made-up ones that were not held."""
    made_up = Report(
        run="made-up-1", result=Result.REFUSED, why="the cluster is degraded", kept=False, fault="kill", on="ctl1:x"
    )
    return [made_up, made_up.model_copy(update={"run": "made-up-2", "result": Result.STOPPED, "on": "ctl2:x"})]


def changed(report: Report, service: str, seconds: float, precision: float = 0.1, **fields: object) -> Report:
    """A made-up report: a real one with another downtime of one service, and other fields of it."""
    part = report.services[service]
    outage = part.clients.outage
    assert outage
    gap = outage.gap.model_copy(update={"seconds": seconds})
    outage = outage.model_copy(update={"gap": gap, "precision": precision})
    clients = part.clients.model_copy(update={"outage": outage})
    part = part.model_copy(update={"clients": clients, **fields})
    return report.model_copy(update={"run": "made-up", "services": {**report.services, service: part}})
