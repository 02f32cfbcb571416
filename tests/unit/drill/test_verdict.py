"""A verdict is `kept` only if everything that this takes was shown: each flaw alone must break it."""

import dataclasses
import io
import json
from typing import Any

import pytest
from rich.console import Console

from quorate.drill import report
from quorate.drill.audit.audit import Audit
from quorate.drill.audit.crashes import Crash, Kind
from quorate.drill.audit.fencing import PowerRequest
from quorate.drill.audit.phases import Phase
from quorate.drill.audit.primaries import Overlap, Reign
from quorate.drill.clients.holders import Contest, Holder
from quorate.drill.clients.ledger import Ledger
from quorate.drill.clients.outage import Clients, Gap, Latency, Outage
from quorate.drill.judgement.holding import NOTHING, Holding
from quorate.drill.judgement.replicas import Verify
from quorate.drill.judgement.verdict import Promise, Served, Verdict

LEDGER = Ledger(5000, 2000, 3, 13, lost=(), never_sent=(), undecided=())
CLIENTS = Clients(
    rate=200,
    outcomes={"acknowledged": 5000, "refused": 2000, "unknown": 16},
    complete=True,
    probe_lag=0.002,
    outage=Outage(Gap(999.9, 1010.0, 10.1), 0.02, ()),
    latency_before=Latency(1000, 0.004, 0.02),
    latency_after=Latency(4000, 0.005, 0.03),
)
DATABASE = Served(
    service="database",
    what="rows",
    before="ctl1",
    after="ctl2",
    volume="database",
    promise=Promise(30.0, 0),
    clients=CLIENTS,
    holding=Holding(("ctl1", "ctl2"), {"ctl1": LEDGER, "ctl2": LEDGER}, Verify("database", 0, 7.0)),
    phases=(Phase("promoted", None),),
)
IDENTITY = dataclasses.replace(
    DATABASE, service="identity", what="groups", volume=None, holding=Holding((), {"ctl3": LEDGER}, None), phases=()
)
ADDRESS = dataclasses.replace(
    DATABASE,
    service="database-address",
    what="connections",
    volume=None,
    promise=Promise(None, 0),
    holding=NOTHING,
    phases=(),
    writes=False,
)
GOOD = Verdict(
    fault="power-loss",
    on="active:database",
    nodes=("ctl1",),
    target="database",
    injected=1000.0,
    fences=("ctl1",),
    may_fence=("ctl1",),
    thorough=True,
    services={"database": DATABASE, "identity": IDENTITY, "database-address": ADDRESS},
    audit=Audit(
        phases=(Phase("noticed", 1.5, "ctl2", "[TOTEM ] A processor failed"),),
        fenced={"ctl1": (PowerRequest(1002.0, "10.29.0.12", "on"),)},
        reigns={"database": (Reign("ctl1", 1000.0, 1000.1), Reign("ctl2", 1006.0, 1100.0))},
        overlaps=(),
        journals_unread={},
        leftovers=(),
        crashes=(Crash("ctl1", Kind.PANIC, 1000.2, "Kernel panic - not syncing", 1, expected=True),),
        holders={"database-address": (Holder("02:51:00:00:01:00", 990.0, 1000.1, 40),)},
        contests=(Contest("front-address", ("02:51:00:00:01:00", "02:51:00:00:09:00"), 1003.0, 1.5, 6, expected=True),),
        unasked={"front-address": "no raw socket"},
    ),
    problems=(),
    seconds=80.0,
    folder="/site/drills/one",
    healed_after=41.0,
    time_to_ready=19.4,
)


def with_flaw(path: str, value: object) -> Verdict:
    """The good verdict with one field, however deep, changed."""

    def changed(whole: Any, names: list[str]) -> Any:
        name, *rest = names
        if isinstance(whole, dict):
            return {**whole, name: changed(whole[name], rest)}
        return dataclasses.replace(whole, **{name: changed(getattr(whole, name), rest) if rest else value})

    verdict: Verdict = changed(GOOD, path.split("."))
    return verdict


