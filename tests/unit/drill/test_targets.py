"""What a person types becomes a node, or a sentence that helps."""

import pytest

from quorate.cluster.model import Cluster
from quorate.design import Design, work_out
from quorate.drill import targets
from quorate.drill.faults import KILL, POWER_LOSS, Tools
from quorate.errors import InputError, Refused
from quorate.live.state import State


@pytest.fixture
def design(cluster: Cluster) -> Design:
    return work_out(cluster)


def state(active: str | None) -> State:
    return State(
        nodes={},
        quorate=True,
        dc="ctl3",
        resources=(),
        replicas={},
        links={},
        fencing={},
        failed_actions=(),
        active={"database": active},
    )


@pytest.mark.parametrize(
    ("text", "active", "nodes"),
    [
        ("active:database", "ctl1", ["ctl1"]),
        ("active:database", "ctl2", ["ctl2"]),
        ("standby:database", "ctl1", ["ctl2"]),
        ("standby:database", "ctl2", ["ctl1"]),
        ("ctl3", "ctl1", ["ctl3"]),
        ("ctl3,ctl1", "ctl1", ["ctl3", "ctl1"]),
        ("all", "ctl1", ["ctl1", "ctl2", "ctl3"]),
        ("ctl2:database", "ctl1", ["ctl2"]),
    ],
)
def test_roles_and_names(design: Design, text: str, active: str, nodes: list[str]) -> None:
    target = targets.resolve(targets.parse(text, design), design, state(active))
    assert list(target.nodes) == nodes
    assert target.units == (("mariadb.service",) if ":" in text else ())
    assert target.resources == (("database-mariadb",) if ":" in text else ())


def test_a_unit_on_a_node(design: Design) -> None:
    target = targets.resolve(targets.parse("ctl3:corosync.service", design), design, state("ctl1"))
    assert (target.nodes, target.units, target.resources) == (("ctl3",), ("corosync.service",), ())


def test_a_service_has_no_processes_where_it_is_not(design: Design) -> None:
    target = targets.resolve(targets.parse("ctl3:database", design), design, state("ctl1"))
    with pytest.raises(Refused, match="no processes of its own on ctl3"):
        KILL.check(target, Tools())


def test_a_service_fault_wants_a_service(design: Design) -> None:
    with pytest.raises(InputError, match="kill is done to a service on a node"):
        KILL.check_aim(targets.parse("ctl3", design))
    POWER_LOSS.check_aim(targets.parse("ctl3", design))


@pytest.mark.parametrize(
    ("text", "helps"),
    [
        ("active:databse", "did you mean `active:database`?"),
        ("activ:database", "did you mean `active:database`?"),
        ("active:", "choose one of: database"),
        ("ctl", "did you mean `ctl"),
        ("database", "did you mean `active:database`?"),
        ("", "choose one of: ctl1, ctl2, ctl3, active:database, standby:database, all"),
    ],
)
def test_what_is_no_target(design: Design, text: str, helps: str) -> None:
    with pytest.raises(InputError) as error:
        targets.parse(text, design)
    assert helps in error.value.todo
    assert error.value.exit_status == 2


def test_nobody_is_active(design: Design) -> None:
    with pytest.raises(Refused):
        targets.resolve(targets.parse("active:database", design), design, state(None))
