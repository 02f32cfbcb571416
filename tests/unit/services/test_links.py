"""Which links are watched, and what leaves a node without one."""

import ast

import pytest
from lxml import etree

from quorate import node
from quorate.cluster.loading import load
from quorate.cluster.model import Cluster
from quorate.design import cib, work_out
from quorate.services import links
from quorate.services.parts import AttributeRule, Clone

WHOLE = b"""
cluster: lab
nodes: [ctl1, ctl2, ctl3]
networks:
  management: {cidr: 10.20.0.0/24, uses: [ssh, ring]}
  storage: {cidr: 10.22.0.0/24, uses: [ring, replication]}
  public: {cidr: 203.0.113.0/24, uses: [api], vip: 203.0.113.10}
services:
  database:
  messaging: {replicated_by: drbd}
  identity:
  image: {store: drbd}
"""


@pytest.fixture
def whole() -> Cluster:
    return load(WHOLE, "lab.yaml")


def rules(cluster: Cluster) -> dict[tuple[str, str], AttributeRule]:
    found = work_out(cluster).constraints
    return {(each.resource, each.attribute): each for each in found if isinstance(each, AttributeRule)}


def test_what_moves_is_what_is_reached_on_one_node(whole: Cluster) -> None:
    found = rules(whole)
    assert set(found) == {
        ("database-volume", "link-management"),
        ("messaging-volume", "link-management"),
        ("image-volume", "link-management"),
        ("front-address", "link-public"),
        ("front-address", "link-management"),
    }


def test_no_rule_gives_a_promotion_score(whole: Cluster) -> None:
    """A liking in the role Promoted would promote a replica to which DRBD gives no score."""
    for (resource, _), rule in rules(whole).items():
        if resource == "front-address":
            assert (rule.role, rule.operation, int(rule.score)) == (None, "ne", links.LOST)
        else:
            assert (rule.role, rule.operation, int(rule.score)) == ("Promoted", "eq", -links.LOST)


def test_the_watcher_asks_all_nodes_on_the_networks_of_rules(whole: Cluster) -> None:
    design = work_out(whole)
    (watcher,) = [each for each in design.resources if isinstance(each, Clone) and each.id == links.WATCHERS]
    assert set(watcher.primitive.parameters["networks"].split()) == {
        "management:ctl1=10.20.0.11,ctl2=10.20.0.12,ctl3=10.20.0.13",
        "public:ctl1=203.0.113.11,ctl2=203.0.113.12,ctl3=203.0.113.13",
    }
    for host in design.hosts.values():
        assert {"/usr/lib/ocf/resource.d/quorate/links", "/usr/lib/ocf/resource.d/quorate/ocf.py"} <= {
            file.path for file in host.files
        }


def test_attributes_are_heard_of_together() -> None:
    """A whole network dies, and the nodes look one after the other: within an interval and the seconds of a look."""
    assert links.DAMPENING > links.INTERVAL + 2


def test_two_nodes_don_t_watch_each_other(cluster: Cluster) -> None:
    nodes = {name: node for name, node in cluster.nodes.items() if name != "ctl3"}
    design = work_out(cluster.model_copy(update={"nodes": nodes}))
    assert not [each for each in design.constraints if isinstance(each, AttributeRule)]
    assert not [each for each in design.resources if each.id == links.WATCHERS]


def test_a_rule_that_holds_for_what_is_not_set_says_so(whole: Cluster) -> None:
    configuration = cib.configuration(work_out(whole))
    operations = {
        str(location.get("rsc")): [str(each.get("operation")) for each in location.iter("expression")]
        for location in configuration.iter("rsc_location")
        if isinstance(location, etree._Element) and location.find("rule") is not None
    }
    assert operations["front-address"] == ["ne", "not_defined"]
    assert operations["database-volume"] == ["eq"]


def test_the_agent_waits_as_long_as_the_time_budget_says() -> None:
    """The agent stands alone on a node, so it has its numbers itself."""
    found = {
        target.id: ast.literal_eval(each.value)
        for each in ast.parse(node.source("links")).body
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    assert found["WAIT"] * found["ROUNDS"] == links.SILENCE
