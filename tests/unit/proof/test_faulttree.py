"""The graph of small sites, and what it says that a failure does."""

from dataclasses import replace
from datetime import date
from typing import Literal

import pytest

from quorate.cluster.facility import FacilityPart, Kind, Need, QuorumDevice
from quorate.cluster.loading import load
from quorate.design import Design, work_out
from quorate.errors import InputError
from quorate.proof import topology
from quorate.proof.cutsets import cut_sets
from quorate.proof.faulttree import build
from quorate.proof.fixes import fixes
from quorate.proof.topology import Study, study
from quorate.proof.why import explain
from quorate.services.parts import AttributeRule, Clone, Primitive

SITE = """\
cluster: site
networks:
  management: {{cidr: 10.20.0.0/24, uses: [ssh, ring]}}
  storage: {{cidr: 10.22.0.0/24, uses: [ring, replication]}}
nodes:
  ctl1: {{rack: r1, power: [{power1}], links: {links1}, bmc: {{via: [{bmc1}], power: [{bmc_power1}]}}}}
  ctl2: {{rack: r2, power: [p2a, p2b], links: {links}, bmc: {{via: [oob]}}}}
  ctl3: {{rack: r3, power: [p3a, p3b], links: {links}, bmc: {{via: [oob]}}}}
facility:
  feeds: {{feed-a: , feed-b: }}
  zones: {{z1: {{cooling: {cooling}}}, z2: , z3: }}
  racks:
    r1: {{zone: z1, pdus: {{p1a: feed-a, p1b: feed-b}}}}
    r2: {{zone: {zone2}, pdus: {{p2a: feed-a, p2b: feed-b}}}}
    r3: {{zone: z3, pdus: {{p3a: feed-a, p3b: feed-b}}}}
  switches:
    sw-a: {{power: [p2a, p2b]}}
    sw-b: {{power: [p3a, p3b]}}
    oob: {{power: [p3a, p3b]}}
services: {{database: {{vip: 10.20.0.20}}}}
"""
BOTH = "{management: {nic: [e1, e2], via: [sw-a, sw-b]}, storage: {nic: [e3, e4], via: [sw-a, sw-b]}}"
ONE_CABLE = "{management: {nic: e1, via: sw-a}, storage: {nic: [e3, e4], via: [sw-a, sw-b]}}"
GOOD = {
    "power1": "p1a, p1b",
    "links1": BOTH,
    "links": BOTH,
    "bmc1": "oob",
    "bmc_power1": "p1a, p1b",
    "zone2": "z2",
    "cooling": "[c1, c2]",
}


def site(**changed: str) -> Study:
    cluster = load(SITE.format(**{**GOOD, **changed}).encode(), "site.yaml")
    return study(cluster, work_out(cluster), today=date(2026, 11, 23))


def alone(found: Study, service: str = "database") -> set[str]:
    return {part for cut in found.cuts.of(found.tree.tops[service]) if len(cut) == 1 for part in cut}


WHOLE_PLACES = {"r1", "r2", "z1", "z2"}
"""A fire takes a node and its BMC, however well they are cabled."""


def test_a_good_site_has_nothing_but_fires() -> None:
    found = site()
    assert alone(found) == WHOLE_PLACES
    assert {weakness.code for weakness in found.weaknesses} == {"fencing-together"}


