"""What each step sees: in a settled view nothing differs; each single deviation is found by the step that mends it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from quorate.converge import marks, obstacles
from quorate.converge.plan import asks, differing
from quorate.converge.step import Phase
from quorate.hosts.inspection import DrbdSeen, FileSeen, Said, Seen, UnitSeen

from .settled import CLUSTER, DATA, DESIGN, EMPTY_CIB, STEPS, bare, lvm, secret, settled, spoilt


def due(view: Mapping[str, Seen]) -> list[str]:
    """The differing steps, in order, as `host: title (why)`."""
    return [f"{each.step.host or 'cluster'}: {each.step.title} ({each.why})" for each in differing(STEPS, view)]


def test_in_a_settled_view_nothing_differs_and_nothing_obstructs() -> None:
    assert due(settled()) == []
    assert obstacles.find(CLUSTER, DESIGN, settled()) == []


def test_from_bare_hosts_everything_is_done_in_a_safe_order() -> None:
    view = bare()
    assert obstacles.find(CLUSTER, DESIGN, view) == []
    planned = differing(STEPS, view)
    phases = [each.step.phase for each in planned]
    assert phases == sorted(phases, key=list(Phase).index)
    of_api_services = {Phase.SCHEMAS, Phase.MIGRATIONS, Phase.IDENTITY, Phase.CATALOGUE, Phase.RESTARTS}
    assert set(phases) == set(Phase) - {Phase.PYTHON} - of_api_services
    on_ctl1 = [each.step.title for each in planned if each.step.host == "ctl1" and each.step.phase is Phase.VOLUMES]
    assert on_ctl1 == [
        f"make volume group quorate on {DATA}",
        "make logical volume quorate/database",
        "fill quorate/database with zeroes",
        "make DRBD metadata of database",
    ]
    titles = [each.step.title for each in planned]
    assert titles.index("initialise volume database") < titles.index("start Corosync and Pacemaker")
    assert titles[-1] == "change the cluster's configuration", "nothing may start before its data are there"
    assert "ctl3" not in {each.step.host for each in planned if each.step.phase is Phase.VOLUMES}


def test_of_a_host_without_python_only_that_is_known() -> None:
    view = bare() | {"ctl2": Seen("ctl2", python=False, release=settled()["ctl2"].release)}
    assert obstacles.find(CLUSTER, DESIGN, view) == []
    assert [line for line in due(view) if line.startswith("ctl2")] == [
        "ctl2: install python3 (it isn't there; what else is missing shows afterwards)"
    ]


COROSYNC = "/etc/corosync/corosync.conf"
MARIADB = UnitSeen("loaded", "enabled", "active", False)


@pytest.mark.parametrize(
    ("host", "change", "expected"),
    [
        ("ctl3", {"packages": {}}, "ctl3: install packages (missing: corosync, pacemaker"),
        ("ctl1", {"files": {COROSYNC: None}}, f"ctl1: write {COROSYNC} (it isn't there)"),
        (
            "ctl1",
            {"files": {COROSYNC: FileSeen("0" * 64, 0o644, "root", "root")}},
            f"ctl1: write {COROSYNC} (its content differs)",
        ),
        (
            "ctl2",
            {"units": {"drbd.service": UnitSeen("loaded", "enabled", "inactive", False)}},
            "drbd.service is enabled",
        ),
        ("ctl2", {"units": {"mariadb.service": UnitSeen("loaded", "disabled", "active", True)}}, "hasn't read"),
        ("ctl2", {"pending": {marks.new("mariadb.service")}}, "mariadb.service is newly installed"),
        ("ctl3", {"pending": {marks.new("corosync.service")}}, "corosync.service was started by its installation"),
        (
            "ctl2",
            {"pending": {marks.unread("corosync.service")}},
            "let Corosync read its changed files (changed on ctl2)",
        ),
        ("ctl2", {"pending": {marks.unread("drbd")}}, "ctl2: let DRBD read its configuration again (a file"),
        (
            "ctl2",
            {"drbd": {0: DrbdSeen("StandAlone", "Primary", "Unknown", "UpToDate", "Outdated", None, 0)}},
            "ctl2: let DRBD read its configuration again (it has given up the peer of database)",
        ),
        (
            "ctl3",
            {"units": {"pacemaker.service": UnitSeen("loaded", "enabled", "failed", False)}},
            "ctl3: start Corosync and Pacemaker (not running: pacemaker.service)",
        ),
        ("ctl2", {"pending": {marks.joined("database")}}, "ctl2: let Pacemaker try database-volume again"),
        ("ctl1", {"lvm": lvm("ctl1", None)}, "ctl1: make logical volume quorate/database"),
    ],
)
def test_each_deviation_is_found(host: str, change: dict[str, Any], expected: str) -> None:
    whole = settled()[host]
    for field, value in change.items():
        if isinstance(value, dict) and value:
            change[field] = {**getattr(whole, field), **value}
    found = due(spoilt(host, **change))
    assert expected in found[0], found
    assert {line.partition(":")[0] for line in found} <= {host, "cluster"}, "other hosts are not touched"


@pytest.mark.parametrize("change", [{"mode": 0o644}, {"owner": "mysql"}, {"group": "mysql"}])
def test_a_secret_that_others_can_read_is_written_again(change: dict[str, Any]) -> None:
    path = "/etc/corosync/authkey"
    files = dict(settled()["ctl1"].files)
    found = files[path]
    assert found is not None
    files[path] = dataclasses.replace(found, **change)
    assert due(spoilt("ctl1", files=files))[0].startswith(f"ctl1: write {path} (it is ")


def test_no_secret_shows_in_a_step() -> None:
    everything = repr(STEPS) + repr(due(bare())) + repr([step.title for step in STEPS])
    assert "the secret" in secret("x").decode()
    assert "the secret" not in everything


def test_a_service_under_pacemaker_is_left_alone() -> None:
    units = {**settled()["ctl1"].units, "mariadb.service": UnitSeen("loaded", "disabled", "active", False)}
    assert due(spoilt("ctl1", units=units)) == []


def test_the_cluster_s_configuration_is_compared_by_what_is_ours() -> None:
    changed = {name: _with_cib(seen, EMPTY_CIB) for name, seen in settled().items()}
    [line] = due(changed)
    assert line.startswith("cluster: change the cluster's configuration (add ")
    assert "database-mariadb" in line

    def theirs(text: str) -> str:
        return text.replace(
            "</resources>", '<primitive id="theirs" class="ocf" provider="x" type="Dummy"/></resources>'
        )

    foreign = {name: _with_cib(seen, theirs(seen.said["cib"].stdout)) for name, seen in settled().items()}
    assert due(foreign) == []

    def slower(text: str) -> str:
        monitor = 'id="database-mariadb-monitor-5s" name="monitor" interval="'
        assert f'{monitor}5s"' in text
        return text.replace(f'{monitor}5s"', f'{monitor}50s"')

    edited = {name: _with_cib(seen, slower(seen.said["cib"].stdout)) for name, seen in settled().items()}
    assert due(edited) == ["cluster: change the cluster's configuration (change database-mariadb)"]


def _with_cib(seen: Seen, text: str) -> Seen:
    return dataclasses.replace(seen, said={**seen.said, "cib": Said(0, text, "")})


def test_the_word_of_a_minority_does_not_count() -> None:
    alone = settled()["ctl1"]
    monitor = alone.said["crm_mon"].stdout.replace('name="ctl2" with_quorum="true"', 'name="ctl1" with_quorum="false"')
    lost = dataclasses.replace(alone, said={"crm_mon": Said(0, monitor, ""), "cib": Said(0, EMPTY_CIB, "")})
    assert due({**settled(), "ctl1": lost}) == []


def test_a_member_without_pacemaker_is_waited_for() -> None:
    view = settled()
    for name, seen in view.items():
        monitor = seen.said["crm_mon"].stdout.replace('name="ctl3" online="true"', 'name="ctl3" online="false"')
        view[name] = dataclasses.replace(seen, said={**seen.said, "crm_mon": Said(0, monitor, "")})
    assert due(view) == ["cluster: wait for quorum and a coordinator (not online: ctl3)"]


def test_one_look_asks_for_all_that_the_steps_judge() -> None:
    requests = asks(CLUSTER, STEPS)
    assert set(requests) == set(DESIGN.hosts)
    ctl1 = requests["ctl1"]
    assert ctl1.packages == set(DESIGN.hosts["ctl1"].packages)
    assert {file.path for file in DESIGN.hosts["ctl1"].files} <= ctl1.files
    assert {unit.name for unit in DESIGN.hosts["ctl1"].units} <= ctl1.units
    assert ctl1.devices == {DATA}
    assert ctl1.cluster == {"crm_mon", "cib"}
    assert ctl1.addresses == {"10.20.0.11", "10.22.0.11"}
    assert requests["ctl3"].devices == frozenset()
    assert ctl1.as_json()["volume_group"] == "quorate"


CIB_FILE = "/var/lib/pacemaker/cib/cib.xml"
BEGIN = "write the configuration that the cluster begins with"


def test_a_new_cluster_begins_with_its_configuration_but_only_if_nobody_has_one() -> None:
    assert BEGIN in [each.step.title for each in differing(STEPS, bare())]
    for host in DESIGN.hosts:
        view = bare()
        has_one = {CIB_FILE: FileSeen("0" * 64, 0o600, "hacluster", "haclient")}
        view[host] = dataclasses.replace(view[host], files=has_one)
        assert BEGIN not in [each.step.title for each in differing(STEPS, view)]
