"""The facility worked out: every part by its name, those included that are only named by what hangs on them."""

from quorate.cluster.facility import Facility, FacilityPart, Kind, Need
from quorate.cluster.findings import Path
from quorate.cluster.written_facility import (
    SECTIONS,
    WrittenFacility,
    WrittenNeed,
    WrittenPart,
    WrittenPdu,
    WrittenRack,
)

NAMED_BY = {"cooling": Kind.COOLING, "ups": Kind.UPS, "uplinks": Kind.UPLINK}
"""By word: what a name there stands for. It needn't be declared unless its section is written."""


def work_out_facility(origins: dict[Path, Path | str], written: WrittenFacility) -> Facility:
    """All parts by name. Of two with one name the first stays; the checks find the other."""
    parts: dict[str, FacilityPart] = {}
    for section, kind in SECTIONS.items():
        for name, body in getattr(written, section).items():
            path: Path = ("facility", section, name)
            parts.setdefault(name, _part(origins, path, name, kind, body))
            if isinstance(body, WrittenRack):
                for pdu, of_pdu in body.pdus.items():
                    part = _part(origins, (*path, "pdus", pdu), pdu, Kind.PDU, of_pdu)
                    parts.setdefault(pdu, part.model_copy(update={"place": name}))
    for part in list(parts.values()):
        for word, kind in NAMED_BY.items():
            if not getattr(written, word):
                for name in part.needs[word].names() if word in part.needs else ():
                    parts.setdefault(name, FacilityPart(name=name, kind=kind))
    for name in written.goals:
        origins[("facility", "goals", name)] = ("facility", "goals", name)
    goals = {name: goal.need for name, goal in written.goals.items() if goal is not None}
    return Facility(parts=parts, goals=goals)


def _part(
    origins: dict[Path, Path | str], path: Path, name: str, kind: Kind, body: WrittenPart | WrittenPdu | WrittenRack
) -> FacilityPart:
    needs: dict[str, Need] = {}
    for word, value in body:
        if value is not None:
            origins[(*path, word)] = (*path, word)
        if isinstance(value, WrittenNeed):
            needs[word] = value.need
    places = (getattr(body, word, None) for word in ("rack", "zone", "site"))
    place = next((place for place in places if place is not None), None)
    return FacilityPart(name=name, kind=kind, place=place, needs=needs, mtbf=body.mtbf, mttr=body.mttr)