@pytest.mark.parametrize(
    ("changed", "part", "code"),
    [
        ({"power1": "p1a", "bmc_power1": "p1a"}, "p1a", "fencing-together"),
        ({"power1": "feed-a", "bmc_power1": "p1a"}, "feed-a", "fencing-together"),
        ({"power1": "p1a", "bmc_power1": "p1b"}, None, ""),  # another PDU is enough
        ({"zone2": "z3"}, "z3", "quorum-together"),
        ({"zone2": "z1"}, "z1", "quorum-together"),
        ({"cooling": "[c1]"}, None, ""),  # too hot to run, and the BMC still answers
        ({"cooling": "{all: [c1, c2]}"}, None, ""),
        (
            {
                "links1": "{management: {nic: e1, via: sw-a}, storage: {nic: e3, via: sw-a}}",
                "bmc1": "sw-a",
            },
            "sw-a",
            "fencing-together",
        ),
        # A node without its link is left.
        ({"links1": ONE_CABLE}, None, ""),
        ({"links1": BOTH.replace("e1, e2", "ens1f0, ens1f1")}, None, ""),
        (
            {"links": BOTH.replace("sw-a, sw-b", "sw-b"), "links1": BOTH.replace("sw-a, sw-b", "sw-b")},
            "sw-b",
            "quorum-together",
        ),
        (
            {
                "links": BOTH.replace("storage: {nic: [e3, e4], via: [sw-a, sw-b]}", "storage: {nic: e3, via: sw-a}"),
                "links1": BOTH.replace("storage: {nic: [e3, e4], via: [sw-a, sw-b]}", "storage: {nic: e3, via: sw-a}"),
            },
            None,
            "",
        ),  # the replication is lost, and both replicas are there
    ],
)
def test_a_mistake_is_found_and_is_all_that_is_found(changed: dict[str, str], part: str | None, code: str) -> None:
    found = site(**changed)
    new = alone(found) - WHOLE_PLACES
    if part is None:
        assert new == set()
        return
    assert part in alone(found)
    (weakness,) = [weakness for weakness in found.weaknesses if part in weakness.parts and weakness.services]
    assert weakness.code == code
    assert weakness.why[-1].endswith(" fails")


def unwatched(design: Design) -> Design:
    """The same without the rules on links."""
    rest = tuple(each for each in design.constraints if not isinstance(each, AttributeRule))
    return replace(design, constraints=rest)


def test_a_link_that_nobody_watches_is_found() -> None:
    cluster = load(SITE.format(**{**GOOD, "links1": ONE_CABLE}).encode(), "site.yaml")
    design = work_out(cluster)
    without = study(cluster, unwatched(design), today=date(2026, 11, 23))
    assert alone(without) - WHOLE_PLACES == {"ctl1:e1", "sw-a"}
    (weakness,) = [weakness for weakness in without.weaknesses if "sw-a" in weakness.parts]
    assert weakness.code == "link-unwatched"
    # Watched, its loss is a takeover: rarer outages, more takeovers.
    watched = study(cluster, design, today=date(2026, 11, 23)).downtime["database"]
    assert watched.takeovers_a_year > without.downtime["database"].takeovers_a_year
    assert watched.outages < without.downtime["database"].outages


def test_a_watcher_can_not_tell_whose_link_it_is_when_only_one_is_left() -> None:
    """ctl2 has its link, and nobody whom it could ask: it sees what those see whose switch is dead."""
    text = SITE.format(**{**GOOD, "links1": ONE_CABLE})
    third = "power: [p3a, p3b], links: "
    cluster = load(text.replace(third + BOTH, third + ONE_CABLE).encode(), "site.yaml")
    found = study(cluster, work_out(cluster), today=date(2026, 11, 23))
    assert alone(found) - WHOLE_PLACES == {"sw-a"}
    (weakness,) = [weakness for weakness in found.weaknesses if "sw-a" in weakness.parts]
    assert weakness.code == "link-unwatched"


def test_two_replicas_behind_one_switch() -> None:
    one = "{management: {nic: [e1, e2], via: [sw-a]}, storage: {nic: [e3, e4], via: [sw-a, sw-b]}}"
    found = site(links=one, links1=one)
    (weakness,) = [weakness for weakness in found.weaknesses if "sw-a" in weakness.parts]
    assert weakness.code == "replicas-together"


def test_rings_on_one_card_are_a_warning() -> None:
    found = site(links1="{management: {nic: ens1f0, via: [sw-a]}, storage: {nic: ens1f1, via: [sw-b]}}")
    (weakness,) = [weakness for weakness in found.weaknesses if weakness.code == "rings-together"]
    assert (weakness.parts, weakness.problem.path) == (("ctl1:ens1",), ("nodes", "ctl1", "links"))


