"""The configuration that Pacemaker gets, judged by Pacemaker's own tools and schemas where they are installed."""

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from quorate.cluster.model import Cluster
from quorate.design import Design, cib, work_out

SCHEMAS = Path("/usr/share/pacemaker")

FENCED = """
<rsc_location id="quorate-fence-database" rsc="database-volume">
  <rule id="quorate-fence-database-rule" role="Promoted" score="-INFINITY">
    <expression id="quorate-fence-database-node" attribute="#uname" operation="ne" value="ctl1"/>
  </rule>
</rsc_location>"""


@pytest.fixture
def design(cluster: Cluster) -> Design:
    return work_out(cluster)


def live(properties: str = "", resources: str = "", constraints: str = "", status: str = "") -> etree._Element:
    """A cluster's CIB as Pacemaker keeps it, with a few elements of its own or of a person's."""
    return etree.fromstring(f"""
    <cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="7" num_updates="3" admin_epoch="0"
         have-quorum="1" dc-uuid="3">
      <configuration>
        <crm_config>
          <cluster_property_set id="cib-bootstrap-options">
            <nvpair id="cib-bootstrap-options-have-watchdog" name="have-watchdog" value="false"/>
            {properties}
          </cluster_property_set>
        </crm_config>
        <nodes>
          <node id="1" uname="ctl1"><instance_attributes id="nodes-1">
            <nvpair id="nodes-1-standby" name="standby" value="off"/></instance_attributes></node>
          <node id="2" uname="ctl2"/>
          <node id="3" uname="ctl3"/>
        </nodes>
        <resources>{resources}</resources>
        <constraints>{constraints}</constraints>
      </configuration>
      <status>{status}</status>
    </cib>""")


def online(promotable: tuple[str, ...] = ("ctl1", "ctl2")) -> str:
    """Three members; on some of them DRBD says that it may be promoted."""
    states = []
    for nodeid, name in enumerate(("ctl1", "ctl2", "ctl3"), start=1):
        score = f'<nvpair id="score-{nodeid}" name="master-database-drbd" value="10000"/>'
        states.append(f"""
        <node_state id="{nodeid}" uname="{name}" in_ccm="true" crmd="online" join="member" expected="member">
          <transient_attributes id="{nodeid}"><instance_attributes id="status-{nodeid}">
            {score if name in promotable else ""}</instance_attributes></transient_attributes>
          <lrm id="{nodeid}"><lrm_resources/></lrm>
        </node_state>""")
    return "".join(states)


