"""The page and the JUnit XML as documents: complete, self-contained, escaped."""

import base64
import hashlib
import re
from typing import Any

import lxml.html
from lxml import etree

from quorate.drill.report import history, junit, page
from quorate.drill.report.model import Report, Result

from .conftest import changed

EVIL = "<script>alert('x')</script>\"'&"


def parsed(reports: list[Report]) -> Any:  # the stubs of lxml's xpath() know no shape of a result
    return lxml.html.document_fromstring(page.html(reports))


def cells(document: Any) -> dict[str, dict[str, str]]:
    """The matrix: by row, by column, its words."""
    rows = document.xpath("//table[contains(@class,'matrix')]/tbody/tr")
    return {
        row.findtext(".//a"): {
            cell.get("data-label"): " ".join(cell.text_content().split()) for cell in row.findall("td")
        }
        for row in rows
    }


def test_the_head_is_made_of_sentences(real: list[Report]) -> None:
    measured = [each.model_copy(update={"made_by": "quorate 1.0"}) for each in real]
    head = " ".join(parsed(measured).find(".//header").text_content().split())
    assert " UTC. Measured by quorate 1.0." in head


def test_the_matrix_has_signs_and_figures(real: list[Report], unheld: list[Report]) -> None:
    found = cells(parsed([*real, *unheld]))
    assert found["kill on active:identity"]["database"] == "✓ 0.8 s± 0.2"
    assert found["power-loss on active:database"]["database"] == "✓ 18.3 s18.1 to 18.6, n 2"
    assert found["freeze on active:dashboard"]["dashboard"].startswith("✗")
    assert "12 lost" in found["freeze on active:dashboard"]["dashboard"]
    assert found["freeze on active:dashboard"]["database"] == "not probed"
    assert found["kill on ctl1:x"]["drill"] == f"{page.SIGNS[Result.REFUSED]} refused"


def test_nothing_is_loaded_and_only_our_script_runs(real: list[Report]) -> None:
    text = page.html(real)
    document: Any = lxml.html.document_fromstring(text)
    assert not document.xpath("//link | //img | //iframe | //*[@src] | //@href[not(starts-with(., '#'))]")
    assert not re.search(r"url\((?!#)|@import|https?://", text)
    (script,) = document.xpath("//script")
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    (policy,) = document.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_whatever_a_file_says_is_text(real: list[Report]) -> None:
    report = real[1]
    part = report.services["database"].model_copy(update={"what": EVIL, "before": EVIL, "after": EVIL})
    event = report.events[0].model_copy(update={"text": EVIL, "nodes": [EVIL], "evidence": EVIL})
    evil = report.model_copy(
        update={
            "cluster": EVIL, "fault": EVIL, "on": EVIL, "nodes": [EVIL], "run": EVIL, "made_by": EVIL, "why": EVIL,
            "broken": [EVIL], "services": {EVIL: part}, "events": [event, *report.events],
        }
    )  # fmt: skip
    document = parsed([evil, evil])
    assert len(document.xpath("//script")) == 1
    assert "alert('x')</script>" in document.text_content()
    assert not [name for each in document.iter() for name in each.attrib if str(name).startswith("on")]
    etree.fromstring(junit.xml([evil]))


def test_several_drills_are_a_distribution(real: list[Report]) -> None:
    runs = [changed(real[1], "database", seconds, time_to_repair=seconds) for seconds in (9.0, 10.0, 14.0)]
    (kind,) = history.kinds(runs)
    assert kind.figures("database", history.downtime) == history.Distribution(3, 9.0, 10.0, 14.0, 11.0)
    text = " ".join(parsed(runs).text_content().split())
    assert "9.00 / 10.00 / 14.00 s, n 3" in text
    assert "11.00 s" in text, "the mean time to repair"


def test_broken_drills_are_drawn_beside_the_latest(real: list[Report]) -> None:
    kept, broken = real[1], real[2].model_copy(update={"fault": real[1].fault, "on": real[1].on})
    document = parsed([broken, kept, kept])
    assert len(document.xpath("//article")) == 2
    assert "12 acknowledged sessions are lost on ctl3" in document.text_content()


def test_a_phase_has_its_seconds(real: list[Report]) -> None:
    names = [" ".join(each.text_content().split()) for each in parsed(real[1:2]).xpath("//div[@class='name']")]
    assert "fenced 3.63 s ctl3" in names
    assert "image: image answers not seen" in names


def test_junit(real: list[Report], unheld: list[Report]) -> None:
    suite = etree.fromstring(junit.xml([*real, *unheld]))[0]
    assert {name: suite.get(name) for name in ("tests", "failures", "skipped", "errors")} == {
        "tests": "6", "failures": "1", "skipped": "1", "errors": "1",
    }  # fmt: skip
    assert len({case.get("name") for case in suite}) == 6
    (failure,) = suite.iter("failure")
    assert "12 acknowledged sessions are lost" in str(failure.get("message"))
    (skipped,) = suite.iter("skipped")
    assert skipped.get("message") == "the cluster is degraded"


def test_junit_takes_what_xml_can_t_hold(real: list[Report]) -> None:
    report = real[0].model_copy(update={"on": "a\x00b\x1b[0m\udc80"})
    (case,) = etree.fromstring(junit.xml([report])).iter("testcase")
    assert "a\ufffdb\ufffd[0m\ufffd" in str(case.get("name"))


def test_how_long_the_cluster_took_is_a_distribution(real: list[Report]) -> None:
    slow, quick = (real[0].model_copy(update={"time_to_ready": seconds}) for seconds in (30.0, 20.0))
    text = page.html([slow, quick, real[0].model_copy(update={"time_to_ready": None})])
    assert "20.00 / 25.00 / 30.00 s, n 2" in text, "what wasn't in time is no figure"
    assert "25.00 s" in text


def test_an_address_is_judged_by_no_objective_and_has_no_ledger(real: list[Report]) -> None:
    part = real[0].services["database"].model_copy(update={"writes": False, "lost": None, "duplicated": None})
    report = real[0].model_copy(update={"services": {"database-address": part}})
    assert "not looked for" not in page.html([report]).split("<article")[1]
    assert "lost" not in etree.fromstring(junit.xml([report])).findtext(".//system-out", "")
