"""`quorate drill`: what there is, and what can't be asked for; nothing is held here."""

import json

import pytest
from typer.testing import CliRunner, Result

from quorate.cli.main import app
from quorate.drill.faults import FAULTS
from quorate.errors import InputError


def run(*words: str) -> Result:
    result = CliRunner().invoke(app, ["drill", *words])
    if isinstance(result.exception, InputError):
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


def test_a_fault_that_is_not_there() -> None:
    with pytest.raises(InputError) as error:
        run("partion", "--on", "one")
    assert "`partition`" in error.value.todo
