"""What each fault takes from the cluster, what it cuts, and that all of it heals without this machine."""

import asyncio
import string
from collections.abc import Sequence
from pathlib import Path

import pytest

from quorate.cluster.model import Cluster
from quorate.design import Design, work_out
from quorate.drill import targets
from quorate.drill.faults import FAULTS, Cut, Fault, Fencing, Tools, netem, network
from quorate.drill.judgement.forecast import Fate, Forecast, foretell
from quorate.drill.targets import Target
from quorate.drill.tools.commands import NodeCommands
from quorate.drill.wiring import wiring
from quorate.errors import HostError, Refused
from quorate.hosts import Hosts
from quorate.live.state import State

NODES = ("ctl1", "ctl2", "ctl3")


@pytest.fixture
def design(cluster: Cluster) -> Design:
    return work_out(cluster)


@pytest.fixture
def target(cluster: Cluster, design: Design) -> Target:
    return Target(("ctl1",), None, (), volume=design.volumes[0], wiring=wiring(cluster, design))


def pairs(cuts: Sequence[Cut], network: str) -> set[tuple[str | None, str | None]]:
    return {(cut.sender, cut.receiver) for cut in cuts if cut.network == network}


def both(*words: str) -> set[tuple[str, str]]:
    """`a-b` in both directions."""
    ends = [tuple(word.split("-")) for word in words]
    return {(a, b) for a, b in ends} | {(b, a) for a, b in ends}


def test_a_partition_parts_the_nodes_on_all_networks_and_no_client(target: Target) -> None:
    for network_ in ("management", "storage"):
        assert pairs(network.apart(target), network_) == both("ctl1-ctl2", "ctl1-ctl3")


def test_a_bridge_is_seen_from_both_sides(target: Target) -> None:
    assert pairs(network.bridged(target), "storage") == both("ctl1-ctl2")


def test_one_direction_only(target: Target) -> None:
    assert pairs(network.mute(target), "management") == {("ctl1", "ctl2"), ("ctl1", "ctl3")}


def test_the_network_of_the_clients_is_cut_from_everybody(target: Target) -> None:
    cuts = network.clients(target)
    assert pairs(cuts, "management") == {("ctl1", None), (None, "ctl1")}
    assert not pairs(cuts, "storage")


@pytest.mark.parametrize(
    ("numbers", "ports"),
    [((0,), {"management": (5405,)}), ((1,), {"storage": (5406,)}), ((), {"management": (5405,), "storage": (5406,)})],
)
def test_a_ring_is_cut_for_corosync_alone(
    target: Target, numbers: tuple[int, ...], ports: dict[str, tuple[int, ...]]
) -> None:
    cuts = network.rings(*numbers)(target)
    assert {cut.network: cut.ports for cut in cuts} == ports
    assert {cut.protocol for cut in cuts} == {"udp"}
    assert len(cuts) == 4 * len(ports)


def test_a_ring_that_is_not_there_is_not_cut(target: Target) -> None:
    assert network.rings(2)(target) == []


def test_long_packets_vanish_where_replication_goes(target: Target) -> None:
    cuts = network.long_packets(target)
    assert {(cut.network, cut.longer_than) for cut in cuts} == {("storage", network.SMALL)}
    assert pairs(cuts, "storage") == both("ctl1-ctl2", "ctl1-ctl3")


def test_replication_is_cut_for_drbd_alone(target: Target, design: Design) -> None:
    cuts = network.replication(target)
    assert {(cut.network, cut.protocol, cut.ports) for cut in cuts} == {("storage", "tcp", (design.volumes[0].port,))}
    assert pairs(cuts, "storage") == both("ctl1-ctl2", "ctl1-ctl3")


@pytest.mark.parametrize(
    ("nodes", "lost"),
    [
        (("ctl1",), ("ctl1",)),
        (("ctl1", "ctl3"), ("ctl2",)),  # the rest is the lesser part
    ],
)
def test_whoever_has_no_majority_is_lost_by_a_partition(nodes: tuple[str, ...], lost: tuple[str, ...]) -> None:
    assert FAULTS["partition"].loses(Target(nodes, None, ()), NODES) == lost


def test_two_halves_are_both_lost() -> None:
    nodes = ("ctl1", "ctl2", "ctl3", "ctl4")
    assert FAULTS["partition"].loses(Target(nodes[:2], None, ()), nodes) == nodes


