"""From a verdict, records and journals to the report, and what is kept of a drill."""

import asyncio
import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lxml import etree

from quorate.drill import report as public
from quorate.drill import runner
from quorate.drill.audit.journals import Clock, Entry, Journals
from quorate.drill.clients.record import Outcome, Record, Write
from quorate.drill.judgement.forecast import Fate, Forecast, Glimpse, Prediction
from quorate.drill.order import DrillStopped, Interrupted
from quorate.drill.report import building, reading
from quorate.drill.report.model import Result
from quorate.drill.report.operations import columns, time_to_repair
from quorate.errors import HostError, Refused
from quorate.proof.damage import Damage

from ..test_verdict import CLIENTS, GOOD

W = Write
RECORD = Record(
    10.0,
    (
        W(2, 999.9, 999.9, 999.95, Outcome.ACKNOWLEDGED, 0.0),
        W(1, 999.8, 999.8, 999.85, Outcome.ACKNOWLEDGED, 0.0),
        W(3, 1000.1, None, 1000.1, Outcome.REFUSED, 0.0, "no route"),
        W(4, 1000.2, 1000.2, 1002.2, Outcome.UNKNOWN, 0.0, "time-out"),
        W(5, 1000.3, 1000.3, 1003.0, Outcome.ACKNOWLEDGED, 0.0, "not read back"),
        W(6, 1000.4, 1000.4, 1003.1, Outcome.ACKNOWLEDGED, 0.0),
    ),
    True,
)
JOURNALS = Journals(
    (
        Entry("ctl2", 1001.5, "corosync", "[TOTEM ] A processor failed, forming new configuration"),
        Entry("ctl2", 1090.0, "pacemaker-controld", "notice: Result of stop operation for late on ctl2: OK"),
    ),
    {"ctl2": Clock(0.0, 0.001)},
    {},
)


def test_every_operation_is_kept_in_the_order_of_its_turn() -> None:
    found = columns(RECORD, 1000.0)
    assert found.due == [-200000, -100000, 100000, 200000, 300000, 400000]
    assert found.latency == [50000, 50000, 0, 2000000, 2700000, 2700000]
    assert found.outcome == "aarufa"
    assert found.reasons == {"no route": 1, "time-out": 1, "not read back": 1}


def test_time_to_repair_begins_with_the_fault() -> None:
    assert time_to_repair(CLIENTS, 1000.0) == 10.0
    assert CLIENTS.outage
    later = dataclasses.replace(CLIENTS.outage.gap, start=1005.0, end=1010.0)
    assert (
        time_to_repair(dataclasses.replace(CLIENTS, outage=dataclasses.replace(CLIENTS.outage, gap=later)), 1000) == 5.0
    )
    open_ = dataclasses.replace(CLIENTS.outage.gap, end=None)
    assert (
        time_to_repair(dataclasses.replace(CLIENTS, outage=dataclasses.replace(CLIENTS.outage, gap=open_)), 1) is None
    )


def test_what_is_kept_of_a_drill(tmp_path: Path) -> None:
    verdict = dataclasses.replace(GOOD, folder=str(tmp_path), over=1060.0, cluster="made-up")
    public.write(verdict, {"database": RECORD}, JOURNALS, tmp_path)
    report = reading.read(tmp_path / "report.json")
    assert (report.run, report.cluster, report.result) == (tmp_path.name, "made-up", Result.KEPT)
    assert report.services["database"].operations == columns(RECORD, 1000.0)
    assert report.services["identity"].operations is None
    assert report.services["database"].duplicated == 0
    assert [(event.text, event.at) for event in report.events] == [("token lost", 1.5), ("BMC of ctl1: on", 2.0)]
    assert {file.name for file in tmp_path.iterdir()} == {"report.json", "report.html", "junit.xml", "journals.tsv"}
    assert etree.parse(tmp_path / "junit.xml").findall(".//testcase")


def test_standard_output_has_the_figures_without_the_columns() -> None:
    document = public.as_json(GOOD)
    assert "operations" not in document["services"]["database"]
    assert "events" not in document
    assert document["services"]["database"]["time_to_repair"] == 10.0


def test_a_drill_that_is_not_held_is_written_down(tmp_path: Path) -> None:
    error = Refused("the cluster is degraded", means="There is nothing in reserve.")
    public.write_unheld(Result.REFUSED, "kill", "ctl1:database", "made-up", error, tmp_path)
    report = reading.read(tmp_path / "report.json")
    assert (report.result, report.kept) == (Result.REFUSED, False)
    assert report.why == "the cluster is degraded. There is nothing in reserve"
    assert building.text(report) == (tmp_path / "report.json").read_text()


def test_a_drill_that_stops_is_written_down_and_still_stops(tmp_path: Path) -> None:
    drill: Any = SimpleNamespace(
        fault=SimpleNamespace(name="kill"), on="ctl1:x", cluster=SimpleNamespace(name="made-up")
    )
    with pytest.raises(DrillStopped, match="no node answers"), runner._stopped_with_evidence(drill, tmp_path):
        raise HostError("no node answers")
    report = reading.read(tmp_path / "report.json")
    assert (report.result, report.why, report.cluster) == (Result.STOPPED, "no node answers", "made-up")
    with pytest.raises(Interrupted), runner._stopped_with_evidence(drill, tmp_path):
        raise asyncio.CancelledError
    assert reading.read(tmp_path / "report.json").why.startswith("the drill was interrupted")


def test_what_was_predicted_is_kept_and_drawn(tmp_path: Path) -> None:
    damage = Damage(powerless=("ctl1",), cut=(("ctl1", "ring"),))
    fates = {"database": Fate.MOVES}
    forecast = Forecast(("feed-a",), damage, ("ctl1",), ("ctl1",), True, fates, {"database": "interrupted"})
    seen = Glimpse(("ctl1",), (), {"database": "ctl2"}, 1030.0)
    prediction = Prediction(forecast, seen, fates)
    verdict = dataclasses.replace(GOOD, folder=str(tmp_path), prediction=prediction, healed_after=30.0)
    public.write(verdict, {"database": RECORD}, JOURNALS, tmp_path)
    report = reading.read(tmp_path / "report.json")
    assert report.prediction and report.healed == 30.0
    assert report.prediction.differences == ["ctl1 not fenced, which was predicted"]
    assert report.prediction.forecast.damage["cut"] == [["ctl1", "ring"]]
    text = (tmp_path / "report.html").read_text()
    assert "the fault, healed after 30.00 s" in text
    assert "It was not so." in text


def test_the_drill_heals_only_what_it_heals() -> None:
    """A cluster that was left to itself was not healed, whatever was predicted."""
    seen = Glimpse(("ctl1",), ("ctl1",), {"database": "ctl2"}, healed=1045.0)
    forecast = Forecast(("ctl1",), Damage(), ("ctl1",), ("ctl1",), True, {}, {})
    alone = dataclasses.replace(GOOD, prediction=Prediction(forecast, seen, {}), healed_after=None, over=1045.0)
    assert building.build(alone, {}, None).healed is None
    assert building.build(dataclasses.replace(GOOD, prediction=None, healed_after=40.6), {}, None).healed == 40.6


def test_a_report_from_before_healing_was_timed_goes_by_its_prediction() -> None:
    seen = Glimpse(("ctl1",), (), {"database": "ctl2"}, 1030.0)
    forecast = Forecast(("feed-a",), Damage(), ("ctl1",), (), True, {}, {})
    earlier = dataclasses.replace(GOOD, prediction=Prediction(forecast, seen, {}), healed_after=None)
    assert building.build(earlier, {}, None).healed == 30.0
