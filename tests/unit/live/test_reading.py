"""Readings of real clusters: `answers/` holds what three nodes said, each file at one moment.

ready               all is well, the database on ctl2
takeover            2 s after ctl2 lost its power: ctl1 promotes
taken-over          4 s later: the database runs on ctl1
failed              mariadbd was killed on ctl1, 5 s before
pacemaker-stopped   Pacemaker was stopped on ctl3 afterwards
"""

import asyncio
import dataclasses
import json
import socket
from pathlib import Path

import pytest

from quorate.cluster.loading import load
from quorate.design import Design, work_out
from quorate.errors import HostError
from quorate.hosts import Endpoint, Hosts, Unreachable
from quorate.hosts.inspection import Seen, UnitSeen, seen
from quorate.live import State, interpret, unmet, wait_until_ready
from quorate.live.state import Replica, ResourceState
from quorate.services.links import WATCHERS
from quorate.services.replicated_filesystem import backing_disk_id

FILE = b"cluster: lab\nnodes: [ctl1, ctl2, ctl3]\nservices: {database: {replicated_by: drbd, on: [ctl1, ctl2]}}\n"
OPTIONS = (
    '<cluster_options stonith-enabled="true" symmetric-cluster="true" no-quorum-policy="stop" maintenance-mode="false" '
    'stop-all-resources="false" stonith-timeout-ms="60000" priority-fencing-delay-ms="0"/>'
)
"""As crm_mon has them; when `ready` was recorded nobody asked for them."""


@pytest.fixture(scope="module")
def design() -> Design:
    """Without the watchers of links and of the disk, which these clusters didn't have yet."""
    whole, later = work_out(load(FILE, "lab.yaml")), {WATCHERS, backing_disk_id("database")}
    return dataclasses.replace(whole, resources=tuple(each for each in whole.resources if each.id not in later))


def answers(name: str) -> dict[str, Seen | HostError]:
    said = json.loads((Path(__file__).parent / "answers" / f"{name}.json").read_text())
    return {
        node: Unreachable(answer["error"], where=node) if "error" in answer else seen(node, answer)
        for node, answer in said.items()
    }


def state(name: str, design: Design) -> State:
    return interpret(answers(name), design)


def test_a_whole_cluster(design: Design) -> None:
    whole = state("ready", design)
    assert unmet(design, whole) == []
    assert whole.quorate
    assert whole.dc == "ctl2"
    assert whole.active == {"database": "ctl2"}
    assert whole.replicas["database"] == {
        "ctl1": Replica("Secondary", "UpToDate", "Connected"),
        "ctl2": Replica("Primary", "UpToDate", "Connected"),
    }
    assert whole.links["ctl1"] == {"ctl2": (True, True), "ctl3": (True, True)}
    assert whole.fencing["ctl1"].startswith("fence-ctl1 on ctl")
    assert ResourceState("database-drbd", "ctl2", "Promoted") in whole.resources
    assert ResourceState("database-drbd", "ctl1", "Unpromoted") in whole.resources
    assert whole.bans == ()


def test_in_the_middle_of_a_takeover_nobody_serves(design: Design) -> None:
    middle = state("takeover", design)
    assert middle.active == {"database": None}
    assert not middle.nodes["ctl2"].reachable
    assert not middle.nodes["ctl2"].online
    missing = " ".join(unmet(design, middle))
    assert "ctl2 can't be looked at: it can't be reached" in missing
    assert "promoting on ctl1" in missing
    assert "database-mariadb is stopped." in missing


def test_after_a_takeover_it_serves_and_is_not_ready(design: Design) -> None:
    after = state("taken-over", design)
    assert after.quorate
    assert after.active == {"database": "ctl1"}
    assert set(after.replicas["database"]) == {"ctl1"}
    missing = unmet(design, after)
    assert "database on ctl1 is not connected to its peer (WFConnection)." in missing
    assert any("database-volume is kept off ctl2 by constraint quorate-fence-database" in line for line in missing)


def test_a_failed_action_is_shown_with_its_reason(design: Design) -> None:
    failed = state("failed", design)
    assert failed.failed_actions == ("database-mariadb_monitor_5000 on ctl1: Not running",)
    assert "A failed action: database-mariadb_monitor_5000 on ctl1: Not running." in unmet(design, failed)


