"""The facility and the waivers of a cluster file: what is read, what is refused, and where."""

from datetime import date, timedelta

import pytest

from quorate.cluster import spelling
from quorate.cluster.facility import Kind, Need
from quorate.cluster.findings import ClusterFileError
from quorate.cluster.loading import load, read

FILE = """\
cluster: lab
nodes:
  ctl1:
    rack: n1
    power: [n1-a, n1-b]
    needs: [crane]
    cards: {card-1: [eno2, eno3]}
    mtbf: 9y
    links:
      management: {nic: [eno2, eno3], via: [sw-n1, sw-s1]}
      storage: {nic: eno4, via: sw-n1}
    bmc: {via: [oob], power: n1-b}
  ctl2: {rack: s1, power: {all: [s1-a, {any: [feed-a, feed-b]}]}}
  ctl3:
networks:
  management: {gateway: [edge]}
  storage: {link: infiniband}
services: {database: }
objectives: {default: {per_year: 60min}, database: {downtime: 9s}}
facility:
  sites: {here: }
  zones: {north: {site: here, cooling: {2 of: [crac-1, crac-2, crac-3]}}, south: }
  feeds: {feed-a: {ups: ups-a, mtbf: 1y, mttr: 2h}, feed-b: }
  racks:
    n1: {zone: north, pdus: {n1-a: feed-a, n1-b: [feed-b, feed-a]}}
    s1: {zone: south, pdus: {s1-a: {power: feed-b, mttr: 1d}}}
  switches: {sw-n1: {rack: n1, power: [n1-a, n1-b]}, sw-s1: {rack: s1, via: sw-n1}, oob: }
  routers: {edge: {zone: north, uplinks: [carrier]}}
  machines: {hv1: {rack: n1}, hv2: {rack: s1}}
  parts: {crane: {needs: [feed-a, south]}}
  goals: {capacity: {1 of: [hv1, hv2]}}
waivers:
  - {finding: single-part, where: sw-n1, because: a second one is ordered, until: 2027-02-01}
"""


def test_the_whole_of_it() -> None:
    cluster = load(FILE.encode(), "c.yaml")
    parts, node = cluster.facility.parts, cluster.nodes["ctl1"]
    assert [part.name for part in parts.values() if part.kind in (Kind.COOLING, Kind.UPS, Kind.UPLINK)] == [
        *("crac-1", "crac-2", "crac-3", "ups-a", "carrier")
    ]
    assert (parts["n1-b"].kind, parts["n1-b"].place) == (Kind.PDU, "n1")
    assert parts["n1-b"].needs["power"] == Need(count=1, of=("feed-b", "feed-a"))
    assert parts["crane"].needs["needs"] == Need(count=2, of=("feed-a", "south"))
    assert parts["north"].needs["cooling"].count == 2
    assert (parts["feed-a"].mtbf, parts["s1-a"].mttr) == (timedelta(days=365), timedelta(days=1))
    assert node.links["management"].nics == ("eno2", "eno3") and node.links["management"].nic is None
    assert node.links["storage"].nic == "eno4"
    assert node.bmc.power == Need(count=1, of=("n1-b",))
    assert list(cluster.nodes["ctl2"].power.names() if cluster.nodes["ctl2"].power else ()) == [
        *("s1-a", "feed-a", "feed-b")
    ]
    assert cluster.objectives["database"].per_year == timedelta(hours=1)
    assert cluster.waivers[0].until == date(2027, 2, 1)


def test_written_out_it_is_the_same() -> None:
    loaded = read(FILE.encode(), "c.yaml")
    again = spelling.write(loaded.cluster, loaded.origins)
    assert load(again.encode(), "again") == loaded.cluster


@pytest.mark.parametrize(
    ("line", "column", "code", "old", "new"),
    [
        (4, 11, "undeclared-part", "rack: n1\n", "rack: n9\n"),
        (4, 11, "wrong-kind", "rack: n1\n", "rack: north\n"),
        (5, 19, "undeclared-part", "[n1-a, n1-b]\n    needs", "[n1-a, n1b]\n    needs"),
        (6, 12, "bad-need", "[crane]", "[]"),
        (7, 13, "undeclared-nic", "[eno2, eno3]}\n    mtbf", "[eno2, eno9]}\n    mtbf"),
        (8, 11, "bad-unit", "9y", "9 years"),
        (10, 45, "undeclared-part", "via: [sw-n1, sw-s1]", "via: [sw-n9, sw-s1]"),
        (10, 45, "wrong-kind", "via: [sw-n1, sw-s1]", "via: [feed-a, sw-s1]"),
        (12, 30, "undeclared-part", "power: n1-b", "power: nowhere"),
        (13, 47, "undeclared-part", "{any: [feed-a", "{any: [feed-x"),
        (13, 27, "bad-need", "{all: [s1-a, {any: [feed-a, feed-b]}]}", "{3 of: [s1-a, feed-a]}"),
        (16, 26, "undeclared-part", "[edge]", "[edgy]"),
        (17, 19, "unknown-word", "infiniband", "token-ring"),
        (22, 25, "undeclared-part", "site: here", "site: there"),
        (23, 38, "impossible-objective", "mtbf: 1y", "mtbf: 0y"),
        (25, 36, "undeclared-part", "n1-a: feed-a", "n1-a: feed-c"),
        (25, 51, "undeclared-part", "[feed-b, feed-a]}}", "[feed-c, feed-a]}}"),
        (27, 14, "same-name", "sw-n1: {rack: n1,", "ctl1: {rack: n1,"),
        (30, 11, "circle", "[feed-a, south]}}", "[crane]}}"),
        (31, 29, "undeclared-part", "{1 of: [hv1,", "{1 of: [hv9,"),
        (33, 5, "missing", ", until: 2027-02-01", ""),
        (33, 83, "bad-date", "2027-02-01", "soon"),
        (32, 10, "wrong-type", "\n  - {finding: single-part, where", " {finding: single-point, where"),
    ],
)
def test_a_mistake_has_its_place(line: int, column: int, code: str, old: str, new: str) -> None:
    assert FILE.count(old) == 1
    with pytest.raises(ClusterFileError) as caught:
        load(FILE.replace(old, new).encode(), "c.yaml")
    found = [(finding.where.line, finding.where.column, finding.code) for finding in caught.value.findings]
    assert (line, column, code) in found
    if code not in ("same-name", "undeclared-part", "wrong-kind"):  # what no longer exists is missed elsewhere, too
        assert len(found) == 1


def test_a_misspelt_part_gets_a_suggestion_of_its_kind() -> None:
    with pytest.raises(ClusterFileError) as caught:
        load(FILE.replace("[n1-a, n1-b]\n    needs", "[n1-a, n1b]\n    needs").encode(), "c.yaml")
    (finding,) = caught.value.findings
    assert (finding.where.line, finding.where.column) == (5, 19)
    assert finding.todo == "Did you mean `n1-b`?"
