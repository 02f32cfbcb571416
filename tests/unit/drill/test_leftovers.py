"""What a drill may not leave behind in the cluster, read from a CIB."""

import pytest
from lxml import etree

from quorate.cluster.model import Cluster
from quorate.design import work_out
from quorate.drill.audit.leftovers import constraints, left

CIB = """
<cib><configuration>
  <crm_config><cluster_property_set id="o"><nvpair id="o1" name="maintenance-mode" value="false"/>{crm}</cluster_property_set></crm_config>
  <nodes><node id="1" uname="ctl1"><instance_attributes id="n"><nvpair id="n1" name="standby" value="off"/>{node}</instance_attributes></node>
  </nodes>
  <constraints>{constraint}</constraints>
</configuration><status><node_state id="2" uname="ctl2"><transient_attributes id="2"><instance_attributes id="s">
  <nvpair id="s1" name="master-database-volume" value="10000"/>{transient}</instance_attributes></transient_attributes></node_state>
</status></cib>
"""  # noqa: E501


def cib(**planted: str) -> etree._Element:
    parts = dict.fromkeys(("crm", "node", "constraint", "transient"), "") | planted
    return etree.fromstring(CIB.format(**parts))


def test_nothing_is_left_of_a_clean_one() -> None:
    assert list(left(cib())) == []


@pytest.mark.parametrize(
    ("where", "planted", "says"),
    [
        ("crm", '<nvpair id="x" name="maintenance-mode" value="true"/>', "the whole cluster has maintenance-mode on"),
        ("node", '<nvpair id="x" name="standby" value="on"/>', "ctl1 is left in standby"),
        ("node", '<nvpair id="x" name="maintenance" value="true"/>', "ctl1 is left in maintenance"),
        ("transient", '<nvpair id="x" name="standby" value="true"/>', "ctl2 is left in standby"),
        (
            "transient",
            '<nvpair id="x" name="fail-count-database-server#monitor_10000" value="1"/>',
            "failures of database-server (monitor_10000) on ctl2 are still counted: 1",
        ),
    ],
)
def test_what_is_left_is_named(where: str, planted: str, says: str) -> None:
    assert list(left(cib(**{where: planted}))) == [says]


def test_constraints_that_are_not_the_designs_are_named(cluster: Cluster) -> None:
    design = work_out(cluster)
    ours = f'<rsc_location id="{design.constraints[0].id}"/>'
    theirs = '<rsc_location id="cli-prefer-database-volume"/>'
    assert list(constraints(cib(constraint=ours + theirs), design)) == ["cli-prefer-database-volume"]
