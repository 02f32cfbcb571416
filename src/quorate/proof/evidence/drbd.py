"""DRBD's configuration, drbd.conf(5) of 8.4 and 9: resource files, or what `drbdadm dump` prints. Tolerant."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from quorate.proof.evidence.documents import Spot, Text

_WORD = re.compile(r'#[^\n]*|"(?:\\.|[^"\\])*"|[{};]|[^\s{};"#]+|\n')


@dataclass
class Block:
    """`words { ... }` or `words;`. Values are the words after a statement's first."""

    words: tuple[str, ...]
    line: int
    blocks: list["Block"] = field(default_factory=list)
    is_statement: bool = False

    @property
    def name(self) -> str:
        """Its first word."""
        return self.words[0] if self.words else ""

    def all(self, name: str) -> list["Block"]:
        """The blocks and statements of this name directly beneath."""
        return [each for each in self.blocks if each.name == name]

    def value(self, name: str) -> str | None:
        """A statement's value; an option without one is `yes`."""
        found = [each for each in self.blocks if each.is_statement and each.name == name]
        return (" ".join(found[-1].words[1:]) or "yes") if found else None


@dataclass(frozen=True)
class Setting:
    """An option as it counts for a resource: its own, else of `common`."""

    value: str
    section: str
    spot: Spot


@dataclass(frozen=True)
class Resource:
    """One replicated device."""

    name: str
    hosts: dict[str, str]
    """Address and port by host."""
    settings: dict[str, Setting]
    """By option; `fencing` by the section that it stands in."""
    spot: Spot

    def value(self, name: str) -> str | None:
        """An option's value."""
        found = self.settings.get(name)
        return found.value if found else None

    def at(self, name: str) -> Spot:
        """Where an option stands; the resource, if it doesn't."""
        found = self.settings.get(name)
        return found.spot if found else self.spot


@dataclass(frozen=True)
class Drbd:
    """All replicated devices."""

    resources: dict[str, Resource]
    unknown: tuple[str, ...]


def read(texts: tuple[Text, ...]) -> Drbd:
    """Reads the files together, as `drbdadm` does. Raises nothing."""
    roots = [(text.source, _parse(text.content)) for text in texts]
    common = [(source, block) for source, root in roots for block in root.all("common")]
    resources: dict[str, Resource] = {}
    unknown: list[str] = []
    for source, root in roots:
        for block in root.all("resource"):
            if len(block.words) < 2:
                unknown.append(f"a resource without a name on line {block.line} of {source}")
                continue
            resources[block.words[1]] = _resource(block, source, common)
        for block in root.blocks:
            if block.name not in ("common", "resource", "global", "include", "skip"):
                unknown.append(f"`{' '.join(block.words)[:40]}` on line {block.line} of {source}")
    return Drbd(resources, tuple(unknown))


def _resource(block: Block, source: str, common: list[tuple[str, Block]]) -> Resource:
    settings: dict[str, Setting] = {}
    for where, each in (*common, (source, block)):
        for section in (each, *(inner for inner in each.blocks if not inner.is_statement)):
            if section.name in ("on", "volume", "floating", "connection", "connection-mesh") and section is not each:
                for deeper in section.blocks:
                    if not deeper.is_statement:
                        _settle(settings, deeper, where, block.words[1])
                continue
            _settle(settings, section, where, block.words[1])
    hosts = {}
    for each in block.all("on"):
        address = each.value("address") or next(
            (inner.value("address") for inner in each.all("volume") if inner.value("address")), ""
        )
        for host in each.words[1:]:
            hosts[host] = re.sub(r"^(ipv4|ipv6|ssocks|sdp)\s+", "", address or "")
    for connection in block.all("connection"):
        for end in connection.all("host"):
            if len(end.words) > 3 and end.words[2] == "address":
                hosts[end.words[1]] = end.words[-1] if ":" in end.words[-1] else end.words[3]
    return Resource(block.words[1], hosts, settings, Spot(source, block.line, block.words[1]))


def _settle(settings: dict[str, Setting], section: Block, source: str, name: str) -> None:
    for each in section.blocks:
        if each.is_statement and each.words:
            place = section.name if section.name in ("net", "disk", "handlers", "options", "startup", "syncer") else ""
            text = " ".join(each.words[1:]) or "yes"
            settings[each.name] = Setting(text, place, Spot(source, each.line, name))


def _parse(content: str) -> Block:
    root = Block((), 0)
    open_ = [root]
    words: list[str] = []
    began = line = 1
    for word in _words(content):
        match word:
            case "\n":
                line += 1
            case "{":
                block = Block(tuple(words), began)
                open_[-1].blocks.append(block)
                open_.append(block)
                words = []
            case "}" | ";":
                if words:
                    open_[-1].blocks.append(Block(tuple(words), began, is_statement=True))
                words = []
                if word == "}" and len(open_) > 1:
                    open_.pop()
            case _:
                began = began if words else line
                words.append(word.strip('"'))
                line += word.count("\n")
    return root


def _words(content: str) -> Iterator[str]:
    for match in _WORD.finditer(content):
        if not match[0].startswith("#"):
            yield match[0]