def test_a_node_without_pacemaker_is_not_online_and_no_standby(design: Design) -> None:
    stopped = state("pacemaker-stopped", design)
    node = stopped.nodes["ctl3"]
    assert (node.reachable, node.online, node.standby) == (True, False, False)
    assert "ctl3 is not online: Pacemaker doesn't run." in unmet(design, stopped)


def test_a_minority_is_not_believed(design: Design) -> None:
    """ctl1, cut off, still thinks that all is well; ctl2 and ctl3 have the quorum and another view."""
    mixed = answers("taken-over")
    alone, witness = answers("ready")["ctl2"], mixed["ctl1"]
    assert isinstance(alone, Seen)
    assert isinstance(witness, Seen)
    monitor = alone.said["crm_mon"]
    without = dataclasses.replace(monitor, stdout=monitor.stdout.replace('with_quorum="true"', 'with_quorum="false"'))
    mixed["ctl2"] = dataclasses.replace(alone, said={**alone.said, "crm_mon": without})
    assert interpret(mixed, design).active == {"database": "ctl1"}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("<nodes>", "<nodes>", None),
        ('stonith-enabled="true"', 'stonith-enabled="false"', "Fencing is switched off: "),
        ('stonith-enabled="true"', 'fencing-enabled="false"', "Fencing is switched off: "),
        ('maintenance-mode="false"', 'maintenance-mode="true"', "The cluster is in maintenance (maintenance-mode): "),
        ('stop-all-resources="false"', 'stop-all-resources="true"', "The cluster was told to stop all resources "),
        (
            'name="ctl2" id="2" online="true" standby="false" standby_onfail="false" maintenance="false"',
            'name="ctl2" id="2" online="true" standby="false" standby_onfail="false" maintenance="true"',
            "ctl2 is in maintenance: ",
        ),
        (
            'id="fence-ctl1" resource_agent="stonith:fence_ipmilan" role="Started" active="true" orphaned="false" '
            'blocked="false" maintenance="false" managed="true"',
            'id="fence-ctl1" resource_agent="stonith:fence_ipmilan" role="Started" active="true" orphaned="false" '
            'blocked="false" maintenance="false" managed="false"',
            "fence-ctl1 is not managed on ctl2: ",
        ),
    ],
)
def test_what_the_cluster_was_told_not_to_do(design: Design, old: str, new: str, complaint: str | None) -> None:
    told = answers("ready")
    for node, answer in told.items():
        assert isinstance(answer, Seen)
        monitor = answer.said["crm_mon"]
        text = monitor.stdout.replace("</summary>", OPTIONS + "</summary>")
        assert old in text
        said = dataclasses.replace(monitor, stdout=text.replace(old, new))
        told[node] = dataclasses.replace(answer, said={**answer.said, "crm_mon": said})
    missing = unmet(design, interpret(told, design))
    assert len(missing) == (complaint is not None)
    assert all(each.startswith(str(complaint)) for each in missing)


@pytest.mark.parametrize("silent", [["ctl1"], ["ctl2", "ctl3"], ["ctl1", "ctl2", "ctl3"]])
def test_any_nodes_may_be_silent(design: Design, silent: list[str]) -> None:
    partly = answers("ready") | {node: Unreachable("no answer", where=node) for node in silent}
    read = interpret(partly, design)
    assert [node for node in read.nodes if not read.nodes[node].reachable] == silent
    for node in silent:
        assert f"{node} can't be looked at: no answer." in unmet(design, read)
    assert read.quorate == (len(silent) < 3)
    assert read.active["database"] == (None if len(silent) == 3 else "ctl2")


