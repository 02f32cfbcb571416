"""Faults that no cluster can keep from its clients: what is owed all the same."""

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from quorate.cluster.loading import load
from quorate.design import work_out
from quorate.drill import naming
from quorate.drill.audit.fencing import PowerRequest
from quorate.drill.faults import FAULTS, Fencing, Tools
from quorate.drill.judgement import expectation
from quorate.drill.order import Drill
from quorate.drill.targets import Target
from quorate.errors import HostError, Refused
from quorate.hosts import Hosts
from quorate.live.state import State
from quorate.proof.evidence import Documents, HostFile, designed
from quorate.proof.lint.openstack import FERNET

LAB = Path(__file__).parents[3] / "examples/lab.yaml"
UNMASKED = [fault.name for fault in FAULTS.values() if fault.unmasked]


class NoBmcs:
    def requests(self, node: str) -> list[PowerRequest]:
        return []


def drill_of(name: str) -> Drill:
    cluster = load(LAB.read_bytes(), str(LAB))
    design = work_out(cluster)
    return Drill(FAULTS[name], "active:identity", cluster, design, Hosts([]), Tools(), NoBmcs(), Path(), str, Path())


def state(**active: str) -> State:
    return State(
        nodes={},
        quorate=True,
        dc="ctl3",
        resources=(),
        replicas={},
        links={},
        fencing={},
        failed_actions=(),
        active=active,
    )


@pytest.mark.parametrize("name", UNMASKED)
def test_it_lasts_nobody_is_fenced_and_it_is_no_failure_of_a_node(name: str) -> None:
    fault = FAULTS[name]
    assert fault.lasts
    assert fault.fencing is Fencing.NOBODY
    assert fault.loses(Target(("ctl1",), "identity", ()), ("ctl1", "ctl2", "ctl3")) == ()
    assert not fault.safe, "clients of a real cluster would be hurt for certain"


def test_the_objective_holds_from_its_end_on() -> None:
    assert expectation.allowed(drill_of("kill"), "identity") == 60
    assert expectation.allowed(drill_of("fernet-keys-differ"), "identity") == 100


def test_nothing_may_move_for_it() -> None:
    before, after = state(identity="ctl1", database="ctl2"), state(identity="ctl1", database="ctl1")
    assert expectation.moved(drill_of("stranger"), before, before) == []
    assert expectation.moved(drill_of("kill"), before, after) == []
    (found,) = expectation.moved(drill_of("stranger"), before, after)
    assert found.startswith("database has moved from ctl2 to ctl1")


@pytest.fixture
def surveyed(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    """Has the nodes say what they have in the folder of Fernet keys, by its hash."""

    def say(hashes: dict[str, str]) -> None:
        async def survey(*_: object) -> Documents:
            drill = drill_of("fernet-keys-differ")
            documents = designed.documents(drill.design, drill.cluster)
            hosts = {
                name: dataclasses.replace(
                    host, files={**host.files, FERNET: HostFile(0o700, "keystone", hashes.get(name, "same"))}
                )
                for name, host in documents.hosts.items()
            }
            return dataclasses.replace(documents, hosts=hosts)

        monkeypatch.setattr(naming, "survey", survey)

    return say


def stay(drill: Drill) -> list[str]:
    return asyncio.run(naming.stay(drill, 0))


def test_what_is_wrong_has_to_be_named_while_it_lasts(surveyed: Callable[[dict[str, str]], None]) -> None:
    drill = drill_of("fernet-keys-differ")
    surveyed({"ctl2": "other"})
    assert stay(drill) == []
    surveyed({})
    assert stay(drill) == ["`quorate check --live` doesn't find fernet-keys-differ while it lasts"]
    assert stay(drill_of("kill")) == []


def test_what_was_wrong_before_shows_nothing(surveyed: Callable[[dict[str, str]], None]) -> None:
    drill = drill_of("fernet-keys-differ")
    surveyed({})
    asyncio.run(naming.require_unnamed(drill))
    surveyed({"ctl2": "other"})
    with pytest.raises(Refused, match="before anything is broken"):
        asyncio.run(naming.require_unnamed(drill))


def test_a_cluster_that_can_not_be_asked_names_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def survey(*_: object) -> Documents:
        raise HostError("no answer", where="ctl1")

    monkeypatch.setattr(naming, "survey", survey)
    (found,) = stay(drill_of("fernet-keys-differ"))
    assert "can't say what is wrong" in found
