"""A drill, or a sequence of drills, held again from its folder, and whether it ended as it did before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from quorate.cluster.model import Cluster
from quorate.drill import regression
from quorate.drill.faults import FAULTS
from quorate.drill.regression import Kept, Step
from quorate.drill.report import reading
from quorate.drill.report.model import Report, Result
from quorate.drill.sequences import sequencing
from quorate.drill.sequences.campaign import Held
from quorate.errors import InputError


@dataclass(frozen=True)
class Past:
    """What a folder holds."""

    folder: Path
    cluster: Cluster
    seed: int | None
    drills: tuple[Kept, ...]
    """Those that were held, to the first that failed; a single drill is one."""
    reports: tuple[Report, ...]
    """Of each of them."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The same faults on the same nodes."""
        return tuple(each.step for each in self.drills)

    @property
    def rates(self) -> Mapping[str, float]:
        """Of the load, by service; a sequence has one for all its drills."""
        return self.drills[-1].rates

    @property
    def thorough(self) -> bool:
        """Whether both replicas were asked and compared."""
        return self.drills[-1].thorough


def read(folder: Path) -> Past:
    """Reads a drill's folder, or a sequence's. Raises InputError."""
    seed, folders = None, [folder]
    if (folder / sequencing.NAME).exists():
        document = regression.document_of(folder / sequencing.NAME)
        try:
            seed, failed = document["seed"], document["failed"]
            steps = document["steps"] if failed is None else document["steps"][: failed + 1]
            folders = [folder / Path(step["folder"]).name for step in steps if step["folder"]]
        except (KeyError, TypeError):
            raise InputError("this is no sequence that was kept", where=str(folder / sequencing.NAME)) from None
        # One that was refused, or for which the cluster wasn't ready, never began.
        folders = [each for each in folders if (each / regression.NAME).exists()]
    elif not (folder / regression.NAME).exists():
        raise InputError(
            f"there is neither {regression.NAME} nor {sequencing.NAME}",
            where=str(folder),
            todo="Name a folder of FILE.quorate/drills, of a drill or of a sequence.",
        )
    drills = tuple(map(regression.read, folders))
    if not drills:
        raise InputError("no drill of this sequence was held, so there is nothing to hold again", where=str(folder))
    for each in drills:
        if each.fault not in FAULTS:
            raise InputError(f"there is no fault `{each.fault}` any more", where=str(folder))
    reports = tuple(reading.read(each / reading.NAME) for each in folders)
    return Past(folder, regression.read_cluster(folder), seed, drills, reports)


def differences(before: Sequence[Report], now: Sequence[Held]) -> list[str]:
    """What ended otherwise than before, in sentences; figures may differ."""
    found = []
    for report, held in zip(before, now, strict=False):
        what = f"{held.fault} on {held.on}"
        if report.result is not held.result:
            found.append(f"{what} was {report.result}, and is {held.result}")
        for name, was in report.services.items():
            part = held.verdict.services.get(name) if held.verdict else None
            if part and held.verdict and was.kept == bool(part.broken(held.verdict.thorough)):
                became = ("kept", "broken") if was.kept else ("broken", "kept")
                found.append(f"{what}: {name} was {became[0]}, and is {became[1]}")
    if len(now) < len(before):
        found.append(f"it ended after {len(now)} of {len(before)} drills")
    found += [f"besides, {held.fault} on {held.on}: {held.result}" for held in now[len(before) :]]
    return found


def failed(reports: Sequence[Report]) -> bool:
    """Whether there was a failure to be held again."""
    return any(report.result in (Result.BROKEN, Result.STOPPED) for report in reports)