def test_a_host_without_anything_is_no_traceback(design: Design) -> None:
    read = interpret({node: Seen(node, python=False) for node in design.hosts}, design)
    assert "ctl1 is not online: python3 isn't installed." in unmet(design, read)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"fencing": {"ctl1": "fence-ctl1 is not started"}}, "Nothing can fence ctl1: fence-ctl1 is not started."),
        ({"quorate": False}, "There is no quorum."),
        ({"dc": None}, "No node is the coordinator (DC)."),
        ({"links": {"ctl1": {"ctl2": (True, True)}, "ctl2": {"ctl1": (True, False)}}}, "link 1 between ctl1 and ctl2"),
        (
            {"replicas": {"database": {"ctl1": Replica("Secondary", "Inconsistent", "SyncTarget", 42.0)}}},
            "database on ctl1 is Inconsistent (SyncTarget, 42 % synchronised).",
        ),
        (
            {"replicas": {"database": {"ctl1": Replica("Unknown", "DUnknown", "Unconfigured")}}},
            "database isn't up on ctl1.",
        ),
        ({"resources": ()}, "database-volume isn't configured in the cluster."),
        ({"promotable": {"database-drbd": ("ctl2",)}}, "database-volume would not be promoted on ctl1"),
        ({"unheard": {"ctl2": ("management",)}}, "ctl2 has lost its link to management: nobody answers it there."),
    ],
)
def test_each_thing_that_can_be_missing_is_missed(design: Design, change: dict[str, object], complaint: str) -> None:
    whole = state("ready", design)
    spoilt = dataclasses.replace(whole, **change)  # type: ignore[arg-type]
    assert any(complaint in line for line in unmet(design, spoilt))


def test_a_unit_that_systemd_is_to_keep_running_is_missed(design: Design) -> None:
    unit = next(unit.name for unit in design.hosts["ctl1"].units if unit.name == "quorate-firewall.service")
    found = answers("ready")
    ctl1 = found["ctl1"]
    assert isinstance(ctl1, Seen)

    def with_unit(seen: UnitSeen) -> State:
        return interpret({**found, "ctl1": dataclasses.replace(ctl1, units={unit: seen})}, design)

    down = UnitSeen("loaded", "enabled", "failed", False)
    assert unmet(design, with_unit(down)) == [f"{unit} doesn't run on ctl1."]
    assert unmet(design, with_unit(dataclasses.replace(down, active="active"))) == []


def test_a_service_torn_apart_is_missed(design: Design) -> None:
    whole = state("ready", design)
    torn = tuple(
        dataclasses.replace(each, node="ctl1") if each.id == "database-address" else each for each in whole.resources
    )
    missing = unmet(design, dataclasses.replace(whole, resources=torn))
    assert len(missing) == 1
    assert "The parts of database are not together" in missing[0]
    assert "database-address on ctl1" in missing[0]


def test_a_dead_link_is_named_and_its_rule_is_no_stranger_s_ban(design: Design) -> None:
    """What crm_mon of Pacemaker 3.0.0 adds while such a rule holds; it shows the rule's id, not the constraint's."""
    dead = """
  <node_attributes>
    <node name="ctl1"><attribute name="link-management" value="1"/></node>
    <node name="ctl2">
      <attribute name="link-management" value="0"/>
      <attribute name="master-database-drbd" value="10000"/>
    </node>
  </node_attributes>
  <bans>
    <ban id="database-volume-where-management-is-linked-rule" resource="database-volume" node="ctl2" weight="-2000"
         promoted-only="true" master_only="true"/>
  </bans>
</pacemaker-result>"""
    found = dict(answers("ready"))
    for node, answer in found.items():
        assert isinstance(answer, Seen)
        said = answer.said["crm_mon"]
        told = dataclasses.replace(said, stdout=said.stdout.replace("</pacemaker-result>", dead))
        found[node] = dataclasses.replace(answer, said={**answer.said, "crm_mon": told})
    now = interpret(found, design)
    assert now.unheard == {"ctl2": ("management",)}
    assert now.bans == ()
    assert unmet(design, now) == ["ctl2 has lost its link to management: nobody answers it there."]


def test_nodes_that_have_not_answered_in_time_are_a_reason(design: Design, tmp_path: Path) -> None:
    config = tmp_path / "ssh_config"
    config.write_text("")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never says a word
        endpoints = [Endpoint(name, "127.0.0.1", port=silent.getsockname()[1]) for name in design.hosts]

        async def wait() -> None:
            async with Hosts(endpoints, config) as hosts:
                await wait_until_ready(hosts, design, lambda _line: None, timeout=0.2)

        with pytest.raises(HostError, match="haven't answered yet"):
            asyncio.run(wait())
