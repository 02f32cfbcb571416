"""The shape of `facility` and `waivers` as a person writes them.

A list under `power`, `via`, `cooling` and their like means that any one of it is enough; a list under `needs`, that all
of it is needed. `all: [...]`, `any: [...]` and `2 of: [...]` say otherwise, inside one another as one likes.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field

from quorate.cluster.facility import Kind, Need
from quorate.cluster.findings import Path, quoted
from quorate.cluster.values import Duration, kind, text, wrong
from quorate.cluster.written_base import Written

_SO_MANY_OF = re.compile(r"([1-9][0-9]{0,5}) of")
EXAMPLE = "`[a, b]` (any of them), `{all: [a, b]}` or `{2 of: [a, b, c]}`"


@dataclass(frozen=True)
class WrittenNeed:
    """An expression, and where in it each name stands."""

    need: Need
    places: tuple[tuple[Path, str], ...]


def _any_of(value: object) -> WrittenNeed:
    return _expression(value, all_of=False)


def _all_of(value: object) -> WrittenNeed:
    return _expression(value, all_of=True)


def _expression(value: object, *, all_of: bool) -> WrittenNeed:
    places: list[tuple[Path, str]] = []
    need = _need(value, (), places, all_of=all_of)
    return WrittenNeed(need if isinstance(need, Need) else Need(count=1, of=(need,)), tuple(places))


def _need(value: object, path: Path, places: list[tuple[Path, str]], *, all_of: bool) -> Need | str:
    if isinstance(value, str):
        places.append((path, value))
        return value
    if isinstance(value, list) and value:
        of = _entries(value, path, places)
        return Need(count=len(of) if all_of else 1, of=of)
    if isinstance(value, dict) and len(value) == 1:
        ((word, inner),) = value.items()
        if not isinstance(inner, list) or not inner:
            raise wrong("bad-need", f"under {quoted(word)} must stand a list of names", f"For example {EXAMPLE}.")
        of = _entries(inner, (*path, word), places)
        return Need(count=_count(word, len(of)), of=of)
    what = "an empty list" if value == [] else kind(value)
    raise wrong("bad-need", f"this is {what} and must say what is needed", f"For example {EXAMPLE}.")


def _entries(values: list[object], path: Path, places: list[tuple[Path, str]]) -> tuple[str | Need, ...]:
    return tuple(_need(value, (*path, index), places, all_of=False) for index, value in enumerate(values))


def _count(word: str, among: int) -> int:
    if word in ("all", "any"):
        return among if word == "all" else 1
    if not (match := _SO_MANY_OF.fullmatch(word)):
        raise wrong("bad-need", f"{quoted(word)} isn't `any`, `all` or a number and `of`", f"For example {EXAMPLE}.")
    if (count := int(match[1])) > among:
        raise wrong("bad-need", f"{quoted(word)} only {among} can never be", "List more, or need fewer.")
    return count


def _day(value: object) -> date:
    written = text(value, "2027-02-01")
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise wrong("bad-date", f"{quoted(written)} is not a day", "For example `2027-02-01`.") from None


def _sentence(value: object) -> str:
    written = text(value, "second switch ordered")
    if not written.strip() or not written.isprintable():
        raise wrong("bad-reason", "a reason must be readable text")
    return written


def _one_or_more(value: object) -> tuple[str, ...]:
    names = value if isinstance(value, list) and value else [value]
    return tuple(text(name, "sw-n1") for name in names)


def _tuple(value: object) -> object:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise wrong("wrong-type", f"this is {kind(value)} and must be a list", "Each entry begins with `- `.")
    return tuple(value)


def _cards(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict) or not all(isinstance(nics, list) and nics for nics in value.values()):
        todo = "For example `{card-1: [eno1, eno2]}`."
        raise wrong("wrong-type", "this must be a mapping from a card to the interfaces on it", todo)
    return {card: tuple(text(nic, "eno1") for nic in nics) for card, nics in value.items()}


Any = Annotated[WrittenNeed | None, BeforeValidator(_any_of)]
All = Annotated[WrittenNeed | None, BeforeValidator(_all_of)]
Place = Annotated[str | None, BeforeValidator(lambda value: text(value, "north"))]
Cards = Annotated[dict[str, tuple[str, ...]] | None, BeforeValidator(_cards)]


class WrittenPart(Written):
    """One thing of the facility."""

    rack: Place = None
    zone: Place = None
    site: Place = None
    power: Any = None
    ups: Any = None
    cooling: Any = None
    via: Any = None
    uplinks: Any = None
    needs: All = None
    mtbf: Duration = None
    mttr: Duration = None


class WrittenPdu(Written):
    """A PDU, in the rack that it is written under."""

    power: Any = None
    needs: All = None
    mtbf: Duration = None
    mttr: Duration = None


class WrittenRack(Written):
    """A rack, with the PDUs in it; `NAME: feed-a` is short for `NAME: {power: feed-a}`."""

    zone: Place = None
    site: Place = None
    pdus: dict[str, WrittenPdu] = Field(default_factory=dict)
    needs: All = None
    mtbf: Duration = None
    mttr: Duration = None


class WrittenFacility(Written):
    """The whole facility."""

    sites: dict[str, WrittenPart] = Field(default_factory=dict)
    zones: dict[str, WrittenPart] = Field(default_factory=dict)
    cooling: dict[str, WrittenPart] = Field(default_factory=dict)
    feeds: dict[str, WrittenPart] = Field(default_factory=dict)
    ups: dict[str, WrittenPart] = Field(default_factory=dict)
    racks: dict[str, WrittenRack] = Field(default_factory=dict)
    switches: dict[str, WrittenPart] = Field(default_factory=dict)
    routers: dict[str, WrittenPart] = Field(default_factory=dict)
    uplinks: dict[str, WrittenPart] = Field(default_factory=dict)
    machines: dict[str, WrittenPart] = Field(default_factory=dict)
    parts: dict[str, WrittenPart] = Field(default_factory=dict)
    goals: dict[str, Any] = Field(default_factory=dict)


SECTIONS: dict[str, Kind] = {
    "sites": Kind.SITE,
    "zones": Kind.ZONE,
    "cooling": Kind.COOLING,
    "feeds": Kind.FEED,
    "ups": Kind.UPS,
    "racks": Kind.RACK,
    "switches": Kind.SWITCH,
    "routers": Kind.ROUTER,
    "uplinks": Kind.UPLINK,
    "machines": Kind.MACHINE,
    "parts": Kind.PART,
}
"""The sections of `facility`, each with one kind of part."""


class WrittenWaiver(Written):
    """A finding that is borne."""

    finding: Place = None
    where: Annotated[tuple[str, ...] | None, BeforeValidator(_one_or_more)] = None
    because: Annotated[str | None, BeforeValidator(_sentence)] = None
    until: Annotated[date | None, BeforeValidator(_day)] = None


Waivers = Annotated[tuple[WrittenWaiver, ...], BeforeValidator(_tuple)]