def test_the_good_one_is_kept() -> None:
    assert GOOD.broken == []
    assert GOOD.kept


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("services.database.clients.outage", None, "nothing can be measured"),
        ("services.database.clients.outage.gap", Gap(999.9, None, 4.0), "until the probe ended"),
        ("services.database.clients.outage.gap", Gap(999.9, 1030.1, 30.2), "30 s are allowed"),
        ("services.database.clients.outage.gap", Gap(999.9, 1029.89, 29.99), "30 s are allowed"),
        ("services.database.clients.complete", False, "the probe did not run to its end"),
        ("services.database.holding.ledgers", {"ctl1": LEDGER}, "not looked for on ctl2"),
        ("services.database.holding.ledgers", {}, "database: acknowledged rows were not looked for"),
        (
            "services.database.holding.ledgers",
            {"ctl1": LEDGER, "ctl2": dataclasses.replace(LEDGER, lost=(7,))},
            "1 acknowledged rows are lost on ctl2: 7",
        ),
        (
            "services.database.holding.ledgers",
            {"ctl1": dataclasses.replace(LEDGER, never_sent=(9,)), "ctl2": LEDGER},
            "1 rows on ctl1 were refused or never sent: 9",
        ),
        (
            "services.database.holding.ledgers",
            {"ctl1": dataclasses.replace(LEDGER, duplicated=(9, 12)), "ctl2": LEDGER},
            "2 rows are there twice or more on ctl1: 9, 12",
        ),
        (
            "services.database.holding.ledgers",
            {"ctl1": LEDGER, "ctl2": dataclasses.replace(LEDGER, disordered=(9,))},
            "1 rows on ctl2 are behind what was sent after them: 9",
        ),
        (
            "services.database.holding.ledgers",
            {"ctl1": LEDGER, "ctl2": dataclasses.replace(LEDGER, wrong=("the bank's total is 5, and was 4",))},
            "with ctl2, the bank's total is 5, and was 4",
        ),
        ("services.database.clients.stale", (9,), "1 operations did not see what had been acknowledged before them: 9"),
        ("services.database.holding.verify", None, "not compared"),
        ("services.database.holding.verify", Verify("database", 4, 7.0), "differ in 4 KiB"),
        ("audit.fenced", {}, "was not fenced"),
        ("audit.fenced", {**GOOD.audit.fenced, "ctl3": ()}, "ctl3 was fenced"),
        ("audit.overlaps", (Overlap("database", ("ctl1", "ctl2"), 1005.0, 0.2),), "two primaries of database"),
        ("audit.reigns", {"database": (Reign("ctl1", 1000.0, 1000.1),)}, "don't show how ctl2 became primary"),
        ("audit.journals_unread", {"ctl1": "no answer"}, "a second primary can't be ruled out"),
        ("audit.leftovers", ("cli-prefer-database-volume",), "cli-prefer-database-volume"),
        ("audit.remains", ("ctl1 is left in standby",), "ctl1 is left in standby"),
        (
            "audit.crashes",
            (Crash("ctl2", Kind.MEMORY, 1004.0, "Killed process 7 (mariadbd)", 1, expected=False),),
            "out of memory on ctl2, after 4.0 s: Killed process 7",
        ),
        (
            "audit.contests",
            (Contest("database-address", ("02:51:00:00:01:00", "02:51:00:00:02:00"), 1003.0, 1.5, 6),),
            "two machines had database-address at once for 1.5 s: 02:51:00:00:01:00 and 02:51:00:00:02:00",
        ),
        ("services.database-address.clients.complete", False, "database-address: the probe did not run to its end"),
        ("services.database-address.clients.outage.gap", Gap(999.9, None, 4.0), "until the probe ended"),
        ("services.identity.clients.complete", False, "identity: the probe did not run to its end"),
        ("services.identity.holding.ledgers", {}, "identity: acknowledged groups were not looked for"),
        ("problems", ("the cluster was not ready again",), "not ready again"),
    ],
)
def test_each_flaw_alone_breaks_it(path: str, value: object, says: str) -> None:
    verdict = with_flaw(path, value)
    assert not verdict.kept
    (sentence, *_) = verdict.broken
    assert says in sentence


def test_who_need_not_be_fenced_may_not_be() -> None:
    killed = dataclasses.replace(GOOD, fault="kill", fences=(), may_fence=())
    assert killed.broken == ["ctl1 was fenced, and nothing called for it"]
    assert dataclasses.replace(killed, audit=dataclasses.replace(GOOD.audit, fenced={})).kept
    assert dataclasses.replace(killed, may_fence=("ctl1", "ctl2", "ctl3")).kept


def test_nobody_has_become_primary_of_a_service_that_nobody_serves() -> None:
    nobody = dataclasses.replace(GOOD, services={"database": dataclasses.replace(DATABASE, after=None)})
    assert not any("became primary" in sentence for sentence in nobody.broken)


def test_a_quick_drill_says_nothing_of_the_other_replica() -> None:
    one_side = Holding(("ctl1", "ctl2"), {"ctl2": LEDGER}, None)
    quick = dataclasses.replace(
        GOOD, thorough=False, services={"database": dataclasses.replace(DATABASE, holding=one_side)}
    )
    assert quick.kept
    assert not dataclasses.replace(quick, thorough=True).kept


def test_what_is_delivered_again_and_says_so_breaks_nothing() -> None:
    again = {"ctl1": dataclasses.replace(LEDGER, redelivered=3), "ctl2": LEDGER}
    assert with_flaw("services.database.holding.ledgers", again).kept


def test_no_objective_holds_for_more_than_one_failure_but_nothing_may_be_lost() -> None:
    long = with_flaw("services.database.clients.outage.gap", Gap(999.9, 1100.0, 100.1))
    part = dataclasses.replace(long.services["database"], promise=Promise(None, 0))
    assert not long.kept
    assert dataclasses.replace(long, services={"database": part}).kept
    lost = dataclasses.replace(part, holding=Holding((), {"ctl1": dataclasses.replace(LEDGER, lost=(7,))}, None))
    assert not dataclasses.replace(long, services={"database": lost}).kept


@pytest.mark.parametrize("terminal", [True, False])
def test_it_is_shown_with_what_was_not_seen(terminal: bool) -> None:
    out = io.StringIO()
    report.show(GOOD, Console(file=out, force_terminal=terminal, width=140, color_system=None))
    text = out.getvalue()
    assert "10.10 ± 0.02 s" in text
    assert "identity" in text
    assert any("promoted" in line and "not seen" in line for line in text.splitlines())
    assert "Everything was where the design wants it 19.4 s after it was healed (41.0 s), at the latest." in text
    assert "kernel panic on ctl1 after 0.20 s, as the fault has it" in text
    assert "Who answered for database-address, by ARP: 02:51:00:00:01:00 until 0.10 s; 0 times two at once." in text
    assert "Nobody was asked who has front-address: no raw socket." in text
    assert "kept" in text


def test_json() -> None:
    broken = with_flaw("services.database.holding.verify", None)
    parsed = json.loads(json.dumps(report.as_json(broken)))
    assert (parsed["schema"], parsed["kept"], parsed["lost"]) == (3, False, 0)
    assert [part["kept"] for part in parsed["services"].values()] == [False, True, True]
    assert [part["writes"] for part in parsed["services"].values()] == [True, True, False]
    assert parsed["services"]["database"]["clients"]["outage"]["gap"]["seconds"] == 10.1
