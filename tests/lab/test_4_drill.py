"""The drill itself: what it measures, and that it can't be fooled."""

import json
from pathlib import Path

import pytest

from .conftest import Site


@pytest.fixture(autouse=True)
def _ready(site: Site) -> None:
    site.await_ready()


def test_power_loss_of_the_active_node_loses_nothing(site: Site) -> None:
    report = site.json("drill", "power-loss", "--on", "active:database")
    assert report["kept"] is True
    database = report["services"]["database"]
    assert database["clients"]["outcomes"]["acknowledged"] > 1000
    assert database["lost"] == report["lost"] == 0
    assert set(database["holding"]["ledgers"]) == {"ctl1", "ctl2"}
    assert database["holding"]["verify"]["out_of_sync"] == 0
    assert list(report["audit"]["fenced"]) == report["nodes"] == [database["before"]]
    assert database["after"] != database["before"]


def test_a_drill_refuses_to_start_unless_the_cluster_is_ready(site: Site) -> None:
    site.quorate("lab", "link", "cut", "ctl3", "storage")
    try:
        while site.json("status", status=None)["ready"]:
            pass  # Corosync notices within a second
        refused = site.quorate("drill", "power-loss", "--on", "active:database", status=1)
        assert "not ready" in refused.stderr
    finally:
        site.quorate("lab", "link", "heal", "ctl3", "storage")
    site.await_ready()
    assert "ctl9" in site.quorate("drill", "power-loss", "--on", "ctl9", status=2).stderr


def test_no_password_of_a_drill_is_left(site: Site) -> None:
    for report in Path(site.state / "drills").glob("*/report.json"):
        assert "password" not in report.read_text()
        assert json.loads(report.read_text())["kept"] is True
    accounts = site.on(site.json("status")["active"]["database"], "mariadb", "-Ne", "SELECT user FROM mysql.user")
    assert "quorate" not in accounts