def test_a_replica_is_stale_only_if_the_replication_broke_first() -> None:
    """A switch that takes the replication and a host at once leaves a current replica on the other."""
    lonely = "{management: {nic: [e1, e2], via: [sw-a, sw-b]}, storage: {nic: e3, via: sw-a}}"
    found = site(links=lonely, links1=lonely)
    pairs = {frozenset(cut) for cut in found.cuts.of(found.tree.tops["database"]) if len(cut) == 2}
    assert {frozenset({"sw-a", "ctl1"}), frozenset({"sw-a", "ctl2"}), frozenset({"ctl1:e3", "ctl2"})} <= pairs
    assert frozenset({"sw-a", "ctl3"}) not in pairs
    cut_off = "{management: {nic: e1, via: sw-a}, storage: {nic: e1, via: sw-a}}"
    assert "sw-a" not in alone(site(links1=cut_off))  # ctl1 is lost with its replication: ctl2 is current


def test_without_a_facility_nothing_is_claimed_about_networks() -> None:
    cluster = load(b"cluster: lab\nnodes: [ctl1, ctl2, ctl3]\nservices: {database: }\n", "lab.yaml")
    found = study(cluster, work_out(cluster))
    assert found.weaknesses == ()
    assert found.tree.parts["management"].known is False
    assert any("what the network storage is made of" in sentence for sentence in found.tree.left_out)
    assert any("what feeds ctl1, ctl2, ctl3" in sentence for sentence in found.tree.left_out)


def test_goals() -> None:
    text = SITE.format(**GOOD).replace(
        "services:",
        "  machines: {hv1: {rack: r1}, hv2: {rack: r2}, hv3: {rack: r3}}\n"
        "  goals: {capacity: {2 of: [hv1, hv2, hv3]}}\nservices:",
    )
    cluster = load(text.encode(), "site.yaml")
    tree = build(work_out(cluster), cluster)
    cuts = cut_sets(tree.gates, tree.services, 2)
    assert not [cut for cut in cuts.of(tree.tops["capacity"]) if len(cut) == 1]
    assert {"hv1", "c1"} not in [set(cut) for cut in cuts.of(tree.tops["capacity"])]
    assert {"hv1", "r2"} in [set(cut) for cut in cuts.of(tree.tops["capacity"])]


def test_every_single_failure_has_a_path_that_ends_in_it() -> None:
    found = site(zone2="z1", power1="p1a", bmc_power1="p1a")
    for part in alone(found):
        why = explain(found.tree, found.tree.tops["database"], [part])
        assert {step.name for step in why.path() if not step.because} == {part}


def test_what_if() -> None:
    found = site()
    failing = {
        said: {
            each.service: each.verdict for each in topology.what_if(found, topology.parse_failures(said, found.tree))
        }
        for said in ("fail:oob", "fail:feed-a", "fail:ctl1", "fail:ctl3", "fail:ctl1,ctl2", "fail:ctl1, ctl1:bmc", "z2")
    }
    assert failing == {
        "fail:oob": {"database": "less redundancy"},  # the next failed node can't be fenced
        "fail:feed-a": {"database": "less redundancy"},
        "fail:ctl1": {"database": "takeover"},
        "fail:ctl3": {"database": "less redundancy"},
        "fail:ctl1,ctl2": {"database": "outage"},
        "fail:ctl1, ctl1:bmc": {"database": "outage"},
        "z2": {"database": "outage"},
    }


def test_what_was_fenced_needs_no_fencing_any_more() -> None:
    (after,) = topology.what_if(found := site(), ["ctl1"])
    assert "ctl2" in after.what and "ctl1:bmc" not in after.what and "ctl1:e3" not in after.what
    assert after.seconds == found.downtime["database"].takeover.seconds == 30


def test_what_if_of_nothing_that_is_there() -> None:
    with pytest.raises(InputError) as caught:
        topology.parse_failures("fail:sw-aa", site().tree)
    assert "Did you mean `sw-a`?" in caught.value.todo


def test_waivers_hold_until_their_day() -> None:
    text = SITE.format(**GOOD) + (
        "waivers:\n  - {finding: fencing-together, where: [r1, r2, z1, z2], because: rehearsed, until: 2026-11-23}\n"
    )
    cluster = load(text.encode(), "site.yaml")
    assert study(cluster, work_out(cluster), today=date(2026, 11, 23)).counted == []
    assert len(study(cluster, work_out(cluster), today=date(2026, 11, 24)).counted) == 2


