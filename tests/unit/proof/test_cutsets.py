"""Cut sets beside every subset tried out, and beside a decision diagram."""

import runpy
import time
from collections.abc import Collection, Mapping
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorate.proof.cutsets import Cyclic, Gate, TooMany, cut_sets, needs, needs_all

Gates = Mapping[str, Gate]


def fails(gates: Gates, name: str, failed: Collection[str]) -> bool:
    """The definition of the graph, word by word."""
    if name not in gates:
        return name in failed
    return sum(fails(gates, child, failed) for child in gates[name].children) >= gates[name].fails_at


def parts_of(gates: Gates, tops: Collection[str]) -> list[str]:
    children = {child for gate in gates.values() for child in gate.children}
    return sorted({*children, *tops} - {*gates})


def by_trying(gates: Gates, top: str, order: int) -> set[frozenset[str]]:
    parts = sorted(
        {child for gate in gates.values() for child in gate.children if child not in gates} | {top} - {*gates}
    )
    found: set[frozenset[str]] = set()
    for size in range(1, order + 1):
        for parts_failed in combinations(parts, size):
            failed = frozenset(parts_failed)
            if not any(cut <= failed for cut in found) and fails(gates, top, failed):
                found.add(failed)
    return found


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, Gate], list[str]]:
    """Up to eight gates over up to seven parts, shared at random; children below a gate only, so there is no circle."""
    parts = [f"p{number}" for number in range(draw(st.integers(1, 7)))]
    gates: dict[str, Gate] = {}
    for number in range(draw(st.integers(1, 8))):
        children = draw(st.lists(st.sampled_from([*parts, *gates]), min_size=0, max_size=5))
        gates[f"g{number}"] = Gate(draw(st.integers(1, max(1, len(children) + 1))), tuple(children))
    return gates, draw(st.lists(st.sampled_from([*gates, *parts]), min_size=1, max_size=3))


@settings(max_examples=1000)
@given(graphs(), st.integers(1, 3))
def test_every_cut_that_trying_all_subsets_finds_and_no_other(graph: tuple[Gates, list[str]], order: int) -> None:
    gates, tops = graph
    found = cut_sets(gates, tops, order)
    for top in tops:
        listed = list(found.of(top))
        assert len(listed) == len(set(listed)) == sum(found.count(top))
        assert set(listed) == by_trying(gates, top, order)


@settings(max_examples=150)
@given(graphs())
def test_a_decision_diagram_says_the_same(graph: tuple[Gates, list[str]]) -> None:
    bdd_module = pytest.importorskip("dd.autoref", reason="the BDD package dd isn't installed")
    gates, tops = graph
    bdd = bdd_module.BDD()
    parts = sorted(
        {child for gate in gates.values() for child in gate.children if child not in gates} | {*tops} - {*gates}
    )
    bdd.declare(*parts)
    nodes = {part: bdd.var(part) for part in parts}
    for name, gate in gates.items():
        counts = [bdd.true] + [bdd.false] * gate.fails_at  # counts[n]: at least n have failed so far
        for child in gate.children:
            for n in range(gate.fails_at, 0, -1):
                counts[n] |= counts[n - 1] & nodes[child]
        nodes[name] = counts[gate.fails_at]
    found = cut_sets(gates, tops, 3)
    for top in tops:
        failing = {
            frozenset(failed)
            for size in range(1, 4)
            for failed in combinations(parts, size)
            if bdd.let({part: part in failed for part in parts}, nodes[top]) == bdd.true
        }
        assert set(found.of(top)) == {cut for cut in failing if not any(smaller < cut for smaller in failing)}


def test_parts_in_series_are_one_class() -> None:
    gates = {
        "host-1": needs_all("board-1", "memory-1", "power-1"),
        "host-2": needs_all("board-2", "memory-2", "power-2"),
        "power-1": needs_all("pdu-1", "feed"),
        "power-2": needs_all("pdu-2", "feed"),
        "service": needs(1, ["host-1", "host-2"]),
    }
    found = cut_sets(gates, ["service"])
    assert sorted(map(sorted, found.classes)) == [
        ["board-1", "memory-1", "pdu-1"],
        ["board-2", "memory-2", "pdu-2"],
        ["feed"],
    ]
    assert found.count("service") == (1, 9)
    assert next(found.of("service")) == {"feed"}


def test_a_circle_is_named() -> None:
    gates = {"top": needs_all("a"), "a": needs_all("part", "b"), "b": needs_all("c"), "c": needs_all("a")}
    with pytest.raises(Cyclic) as caught:
        cut_sets(gates, ["top"])
    assert caught.value.gates == ("a", "b", "c")


def test_what_is_out_of_range() -> None:
    with pytest.raises(ValueError, match="order 1, 2 or 3"):
        cut_sets({}, ["part"], 4)
    with pytest.raises(ValueError, match="nothing failed"):
        cut_sets({"top": Gate(0, ("part",))}, ["top"])
    ladder = {"top": Gate(3, tuple(f"p{number}" for number in range(60)))}
    assert cut_sets(ladder, ["top"], 3).count("top") == (0, 0, 60 * 59 * 58 // 6)
    with pytest.raises(TooMany):
        cut_sets(ladder, ["top"], 3, most=1000)


def test_depth_costs_no_stack() -> None:
    chain = {f"g{number}": needs(1, [f"g{number + 1}", f"p{number}"]) for number in range(5000)}
    found = cut_sets({**chain, "g5000": needs_all("end")}, ["g0"], 3)
    assert found.count("g0") == (0, 0, 0)


@pytest.mark.parametrize(("graph", "order"), [("site, 10,000 parts", 2), ("site, 1,000 parts", 3)])
def test_large_sites_take_less_than_a_second(graph: str, order: int) -> None:
    bench = runpy.run_path(str(Path(__file__).parents[3] / "bench/check.py"))
    gates, tops = bench["GRAPHS"][graph]()
    begun = time.process_time()
    cut_sets(gates, tops, order)
    assert time.process_time() - begun < 1
