"""`quorate drill`: what there is, and what can't be asked for; nothing is held here."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from quorate.cli.main import app
from quorate.drill.faults import FAULTS
from quorate.errors import InputError, Refused


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


@pytest.mark.parametrize("words", [(), ("kill",), ("--on", "one"), ("kill", "--on", "active:database", "--all")])
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
