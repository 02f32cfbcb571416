"""An OpenStack control plane broken in every way that a drill knows, with all probes at once.

These are quick drills, which leave out the planned switch-overs and the comparison of the disks, and each service is
broken in one of the ways: the whole of it has to fit into a CI run. The database's test holds a thorough one.
"""

from typing import Any

import pytest

from .conftest import Site

PROBED = {"database", "messaging", "identity", "image"}
ADDRESSES = {"database-address", "front-address"}
"""Connected to and asked for by ARP; nothing is written to them."""
STATELESS = ("identity",)
"""Active on every node, so that the loss of one process is no outage: another one answers."""


@pytest.fixture(autouse=True)
def _ready(openstack: Site) -> None:
    openstack.await_ready()


def _drill(site: Site, *words: str) -> Any:
    """A drill that must be kept; what every kept one has in common."""
    report = site.json("drill", *words)
    assert report["kept"] is True
    assert report["lost"] == 0
    assert {name for name, service in report["services"].items() if service["writes"]} == PROBED
    assert report["services"].keys() - PROBED == ADDRESSES
    for service in report["services"].values():
        assert service["clients"]["outcomes"]["acknowledged"] > 3
        assert service["holding"]["ledgers"] or not service["writes"]
    site.await_ready(limit=60)
    return report


def test_power_loss_of_the_active_node(openstack: Site) -> None:
    report = _drill(openstack, "power-loss", "--on", "active:database", "--quick")
    assert list(report["audit"]["fenced"]) == report["nodes"]


@pytest.mark.parametrize(
    ("fault", "service"),
    [
        ("freeze", "identity"),
        ("kill", "image"),
        pytest.param("kill", "database", marks=pytest.mark.long),
        pytest.param("kill", "messaging", marks=pytest.mark.long),
    ],
)
def test_a_service_that_fails_on_a_node_comes_back_by_itself(openstack: Site, fault: str, service: str) -> None:
    report = _drill(openstack, fault, "--on", f"active:{service}", "--quick")
    assert not report["audit"]["fenced"]
    assert report["audit"]["failures"], "the cluster noticed it"
    if service in STATELESS:
        assert report["services"][service]["clients"]["outage"]["gap"]["seconds"] < 15


def test_a_full_stop_of_all_nodes_at_once(openstack: Site) -> None:
    report = _drill(openstack, "power-loss", "--on", "ctl3,ctl1,ctl2", "--quick")
    assert report["nodes"] == ["ctl3", "ctl1", "ctl2"]


def test_what_can_not_be_broken_is_refused(openstack: Site) -> None:
    said = openstack.quorate("drill", "kill", "--on", "ctl1", status=2).stderr
    assert "a service on a node" in said
    assert (
        "did you mean `active:identity`?"
        in openstack.quorate("drill", "kill", "--on", "active:identty", status=2).stderr
    )
