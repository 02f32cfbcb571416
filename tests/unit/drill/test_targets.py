"""What a person types becomes a node, or a sentence that helps."""

import pytest

from quorate.cluster.model import Cluster
from quorate.design import Design, work_out
from quorate.drill import targets
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
    ("text", "active", "node"),
    [
        ("active:database", "ctl1", "ctl1"),
        ("active:database", "ctl2", "ctl2"),
        ("standby:database", "ctl1", "ctl2"),
        ("standby:database", "ctl2", "ctl1"),
        ("ctl3", "ctl1", "ctl3"),
    ],
)
def test_roles_and_names(design: Design, text: str, active: str, node: str) -> None:
    assert targets.service(text, design) == "database"
    assert targets.node(text, design, state(active)) == node


@pytest.mark.parametrize(
    ("text", "helps"),
    [
        ("active:databse", "did you mean `active:database`?"),
        ("activ:database", "did you mean `active:database`?"),
        ("active:", "choose one of: database"),
        ("ctl", "did you mean `ctl"),
        ("database", "did you mean `active:database`?"),
        ("", "choose one of: ctl1, ctl2, ctl3, active:database, standby:database"),
    ],
)
def test_what_is_no_target(design: Design, text: str, helps: str) -> None:
    with pytest.raises(InputError) as error:
        targets.service(text, design)
    assert helps in error.value.todo
    assert error.value.exit_status == 2


def test_nobody_is_active(design: Design) -> None:
    with pytest.raises(Refused):
        targets.node("active:database", design, state(None))
