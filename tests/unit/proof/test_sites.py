"""The example sites: all planted mistakes and nothing else; downtime, fixes and the picture of them."""

import runpy
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from quorate.cluster.findings import ClusterFileError
from quorate.cluster.loading import load, read
from quorate.design import work_out
from quorate.proof.cutsets import cut_sets
from quorate.proof.downtime import MINUTES_A_YEAR, Takeover
from quorate.proof.fixes import fixes, helping
from quorate.proof.picture import svg
from quorate.proof.topology import Study, findings, study, what_if

EXAMPLES = Path(__file__).parents[3] / "examples"
TODAY = date(2026, 11, 23)


def of(name: str, **takeovers: Takeover) -> Study:
    cluster = load((EXAMPLES / name).read_bytes(), name)
    return study(cluster, work_out(cluster), takeovers=takeovers, today=TODAY)


def test_the_good_site_is_clean() -> None:
    found = of("two-rooms.yaml")
    assert found.counted == []
    assert {weakness.code for weakness in found.weaknesses} == {"fencing-together"}
    promised = timedelta(hours=2) / timedelta(minutes=1)
    assert all(0 < figures.minutes < promised for figures in found.downtime.values())


def test_all_six_mistakes_are_found_each_where_it_was_made() -> None:
    text = (EXAMPLES / "two-rooms-mistakes.yaml").read_text()
    loaded = read(text.encode(), "two-rooms-mistakes.yaml")
    found = study(loaded.cluster, work_out(loaded.cluster), today=TODAY)
    causes = {
        (weakness.code, part)
        for weakness in found.counted
        for part in weakness.parts
        if weakness.code not in ("downtime-promise", "rings-together")
    }
    expected = {
        1: {("quorum-together", "feed-a"), ("quorum-together", "ups-a")},
        2: {("quorum-together", "north"), ("quorum-together", "n1")},
        3: {("single-part", "edge-1"), ("single-part", "carrier-x")},
        4: {("fencing-together", "n1-a")},
        5: {("link-unwatched", "sw-s1")},
        6: {("fencing-together", "sw-n1")},
    }
    assert causes == set().union(*expected.values())
    assert all(weakness.why and weakness.problem.todo for weakness in found.counted)


def test_findings_have_lines() -> None:
    text = (EXAMPLES / "two-rooms-mistakes.yaml").read_text()
    loaded = read(text.encode(), "x.yaml")
    found = study(loaded.cluster, work_out(loaded.cluster), today=TODAY)
    lines = text.splitlines()
    for finding in findings(found, "x.yaml", loaded.line):
        name = finding.where.name.partition(":")[0]
        written = lines[finding.where.line - 1]
        assert name in written or finding.code in ("link-unwatched", "rings-together", "downtime-promise"), finding
        if finding.code == "link-unwatched":
            assert "# 5." in written


def test_downtime_of_one_part_is_its_unavailability() -> None:
    text = """\
cluster: a
nodes: [a, b, c]
networks:
  management: {gateway: [edge]}
  storage:
facility: {routers: {edge: {mtbf: 1y, mttr: 1d}}}
services: {database: }
"""
    cluster = load(text.encode(), "a.yaml")
    figures = study(cluster, work_out(cluster)).downtime["database"]
    share = next(share for share in figures.shares if share.parts == (("edge",),))
    assert share.minutes == pytest.approx(MINUTES_A_YEAR / 366)
    assert "edge" not in figures.defaulted and "a:management" in figures.defaulted


def test_takeovers_count_with_the_seconds_that_were_measured() -> None:
    slow, quick = (of("two-rooms.yaml", database=Takeover(seconds, "drill")) for seconds in (60, 15))
    assert slow.downtime["database"].takeovers == pytest.approx(4 * quick.downtime["database"].takeovers)
    assert slow.downtime["database"].outages == quick.downtime["database"].outages
    # Each node of the pair fails every 12 years, and half of the time it is the one that serves.
    assert quick.downtime["database"].takeovers_a_year == pytest.approx(1 / 12)


