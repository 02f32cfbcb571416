"""The time budget: each part from where it says, and what a change of a setting does to the sum."""

import pytest

from quorate.cluster.model import Cluster
from quorate.design import work_out
from quorate.proof.budget import Budget, balancer_delay, budgets
from quorate.proof.evidence import Documents, read
from quorate.proof.services import of_design

from .known import changed, cib, conf, three


def budget(documents: Documents, cluster: Cluster, failure: str = "node", objective: float | None = 30) -> Budget:
    evidence = read(documents)
    assert evidence.pacemaker
    (service,) = of_design(work_out(cluster), evidence.pacemaker)
    return next(each for each in budgets(evidence, service, objective) if each.failure == failure)


def test_a_node_that_dies(cluster: Cluster) -> None:
    found = budget(three(cluster), cluster)
    assert [part.name for part in found.parts] == [
        *("the token is lost", "the others agree (consensus)", "fencing"),
        *("database-drbd is promoted", "database-filesystem is mounted", "database-mariadb starts"),
    ]
    assert [part.seconds for part in found.parts[:2]] == [1.0, 1.2]
    assert all("docs/drills.md" in part.source for part in found.parts[2:])
    assert found.is_kept
    # What ten drills measured, 9.2 to 12.2 s (docs/drills.md).
    assert 9.2 <= found.expected <= 12.2
    assert [part.limit for part in found.parts[2:]] == [30, 90, 60, 120]


def test_the_settings_of_2013(cluster: Cluster) -> None:
    documents = changed(three(cluster), conf("token: 1000", "token: 10000"), conf("    consensus: 1200\n", ""))
    found = budget(documents, cluster)
    assert found.expected == pytest.approx(budget(three(cluster), cluster).expected + 22 - 2.2)
    assert not found.is_kept
    assert "the others agree" in found.cheapest()
    assert budget(documents, cluster, objective=None).is_kept


def test_a_process_that_dies(cluster: Cluster) -> None:
    found = budget(three(cluster), cluster, "process")
    assert (found.parts[0].seconds, found.parts[0].limit) == (5, 20)
    slow = changed(three(cluster), cib('name="monitor" interval="5s"', 'name="monitor" interval="40s"'))
    assert not budget(slow, cluster, "process").is_kept


def test_a_delay_counts(cluster: Cluster) -> None:
    anchor = '<instance_attributes id="fence-ctl1-parameters">'
    delayed = changed(three(cluster), cib(anchor, anchor + '<nvpair id="d" name="pcmk_delay_base" value="15s"/>'))
    assert budget(delayed, cluster).expected == pytest.approx(budget(three(cluster), cluster).expected + 15)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("server a 1.2.3.4:80 check inter 2s fall 3", 6.0),
        ("server a 1.2.3.4:80 check inter 2000 fastinter 500ms fall 2", 2.5),
        ("server a 1.2.3.4:80 check", 6.0),
        ("server a 1.2.3.4:80", 0.0),
    ],
)
def test_a_balancer_notices(text: str, expected: float) -> None:
    assert balancer_delay(text) == expected