def text(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n")


def find(element: etree._Element, path: str) -> etree._Element:
    found = element.find(path)
    assert found is not None, path
    return found


def ids(element: etree._Element, section: str) -> set[str]:
    return {str(child.get("id")) for child in find(element, f"configuration/{section}").iterchildren(etree.Element)}


def test_the_configuration_is_valid_in_the_schema_that_it_names(design: Design) -> None:
    if not SCHEMAS.exists():
        pytest.skip(f"no Pacemaker schemas in {SCHEMAS}: install pacemaker-cli-utils")
    schema = etree.RelaxNG(etree.parse(SCHEMAS / f"{cib.SCHEMA}.rng"))
    schema.assertValid(cib.merge(live(constraints=""), design))


def test_crm_verify_finds_nothing_to_say(design: Design, tmp_path: Path) -> None:
    document = save(cib.merge(live(status=online()), design), tmp_path)
    verified = run("crm_verify", "-V", "-x", document)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


def test_merging_again_changes_nothing(design: Design) -> None:
    once = cib.merge(live(), design)
    assert text(cib.merge(once, design)) == text(once)
    # ... and neither does a document that was written with other white space and another order of attributes.
    retold = etree.fromstring(etree.tostring(once, pretty_print=True))
    for element in retold.iter(etree.Element):
        attributes = sorted(element.attrib.items(), reverse=True)
        element.attrib.clear()
        element.attrib.update(attributes)
    assert text(cib.merge(retold, design)) == text(retold)


def test_what_is_not_ours_stays_as_it_is(design: Design) -> None:
    merged = cib.merge(
        live(
            properties='<nvpair id="p" name="maintenance-mode" value="true"/>',
            resources='<primitive id="theirs" class="ocf" provider="pacemaker" type="Dummy"/>',
            constraints='<rsc_location id="cli-ban-x" rsc="theirs" node="ctl1" score="-INFINITY"/>',
        ),
        design,
    )
    assert "theirs" in ids(merged, "resources")
    assert "cli-ban-x" in ids(merged, "constraints")
    properties = {pair.get("name"): pair.get("value") for pair in merged.iterfind(".//cluster_property_set/nvpair")}
    assert properties["maintenance-mode"] == "true"
    assert properties["have-watchdog"] == "false"
    assert find(merged, ".//node[@id='1']//nvpair").get("name") == "standby"


def test_what_was_ours_and_is_declared_no_more_goes(cluster: Cluster, design: Design) -> None:
    services = cluster.services.model_copy(update={"database": None})
    without = work_out(cluster.model_copy(update={"services": services}))
    merged = cib.merge(cib.merge(live(), design), without)
    assert text(merged) == text(cib.merge(live(), without))
    assert not [name for name in ids(merged, "resources") if name.startswith("database")]


def test_a_drifted_element_is_put_right_in_its_place(design: Design) -> None:
    wanted = cib.merge(live(), design)
    drifted = etree.fromstring(etree.tostring(wanted))
    find(drifted, ".//op[@id='database-mariadb-monitor-5s']").set("interval", "1h")
    # crm_attribute changes the value that it finds under this name, whatever its id.
    for pair in drifted.iterfind(".//nvpair[@name='stonith-enabled']"):
        pair.attrib.update({"id": "cib-bootstrap-options-stonith-enabled", "value": "false"})
    find(drifted, ".//obj_ref[@id='quorate-stonith-enabled']").set("id", "cib-bootstrap-options-stonith-enabled")
    assert text(cib.merge(drifted, design)) == text(wanted)


def test_apply_never_removes_a_fence_peer_constraint(design: Design) -> None:
    fenced = cib.merge(live(), design)
    find(fenced, "configuration/constraints").insert(3, etree.fromstring(FENCED))
    assert text(cib.merge(fenced, design)) == text(fenced)
    smaller = dataclasses.replace(design, constraints=())
    assert ids(cib.merge(fenced, smaller), "constraints") == {"quorate-fence-database"}


def test_no_secret_and_no_password_parameter(design: Design) -> None:
    assert b"passw" not in text(cib.configuration(design)).lower()


def test_a_node_that_dies_is_fenced_before_the_other_is_promoted(design: Design, tmp_path: Path) -> None:
    started = settle(cib.merge(live(status=online()), design), tmp_path)
    active = next(node for node in ("ctl1", "ctl2") if f"database-mariadb start on {node}" in started)
    other = {"ctl1": "ctl2", "ctl2": "ctl1"}[active]
    takeover = transition(tmp_path, "--node-fail", active)

    def position(action: str) -> int:
        return takeover.index(f"{action} on {other}")

    assert takeover.index(f"Fencing {active} (reboot)") < position("database-drbd promote")
    assert position("database-drbd promote") < position("database-filesystem start")
    # The address waits for the fencing alone.
    assert takeover.index(f"Fencing {active} (reboot)") < position("database-address start")
    assert position("database-address start") < position("database-drbd promote")
    assert max(position("database-filesystem start"), position("database-address start")) < position(
        "database-mariadb start"
    )
    assert "notify" not in " ".join(takeover)


def test_the_third_node_is_never_touched(design: Design, tmp_path: Path) -> None:
    actions = settle(cib.merge(live(status=online()), design), tmp_path)
    actions += transition(tmp_path, "--node-fail", "ctl1")
    touched = {action.split()[-1] for action in actions if " on " in action and action.startswith("database")}
    assert touched == {"ctl1", "ctl2"}


def test_a_fenced_peer_is_not_promoted(design: Design, tmp_path: Path) -> None:
    document = cib.merge(live(constraints="", status=online()), design)
    find(document, "configuration/constraints").append(etree.fromstring(FENCED))
    promotions = [action for action in settle(document, tmp_path) if "promote on" in action]
    assert promotions == ["database-drbd promote on ctl1"]
    actions = transition(tmp_path, "--node-fail", "ctl1")
    assert "Fencing ctl1 (reboot)" in actions
    assert not [action for action in actions if "promote on" in action]


def test_a_node_does_not_fence_itself(design: Design, tmp_path: Path) -> None:
    actions = settle(cib.merge(live(status=online()), design), tmp_path)
    for node in ("ctl1", "ctl2", "ctl3"):
        assert f"fence-{node} start on {node}" not in actions
        assert any(action.startswith(f"fence-{node} start on") for action in actions)


def save(document: etree._Element, folder: Path) -> Path:
    path = folder / "cib.xml"
    path.write_bytes(etree.tostring(document))
    return path


def run(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    if not shutil.which(argv[0]):
        pytest.skip(f"no {argv[0]} on this machine: install pacemaker-cli-utils")
    return subprocess.run(argv, capture_output=True, text=True, timeout=60)


def settle(document: etree._Element, folder: Path) -> list[str]:
    """Lets Pacemaker's scheduler bring the cluster up; the actions in their order."""
    save(document, folder)
    return transition(folder)


def transition(folder: Path, *event: str) -> list[str]:
    """What the scheduler does after an event; the state afterwards is kept for the next."""
    path = folder / "cib.xml"
    done = run("crm_simulate", "-x", path, *event, "--simulate", "--save-output", path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.partition("Executing Cluster Transition:")[2].partition("Revised Cluster Status")[0]
    return [
        re.sub(r"^\W*((Resource|Pseudo) action:)?\s*|(?<=drbd):\d+", "", " ".join(line.split()))
        for line in lines.splitlines()
        if line.strip()
    ]
