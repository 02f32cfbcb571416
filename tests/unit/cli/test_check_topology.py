"""`quorate check` on cluster files with a facility, as a person runs it."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from quorate.cli import check
from quorate.errors import InputError

app = typer.Typer()
check.register(app)
app.command()(lambda: None)  # with one command only typer would leave its name out
EXAMPLES = Path(__file__).parents[3] / "examples"
GOOD, MISTAKES = EXAMPLES / "two-rooms.yaml", EXAMPLES / "two-rooms-mistakes.yaml"


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["check", *(str(argument) for argument in arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_the_good_site_is_clean_and_says_what_it_left_out() -> None:
    status, said = run("-f", GOOD)
    assert status == 0, said
    assert "0 errors, 0 warnings, 3 waived." in said
    assert "the operator on duty confirms a burnt room" in said
    assert "Not modelled" in said and "Downtime in an average year" in said


def test_the_mistakes_are_errors_with_their_lines_paths_and_fixes() -> None:
    status, said = run("-f", MISTAKES)
    assert status == 1
    lines = MISTAKES.read_text().splitlines()
    gateway = next(number for number, line in enumerate(lines, 1) if line.strip().startswith("edge-1:"))
    assert f"two-rooms-mistakes.yaml:{gateway} (carrier-x)" in said
    assert "identity is gone <- the front is gone <- router edge-1 doesn't work <- uplink carrier-x" in said
    assert "hang s1-b on feed-b instead" in said


def test_json_has_findings_and_figures() -> None:
    status, said = run("-f", MISTAKES, "-o", "json")
    data = json.loads(said)
    assert status == 1
    assert {finding["code"] for finding in data["findings"] if finding["subject"] == "topology"} == {
        *("single-part", "quorum-together", "fencing-together", "link-unwatched", "rings-together", "downtime-promise")
    }
    assert data["topology"]["downtime"]["identity"]["minutes_a_year"] > 600
    assert data["topology"]["fixes"][0]["minutes_a_year"] > 0


def test_what_if_of_a_part_that_pacemaker_does_not_know() -> None:
    status, said = run("-f", GOOD, "--what-if", "fail:north")
    assert status == 0
    assert "database: outage: if ctl1 serves it, gone until a person confirms that ctl1 is off" in said
    assert "messaging: less redundancy" in said


def test_what_if_of_a_node_is_told_by_both() -> None:
    _, said = run("-f", GOOD, "--what-if", "fail:ctl2")
    assert "database: takeover: a takeover if ctl2 serves it" in said
    assert said.count("If ctl2 fails:") == 2


def test_what_if_of_what_is_not_there() -> None:
    with pytest.raises(InputError) as caught:
        run("-f", GOOD, "--what-if", "fail:sw-n2")
    assert "sw-n1" in caught.value.todo


def test_a_picture_is_written(tmp_path: Path) -> None:
    run("-f", GOOD, "--svg", tmp_path / "site.svg")
    assert (tmp_path / "site.svg").read_text().startswith("<svg ")
    with pytest.raises(InputError):
        run("-f", GOOD, "--svg", tmp_path)
