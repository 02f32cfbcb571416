"""Whose word ends a primary's reign: that of a BMC, unless it is known to lie."""

import dataclasses

import pytest

from quorate.cluster.model import Cluster
from quorate.design import Design, work_out
from quorate.drill.audit.audit import Blow, audit
from quorate.drill.audit.fencing import PowerRequest
from quorate.drill.audit.journals import Entry, Journals
from quorate.drill.audit.leftovers import Leftovers
from quorate.drill.targets import Target
from quorate.live.state import Replica, State

PROMOTED = Entry("ctl2", 15.0, "kernel", "drbd database/0 drbd0: role( Secondary -> Primary )")


@dataclasses.dataclass
class Bmcs:
    action: str

    def requests(self, node: str) -> list[PowerRequest]:
        return [PowerRequest(11.0, "10.29.0.130", self.action)] if node == "ctl1" else []


@pytest.fixture
def design(cluster: Cluster) -> Design:
    return work_out(cluster)


@pytest.mark.parametrize(
    ("action", "lying", "two"),
    [
        ("off", False, 0),
        ("on", False, 0),  # a node that has panicked is found off, and only switched on
        ("off", True, 1),
    ],
)
def test_a_request_to_a_bmc_ends_a_reign_unless_it_lies(design: Design, action: str, lying: bool, two: int) -> None:
    before = State(
        nodes={},
        quorate=True,
        dc="ctl3",
        resources=(),
        replicas={"database": {"ctl1": Replica("Primary", "UpToDate", "Connected")}},
        links={},
        fencing={},
        failed_actions=(),
        active={"database": "ctl1"},
    )
    target = Target(("ctl1",), None, ())
    blow = Blow(target, 10.0, {}, ("ctl1",), True, over=30.0, lying=("ctl1",) if lying else ())
    found = audit(blow, before, Journals((PROMOTED,), {}, {}), 40.0, Bmcs(action), Leftovers(), (), {}, design)
    assert len(found.overlaps) == two
