"""Two primaries must be impossible. Here somebody tries hard to get them."""

import re
import time

import pytest

from .conftest import Site, await_that


def test_a_standby_cut_off_from_its_primary_cannot_be_promoted(site: Site) -> None:
    """The replication link alone is gone: both nodes are alive, members, and can't see each other's disk."""
    active, standby = site.pair()
    assert _serves(site, active)
    site.quorate("lab", "link", "cut", standby, "storage")
    try:
        await_that(lambda: "Connected" not in site.on(standby, "drbdadm", "cstate", "database"), "DRBD noticed")
        for attempt in (("drbdadm", "primary", "database"), ("drbdsetup", "primary", "0")):
            refusal = site.on(standby, *attempt, check=False)
            assert site.role(standby) == "Secondary", f"{attempt} gave a second primary: {refusal}"
        assert site.role(active) == "Primary"
        assert _writes(site, active), "the primary must serve on: its peer is known not to be promoted"
    finally:
        site.quorate("lab", "link", "heal", standby, "storage")
    site.await_ready()
    assert site.role(active) == "Primary"


def test_a_primary_cut_off_from_everybody_is_fenced_before_another_is_promoted(site: Site) -> None:
    """Both cluster networks of the primary are gone. It has no quorum; the others fence it through its BMC."""
    active, standby = site.pair()
    try:
        for network in ("management", "storage"):
            site.quorate("lab", "link", "cut", active, network)
        deadline = time.monotonic() + 60
        while site.role(standby) != "Primary":
            assert time.monotonic() < deadline, "nobody took over"
        # Looked at after the other was promoted: that one still serves, then, is no matter of who was asked first.
        assert not _serves(site, active), "two primaries"
    finally:
        for network in ("management", "storage"):
            site.quorate("lab", "link", "heal", active, network)
    site.await_ready()
    assert site.pair() == (standby, active)


@pytest.fixture(autouse=True)
def _ready(site: Site) -> None:
    site.await_ready()


def _serves(site: Site, node: str) -> bool:
    """Whether DRBD on the node is primary, and carries out what is written (I/O flag `r`; `s` would be suspended)."""
    state = site.on(node, "cat", "/proc/drbd", check=False)
    return re.search(r"^ 0: .* ro:Primary/.* r[-a-z]{5}$", state, re.MULTILINE) is not None


def _writes(site: Site, node: str) -> bool:
    sql = "CREATE TABLE test.t (n INT); INSERT INTO test.t VALUES (1); DROP DATABASE test;"
    return "ERROR" not in site.on(node, "mariadb", "--execute", f"CREATE DATABASE test; {sql}", check=False)
