"""The text of a cluster file as plain data, with the place of every key and value.

Only the part of YAML that a cluster file needs: mappings, lists, text, whole numbers, true, false and null. `on`, `yes`
and `no` are words. Anchors, aliases and tags are refused: a value stands in one place, and a small file stays small.
Time and memory are bounded whatever the bytes: the size is looked at first, and the parser is fed event by event.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from quorate.cluster.findings import ClusterFileError, Finding, Path, Place, Problem

LARGEST = 1 << 18
"""Bytes; a cluster of 32 nodes with everything written needs 20,000."""
DEEPEST = 32
MOST_EVENTS = 20_000
"""About a third of a second of parsing; that cluster needs 2,000."""

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LEADING_TAB = re.compile(r"^ *\t\s*[^\s#]", re.MULTILINE)
_MAY_BE_SECRET = re.compile("pass|secret|token|authkey", re.IGNORECASE)


@dataclass
class Document:
    """A file's data, which is text, int, bool, None, and lists and mappings of them; keys are always text."""

    source: str
    lines: list[str]
    data: Any = None
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    """By path: line and column, from 0, of the key."""
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    broken: set[Path] = field(default_factory=set)
    """The paths of values that have a finding."""

    def find(self, problem: Problem) -> None:
        """Keeps a problem as a finding at its place, unless it only follows from another."""
        if not problem.follows_from(self.broken):
            where = self.key_place(problem.path) if problem.at_key else self.value_place(problem.path)
            self.findings.append(self.finding(problem, where))

    def finding(self, problem: Problem, where: tuple[int, int]) -> Finding:
        """A problem at a line and column, both from 0."""
        line, column = where
        quote = self.lines[line] if line < len(self.lines) else ""
        return Finding(
            code=problem.code,
            severity=problem.severity,
            where=Place(self.source, line + 1, column + 1),
            what=problem.what,
            means=problem.means,
            todo=problem.todo,
            quote="" if _MAY_BE_SECRET.search(quote) else quote.replace("\t", " "),
        )

    def key_place(self, path: Path) -> tuple[int, int]:
        """Where a key stands, or else the nearest thing around it that does."""
        return self.keys.get(path) or self.value_place(path)

    def value_place(self, path: Path) -> tuple[int, int]:
        """Where a value stands; for one that isn't written, the key of the nearest thing around it that is."""
        if path in self.values:
            return self.values[path]
        while path and path not in self.keys and path not in self.values:
            path = path[:-1]
        return self.keys.get(path) or self.values.get(path) or (0, 0)

    def fail(self) -> ClusterFileError:
        """The error that says everything found so far, in the order of the file."""
        ordered = sorted(self.findings, key=lambda found: (found.where.line, found.where.column))
        return ClusterFileError(self.source, ordered)


def parse(text: bytes, source: str) -> Document:
    """Reads a file's bytes.

    Duplicate keys, aliases and tags are left in the document's findings, so that a caller can go on and find more.
    Raises ClusterFileError at once for what can't be read on: its findings are in the error.
    """
    document = Document(source, [])
    decoded = _decode(text, document)
    _Reader(document, decoded).read()
    return document


def _decode(text: bytes, document: Document) -> str:
    if len(text) > LARGEST:
        problem = Problem("too-large", (), f"the file has more than {LARGEST:,} bytes: no cluster file needs that many")
        raise _fatal(document, problem)
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode()
        if b"\0" in text:
            raise _fatal(document, _binary("NUL")) from None
        document.lines = _LINE_BREAK.split(_UNPRINTABLE.sub("?", before))
        what = f"byte 0x{error.object[error.start]:02x} is not UTF-8"
        problem = Problem("not-utf8", (), what, todo="Save the file as UTF-8.")
        raise _fatal(document, problem, _position(before)) from None
    if bad := _UNPRINTABLE.search(decoded):
        before = decoded[: bad.start()]
        document.lines = _LINE_BREAK.split(before)
        raise _fatal(document, _binary(f"U+{ord(bad[0]):04X}"), _position(before))
    document.lines = _LINE_BREAK.split(decoded)
    for tab in _LEADING_TAB.finditer(decoded):
        column = decoded.index("\t", tab.start()) - tab.start()
        problem = Problem(
            "tab", (), "a tab indents this line", "YAML is indented with spaces only.", "Replace the tab by spaces."
        )
        line, _ = _position(decoded[: tab.start()])
        document.findings.append(document.finding(problem, (line, column)))
        if len(document.findings) == 20:
            break
    if document.findings:
        raise document.fail()
    return decoded


