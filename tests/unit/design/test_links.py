"""What Pacemaker's own scheduler does when nodes lose a link; skipped where it isn't installed."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from lxml import etree

from quorate.cluster.loading import load
from quorate.design import cib, work_out

from .test_cib import run, save, transition

NODES = ("ctl1", "ctl2", "ctl3")
FILE = b"""
cluster: lab
nodes: [ctl1, ctl2, ctl3]
services: {database: , messaging: {replicated_by: drbd}, identity: , image: }
"""
VOLUMES = ("database", "messaging", "image")
CURRENT, STALE = "10000", "5"
"""Promotion scores of ocf:linbit:drbd: of a replica that is up to date, and of one that is merely consistent."""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The whole design, started."""
    if not shutil.which("crm_simulate"):
        pytest.skip("no crm_simulate on this machine: install pacemaker-cli-utils")
    folder = tmp_path_factory.mktemp("started")
    nodes = "".join(f'<node id="{number}" uname="{name}"/>' for number, name in enumerate(NODES, 1))
    states = "".join(
        f'<node_state id="{number}" uname="{name}" in_ccm="true" crmd="online" join="member" expected="member">'
        f'<transient_attributes id="{number}"><instance_attributes id="status-{number}"/></transient_attributes>'
        f'<lrm id="{number}"><lrm_resources/></lrm></node_state>'
        for number, name in enumerate(NODES, 1)
    )
    empty = etree.fromstring(f"""
        <cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="7" num_updates="3" admin_epoch="0"
             have-quorum="1" dc-uuid="3"><configuration><crm_config/><nodes>{nodes}</nodes><resources/><constraints/>
        </configuration><status>{states}</status></cib>""")
    document = cib.merge(empty, work_out(load(FILE, "lab.yaml")))
    for volume in VOLUMES:
        set_(document, f"master-{volume}-drbd", {"ctl1": CURRENT, "ctl2": CURRENT})
    save(document, folder)
    for _ in range(8):
        if not moves(transition(folder)):
            break
    yield folder


def set_(document: etree._Element, attribute: str, values: Mapping[str, str]) -> None:
    """Sets a transient node attribute."""
    for state in document.iterfind("status/node_state"):
        (pairs,) = state.iterfind("transient_attributes/instance_attributes")
        name = str(state.get("uname"))
        for pair in pairs.findall(f"nvpair[@name='{attribute}']"):
            pairs.remove(pair)
        if name in values:
            words = {"id": f"{name}-{attribute}", "name": attribute, "value": values[name]}
            etree.SubElement(pairs, "nvpair", words)


def after(started: Path, folder: Path, **attributes: Mapping[str, str]) -> list[str]:
    """What the scheduler does once attributes (with `_` for `-`) have these values."""
    document = etree.parse(started / "cib.xml").getroot()
    for name, values in attributes.items():
        set_(document, name.replace("_", "-"), values)
    save(document, folder)
    actions: list[str] = []
    for _ in range(8):
        new = moves(transition(folder))
        actions += new
        if not new:
            break
    return actions


def moves(actions: list[str]) -> list[str]:
    """Those that start, stop, promote, demote or fence something."""
    return [each for each in actions if {"start", "stop", "promote", "demote", "Fencing"} & {*each.split()}]


def holder(started: Path, resource: str) -> str:
    """Where a resource runs, or is promoted."""
    shown = run("crm_simulate", "-x", started / "cib.xml", "--output-as=xml")
    root = etree.fromstring(shown.stdout.encode())
    return next(
        str(node.get("name"))
        for each in root.iterfind(f"cluster_status/resources//resource[@id='{resource}']")
        if each.get("role") in ("Started", "Promoted")
        for node in each.iterfind("node")
    )


def dead(*nodes: str) -> dict[str, str]:
    """The attribute of a link on all nodes: dead on these, alive on the others."""
    return {name: "0" if name in nodes else "1" for name in NODES}


@pytest.mark.parametrize("volume", VOLUMES)
def test_what_serves_on_a_dead_link_moves(started: Path, tmp_path: Path, volume: str) -> None:
    active = holder(started, f"{volume}-drbd")
    other = {"ctl1": "ctl2", "ctl2": "ctl1"}[active]
    actions = after(started, tmp_path, link_management=dead(active))
    assert f"{volume}-drbd demote on {active}" in actions
    assert f"{volume}-drbd promote on {other}" in actions
    assert f"{volume}-filesystem start on {other}" in actions
    if volume != "image":
        assert f"{volume}-address start on {other}" in actions
    # All that moves was on the dead link.
    for resource in [f"{each}-drbd" for each in VOLUMES] + ["front-address"]:
        if holder(started, resource) != active:
            assert not [each for each in actions if each.startswith(resource)]
    assert not [each for each in actions if "Fencing" in each or "api" in each or "balancer" in each]


def test_the_front_s_address_moves_alone(started: Path, tmp_path: Path) -> None:
    active = holder(started, "front-address")
    elsewhere = [holder(started, f"{volume}-drbd") for volume in VOLUMES]
    actions = after(started, tmp_path, link_management=dead(active))
    assert f"front-address stop on {active}" in actions
    assert any(each.startswith("front-address start on") for each in actions)
    if active not in elsewhere:
        assert len(actions) == 2


@pytest.mark.parametrize(
    "link",
    [
        pytest.param(dead(*NODES), id="the whole network is dead"),
        pytest.param(dead(), id="all links are alive"),
        pytest.param({}, id="nobody has looked"),
    ],
)
def test_where_all_nodes_are_alike_nothing_moves(started: Path, tmp_path: Path, link: dict[str, str]) -> None:
    assert after(started, tmp_path, link_management=link) == []


@pytest.mark.parametrize("unset", NODES)
def test_where_nobody_has_looked_the_link_counts_as_alive(started: Path, tmp_path: Path, unset: str) -> None:
    link = {name: value for name, value in dead().items() if name != unset}
    assert after(started, tmp_path, link_management=link) == []


@pytest.mark.parametrize("score", [STALE, "1000", None])
def test_a_replica_that_is_not_current_is_not_promoted_for_a_link(
    started: Path, tmp_path: Path, score: str | None
) -> None:
    """1000: up to date, and without its peer, so it may be behind."""
    active = holder(started, "database-drbd")
    other = {"ctl1": "ctl2", "ctl2": "ctl1"}[active]
    scores = {active: CURRENT} | ({other: score} if score else {})
    actions = after(started, tmp_path, link_management=dead(active), master_database_drbd=scores)
    assert not [each for each in actions if each.startswith("database")]


def test_a_link_that_comes_back_moves_nothing(started: Path, tmp_path: Path) -> None:
    active = holder(started, "database-drbd")
    assert after(started, tmp_path, link_management=dead(active))
    assert after(tmp_path, tmp_path, link_management=dead()) == []


def test_crm_verify_has_nothing_to_say_about_the_rules(started: Path) -> None:
    verified = run("crm_verify", "-V", "-x", started / "cib.xml")
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
