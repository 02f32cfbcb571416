"""The time budget: each part from where it says, and what a change of a setting does to the sum."""

from pathlib import Path

import pytest

from quorate.cluster.loading import load
from quorate.cluster.model import Cluster
from quorate.design import work_out
from quorate.proof.budget import Budget, balancer_delay, budgets, with_others
from quorate.proof.evidence import Documents, designed, read
from quorate.proof.services import of_design

from .known import changed, cib, conf, more, three


def all_budgets(documents: Documents, cluster: Cluster, objective: float | None = 30) -> tuple[Budget, ...]:
    evidence = read(documents)
    assert evidence.pacemaker
    (service,) = of_design(work_out(cluster), evidence.pacemaker)
    return budgets(evidence, service, objective)


def budget(documents: Documents, cluster: Cluster, failure: str = "node", objective: float | None = 30) -> Budget:
    return next(each for each in all_budgets(documents, cluster, objective) if each.failure == failure)


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
    assert [part.limit for part in found.parts[2:]] == [40, 90, 60, 120]


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


def test_a_single_broker_that_has_to_boot_is_no_matter_of_seconds() -> None:
    """What drills of one on DRBD showed: 57 s after a kill, 80 s after a power loss (docs/drills.md)."""
    services = "{database: , messaging: {replicated_by: drbd}}"
    cluster = load(f"cluster: one\nnodes: [a, b, c]\nservices: {services}\n".encode(), "one.yaml")
    design = work_out(cluster)
    evidence = read(designed.documents(design, cluster))
    assert evidence.pacemaker
    (messaging,) = [each for each in of_design(design, evidence.pacemaker) if each.name == "messaging"]
    found = {each.failure: each for each in budgets(evidence, messaging, 30)}
    assert 50 < found["process"].expected < 80
    assert not found["process"].is_kept
    assert not found["node"].is_kept


def test_a_balancer_does_not_help_where_one_server_alone_has_the_volume() -> None:
    """Drills of the death of Glance's process showed 22.9 and 24.7 s (docs/measured.md)."""
    file = Path(__file__).parents[3] / "examples/lab.yaml"
    text = file.read_text()
    shared = text.replace("image: #", "image: {store: {nfs: {export: 'nas:/images'}}} #")
    expected = {}
    for name, each in (("one", text), ("all", shared)):
        cluster = load(each.encode(), file.name)
        design = work_out(cluster)
        evidence = read(designed.documents(design, cluster))
        assert evidence.pacemaker
        (image,) = [service for service in of_design(design, evidence.pacemaker) if service.name == "image"]
        (process,) = [found for found in budgets(evidence, image, 60) if found.failure == "process"]
        expected[name] = process.expected
    assert 20 < expected["one"] < 26
    assert expected["all"] == 2.5


def test_a_link_that_is_lost_is_noticed_late_and_nobody_is_fenced(cluster: Cluster) -> None:
    found = budget(three(cluster), cluster, "link")
    assert [(part.name, part.seconds) for part in found.parts[:3]] == [
        ("the watcher of links looks again", 2),
        ("nobody answers it", 1),
        ("all nodes' watchers are waited for", 5),
    ]
    assert [part.name for part in found.parts[3:]] == [
        *("database-mariadb is stopped", "database-filesystem is unmounted", "database-drbd is demoted"),
        *("database-drbd is promoted", "database-filesystem is mounted", "database-mariadb starts"),
    ]
    assert found.is_kept
    damped = changed(three(cluster), cib('name="dampening" value="5"', 'name="dampening" value="20"'))
    assert not budget(damped, cluster, "link").is_kept
    assert "watchers are waited for" in budget(damped, cluster, "link").cheapest()


def test_a_link_that_nobody_watches_has_no_time(cluster: Cluster) -> None:
    deaf = changed(three(cluster), cib('type="links"', 'type="other"'))
    assert {each.failure for each in all_budgets(deaf, cluster)} == {"node", "process"}
    unruled = changed(three(cluster), cib('attribute="link-management"', 'attribute="other"'))
    assert {each.failure for each in all_budgets(unruled, cluster)} == {"node", "process"}


def test_what_stands_on_another_service_is_gone_as_long_when_a_link_is_lost() -> None:
    cluster = load((Path(__file__).parents[3] / "examples/lab.yaml").read_bytes(), "lab.yaml")
    evidence = read(designed.documents(work_out(cluster), cluster))
    assert evidence.pacemaker
    services = of_design(work_out(cluster), evidence.pacemaker)
    own = [each for service in services for each in budgets(evidence, service, 60)]
    found = {(each.service, each.failure): each for each in with_others(own, services)}
    assert found["identity", "link"].expected == found["database", "link"].expected
    assert "database" in found["identity", "link"].parts[0].name
    assert found["database", "link"].expected > found["database", "node"].expected


def test_fencing_by_disk_or_watchdog_takes_its_own_time(cluster: Cluster) -> None:
    by_disk = more("resources", '<primitive id="sbd" class="stonith" type="external/sbd"/>')
    anchor = '<nvpair id="quorate-stonith-action"'
    waiting = cib(anchor, f'<nvpair id="waiting" name="stonith-watchdog-timeout" value="11s"/>{anchor}')
    for change, name, expected in ((by_disk, "msgwait", 10.0), (waiting, "watchdog", 11.0)):
        found = budget(changed(three(cluster), change), cluster)
        (part,) = [part for part in found.parts if name in part.name]
        assert part.seconds == expected
        assert "fencing" not in {part.name for part in found.parts}


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