def _binary(character: str) -> Problem:
    what = f"the file is not text: it holds the control character {character}"
    return Problem("binary-file", (), what, todo="Name the cluster file itself: YAML, in UTF-8.")


def _position(before: str) -> tuple[int, int]:
    """Line and column of what follows this text, from 0."""
    lines = _LINE_BREAK.split(before)
    return len(lines) - 1, len(lines[-1])


def _fatal(document: Document, problem: Problem, where: tuple[int, int] = (0, 0)) -> ClusterFileError:
    document.findings.append(document.finding(problem, where))
    return document.fail()


class _Reader:
    """Builds a document's data from the parser's events."""

    def __init__(self, document: Document, text: str) -> None:
        self.document = document
        self.events = self._bounded(YAML(typ="safe", pure=True).parse(text))

    def read(self) -> None:
        try:
            self.document.data = self._document()
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = (mark.line, mark.column) if mark else (0, 0)
            what = f"this is not YAML: {error.problem or error.context}".replace("\0", "end of file")
            raise _fatal(self.document, Problem("not-yaml", (), what), where) from None
        except (YAMLError, ValueError, OverflowError) as error:  # ruamel lets int() and chr() fail in escapes
            raise _fatal(self.document, Problem("not-yaml", (), f"this is not YAML: {error}")) from None

    def _bounded(self, events: Iterator[Event]) -> Iterator[Event]:
        for count, event in enumerate(events):
            if count > MOST_EVENTS:
                what = f"the file holds more than {MOST_EVENTS:,} keys and values: no cluster file needs that many"
                raise _fatal(self.document, Problem("too-large", (), what), _start(event))
            yield event

    def _document(self) -> Any:
        event = next(self.events)
        while isinstance(event, StreamStartEvent | DocumentStartEvent):
            event = next(self.events)
        if isinstance(event, StreamEndEvent):
            problem = Problem("empty-file", (), "the file is empty", todo="A cluster file begins with `cluster: NAME`.")
            raise _fatal(self.document, problem)
        data = self._value(event, ())
        next(self.events)  # the end of the document
        if not isinstance(event := next(self.events), StreamEndEvent):
            what = "a second YAML document begins here"
            problem = Problem("many-documents", (), what, todo="Write one cluster to a file, without `---`.")
            raise _fatal(self.document, problem, _start(event))
        return data

    def _value(self, event: Event, path: Path) -> Any:
        self.document.values.setdefault(path, _start(event))
        if len(path) > DEEPEST:
            what = f"this is nested more than {DEEPEST} levels deep"
            raise _fatal(self.document, Problem("too-deep", (), what), _start(event))
        if isinstance(event, AliasEvent):
            todo = "Write the value out: every value of a cluster file stands in one place."
            self._note(event, path, "alias", "aliases (`*name`) aren't used in a cluster file", todo)
            return None
        if isinstance(event, NodeEvent) and event.anchor is not None:
            todo = "Leave the anchor out."
            self._note(event, path, "alias", "anchors (`&name`) aren't used in a cluster file", todo)
        if getattr(event, "tag", None) is not None:
            self._note(event, path, "tag", "tags (`!name`) aren't used in a cluster file", "Leave the tag out.")
        if isinstance(event, SequenceStartEvent):
            return self._list(path)
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        assert isinstance(event, ScalarEvent)
        return scalar(event.value) if event.style is None else event.value

    def _list(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                self._note(event, path, "wrong-type", "a key must be a word", "Write `word: value`.")
                self._value(event, (*path, "?"))
                self._value(next(self.events), (*path, "?"))
                continue
            key = event.value
            inner = (*path, key)
            if key in mapping:
                line = self.document.keys[inner][0] + 1
                what = f"`{key}` is written a second time: it stands on line {line} already"
                means = "YAML would silently forget one of the two."
                problem = Problem("duplicate-key", inner, what, means, "Leave one of them out.")
                self.document.findings.append(self.document.finding(problem, _start(event)))
                self._value(next(self.events), inner)
                continue
            self.document.keys.setdefault(inner, _start(event))
            mapping[key] = self._value(next(self.events), inner)
        return mapping

    def _note(self, event: Event, path: Path, code: str, what: str, todo: str) -> None:
        self.document.findings.append(self.document.finding(Problem(code, path, what, todo=todo), _start(event)))
        self.document.broken.add(path)


def scalar(text: str) -> str | int | bool | None:
    """What an unquoted word is: null, true, false, a whole number of at most 18 digits, or else itself."""
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch("[-+]?[0-9]{1,18}", text) else text


def _start(event: Event) -> tuple[int, int]:
    return event.start_mark.line, event.start_mark.column
