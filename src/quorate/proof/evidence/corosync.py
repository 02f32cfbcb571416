"""corosync.conf, corosync.conf(5), of any age: sections, keys and their lines, then what they mean together."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from quorate.proof.evidence.documents import Spot, Text

TOKEN = 3000
"""Milliseconds; Corosync 3.1's own. Until 3.1.0 it was 1000."""
TOKEN_COEFFICIENT = 650
CONSENSUS_FACTOR = 1.2

_SECTIONS = frozenset(
    {"totem", "interface", "member", "quorum", "device", "net", "heuristics", "nodelist", "node", "system", "resources"}
    | {"logging", "logger_subsys", "nozzle", "service", "amf", "uidgid", "event", "aisexec", "qb", "watchdog_device"}
)


@dataclass
class Section:
    """One `name { ... }`; a key that stands twice keeps its last value, as Corosync has it."""

    name: str
    line: int
    keys: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Value and line."""
    sections: list["Section"] = field(default_factory=list)

    def get(self, key: str) -> str | None:
        """A key's value."""
        found = self.keys.get(key)
        return found[0] if found else None

    def number(self, key: str, default: int) -> int:
        """A key as a number; what is none counts as the default."""
        text = self.get(key)
        return int(text) if text is not None and re.fullmatch(r"\d{1,9}", text) else default

    def all(self, name: str) -> list["Section"]:
        """The sections of this name directly beneath."""
        return [each for each in self.sections if each.name == name]

    def one(self, name: str) -> "Section":
        """All sections of this name as one; empty if there is none."""
        whole = Section(name, 0)
        for each in self.all(name):
            whole.line = whole.line or each.line
            whole.keys |= each.keys
            whole.sections += each.sections
        return whole


@dataclass(frozen=True)
class Member:
    """One node of the list; `addresses` by link number."""

    name: str
    nodeid: str
    addresses: dict[int, str]
    spot: Spot


@dataclass(frozen=True)
class Corosync:
    """The whole file; times in seconds."""

    source: str
    root: Section
    members: tuple[Member, ...]
    unknown: tuple[str, ...]

    @property
    def spot(self) -> Spot:
        """The file as a whole."""
        return Spot(self.source)

    @property
    def totem(self) -> Section:
        """How members hear of each other."""
        return self.root.one("totem")

    @property
    def quorum(self) -> Section:
        """How many votes are a majority."""
        return self.root.one("quorum")

    @property
    def device(self) -> Section:
        """The quorum device; without keys if there is none."""
        return self.quorum.one("device")

    @property
    def has_device(self) -> bool:
        """Whether a quorum device has a vote."""
        return bool(self.quorum.all("device"))

    @property
    def transport(self) -> str:
        """knet, udp or udpu."""
        return self.totem.get("transport") or "knet"

    @property
    def size(self) -> int:
        """The number of nodes."""
        return len(self.members) or self.quorum.number("expected_votes", 0)

    @property
    def token(self) -> float:
        """Seconds without the token until it counts as lost, the coefficient for more than two nodes included."""
        coefficient = self.totem.number("token_coefficient", TOKEN_COEFFICIENT)
        return (self.totem.number("token", TOKEN) + max(len(self.members) - 2, 0) * coefficient) / 1000

    @property
    def consensus(self) -> float:
        """Seconds that the others then take to agree on a membership without the lost node."""
        text = self.totem.number("consensus", 0)
        return text / 1000 if text else CONSENSUS_FACTOR * self.token

    @property
    def detection(self) -> float:
        """Seconds from silence to a new membership."""
        return self.token + self.consensus

    @property
    def links(self) -> tuple[int, ...]:
        """The numbers of the links that any node has an address on."""
        return tuple(sorted({number for member in self.members for number in member.addresses}))

    def at(self, section: Section, key: str) -> Spot:
        """Where a key stands; the section, if the key doesn't."""
        line = section.keys[key][1] if key in section.keys else section.line
        return Spot(self.source, line, f"{section.name}.{key}" if section.name else key)


def read(text: Text) -> Corosync:
    """Reads the file; lines that make no sense are named in `unknown` and left out. Raises nothing."""
    root, unknown = _parse(text.content)
    nodes = [node for holder in root.all("nodelist") for node in holder.all("node")]
    members = tuple(_member(node, text.source) for node in nodes)
    return Corosync(text.source, root, members or tuple(_old_members(root, text.source)), tuple(unknown))


def _parse(content: str) -> tuple[Section, list[str]]:
    root = Section("", 0)
    open_: list[Section] = [root]
    unknown: list[str] = []
    for number, raw in enumerate(content.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.endswith("{"):
            section = Section(line[:-1].strip().rstrip(":").lower(), number)
            open_[-1].sections.append(section)
            open_.append(section)
            if section.name not in _SECTIONS:
                unknown.append(f"the section `{section.name[:40]}` on line {number}")
        elif line == "}":
            if len(open_) > 1:
                open_.pop()
            else:
                unknown.append(f"a closing brace too many on line {number}")
        elif ":" in line:
            key, _, text = line.partition(":")
            open_[-1].keys[key.strip().lower()] = (text.strip(), number)
        else:
            unknown.append(f"line {number}, `{line[:40]}`")
    if len(open_) > 1:
        unknown.append(f"the section `{open_[-1].name}` on line {open_[-1].line} is never closed")
    return root, unknown


def _member(node: Section, source: str) -> Member:
    addresses = {
        int(match[1]): text
        for key, (text, _) in node.keys.items()
        if (match := re.fullmatch(r"ring([0-9])_addr", key)) and text
    }
    name = node.get("name") or addresses.get(0, "")
    return Member(name, node.get("nodeid") or "", addresses, Spot(source, node.line, name))


def _old_members(root: Section, source: str) -> Iterator[Member]:
    """Corosync 1's `member { memberaddr: }` beneath the interfaces, as there was no node list yet."""
    addresses: dict[int, list[str]] = {}
    for interface in root.one("totem").all("interface"):
        ring = interface.number("ringnumber", 0)
        addresses[ring] = [address for each in interface.all("member") if (address := each.get("memberaddr"))]
    for index, address in enumerate(addresses.get(0, [])):
        others = {ring: found[index] for ring, found in addresses.items() if index < len(found)}
        yield Member(address, "", others, Spot(source, 0, address))
