"""What is carried out here comes to what crm_simulate carries out itself: the same actions, in the same order."""

import shutil
from pathlib import Path

import pytest
from lxml import etree

from quorate.cluster.model import Cluster
from quorate.proof import services
from quorate.proof.evidence import Documents, Evidence, Text, read
from quorate.proof.healthy import without_thresholds
from quorate.proof.scheduler import Failure, Prediction, Scheduler
from quorate.proof.simulation import Simulation
from quorate.proof.transition import Unusual, carry_out

from .known import changed, more, three, two

needs_scheduler = pytest.mark.skipif(not shutil.which("crm_simulate"), reason="install pacemaker-cli-utils")
BY_HAND = Path(__file__).parent / "clusters/by-hand"

GROUPS = """
<group id="g1"><primitive id="a" class="ocf" provider="pacemaker" type="Dummy">
    <meta_attributes id="a-meta"><nvpair id="a-t" name="migration-threshold" value="1"/></meta_attributes>
    <operations><op id="a-m" name="monitor" interval="10s"/></operations></primitive>
  <primitive id="b" class="ocf" provider="pacemaker" type="Dummy">
    <operations><op id="b-m" name="monitor" interval="10s"/></operations></primitive></group>
<clone id="c-clone"><meta_attributes id="c-meta"><nvpair id="c-n" name="notify" value="true"/></meta_attributes>
  <primitive id="c" class="ocf" provider="pacemaker" type="Dummy">
    <operations><op id="c-m" name="monitor" interval="10s"/></operations></primitive></clone>
<clone id="u-clone">
  <meta_attributes id="u-meta"><nvpair id="u-u" name="globally-unique" value="true"/></meta_attributes>
  <primitive id="u" class="ocf" provider="pacemaker" type="Dummy">
    <operations><op id="u-m" name="monitor" interval="10s"/></operations></primitive></clone>
<clone id="p-clone"><meta_attributes id="p-meta"><nvpair id="p-p" name="promotable" value="true"/></meta_attributes>
  <primitive id="p" class="ocf" provider="pacemaker" type="Stateful">
    <operations><op id="p-m" name="monitor" interval="10s"/>
      <op id="p-o" name="monitor" interval="5s" role="Promoted"/></operations></primitive></clone>
"""
TOGETHER = (
    '<rsc_order id="o1" first="c-clone" then="g1"/><rsc_colocation id="k1" rsc="g1" with-rsc="p-clone" score="10"/>'
)


def by_hand() -> Evidence:
    names = ("cib.xml", "corosync.conf", "mysql.res")
    cib_, conf_, drbd_ = (Text(name, (BY_HAND / name).read_text()) for name in names)
    return read(Documents(cib=cib_, corosync=conf_, drbd=(drbd_,)))


def everything(evidence: Evidence, *, quick: bool) -> list[Prediction]:
    assert evidence.pacemaker
    *_, last = evidence.pacemaker.primitives
    with Scheduler(evidence, services.of_cluster(evidence.pacemaker), quick=quick) as scheduler:
        both = Failure("both", nodes=frozenset(evidence.nodes[:1]), resources=frozenset([last]))
        return scheduler.predict_all([*scheduler.single_failures(), *scheduler.double_failures(), both])


@needs_scheduler
@pytest.mark.parametrize("which", ["three", "two", "groups", "by hand"])
def test_both_ways_come_to_the_same(which: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    match which:
        case "three":
            evidence = read(three(cluster))
        case "two":
            evidence = read(two(cluster))
        case "groups":
            evidence = read(changed(three(cluster), more("resources", GROUPS), more("constraints", TOGETHER)))
        case _:
            evidence = by_hand()
    slowly = everything(evidence, quick=False)
    asked: list[bool] = []
    original = Simulation.settle_quickly

    def settle_quickly(self: Simulation, *arguments: object, **more: object) -> object:
        found = original(self, *arguments, **more)  # type: ignore[arg-type]
        asked.append(found is not None)
        return found

    monkeypatch.setattr(Simulation, "settle_quickly", settle_quickly)
    assert everything(evidence, quick=True) == slowly
    assert len([each for each in slowly if each.actions]) > len(slowly) // 2
    assert sum(asked) > len(asked) // 2  # else this test shows nothing


@needs_scheduler
def test_what_fails_keeps_its_threshold(cluster: Cluster) -> None:
    evidence = read(changed(three(cluster), more("resources", GROUPS), more("constraints", TOGETHER)))
    assert evidence.pacemaker
    with Scheduler(evidence, ()) as scheduler:
        home = scheduler.healthy().on["a"]
        once, often = (scheduler.predict(Failure(id_, resources=frozenset({id_}))).after.on for id_ in ("a", "b"))
    assert once["a"] != home
    assert often["b"] == home


def test_thresholds_stay_where_a_rule_decides_them(cluster: Cluster) -> None:
    ruled = '<meta_attributes id="m"><rule id="r" score="1"/><nvpair id="n" name="migration-threshold" value="1"/>'
    evidence = read(changed(three(cluster), more("rsc_defaults", ruled + "</meta_attributes>")))
    assert evidence.pacemaker
    assert without_thresholds(evidence.pacemaker.document, evidence.pacemaker) is None
    plain = read(three(cluster)).pacemaker
    assert plain
    without = without_thresholds(plain.document, plain, ["database-mariadb"])
    assert without is not None
    pairs = without.findall("configuration//nvpair[@name='migration-threshold']")
    assert sorted(str(pair.get("value")) for pair in pairs) == [
        "0",
        plain.meta("database-mariadb", "migration-threshold"),
    ]


def graph(action: str) -> etree._Element:
    return etree.fromstring(
        f"<transition_graph><synapse><action_set>{action}</action_set><inputs/></synapse></transition_graph>"
    )


@pytest.mark.parametrize(
    "action",
    [
        '<rsc_op id="1" operation="migrate_to" on_node="ctl1"><primitive id="a"/></rsc_op>',
        '<rsc_op id="1" operation="start" on_node="ctl1" router_node="ctl2"><primitive id="a"/></rsc_op>',
        '<rsc_op id="1" operation="start" on_node="nobody"><primitive id="a"/></rsc_op>',
        '<pseudo_event id="1" operation="stonith" on_node="ctl1"/>',
        '<new_kind id="1"/>',
    ],
)
def test_what_is_unusual_is_left_to_the_program(action: str) -> None:
    state = etree.fromstring('<cib><status><node_state id="1" uname="ctl1"/></status></cib>')
    with pytest.raises(Unusual):
        carry_out(graph(action), state)


def test_a_transition_without_an_end_is_unusual() -> None:
    circle = etree.fromstring(
        '<transition_graph><synapse><action_set><pseudo_event id="1" operation="x"/></action_set>'
        '<inputs><trigger><pseudo_event id="2"/></trigger></inputs></synapse></transition_graph>'
    )
    with pytest.raises(Unusual):
        carry_out(circle, etree.fromstring("<cib/>"))