def test_a_killed_daemon_loses_no_node_and_a_killed_corosync_does() -> None:
    target = Target(("ctl2",), None, ())
    assert FAULTS["attrd-kill"].loses(target, NODES) == ()
    assert FAULTS["corosync-kill"].loses(target, NODES) == ("ctl2",)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_is_said_of_a_fault_holds_together(fault: Fault, design: Design) -> None:
    known = {name for _, name, _, _ in string.Formatter().parse(fault.telling) if name}
    assert known <= {"target", "service"}
    assert set(fault.needs) <= set(Tools.__dataclass_fields__)
    if fault.predicted:
        assert fault.fencing is Fencing.NEEDED, "the graph says of a lost node that it is fenced"
    if fault.safe:
        assert set(fault.needs) <= {"processes", "commands", "membership", "packages"}, (
            "nothing else is there on a real cluster"
        )
    for usual in fault.usual:
        aim = targets.parse(usual.replace("*", "database"), design)
        fault.check_aim(aim)


def test_nobody_is_fenced_through_a_dead_bmc_so_nothing_is_taken_over(cluster: Cluster, design: Design) -> None:
    def foretold(active: str) -> Forecast:
        nodes = FAULTS["bmc-dead"].loses(Target(("ctl1",), None, ()), NODES)
        return foretell(cluster, design, (*nodes, *(f"{node}:bmc" for node in nodes)), {"database": active})

    assert FAULTS["bmc-dead"].with_bmcs
    assert (foretold("ctl1").lost, foretold("ctl1").fenced) == (("ctl1",), ())
    assert foretold("ctl1").fates == {"database": Fate.GONE}
    assert foretold("ctl2").fates == {"database": Fate.STAYS}


def test_every_fault_is_explained() -> None:
    text = (Path(__file__).parents[3] / "docs/drills.md").read_text()
    assert [name for name in FAULTS if f"`{name}`" not in text] == []


class Nobody:
    """Tools that never reach anything; they note what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def run(self, node: str, *argv: str) -> None:
        self.asked.append(f"run {node}")
        raise HostError("no answer", where=node)

    async def run_later(self, node: str, name: str, seconds: float, *argv: str) -> None:
        self.asked.append(f"timer {node}")

    async def undo(self, node: str, name: str, *argv: str) -> None:
        self.asked.append(f"undo {node}")


@pytest.mark.parametrize("name", [fault.name for fault in FAULTS.values() if fault.needs == ("commands",)])
def test_healing_is_harmless_when_nobody_answers(name: str, target: Target) -> None:
    async def heal() -> None:
        await FAULTS[name].heal(Tools(commands=NodeCommands(Unreachable())), target)

    asyncio.run(heal())


class Unreachable(Hosts):
    def __init__(self) -> None:
        super().__init__([])

    async def host(self, name: str) -> None:  # type: ignore[override]
        raise HostError("no answer", where=name)


@pytest.mark.parametrize("fault", [*netem.FAULTS, FAULTS["corosync-freeze"]], ids=lambda fault: fault.name)
def test_the_node_s_timer_is_set_before_anything_is_broken(fault: Fault, target: Target) -> None:
    nobody = Nobody()

    async def inject() -> None:
        await fault.inject(Tools(commands=nobody), target)

    with pytest.raises(HostError):
        asyncio.run(inject())
    assert nobody.asked == ["timer ctl1", "run ctl1"]


def test_only_what_is_safe_is_held_outside_a_lab(target: Target) -> None:
    tools = Tools(commands=NodeCommands(Hosts([])))
    FAULTS["loss"].check(target, tools)
    with pytest.raises(Refused, match="panic is held in a lab only"):
        FAULTS["panic"].check(target, tools)
    with pytest.raises(Refused, match="partition needs network"):
        FAULTS["partition"].check(target, tools)


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("dc", ("ctl3",)),
        ("one", ("ctl2",)),  # which serves
        ("minority", ("ctl2",)),
        ("half", ("ctl2",)),
        ("majority", ("ctl2", "ctl1")),
    ],
)
def test_shares_begin_with_those_that_serve_most(design: Design, text: str, nodes: tuple[str, ...]) -> None:
    state = State(
        nodes={},
        quorate=True,
        dc="ctl3",
        resources=(),
        replicas={},
        links={},
        fencing={},
        failed_actions=(),
        active={"database": "ctl2"},
    )
    assert targets.resolve(targets.parse(text, design), design, state).nodes == nodes
