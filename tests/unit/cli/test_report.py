"""`quorate report`: pages written anew, and the exit status of a comparison."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from quorate.cli.main import app
from quorate.errors import InputError

DRILLS = Path(__file__).parents[1] / "drill/report/drills"
EARLIER, LATER, FREEZE = "20261123T014029Z-power-loss", "20261123T031351Z-power-loss", "20261123T023630Z-freeze"


def run(*words: object) -> Result:
    result = CliRunner().invoke(app, ["report", *map(str, words)])
    if isinstance(result.exception, InputError):
        raise result.exception
    return result


@pytest.fixture
def drills(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DRILLS, tmp_path / "site.quorate/drills"))


def test_a_folder_gets_its_page_and_its_junit(drills: Path) -> None:
    result = run(drills)
    assert result.exit_code == 0
    assert result.output.startswith("3 of 4 drills kept.")
    assert "power-loss on active:database" in (drills / "report.html").read_text()
    assert "<testsuites>" in (drills / "junit.xml").read_text()


def test_without_a_word_it_is_the_cluster_file_s(drills: Path) -> None:
    run("--file", drills.parent.with_suffix(".yaml"))
    assert (drills / "report.html").exists()


def test_several_go_where_it_is_said(drills: Path, tmp_path: Path) -> None:
    table = tmp_path / "both.md"
    result = run(
        drills / EARLIER / "report.json", drills / FREEZE, "--html", tmp_path / "both.html", "--markdown", table
    )
    assert str(table) in result.output
    assert "1 of 2 drills kept" in table.read_text()
    assert "2 drills" not in (tmp_path / "both.html").read_text()
    assert (tmp_path / "junit.xml").exists()
    assert not (drills / EARLIER / "report.html").exists()


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        run(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"no report\.json"):
        run(tmp_path)


def test_what_got_worse_is_an_exit_status(drills: Path) -> None:
    result = run("compare", drills / EARLIER, drills / LATER)
    assert result.exit_code == 1
    assert "2 worse" in result.output
    assert "may differ by chance" in result.output
    assert run("compare", drills / LATER, drills / EARLIER).exit_code == 0
    assert run("compare", drills, drills).exit_code == 0


def test_a_comparison_for_programs(drills: Path) -> None:
    found = json.loads(run("compare", drills / EARLIER, drills / LATER, "--output", "json").output)
    assert found["worse"] is True
    worse = [(each["service"], each["figure"]) for each in found["differences"] if each["change"] == "worse"]
    assert worse == [("database", "downtime"), ("messaging", "downtime")]


def test_what_can_t_be_compared_is_refused(drills: Path) -> None:
    with pytest.raises(InputError, match="no drill in common"):
        run("compare", drills / EARLIER, drills / FREEZE)