def test_the_planted_mistakes_have_their_fixes() -> None:
    cluster = load((EXAMPLES / "two-rooms-mistakes.yaml").read_bytes(), "x.yaml")
    found = study(cluster, work_out(cluster), today=TODAY)
    best = fixes(cluster, found, today=TODAY)
    assert [fix.worth for fix in best] == sorted((fix.worth for fix in best), reverse=True)
    assert {
        "hang s1-b on feed-b instead",
        "let edge-2 be a gateway of public as well",
        "plug ctl1 into n1-b as well",
        "a second interface of ctl2 on public, into sw-n1",
        "plug ctl3's BMC into oob-n",
    } <= {fix.what for fix in best}
    assert all(fix.minutes > 0 and fix.cost > 0 for fix in best)
    helps = helping(best)
    (gateway,) = [weakness.problem.what for weakness in found.counted if weakness.code == "single-part"]
    assert helps[gateway].startswith("Let edge-2 be a gateway of public as well: saves ")
    # Carrying ctl1 from one rack of the room to the other helps something, and not this.
    (room,) = [weakness.problem.what for weakness in found.counted if weakness.parts[:1] == ("north",)]
    assert "rack w1" not in helps.get(room, "")


def test_the_picture_is_one_svg_with_the_cuts_in_red() -> None:
    cluster = load((EXAMPLES / "two-rooms-mistakes.yaml").read_bytes(), "x.yaml")
    picture = svg(cluster, study(cluster, work_out(cluster), today=TODAY))
    root = ElementTree.fromstring(picture)
    red = {
        group.findtext("{*}text")
        for group in root.iter("{http://www.w3.org/2000/svg}g")
        if (box := group.find("{*}rect")) is not None and box.get("class") == "cut"
    }
    assert red == {
        "north (crac-1, crac-2)",
        "n1",
        "n1-a",
        "feed-a",
        "ups-a",
        "edge-1",
        "carrier-x",
        "sw-n1",
        "sw-s1",
    }


def test_a_thousand_machines() -> None:
    text = runpy.run_path(str(EXAMPLES / "thousand.py"))["text"]()
    cluster = load(text.encode(), "thousand.yaml")
    found = study(cluster, work_out(cluster))
    assert len(found.tree.parts) > 1200
    assert {part for weakness in found.weaknesses for part in weakness.parts} == {
        *("east", "west", "north", "r00", "r01", "r02")
    }
    assert found.cuts.count(found.tree.tops["capacity"])[0] == 3
    assert svg(cluster, found)


TREE: Any = YAML(typ="safe", pure=True).load(
    (EXAMPLES / "two-rooms-mistakes.yaml").read_text().replace("2027-06-30", "'2027-06-30'")
)
WORDS = {
    "power": st.sampled_from(("feed-a", "feed-b", "n1-a", "n1-b", "s1-a", "w1-b", "ups-b")),
    "via": st.sampled_from(("sw-n1", "sw-s1", "oob-n", "edge-2")),
    "gateway": st.sampled_from(("edge-1", "edge-2", "sw-s1")),
    "cooling": st.sampled_from(("crac-1", "crac-3", "new")),
    "ups": st.sampled_from(("ups-a", "ups-b", "new")),
    "uplinks": st.sampled_from(("carrier-x", "carrier-y", "new")),
    "rack": st.sampled_from(("n1", "s1", "w1")),
    "zone": st.sampled_from(("north", "south")),
}


def _places(tree: Any) -> list[tuple[Any, str]]:
    """Every mapping with one of its keys that says what something hangs on."""
    found: list[tuple[Any, str]] = []
    for key, value in tree.items() if isinstance(tree, dict) else ():
        found += [(tree, key)] if key in WORDS else _places(value)
    return found


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """The site with up to six things that hang on something else, or on nothing that is said."""
    tree = _copied(TREE)
    for _ in range(draw(st.integers(1, 6))):
        holder, word = draw(st.sampled_from(_places(tree)))
        names = WORDS[word]
        if word in ("rack", "zone"):
            holder[word] = draw(names)
        elif draw(st.integers(0, 3)):
            entry = names | st.fixed_dictionaries({"all": st.lists(names, min_size=1, max_size=2)})
            holder[word] = draw(st.lists(entry, min_size=1, max_size=3))
        else:
            del holder[word]
    return tree


def _copied(tree: Any) -> Any:
    return {key: _copied(value) for key, value in tree.items()} if isinstance(tree, dict) else tree


def _yaml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_yaml(str(key))}: {_yaml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return "null" if value is None else f'"{value}"' if isinstance(value, str) else str(value).lower()


@settings(max_examples=25)
@given(mutated())
def test_any_site_that_loads_can_be_studied(tree: Any) -> None:
    try:
        cluster = load(_yaml(tree).encode(), "fuzz")
    except ClusterFileError:
        return
    found = study(cluster, work_out(cluster), today=TODAY)
    direct = cut_sets(found.tree.gates, found.tree.services, 1)
    for name, top in found.tree.tops.items():
        for cut in direct.of(top):
            assert next(each for each in what_if(found, list(cut)) if each.service == name).verdict == "outage"
    assert svg(cluster, found)
