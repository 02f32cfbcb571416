"""JUnit XML: a drill a test case; broken is a failure, refused is skipped, stopped is an error. Pure.

The attributes are those that Jenkins' and GitLab's readers know.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from lxml import etree

from quorate.drill.report.model import Report, Result, Service
from quorate.drill.report.wording import aim, downtime, latencies, moved

_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ELEMENTS = {Result.BROKEN: "failure", Result.REFUSED: "skipped", Result.STOPPED: "error"}


def xml(reports: Sequence[Report]) -> bytes:
    """The file."""
    counts = {result: sum(report.result is result for report in reports) for result in Result}
    suite = etree.Element(
        "testsuite",
        name="quorate drills",
        tests=str(len(reports)),
        failures=str(counts[Result.BROKEN]),
        errors=str(counts[Result.STOPPED]),
        skipped=str(counts[Result.REFUSED]),
        time=f"{sum(report.seconds for report in reports):.3f}",
    )
    for report in reports:
        _case(suite, report)
    root = etree.Element("testsuites")
    root.append(suite)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _case(suite: etree._Element, report: Report) -> None:
    name = f"{report.fault} on {aim(report)}"
    case = etree.SubElement(
        suite,
        "testcase",
        classname=_clean(".".join(word for word in ("quorate", report.cluster, report.fault) if word)),
        name=_clean(f"{name} ({report.run})" if report.run else name),
        time=f"{report.seconds:.3f}",
    )
    if report.injected is not None:
        case.set("timestamp", datetime.fromtimestamp(report.injected, UTC).isoformat(timespec="seconds"))
    if element := _ELEMENTS.get(report.result):
        sentences = report.broken or [report.why or str(report.result)]
        wrong = etree.SubElement(case, element, message=_clean(sentences[0]))
        if element != "skipped":
            wrong.set("type", str(report.result))
        wrong.text = _clean("\n".join(f"{sentence}." for sentence in sentences))
    if report.services:
        out = etree.SubElement(case, "system-out")
        lines = (
            f"{name}: {moved(part)}; downtime {downtime(part)}; {_ledger(part)}{latencies(part)}; "
            f"{'kept' if part.kept else 'broken'}"
            for name, part in report.services.items()
        )
        out.text = _clean("\n".join(lines))


def _ledger(part: Service) -> str:
    """What was looked for again; nothing for an address."""
    if not part.writes:
        return ""
    unknown = part.clients.outcomes.get("unknown", 0)
    return f"lost {part.lost}; twice {part.duplicated}; out of order {part.disordered}; unknown {unknown}; "


def _clean(text: str) -> str:
    """Without what XML 1.0 can't hold at all."""
    return _NOT_IN_XML.sub("\ufffd", text)
