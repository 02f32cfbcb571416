"""A verdict is `kept` only if everything that this takes was shown: each flaw alone must break it."""

import dataclasses
import io
import json
from typing import Any

import pytest
from rich.console import Console

from quorate.drill import report
from quorate.drill.audit import Audit
from quorate.drill.fencing import PowerRequest
from quorate.drill.ledger import Ledger
from quorate.drill.outage import Clients, Gap, Latency, Outage
from quorate.drill.phases import Phase
from quorate.drill.primaries import Overlap, Reign
from quorate.drill.replicas import Replicas, Verify
from quorate.drill.verdict import Promise, Verdict

LEDGER = Ledger(5000, 2000, 3, 13, lost=(), never_sent=(), undecided=())
GOOD = Verdict(
    fault="power-loss",
    target="active:database",
    node="ctl1",
    service="database",
    before="ctl1",
    after="ctl2",
    injected=1000.0,
    fences=True,
    promise=Promise(30.0, 0),
    clients=Clients(
        rate=200,
        outcomes={"acknowledged": 5000, "refused": 2000, "unknown": 16},
        complete=True,
        probe_lag=0.002,
        outage=Outage(Gap(999.9, 1010.0, 10.1), 0.02, ()),
        latency_before=Latency(1000, 0.004, 0.02),
        latency_after=Latency(4000, 0.005, 0.03),
    ),
    replicas=Replicas(("ctl1", "ctl2"), {"ctl1": LEDGER, "ctl2": LEDGER}, Verify("database", 0, 7.0)),
    audit=Audit(
        phases=(Phase("noticed", 1.5, "ctl2", "[TOTEM ] A processor failed"), Phase("promoted", None)),
        fenced={"ctl1": (PowerRequest(1002.0, "10.29.0.12", "on"),)},
        reigns={"database": (Reign("ctl1", 1000.0, 1000.1), Reign("ctl2", 1006.0, 1100.0))},
        overlaps=(),
        journals_unread={},
        leftovers=(),
    ),
    problems=(),
    seconds=80.0,
    folder="/site/drills/one",
)


def with_flaw(path: str, value: object) -> Verdict:
    """The good verdict with one field, however deep, changed."""

    def changed(whole: Any, names: list[str]) -> Any:
        name, *rest = names
        return dataclasses.replace(whole, **{name: changed(getattr(whole, name), rest) if rest else value})

    verdict: Verdict = changed(GOOD, path.split("."))
    return verdict


def test_the_good_one_is_kept() -> None:
    assert GOOD.broken == []
    assert GOOD.kept


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("clients.outage", None, "nothing can be measured"),
        ("clients.outage.gap", Gap(999.9, None, 4.0), "until the probe ended"),
        ("clients.outage.gap", Gap(999.9, 1030.1, 30.2), "30 s are allowed"),
        ("clients.outage.gap", Gap(999.9, 1029.89, 29.99), "30 s are allowed"),
        ("clients.complete", False, "the probe did not run to its end"),
        ("replicas.ledgers", {"ctl1": LEDGER}, "not looked for on ctl2"),
        ("replicas.ledgers", {}, "not looked for on ctl1"),
        (
            "replicas.ledgers",
            {"ctl1": LEDGER, "ctl2": dataclasses.replace(LEDGER, lost=(7,))},
            "1 acknowledged writes are lost on ctl2: 7",
        ),
        (
            "replicas.ledgers",
            {"ctl1": dataclasses.replace(LEDGER, never_sent=(9,)), "ctl2": LEDGER},
            "1 rows on ctl1 were refused or never sent: 9",
        ),
        ("replicas.verify", None, "not compared"),
        ("replicas.verify", Verify("database", 4, 7.0), "differ in 4 KiB"),
        ("audit.fenced", {}, "was not fenced"),
        ("audit.fenced", {**GOOD.audit.fenced, "ctl3": ()}, "ctl3 was fenced"),
        ("audit.overlaps", (Overlap("database", ("ctl1", "ctl2"), 1005.0, 0.2),), "two primaries of database"),
        ("audit.reigns", {"database": (Reign("ctl1", 1000.0, 1000.1),)}, "don't show how ctl2 became primary"),
        ("audit.journals_unread", {"ctl1": "no answer"}, "a second primary can't be ruled out"),
        ("audit.leftovers", ("cli-prefer-database-volume",), "cli-prefer-database-volume"),
        ("problems", ("the cluster was not ready again",), "not ready again"),
    ],
)
def test_each_flaw_alone_breaks_it(path: str, value: object, says: str) -> None:
    verdict = with_flaw(path, value)
    assert not verdict.kept
    (sentence, *_) = verdict.broken
    assert says in sentence


@pytest.mark.parametrize("terminal", [True, False])
def test_it_is_shown_with_what_was_not_seen(terminal: bool) -> None:
    out = io.StringIO()
    report.show(GOOD, Console(file=out, force_terminal=terminal, width=140, color_system=None))
    text = out.getvalue()
    assert "10.10 ± 0.02 s" in text
    assert any("promoted" in line and "not seen" in line for line in text.splitlines())
    assert "kept" in text


def test_json_and_markdown() -> None:
    broken = with_flaw("replicas.verify", None)
    parsed = json.loads(json.dumps(report.as_json(broken)))
    assert (parsed["schema"], parsed["kept"], parsed["lost"]) == (1, False, 0)
    assert parsed["clients"]["outage"]["gap"]["seconds"] == 10.1
    assert "1 of 2 kept." in report.markdown([GOOD, broken])
