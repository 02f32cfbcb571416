"""What is probed, how fast, and in which order power comes back."""

import asyncio
from pathlib import Path

import pytest

from quorate.cli import ordering
from quorate.cluster.model import Cluster
from quorate.design import Design, work_out
from quorate.drill.audit.audit import Blow
from quorate.drill.audit.fencing import PowerRequest
from quorate.drill.audit.journals import Entry, Journals
from quorate.drill.faults import POWER_LOSS, Tools, power
from quorate.drill.order import Drill
from quorate.drill.targets import Target
from quorate.errors import InputError
from quorate.hosts import Hosts


class NoBmcs:
    def requests(self, node: str) -> list[PowerRequest]:
        return []


@pytest.fixture
def design(cluster: Cluster) -> Design:
    return work_out(cluster)


def drill(cluster: Cluster, design: Design, probe: tuple[str, ...] = (), **rates: float) -> Drill:
    return Drill(
        POWER_LOSS,
        "ctl1",
        cluster,
        design,
        Hosts([]),
        Tools(),
        NoBmcs(),
        Path(),
        str,
        Path(),
        probe,
        rates,
    )


def test_all_that_can_be_are_probed(cluster: Cluster, design: Design) -> None:
    assert drill(cluster, design).probed() == ("database",)
    assert drill(cluster, design, ("database",), database=5.0).probed() == ("database",)


def test_what_is_not_there_is_not_probed(cluster: Cluster, design: Design) -> None:
    with pytest.raises(InputError, match="there is no service `image`"):
        drill(cluster, design, ("database", "image")).probed()
    with pytest.raises(InputError, match="there is no service `image`"):
        drill(cluster, design, image=3.0).probed()


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("", {}),
        ("100", {"database": 100.0, "image": 100.0}),
        ("database=100,image=0.5", {"database": 100.0, "image": 0.5}),
        ("2,image=0.5", {"database": 2.0, "image": 0.5}),
    ],
)
def testrates(text: str, rates: dict[str, float]) -> None:
    assert ordering.rates(text, ["database", "image"]) == rates


@pytest.mark.parametrize("text", ["fast", "database=", "0", "-1", "1e9", "nan", "database=x"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(InputError, match="no rate"):
        ordering.rates(text, ["database"])


def test_power_comes_back_in_order_and_only_where_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    class Switches:
        def __init__(self) -> None:
            self.powered = {"ctl2"}
            self.given: list[str] = []

        async def off(self, node: str) -> None:
            self.powered.discard(node)

        async def on(self, node: str) -> None:
            self.powered.add(node)
            self.given.append(node)

        async def is_on(self, node: str) -> bool:
            return node in self.powered

    monkeypatch.setattr(power, "BOOT_APART", 0.0)
    switches = Switches()
    target = Target(("ctl3", "ctl2", "ctl1"), None, ())

    async def heal_and_inject() -> None:
        await POWER_LOSS.heal(Tools(power=switches), target)
        assert switches.given == ["ctl3", "ctl1"]
        await POWER_LOSS.inject(Tools(power=switches), target)
        assert not switches.powered

    asyncio.run(heal_and_inject())


def test_what_a_lost_node_writes_down_later_is_not_of_the_recovery() -> None:
    entries = [Entry(node, time, "kernel", "x") for time in (0.0, 5.0, 50.0) for node in ("ctl1", "ctl2")]
    read = Journals(tuple(entries), {}, {})
    target = Target(("ctl1",), None, ())

    def told(powerless: float | None, spared: bool) -> list[tuple[str, float]]:
        cuts = {"ctl1": powerless} if powerless else {}
        blow = Blow(target, injected=1.0, powerless=cuts, lost=tuple(cuts), spared=spared, over=10.0)
        return [(entry.node, entry.time) for entry in blow.recovery(read)]

    assert told(1.1, True) == [("ctl2", 5.0)]
    assert told(1.1, False) == told(None, True) == [("ctl1", 5.0), ("ctl2", 5.0)]
