"""Who has an address: what the address probe heard when it asked the network. Pure.

The probe asks by ARP several times a second, whose the address is, and writes each answer down, a line an answer:

    # {"address": "10.20.0.20", "interface": "net1"}
    1763845200.113402<TAB>02:51:00:00:01:00

Two machines that answer the same question have both the address. Each question is a while behind the one before, and
an answer takes a thousandth of that; so two answers of different machines within `MOMENT` are to the same question.
"""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MOMENT = 0.05
"""Seconds."""
TWICE = 2
"""As often must two machines have answered at once: one coincidence may be a frame that was delayed."""


@dataclass(frozen=True)
class Answer:
    """One answer."""

    time: float
    """Seconds since the epoch."""
    mac: str


@dataclass(frozen=True)
class Heard:
    """All that was heard of an address."""

    answers: tuple[Answer, ...]
    address: str = ""
    unasked: str = ""
    """Why nobody was asked, if so."""


@dataclass(frozen=True)
class Holder:
    """A time during which one machine answered, and no other between."""

    mac: str
    start: float
    end: float
    answers: int


@dataclass(frozen=True)
class Contest:
    """Two machines that had an address at once."""

    address: str
    """Its name."""
    macs: tuple[str, str]
    start: float
    seconds: float
    """Between the first time and the last."""
    times: int
    expected: bool = False
    """The fault is that a stranger has it."""


def head(**fields: str) -> str:
    """The first line: `address` and `interface`, or `unasked`."""
    return f"# {json.dumps(fields)}\n"


def line(answer: Answer) -> str:
    """An answer as its line."""
    return f"{answer.time:.6f}\t{answer.mac}\n"


def read(file: Path) -> Heard:
    """What stands in a file; nothing if the probe never got so far."""
    first, *lines = file.read_text().splitlines(keepends=True) or [""] if file.exists() else [""]
    if not first.endswith("\n"):
        return Heard((), unasked="the probe did not begin to ask")
    whole = [each.split() for each in lines if each.endswith("\n")]
    answers = sorted((Answer(float(time), mac) for time, mac in whole), key=lambda each: each.time)
    fields = json.loads(first[1:])
    return Heard(tuple(answers), fields.get("address", ""), fields.get("unasked", ""))


def holders(answers: Sequence[Answer]) -> list[Holder]:
    """Who had the address, one after another."""
    return [
        Holder(mac, found[0].time, found[-1].time, len(found))
        for mac, group in itertools.groupby(answers, key=lambda each: each.mac)
        if (found := list(group))
    ]


def contests(address: str, answers: Sequence[Answer], *, expected: bool = False) -> list[Contest]:
    """Every two machines that had an address at once, for as long as they had."""
    at: dict[tuple[str, str], list[float]] = {}
    for one, other in itertools.pairwise(answers):
        if one.mac != other.mac and other.time - one.time <= MOMENT:
            first, second = sorted((one.mac, other.mac))
            at.setdefault((first, second), []).append(one.time)
    return [
        Contest(address, macs, times[0], times[-1] - times[0], len(times), expected)
        for macs, times in at.items()
        if len(times) >= TWICE
    ]
