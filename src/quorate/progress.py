"""How long work tells a person where it is: titled phases, each with lines and its seconds.

Kept apart from any terminal, so that every layer can report and only `cli` decides how it looks.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Protocol

Say = Callable[[str], None]


class Progress(Protocol):
    """Where phases are announced."""

    def phase(self, title: str) -> contextlib.AbstractContextManager[Say]:
        """Opens a phase; the value is called with each line worth showing. Ends with its seconds, or as failed."""
        ...


class Silent:
    """Shows nothing; keeps the phases and their seconds (tests, `--output json`)."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def phase(self, title: str) -> Iterator[Say]:
        """Measures the phase and drops its lines."""
        begun = time.monotonic()
        yield lambda _line: None
        self.seconds[title] = time.monotonic() - begun
