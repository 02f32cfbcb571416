"""A picture of the topology as one SVG file: in red what alone takes a service down.

Columns are racks, grouped by zone; in a rack stand its switches and routers, its nodes, its PDUs, from top to bottom.
Above are the uplinks and the networks of which no more is known, below the feeds. Lines are cables; a part's tooltip
says why it is red.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape

from quorate.cluster.facility import FacilityPart, Kind
from quorate.cluster.model import Cluster
from quorate.proof.topology import Study

WIDTH, ROW, GAP, PAD = 216, 26, 10, 14
"""Of a rack, of a part; between parts; inside a frame. All in pixels."""
NARROWEST = 600.0
MOST_MACHINES = 12
"""In one rack; more are drawn as one box."""

_STYLE = """
text { font: 12px sans-serif; fill: #222 } .small { font-size: 10px; fill: #555 } .frame { fill: #fff; stroke: #bbb }
.zone { fill: #f6f7f9; stroke: #ccc } .part { fill: #eef2f7; stroke: #8aa0b8 } .node { fill: #e3f1e3; stroke: #6a9a6a }
.cut { fill: #fbd5d5; stroke: #c62828; stroke-width: 2 } .waived { fill: #fdeccd; stroke: #c98a1b }
.unknown { fill: #fff; stroke: #999; stroke-dasharray: 4 3 } path { fill: none; stroke: #9aa7b4; stroke-width: 1.2 }
path.power { stroke: #c9a227; stroke-dasharray: 2 2 } path.bmc { stroke: #8e63b0; stroke-dasharray: 5 3 }
"""


@dataclass
class _Canvas:
    """What is drawn so far, and where each part stands."""

    frames: list[str] = field(default_factory=list)
    boxes: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    at: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By part: the middle of its box."""
    marks: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By part: its class, and why."""

    def frame(self, x: float, y: float, width: float, height: float, style: str, title: str, part: str = "") -> None:
        mark, why = self.marks.get(part, ("", ""))
        self.frames.append(
            f'<g><title>{escape(why or title)}</title><rect class="{mark or style}" x="{x:g}" y="{y:g}" '
            f'width="{width:g}" height="{height:g}" rx="5"/>'
            f'<text x="{x + 6:g}" y="{y + 15:g}">{escape(title)}</text></g>'
        )

    def part(self, name: str, x: float, y: float, width: float, style: str = "part", label: str = "") -> None:
        mark, why = self.marks.get(name, ("", ""))
        self.at[name] = (x + width / 2, y + ROW / 2)
        self.boxes.append(
            f'<g><title>{escape(why or name)}</title><rect class="{mark or style}" x="{x:g}" y="{y:g}" '
            f'width="{width:g}" height="{ROW}" rx="4"/>'
            f'<text x="{x + width / 2:g}" y="{y + 17:g}" text-anchor="middle">{escape(label or name)}</text></g>'
        )

    def line(self, one: str, other: str, style: str = "") -> None:
        if one in self.at and other in self.at:
            (x1, y1), (x2, y2) = self.at[one], self.at[other]
            middle = (y1 + y2) / 2
            self.lines.append(
                f'<path class="{style}" d="M{x1:g},{y1:g} C{x1:g},{middle:g} {x2:g},{middle:g} {x2:g},{y2:g}"/>'
            )


def svg(cluster: Cluster, found: Study) -> str:
    """The whole file."""
    canvas = _Canvas(marks=_marks(found))
    zones = _zones(cluster)
    top: float = PAD + 2 * ROW + GAP
    heights = {rack: _height(cluster, rack) for racks in zones.values() for rack in racks}
    tallest = max(heights.values(), default=0.0)
    x: float = PAD
    for zone, racks in zones.items():
        width = len(racks) * (WIDTH + GAP) + 2 * PAD - GAP
        name = f"{zone} ({', '.join(_cooling(cluster, zone))})" if _cooling(cluster, zone) else zone
        canvas.frame(x, top, width, tallest + ROW + 2 * PAD, "zone", name or "in no zone", zone)
        for cooling in _cooling(cluster, zone):
            canvas.at.setdefault(cooling, (x + width / 2, top))
        for index, rack in enumerate(racks):
            _rack(canvas, cluster, rack, x + PAD + index * (WIDTH + GAP), top + ROW, tallest)
        x += width + GAP
    bottom = top + tallest + ROW + 2 * PAD
    picture = max(x - GAP + PAD, NARROWEST)
    above = [*(part.name for part in cluster.facility.of_kind(Kind.UPLINK)), *_unknown(found)]
    _spread(canvas, above, PAD, picture, unknown=set(_unknown(found)))
    _spread(canvas, [part.name for part in cluster.facility.of_kind(Kind.FEED)], bottom + 2 * ROW, picture)
    _spread(canvas, [part.name for part in cluster.facility.of_kind(Kind.UPS)], bottom + 4 * ROW, picture)
    for one, other, style in _cables(cluster):
        canvas.line(one, other, style)
    height = bottom + 6 * ROW + PAD
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {picture:g} {height:g}" '
            f'width="{picture:g}" height="{height:g}">',
            f"<title>{escape(cluster.name)}</title><style>{_STYLE}</style>",
            *canvas.frames,
            *canvas.lines,
            *canvas.boxes,
            _legend(height),
            "</svg>\n",
        ]
    )


def _marks(found: Study) -> dict[str, tuple[str, str]]:
    marks: dict[str, tuple[str, str]] = {}
    for weakness in found.weaknesses:
        if weakness.services and weakness.parts:
            style = "waived" if weakness.waiver else "cut"
            for part in weakness.parts:
                if marks.get(part, ("waived", ""))[0] == "waived":
                    marks[part] = (style, "\n".join([weakness.problem.what, *weakness.why]))
    return marks


def _zones(cluster: Cluster) -> dict[str, list[str]]:
    """By zone: its racks. What stands in no rack is in one without a name."""
    facility = cluster.facility
    zones: dict[str, list[str]] = {zone.name: [] for zone in facility.of_kind(Kind.ZONE)}
    for rack in facility.of_kind(Kind.RACK):
        zones.setdefault(rack.place or "", []).append(rack.name)
    if any(node.rack is None for node in cluster.nodes.values()) or any(_loose(cluster)):
        zones.setdefault("", []).append("")
    return {zone: racks for zone, racks in zones.items() if racks}


def _loose(cluster: Cluster) -> Iterator[FacilityPart]:
    racks = {rack.name for rack in cluster.facility.of_kind(Kind.RACK)}
    kinds = (Kind.SWITCH, Kind.ROUTER, Kind.MACHINE, Kind.PART)
    return (part for part in cluster.facility.of_kind(*kinds) if part.place not in racks)


def _inside(cluster: Cluster, rack: str, *kinds: Kind) -> list[str]:
    if not rack:
        return [part.name for part in _loose(cluster) if part.kind in kinds]
    return [part.name for part in cluster.facility.of_kind(*kinds) if part.place == rack]


def _nodes(cluster: Cluster, rack: str) -> list[str]:
    return [node.name for node in cluster.nodes.values() if (node.rack or "") == rack]


def _machines(cluster: Cluster, rack: str) -> list[str]:
    machines = _inside(cluster, rack, Kind.MACHINE, Kind.PART)
    return machines if len(machines) <= MOST_MACHINES else [f"{len(machines)} machines"]


def _height(cluster: Cluster, rack: str) -> float:
    single = len(_inside(cluster, rack, Kind.SWITCH, Kind.ROUTER)) + len(_machines(cluster, rack))
    pdus = bool(_inside(cluster, rack, Kind.PDU))
    nodes = sum(_node_rows(cluster, node) for node in _nodes(cluster, rack))
    return (single + pdus + nodes) * (ROW + GAP) + ROW + 2 * PAD


def _node_rows(cluster: Cluster, name: str) -> int:
    return 2 + (len(_chips(cluster, name)) - 1) // 2


def _chips(cluster: Cluster, name: str) -> list[str]:
    return [*cluster.nodes[name].links, "disk", "bmc"]


def _rack(canvas: _Canvas, cluster: Cluster, rack: str, x: float, y: float, height: float) -> None:
    canvas.frame(x, y, WIDTH, height, "frame", rack or "in no rack", rack)
    at, inner = y + ROW, WIDTH - 2 * PAD
    for name in _inside(cluster, rack, Kind.SWITCH, Kind.ROUTER):
        canvas.part(name, x + PAD, at, inner)
        at += ROW + GAP
    for name in _nodes(cluster, rack):
        rows = _node_rows(cluster, name)
        canvas.frame(x + PAD, at, inner, rows * (ROW + GAP) - GAP, "node", name, name)
        canvas.at[name] = (x + WIDTH / 2, at + ROW / 2)
        for index, chip in enumerate(_chips(cluster, name)):
            _chip(canvas, cluster, name, chip, x + PAD + 4 + index % 2 * inner / 2, at + ROW + index // 2 * (ROW + 6))
        at += rows * (ROW + GAP)
    for name in _machines(cluster, rack):
        canvas.part(name, x + PAD, at, inner)
        at += ROW + GAP
    pdus = _inside(cluster, rack, Kind.PDU)
    for index, name in enumerate(pdus):
        canvas.part(name, x + PAD + index * inner / len(pdus), y + height - ROW - PAD, inner / len(pdus) - 4)


def _chip(canvas: _Canvas, cluster: Cluster, node: str, chip: str, x: float, y: float) -> None:
    """A node's link, disk or BMC: red if one of the parts that it is made of is."""
    link = cluster.nodes[node].links.get(chip)
    own = [f"{node}:{chip}"]
    if link:
        own += [f"{node}:{nic}" for nic in link.nics]
    marked = next((part for part in own if canvas.marks.get(part, ("", ""))[0] == "cut"), own[0])
    canvas.part(marked, x, y, (WIDTH - 2 * PAD) / 2 - 8, "part", chip)
    canvas.at[f"{node} {chip}"] = canvas.at[marked]


def _cooling(cluster: Cluster, zone: str) -> list[str]:
    part = cluster.facility.parts.get(zone)
    return list(part.needs["cooling"].names()) if part and "cooling" in part.needs else []


def _unknown(found: Study) -> list[str]:
    return [part.name for part in found.tree.parts.values() if not part.known]


def _spread(canvas: _Canvas, names: list[str], y: float, width: float, unknown: Iterable[str] = ()) -> None:
    for index, name in enumerate(names):
        step = (width - 2 * PAD) / len(names)
        style = "unknown" if name in unknown else "part"
        canvas.part(name, PAD + index * step + step / 2 - 50, y, 100, style)


def _cables(cluster: Cluster) -> Iterator[tuple[str, str, str]]:
    for node in cluster.nodes.values():
        for link in node.links.values():
            for switch in link.via.names() if link.via else (link.network,):
                yield f"{node.name} {link.network}", switch, "net"
        for switch in node.bmc.via.names() if node.bmc.via else ():
            yield f"{node.name} bmc", switch, "bmc"
        for source in node.power.names() if node.power else ():
            yield node.name, source, "power"
    for part in cluster.facility.parts.values():
        for word in ("via", "uplinks", "power", "ups"):
            for other in part.needs[word].names() if word in part.needs else ():
                yield part.name, other, "power" if word in ("power", "ups") else "net"


def _legend(height: float) -> str:
    said = (
        "red: fails alone, and a service is gone; yellow: the same, waived; dashed frame: its insides aren't declared"
    )
    return f'<text class="small" x="{PAD}" y="{height - 6:g}">{said}</text>'
