"""`quorate drill --random`, `--replay` and `--shrink` as wholes; what becomes of each fault is made up here."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from quorate.cli import converge, drill_sequences
from quorate.cli.ordering import DEFAULTS
from quorate.cli.site import Format, Site
from quorate.drill import regression, report
from quorate.drill.order import Drill, DrillStopped, new_folder
from quorate.drill.regression import Step
from quorate.drill.report.model import Result
from quorate.drill.sequences import campaign, replay
from quorate.drill.sequences.campaign import Held
from quorate.drill.targets import Target
from quorate.progress import Progress, Say


@pytest.fixture
def site(tmp_path: Path) -> Site:
    file = tmp_path / "site.yaml"
    shutil.copy(Path(__file__).parents[3] / "examples/database.yaml", file)
    return Site.open(file)


class Cluster:
    """One that breaks when it has met certain faults since it was last restored."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, breaks: set[str]) -> None:
        self.breaks, self.met, self.tries = breaks, list[str](), list[tuple[str, ...]]()
        monkeypatch.setattr(campaign, "attempt", self.attempt)
        monkeypatch.setattr(campaign, "ready_again", self.ready)
        monkeypatch.setattr(converge, "converge", self.restore)

    async def ready(self, _drill: Drill, _say: Say) -> bool:
        return True

    def restore(self, _site: Site, _shown: Progress) -> None:
        self.tries.append(tuple(self.met))
        self.met.clear()

    async def attempt(self, drill: Drill, _progress: Progress) -> Held:
        self.met.append(drill.fault.name)
        folder, ends = new_folder(drill, datetime.now(UTC)), Result.KEPT
        node = drill.on if drill.on in drill.design.hosts else "ctl1"
        regression.write(folder, drill, Target((node,), None, ()), {}, {"database": 20.0})
        if self.breaks <= set(self.met):
            ends = Result.BROKEN
        report.write_unheld(ends, drill.fault.name, drill.on, drill.cluster.name, DrillStopped("made up"), folder)
        return Held(drill.fault.name, drill.on, ends, None, "made up", str(folder))


def draw(site: Site, output: Format = Format.TEXT, seed: int | None = 3) -> list[Held]:
    return list(drill_sequences.hold_random(site, DEFAULTS, output, seconds=3600, seed=seed, keep_going=False))


def again(site: Site, folder: Path, *, shrink: bool = False) -> bool:
    return drill_sequences.hold_again(site, replay.read(folder), DEFAULTS, Format.TEXT, shrink=shrink)


def sequences(site: Site, what: str) -> list[Path]:
    return sorted((site.folder / "drills").glob(f"*-{what}*"))


def test_a_sequence_ends_with_its_failure_and_is_held_again(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = Cluster(monkeypatch, {"standby"})
    held = draw(site)
    assert [each.result for each in held[-2:]] == [Result.KEPT, Result.BROKEN]
    assert held[-1].fault == "standby"
    (folder,) = sequences(site, "random-3")
    assert f"Kept in {folder}; held again by" in capsys.readouterr().out
    cluster.met.clear()
    assert not again(site, folder)
    assert "It ended as it did before." in capsys.readouterr().out
    assert cluster.met == [each.fault for each in held]
    cluster.breaks = {"nothing"}
    assert again(site, folder)
    assert f"standby on {held[-1].on} was broken, and is kept" in capsys.readouterr().out


def test_the_seed_is_told_and_draws_the_same_again(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = Cluster(monkeypatch, {"standby"})
    first = draw(site, Format.JSON, seed=None)
    told = json.loads(capsys.readouterr().out)
    assert [step["fault"] for step in told["steps"]] == [each.fault for each in first]
    assert told["failed"] == len(first) - 1
    cluster.met.clear()
    assert [str(each) for each in map(_step, draw(site, seed=told["seed"]))] == [str(_step(each)) for each in first]


def _step(held: Held) -> Step:
    return Step(held.fault, held.on)


def test_a_sequence_is_made_as_short_as_it_can_be(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = Cluster(monkeypatch, {"standby", "loss"})
    held = draw(site)
    assert len(held) > 2
    (folder,) = sequences(site, "random-3")
    capsys.readouterr()
    cluster.met.clear()
    assert not again(site, folder, shrink=True)
    out = capsys.readouterr().out
    shortest = [each for each in held if each.fault in ("standby", "loss")]
    kept = [path for path in sequences(site, "replay") if f"Kept in {path};" in out]
    document = regression.document_of(kept[0] / "sequence.json")
    assert {step["fault"] for step in document["steps"]} == {"standby", "loss"}
    assert len(document["steps"]) == 2 <= len(shortest)
    assert document["after"] == str(folder)
    assert f"The shortest that fails has 2 of {len(held)}" in out
    assert all(tried for tried in cluster.tries), "the cluster is restored between two tries"


def test_what_does_not_fail_any_more_is_not_made_shorter(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = Cluster(monkeypatch, {"standby"})
    draw(site)
    cluster.breaks = {"nothing"}
    assert again(site, sequences(site, "random-3")[0], shrink=True)
    assert "It doesn't fail any more" in capsys.readouterr().out
    assert len(sequences(site, "replay")) == 1
