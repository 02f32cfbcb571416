"""report.json: its schema is the documented one, and what is written is read again."""

import dataclasses
import json
import typing
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from quorate.drill.judgement.verdict import Verdict
from quorate.drill.report import building, reading
from quorate.drill.report.model import EventKind, Operations, Report, document_schema
from quorate.errors import InputError

from .conftest import DRILLS, SCHEMA_2

DOCS = Path(__file__).parents[4] / "docs"


def test_the_schema_in_the_documentation_is_this_one() -> None:
    file = DOCS / "report.schema.json"
    assert file.read_text() == document_schema(), f"run: quorate report schema > {file}"


def test_every_field_is_explained() -> None:
    """What explains itself in its class's sentence, and by its name, may stand without."""
    models: list[type[BaseModel]] = [Report, *_parts(Report)]
    fields = [name for part in models for name in part.model_fields]
    page = (DOCS / "report.md").read_text()
    assert [name for name in fields if f"`{'schema' if name == 'version' else name}`" not in page] == []


def test_what_a_verdict_has_the_document_has() -> None:
    """Whoever adds a field to what a verdict holds adds it to the model, with a default."""
    assert list(_missing(Verdict, Report)) == []


def test_a_report_is_written_as_it_is_read(tmp_path: Path) -> None:
    for file in DRILLS.glob("*/report.json"):
        report = reading.read(file)
        building.keep(report, tmp_path)
        assert reading.read(tmp_path / "report.json") == report


def test_a_column_is_on_one_line(real: list[Report]) -> None:
    text = building.text(real[0])
    assert len([line for line in text.splitlines() if '"due": [-' in line]) == len(real[0].services)
    assert json.loads(text) == real[0].model_dump(mode="json", by_alias=True)


def test_a_later_field_is_no_hindrance(tmp_path: Path, real: list[Report]) -> None:
    document = real[0].model_dump(mode="json", by_alias=True) | {"made-up": {"later": 1}}
    (tmp_path / "report.json").write_text(json.dumps(document))
    assert reading.read(tmp_path / "report.json").fault == "kill"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "no JSON"),
        ("[]", "this is no report"),
        ('{"schema": 1}', "schema 1 aren't read"),
        ('{"schema": 4}', "schema 4 aren't read"),
        ('{"schema": 2, "services": []}', "no report of schema 2"),
        ('{"schema": 3, "kept": true}', "this is no report: result"),
    ],
)
def test_what_is_no_report_is_named(content: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(content)
    with pytest.raises(InputError, match=says) as error:
        reading.read(file)
    assert error.value.where == str(file)


def test_columns_are_of_one_length() -> None:
    with pytest.raises(ValueError, match="one length"):
        Operations(due=[1, 2], latency=[1, 2], outcome="a")


def test_one_bad_report_doesn_t_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/report.json").write_text("{")
    (tmp_path / "good").symlink_to(DRILLS / "20261123T013846Z-kill")
    found = reading.find([tmp_path / "good", tmp_path])
    assert [report.fault for report in found.reports] == ["kill"]
    assert [error.where for error in found.unread] == [str(tmp_path / "bad/report.json")]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"there is no report\.json"):
        reading.find([tmp_path / "empty"])


def test_a_report_of_schema_2_is_completed_from_the_records_beside_it() -> None:
    (report,) = reading.find([SCHEMA_2]).reports
    part = report.services["dashboard"]
    assert part.operations is not None
    outcomes = part.clients.outcomes
    letters = {"acknowledged": "af", "refused": "r", "unknown": "u"}
    assert {name: sum(part.operations.outcome.count(x) for x in of) for name, of in letters.items()} == outcomes
    assert part.clients.outage and part.time_to_repair is not None
    assert part.time_to_repair <= part.clients.outage.gap.seconds
    assert part.clients.latency_during
    failed = [event.text for event in report.events if event.kind is EventKind.FAILURE]
    assert failed == ["dashboard-api: monitor failed"]


def _parts(model: type[BaseModel]) -> list[type[BaseModel]]:
    """The models that a model is made of."""
    found: list[type[BaseModel]] = []
    for field in model.model_fields.values():
        for each in _inside(field.annotation):
            if isinstance(each, type) and issubclass(each, BaseModel):
                found += [each, *_parts(each)]
    return found


def _missing(kind: type, model: type[BaseModel], at: str = "") -> Any:
    """The fields of a dataclass, however deep, that its model lacks."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        known = model.model_fields.get(field.name)
        if known is None:
            yield f"{at}{field.name}"
            continue
        of_kind = [each for each in _inside(hints[field.name]) if dataclasses.is_dataclass(each)]
        of_model = [
            each for each in _inside(known.annotation) if isinstance(each, type) and issubclass(each, BaseModel)
        ]
        for one, other in zip(of_kind, of_model, strict=False):
            yield from _missing(typing.cast(type, one), other, f"{at}{field.name}.")


def _inside(annotation: Any) -> list[Any]:
    """The types that an annotation is made of."""
    arguments = typing.get_args(annotation)
    if not arguments:
        return [annotation]
    return [each for argument in arguments for each in _inside(argument)]
