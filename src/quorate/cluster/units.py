"""Durations and sizes as a person writes them, `30s` and `2GiB`, and back again."""

import re
from datetime import timedelta

DURATIONS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "y": timedelta(days=365),
}
SIZES = {"MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

_AMOUNT = re.compile(r"([0-9]{1,9}) ?([A-Za-z]+)")


def duration(text: str) -> timedelta:
    """Reads `30s`, `5min`, `4h`, `20y`. Raises ValueError, without a message for people."""
    number, unit = _amount(text)
    if unit not in DURATIONS:
        raise ValueError(unit)
    try:
        return number * DURATIONS[unit]
    except OverflowError:
        raise ValueError(text) from None


def size(text: str) -> int:
    """Reads `512MiB`, `2GiB` as bytes. Raises ValueError, without a message for people."""
    number, unit = _amount(text)
    if unit not in SIZES:
        raise ValueError(unit)
    return number * SIZES[unit]


def write_duration(value: timedelta) -> str:
    """A duration in its largest unit that needs no fraction."""
    unit = next(unit for unit in reversed(DURATIONS) if not value % DURATIONS[unit])
    return f"{value // DURATIONS[unit]}{unit}"


def write_size(value: int) -> str:
    """A size in its largest unit that needs no fraction."""
    unit = next(unit for unit in reversed(SIZES) if not value % SIZES[unit])
    return f"{value // SIZES[unit]}{unit}"


def _amount(text: str) -> tuple[int, str]:
    if not (match := _AMOUNT.fullmatch(text)):
        raise ValueError(text)
    return int(match[1]), match[2]
