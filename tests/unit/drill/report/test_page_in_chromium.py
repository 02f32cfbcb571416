"""The page in a real browser at a phone's, a tablet's and a desktop's width: nothing overlaps, is cut off, or outside.

`overlap.js` measures every piece of text. Each width is an inner frame of that width: chromium's own windows aren't
narrower than 500 pixels when it prints a document.
"""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from quorate.drill.report import page
from quorate.drill.report.model import Event, EventKind, Report

WIDTHS = (320, 360, 390, 679, 680, 768, 999, 1000, 1239, 1240, 1399, 1400, 1440)
FINDS = (Path(__file__).parent / "overlap.js").read_text()
HOST = """<!doctype html><script>addEventListener("message", function (event) {
  var out = document.createElement("pre");
  out.className = "found"; out.textContent = event.data; document.body.append(out);
});</script>"""

Look = Callable[[str], dict[int, list[str]]]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Looks at a page at all widths; by width, what is wrong."""
    chromium = shutil.which("chromium") or pytest.skip("chromium is missing: apt-get install chromium")

    def look(text: str) -> dict[int, list[str]]:
        # The policy forbids any script but the page's own, this one too.
        text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
        (tmp_path / "page.html").write_text(text.replace("</body>", f"<script>{FINDS}</script></body>"))
        frames = "".join(f'<iframe src="page.html" width="{width}" height="900"></iframe>' for width in WIDTHS)
        (tmp_path / "host.html").write_text(f"{HOST}<body>{frames}")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=30000", "--dump-dom"]
        dom = subprocess.run(
            [chromium, *options, f"--user-data-dir={tmp_path / 'profile'}", f"file://{tmp_path / 'host.html'}"],
            capture_output=True, text=True, timeout=120, check=True,
        ).stdout  # fmt: skip
        found = [json.loads(html.unescape(each)) for each in re.findall(r'<pre class="found">(.*?)</pre>', dom, re.S)]
        assert len(found) == len(WIDTHS), "a page did not answer"
        assert all(each["boxes"] > 50 for each in found), "there is text to be looked at"
        return {each["across"]: each["wrong"] for each in found}

    return look


def test_real_drills(look: Look, real: list[Report], unheld: list[Report]) -> None:
    found = look(page.html([*real, *unheld]))
    assert {across: wrong for across, wrong in found.items() if wrong} == {}


def test_many_services_long_names_and_many_events_at_once(look: Look, real: list[Report]) -> None:
    """Made up: twelve services of a real drill's figures, and a crowd of events within a second."""
    report = real[1]
    parts = list(report.services.values())
    names = [f"made-up-service-{number}-with-a-long-name" for number in range(12)]
    events = [
        Event(at=number / 40, nodes=["a-node-with-a-rather-long-name"], kind=EventKind.FAILURE, text=text, evidence="")
        for number in range(40)
        for text in ("x" * (number * 2 + 1),)
    ]
    assert report.injected
    services = {name: parts[number % 4].model_copy(update={"service": name}) for number, name in enumerate(names)}
    nodes = [f"node{number}" for number in range(1, 9)]
    crowd = report.model_copy(
        update={
            "fault": "a-made-up-fault-with-a-name-of-its-own",
            "on": ",".join(nodes),
            "nodes": nodes,
            "events": events,
            "over": report.injected + 90,
            "services": services,
        }
    )
    found = look(page.html([crowd, *real]))
    assert {across: wrong for across, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    ("spoils", "says"),
    [
        (".event { top: 0 !important }", "overlap"),
        (".event { left: 95% !important }", "outside the page"),
        (".name { width: 30px; overflow: hidden; white-space: nowrap }", "cut"),
        (".ticks span { font-size: 6px }", "tiny"),
    ],
)
def test_a_spoilt_page_is_found_out(look: Look, real: list[Report], spoils: str, says: str) -> None:
    found = look(page.html(real[1:2]).replace("</style>", f"{spoils}</style>"))
    for across, wrong in found.items():
        assert [each for each in wrong if each.startswith(says)], f"{says}, {across} pixels"
