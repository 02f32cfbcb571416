"""Drills that must fail do: a cluster is spoilt by hand, as operators have had it, and the verdict has to say so.

What a kept drill claims rests on the ledger and on the audit. Were one of them to see nothing any more, every other
drill would go on being kept; these would, too, and fail.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .conftest import Site, await_that

RESOURCE = "/etc/drbd.d/database.res"
DELAY = "200ms"
"""Of what goes over the replication link: of 100 writes a second some 20 are on their way at any moment."""
STORAGE = "10.22.0.0/24"
SLOW_LINK = f'tc qdisc replace dev "$(ip -oneline -4 address show to "$1" | cut -d" " -f2)" root netem delay {DELAY}'
NO_FENCING = "s/resource-and-stonith/dont-care/"


def test_protocol_a_loses_what_was_on_its_way(site: Site) -> None:
    """A write counts as done once it is on this disk and in a buffer of the network's."""
    active, standby = site.pair()
    with _spoilt(site):
        _replicate(site, "s/resource-and-stonith/resource-only/")  # DRBD refuses protocol A with the other one
        _replicate(site, "s/protocol  *C/protocol A/")
        site.on(active, "sh", "-ec", SLOW_LINK, "sh", STORAGE)
        _assert_lost(_broken(site, "power-loss", "--on", "active:database"), standby)


def test_a_log_that_waits_to_be_flushed_is_lost(site: Site) -> None:
    """A commit counts as done once it is in the server's memory."""
    active, standby = site.pair()
    for setting in ("innodb_flush_log_at_timeout = 3", "innodb_flush_log_at_trx_commit = 0"):  # gone with the power
        site.on(active, "mariadb", "--execute", f"SET GLOBAL {setting}")
    _assert_lost(_broken(site, "power-loss", "--on", "active:database"), standby)


def test_without_fencing_a_partition_has_two_primaries(site: Site) -> None:
    """As advice for two nodes goes: no fencing, no quorum, and DRBD isn't to care either."""
    active, standby = site.pair()
    with _spoilt(site):
        _configure(site, "no-quorum-policy", "ignore")
        _replicate(site, NO_FENCING)
        with _fencing_switched_off_once_begun(site):
            report = _broken(site, "partition", "--on", "active:database", "--patience", "5")
        _reconcile(site)
    (overlap,) = report["audit"]["overlaps"]
    assert set(overlap["nodes"]) == {active, standby}
    assert overlap["seconds"] > 10, "from the takeover until the partition is healed"
    assert any(sentence.startswith("two primaries of database for ") for sentence in report["broken"])
    assert f"{active} not fenced, which was predicted" in report["broken"]


def test_what_a_split_brain_discards_by_itself_is_lost(site: Site) -> None:
    """Whoever is no longer primary gives up what it has written. But for fencing all looks as if nothing had been."""
    _active, standby = site.pair()
    with _spoilt(site):
        zero, one = (
            "s/after-sb-0pri .*/after-sb-0pri discard-older-primary;/",
            "s/after-sb-1pri .*/after-sb-1pri discard-secondary;/",
        )
        _replicate(site, NO_FENCING, zero, one)
        with _fencing_switched_off_once_begun(site):
            report = _broken(site, "partition", "--on", "active:database", "--patience", "15")
        site.await_ready(but="Fencing is switched off")
        _assert_lost(report, standby)


ONE_FEED = """\
cluster: database
facility: {feeds: {feed: }, racks: {rack: {pdus: {pdu: feed}}}}
nodes:
  ctl1: {rack: rack, power: [pdu]}
  ctl2: {rack: rack, power: [pdu]}
  ctl3: {rack: rack, power: [pdu]}
services: {database: }
"""


@pytest.fixture
def one_feed(site: Site, tmp_path: Path) -> Site:
    """The same cluster, by a cluster file that says what all nodes hang on."""
    file = tmp_path / "one-feed.yaml"
    file.write_text(ONE_FEED)
    file.with_suffix(".quorate").symlink_to(site.state)
    return Site(file)


def test_one_feed_for_all_is_found_beforehand(one_feed: Site) -> None:
    (finding,) = one_feed.json("check", status=1)["findings"]
    assert finding["code"] == "quorum-together"
    assert finding["where"]["name"] == "feed"


@pytest.mark.long
def test_one_feed_for_all_is_an_outage(one_feed: Site) -> None:
    """Nothing is lost, all is as predicted; but it is one failure, and nobody is left to take over."""
    one_feed.await_ready()
    report = _broken(one_feed, "domain-loss", "--on", "feed")
    assert report["lost"] == 0
    assert report["prediction"]["forecast"]["fates"] == {"database": "is gone until it is healed"}
    assert report["prediction"]["differences"] == []
    (why,) = report["services"]["database"]["broken"]
    assert why.startswith("clients had no answer for ")
    assert why.endswith("; 30 s are allowed")


@contextmanager
def _spoilt(site: Site) -> Iterator[None]:
    """Afterwards the cluster is again as the cluster file wants it."""
    try:
        yield
    finally:
        site.quorate("apply")


def _configure(site: Site, name: str, value: str) -> None:
    """Sets a property of the cluster's, by hand."""
    site.on("ctl1", "crm_attribute", "--name", name, "--update", value)


@contextmanager
def _fencing_switched_off_once_begun(site: Site) -> Iterator[None]:
    """A cluster without fencing isn't ready, and a drill refuses it. So it goes while the probes get steady."""

    def begun() -> set[Path]:
        return set(site.state.glob("drills/*/drill.json"))

    before = begun()

    def switch_off() -> None:
        await_that(lambda: begun() > before, "a drill begins")
        _configure(site, "stonith-enabled", "false")

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(switch_off)
        yield
        done.result()


def _replicate(site: Site, *edits: str) -> None:
    """Changes DRBD's configuration on both sides while it runs, with sed."""
    for node in ("ctl1", "ctl2"):
        site.on(node, "sed", "--in-place", *(f"--expression={edit}" for edit in edits), RESOURCE)
    for node in ("ctl1", "ctl2"):
        site.on(node, "drbdadm", "adjust", "database")


def _reconcile(site: Site) -> None:
    """A person's decision after a split brain: the side that serves has its way."""
    roles: dict[str, str] = {}

    def decided() -> bool:
        roles.update({site.role(node): node for node in ("ctl1", "ctl2")})
        return {*roles} == {"Primary", "Secondary"}

    await_that(decided, "one primary")
    site.on(roles["Secondary"], "drbdadm", "connect", "--discard-my-data", "database")
    site.on(roles["Primary"], "drbdadm", "connect", "database")


def _broken(site: Site, *words: str) -> Any:
    """A quick drill that breaks an objective."""
    report = site.json("drill", *words, "--quick", status=1)
    print("\n".join([f"{words[0]} took {report['seconds']:.0f} s:", *report["broken"]]))
    assert report["result"] == "broken"
    return report


def _assert_lost(report: Any, node: str) -> None:
    """Acknowledged writes aren't on this node, and the verdict says so."""
    lost = report["services"]["database"]["holding"]["ledgers"][node]["lost"]
    assert len(lost) > 0
    assert any(f"{len(lost)} acknowledged rows are lost on {node}" in sentence for sentence in report["broken"])
