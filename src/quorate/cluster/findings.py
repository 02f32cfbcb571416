"""What is wrong with a cluster file: all of it at once, each finding with its place and its fix."""

import difflib
import enum
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from quorate.errors import InputError

Path = tuple[str | int, ...]
"""Where a value stands in the file: keys and list positions, `("nodes", "ctl1", "data")`."""

_LONGEST_QUOTE = 100


class Severity(enum.StrEnum):
    """How bad a finding is: an error stops everything, a warning is only said."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Place:
    """A position in a file; lines and columns count from 1."""

    source: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """A finding whose place isn't known yet, as checks of worked-out data make it.

    Args:
        code: its short, stable name.
        path: the value that it is about.
        what: what is wrong, in a sentence.
        means: why it matters.
        todo: the fix.
        also: other values that took part: when one of them is broken itself, this problem says nothing new.
        whole: it is about everything beneath its paths, so it says nothing new if anything there is broken.
        at_key: point to the key, not to its value.
        severity: error or warning.
    """

    code: str
    path: Path
    what: str
    means: str = ""
    todo: str = ""
    also: tuple[Path, ...] = ()
    whole: bool = False
    at_key: bool = False
    severity: Severity = Severity.ERROR

    def follows_from(self, broken: Iterable[Path]) -> bool:
        """Whether values that have a finding of their own already explain this problem."""
        return any(
            path[: len(cause)] == cause or (self.whole and cause[: len(path)] == path)
            for path in (self.path, *self.also)
            for cause in broken
        )


@dataclass(frozen=True)
class Finding:
    """One message about a cluster file."""

    code: str
    severity: Severity
    where: Place
    what: str
    means: str = ""
    todo: str = ""
    quote: str = ""
    """The line of the file; empty when it may hold a secret."""

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.severity}: {self.what} [{self.code}]"]
        if self.quote and self.where.column <= _LONGEST_QUOTE:
            lines += [f"    {self.quote[:_LONGEST_QUOTE]}", f"    {' ' * (self.where.column - 1)}^"]
        lines += [f"  {more}" for more in (self.means, self.todo) if more]
        return "\n".join(lines)


class ClusterFileError(InputError):
    """A cluster file that can't be used, with every finding, in the order of the file."""

    def __init__(self, source: str, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        count = sum(finding.severity is Severity.ERROR for finding in self.findings)
        heading = f"the cluster file has {count} error{'s' if count > 1 else ''}"
        super().__init__("\n\n".join([heading, *map(str, self.findings)]), where=source)


def quoted(value: object) -> str:
    """A person's value as a message shows it: in backquotes, short, with nothing that moves a cursor."""
    text = value if isinstance(value, str) else repr(value)
    if not re.fullmatch(r"[ -~]*", text) or "`" in text or not text.strip():
        text = json.dumps(text)
    return f"`{text if len(text) <= 40 else text[:37] + '...'}`"


def suggestion(word: str, known: Iterable[str]) -> str:
    """A question about the nearest known word, or the known words, or nothing if there are none."""
    known = list(known)
    if near := difflib.get_close_matches(word[:100], known, n=1):
        return f"Did you mean {quoted(near[0])}?"
    return f"Known here: {', '.join(quoted(name) for name in known)}." if known else ""