def test_parts_know_what_they_are() -> None:
    parts = site().tree.parts
    assert (parts["p1a"].kind, parts["p1a"].place) == (Kind.PDU, ("facility", "racks", "r1", "pdus", "p1a"))
    assert (parts["c1"].kind, parts["c1"].place) == (Kind.COOLING, ("facility", "zones", "z1", "cooling"))
    assert (parts["ctl2:disk"].node, parts["sw-a"].node) == ("ctl2", None)
    assert str(parts["sw-a"]) == "switch sw-a" and str(parts["ctl2"]) == "ctl2"


def test_a_link_that_others_watch_is_taken_over_from() -> None:
    cluster = load(SITE.format(**{**GOOD, "links1": ONE_CABLE}).encode(), "site.yaml")
    watch = Clone("watch-clone", Primitive("watch", "ocf:pacemaker:ping"))
    design = unwatched(work_out(cluster))
    watched = study(cluster, replace(design, resources=(*design.resources, watch)))
    assert "ctl1:e1" in alone(study(cluster, design))
    assert alone(watched) == WHOLE_PLACES


def test_a_node_without_a_fence_device_stands_in_the_way() -> None:
    cluster = load(SITE.format(**GOOD).encode(), "site.yaml")
    design = work_out(cluster)
    resources = tuple(each for each in design.resources if each.id != "fence-ctl2")
    found = study(cluster, replace(design, resources=resources))
    (weakness,) = [weakness for weakness in found.weaknesses if "ctl2" in weakness.parts]
    assert weakness.code == "no-fencing"


def with_device(algorithm: Literal["ffsplit", "lms"], nodes: int = 3) -> Study:
    """The nodes with a quorum device, of which `outage` fails when there is no quorum."""
    cluster = load(SITE.format(**{**GOOD, "zone2": "z3"}).encode(), "site.yaml")
    parts = {name: FacilityPart(name=name, kind=Kind.MACHINE) for name in ("qnetd", "line")}
    device = QuorumDevice(algorithm=algorithm, needs=Need(count=2, of=("qnetd", "line")))
    facility = cluster.facility.model_copy(
        update={"parts": {**cluster.facility.parts, **parts}, "quorum_device": device}
    )
    kept = {name: node for name, node in cluster.nodes.items() if int(name[-1]) <= nodes}
    changed = cluster.model_copy(update={"facility": facility, "nodes": kept})
    return study(changed, work_out(changed), today=date(2026, 11, 23))


@pytest.mark.parametrize(
    ("algorithm", "nodes", "failed", "is_lost"),
    [
        ("lms", 3, {"ctl1"}, False),
        ("lms", 3, {"ctl1", "ctl2"}, False),
        ("lms", 3, {"ctl1", "ctl2", "ctl3"}, True),
        ("lms", 3, {"qnetd"}, False),
        ("lms", 3, {"qnetd", "ctl3"}, True),
        ("lms", 3, {"line", "ctl3"}, True),
        ("ffsplit", 2, {"ctl1"}, False),
        ("ffsplit", 2, {"line"}, False),
        ("ffsplit", 2, {"line", "ctl1"}, True),
        ("ffsplit", 3, {"ctl1"}, False),
        ("ffsplit", 3, {"ctl1", "qnetd"}, True),
    ],
)
def test_a_quorum_device_votes(
    algorithm: Literal["ffsplit", "lms"], nodes: int, failed: set[str], is_lost: bool
) -> None:
    assert ("quorum" in with_device(algorithm, nodes).tree.failing(failed)) is is_lost


def test_a_quorum_device_is_suggested_where_one_room_has_the_majority() -> None:
    spread = SITE.replace("{{database: {{", "{{database: {{on: [ctl1, ctl3], ")
    cluster = load(spread.format(**{**GOOD, "zone2": "z1"}).encode(), "site.yaml")
    today = date(2026, 11, 23)
    found = study(cluster, work_out(cluster), today=today)
    assert {weakness.code for weakness in found.weaknesses if "z1" in weakness.parts} == {"quorum-together"}
    (fix,) = [fix for fix in fixes(cluster, found, today=today) if "corosync-qnetd" in fix.what]
    assert any("z1" in what for what in fix.solves)
    (majority,) = [weakness.problem.what for weakness in found.weaknesses if weakness.code == "quorum-together"]
    assert majority in fix.solves
    assert 0 < fix.minutes < found.downtime["database"].minutes
