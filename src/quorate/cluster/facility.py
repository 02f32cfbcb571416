"""The facility: what the nodes stand in, hang on and are reached through, as typed data. Pure.

Everything here is a part: a thing that fails as one, by a name that is a person's own. What a part needs stands by the
word that it was written under (`power`, `via`, ...), each an expression: any of, all of, or so many of.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kind(enum.StrEnum):
    """What a part is."""

    SITE = "site"
    ZONE = "zone"
    RACK = "rack"
    COOLING = "cooling unit"
    FEED = "power feed"
    UPS = "UPS"
    PDU = "PDU"
    SWITCH = "switch"
    ROUTER = "router"
    UPLINK = "uplink"
    MACHINE = "machine"
    PART = "part"
    NODE = "node"
    DISK = "disk"
    CARD = "network card"
    NIC = "network interface"
    BMC = "BMC"
    NETWORK = "network"


class Need(_Model):
    """So many of these are enough. An entry is the name of a part, or again a need."""

    count: int
    of: "tuple[str | Need, ...]"

    def names(self) -> Iterator[str]:
        """All parts in it."""
        for entry in self.of:
            if isinstance(entry, str):
                yield entry
            else:
                yield from entry.names()


class FacilityPart(_Model):
    """One thing of the facility."""

    name: str
    kind: Kind
    place: str | None = None
    """The rack, zone or site that it stands in."""
    needs: dict[str, Need] = {}
    """By the word of the file: `power`, `cooling`, `ups`, `via`, `uplinks`, `needs`."""
    mtbf: timedelta | None = None
    """The mean time between two of its failures; None: the default of its kind."""
    mttr: timedelta | None = None
    """The mean time until it works again."""


class QuorumDevice(_Model):
    """A vote that no node has: corosync-qnetd on a machine that is none of the cluster's."""

    algorithm: Literal["ffsplit", "lms"]
    """corosync-qdevice(8): `ffsplit` has one vote; `lms` one less than there are nodes, so that the last goes on."""
    needs: Need
    """The machine, and the way there."""


class Facility(_Model):
    """All of it. Without one, the nodes, networks, disks and BMCs are all that is known."""

    parts: dict[str, FacilityPart] = {}
    goals: dict[str, Need] = {}
    """What else has to go on, besides the cluster's services: so many of these machines, by a person's name for it."""
    quorum_device: QuorumDevice | None = None
    """Quorate doesn't set one up; the graph knows what it would change, and a fix may suggest it."""

    def of_kind(self, *kinds: Kind) -> list[FacilityPart]:
        """The parts of some kinds, in the order of the file."""
        return [part for part in self.parts.values() if part.kind in kinds]


class Waiver(_Model):
    """A finding that someone has looked at and bears, for a reason and until a day."""

    finding: str
    where: tuple[str, ...]
    because: str
    until: date


@dataclass(frozen=True)
class Figures:
    """How often a kind of part fails and how long it is gone, where nothing is written; and who says so."""

    mtbf: timedelta
    mttr: timedelta
    source: str


YEAR = timedelta(days=365)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_NEXT_DAY = "repaired the next working day (assumed)"
_SPARE = "a spare on site (assumed)"

FIGURES: dict[Kind, Figures] = {
    Kind.SITE: Figures(1000 * YEAR, 30 * DAY, "assumed"),
    Kind.ZONE: Figures(500 * YEAR, 30 * DAY, "assumed: a fire or a flood"),
    Kind.RACK: Figures(200 * YEAR, DAY, "assumed: what takes a rack besides its power and its switches"),
    Kind.COOLING: Figures(3 * YEAR, 8 * HOUR, "assumed"),
    Kind.FEED: Figures(187 * DAY, 79 * HOUR / 60, "IEEE 493-2007: a single utility circuit, 1.956 failures a year"),
    Kind.UPS: Figures(28 * YEAR, 8 * HOUR, "assumed: 250,000 h"),
    Kind.PDU: Figures(50 * YEAR, 4 * HOUR, f"assumed; {_SPARE}"),
    Kind.SWITCH: Figures(20 * YEAR, 4 * HOUR, f"Gill et al., SIGCOMM 2011: top-of-rack, under 5 % a year; {_SPARE}"),
    Kind.ROUTER: Figures(10 * YEAR, 4 * HOUR, f"assumed: twice a switch; {_SPARE}"),
    Kind.UPLINK: Figures(YEAR / 2, 4 * HOUR, "assumed: 99.9 %, as contracts with carriers often have it"),
    Kind.MACHINE: Figures(12 * YEAR, DAY, f"Vishwanath and Nagappan, SoCC 2010: 8 % a year; {_NEXT_DAY}"),
    Kind.NODE: Figures(12 * YEAR, DAY, f"Vishwanath and Nagappan, SoCC 2010: 8 % a year; {_NEXT_DAY}"),
    Kind.PART: Figures(20 * YEAR, 8 * HOUR, "assumed"),
    Kind.DISK: Figures(70 * YEAR, DAY, f"Backblaze, Drive Stats for 2023: 1.4 % a year; {_NEXT_DAY}"),
    Kind.CARD: Figures(100 * YEAR, DAY, f"assumed; {_NEXT_DAY}"),
    Kind.NIC: Figures(100 * YEAR, 4 * HOUR, "assumed: the port, its transceiver and its cable"),
    Kind.BMC: Figures(30 * YEAR, DAY, f"assumed; {_NEXT_DAY}"),
    Kind.NETWORK: Figures(20 * YEAR, 4 * HOUR, "as one switch: what it is made of isn't declared"),
}
"""The one table of defaults."""

FEED_WITH_UPS = Figures(10 * YEAR, 4 * HOUR, "assumed: its UPS bridges the short failures")


def figures(kind: Kind, *, with_ups: bool = False) -> Figures:
    """The default figures of a kind of part."""
    return FEED_WITH_UPS if with_ups and kind is Kind.FEED else FIGURES[kind]
