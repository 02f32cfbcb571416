"""`quorate drill`: what there is, and what can't be asked for; nothing is held here."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from quorate.cli import breaking, drill_sequences
from quorate.cli.main import app
from quorate.cli.ordering import Options
from quorate.cli.site import Format, Site
from quorate.drill.faults import FAULTS
from quorate.drill.sequences import replay
from quorate.errors import InputError, Refused
from quorate.hosts import Hosts


def run(*words: str) -> Result:
    result = CliRunner().invoke(app, ["drill", *words])
    if isinstance(result.exception, InputError | Refused):
        raise result.exception
    return result


def test_the_list_has_every_fault() -> None:
    listed = json.loads(run("--list", "--output", "json").output)
    assert [each["fault"] for each in listed] == list(FAULTS)
    by_name = {each["fault"]: each for each in listed}
    assert by_name["partition"]["held"] == "in a lab"
    assert by_name["loss"]["held"] == "anywhere"
    assert by_name["power-loss"]["fenced"] == "it must be"
    for name in FAULTS:
        assert name in run("--list").output


def test_a_lab_has_what_every_fault_needs(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    shutil.copy(Path(__file__).parents[3] / "examples/lab.yaml", file)
    site = Site.open(file)
    here = breaking.tools(site, Hosts([]))
    assert {name: fault.missing(here) for name, fault in FAULTS.items() if fault.safe and fault.missing(here)} == {}
    (site.folder / "lab").mkdir(parents=True)
    (site.folder / "lab/lab.json").write_text("{}")
    lab = breaking.tools(site, Hosts([]))
    assert {name: fault.missing(lab) for name, fault in FAULTS.items() if fault.missing(lab)} == {}


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("kill",),
        ("--on", "one"),
        ("kill", "--on", "active:database", "--all"),
        ("--all", "--random"),
        ("--random", "--on", "one"),
        ("--replay", "somewhere", "--random"),
    ],
)
def test_half_an_order_is_none(words: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="name a FAULT"):
        run(*words)


@pytest.mark.parametrize("words", [(), ("--on-production", "databas")])
def test_a_real_cluster_is_broken_only_by_its_name(tmp_path: Path, words: tuple[str, ...]) -> None:
    file = tmp_path / "site.yaml"
    shutil.copy(Path(__file__).parents[3] / "examples/database.yaml", file)
    with pytest.raises(Refused, match="would break a real cluster"):
        run("kill", "--on", "active:database", "--file", str(file), *words)


def test_a_fault_that_is_not_there() -> None:
    with pytest.raises(InputError) as error:
        run("partion", "--on", "one")
    assert "`partition`" in error.value.todo


def test_only_a_sequence_is_made_shorter() -> None:
    with pytest.raises(InputError, match="`--shrink` needs a sequence"):
        run("--random", "--shrink")


@pytest.mark.parametrize("span", ["", "30", "m", "0m", "half an hour"])
def test_how_long_is_a_time(span: str) -> None:
    with pytest.raises(InputError, match="is no time"):
        run("--random", "--for", span)


@pytest.mark.parametrize(("span", "seconds"), [("30m", 1800), ("30min", 1800), ("90s", 90), ("2h", 7200)])
def test_times(span: str, seconds: float) -> None:
    assert drill_sequences.seconds(span) == seconds


def test_a_folder_without_a_drill_is_not_held_again(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is neither"):
        run("--replay", str(tmp_path))


def test_a_drill_of_another_cluster_is_not_held_again_here(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    shutil.copy(Path(__file__).parents[3] / "examples/database.yaml", file)
    site = Site.open(file)
    past = replay.Past(tmp_path, site.cluster.model_copy(update={"name": "other"}), None, (), ())
    with pytest.raises(InputError, match="held on the cluster other"):
        drill_sequences.hold_again(site, past, Options(), Format.TEXT, shrink=False)
