"""Where everything stands on a timeline: labels never collide, whatever the width."""

import hypothesis.strategies as st
from hypothesis import given

from quorate.drill.report.model import Event, EventKind, Report
from quorate.drill.report.timeline import HEIGHT, NARROW, WIDE, WIDTH, Axis, lanes, timeline

AXIS = Axis(-5.0, 115.0)
TEXTS = st.text("abcdefgh-: ", min_size=1, max_size=60)


def event(at: float, text: str) -> Event:
    return Event(at=at, nodes=["ctl1"], kind=EventKind.RESOURCE, text=text, evidence="")


@given(st.lists(st.tuples(st.floats(-5, 115), TEXTS), max_size=40), st.sampled_from([NARROW, WIDE]), st.floats(1, 6))
def test_labels_collide_neither_in_the_width_they_are_laid_out_for_nor_in_a_wider_one(
    drawn: list[tuple[float, str]], width: int, wider: float
) -> None:
    found = lanes([event(at, text) for at, text in sorted(drawn)], AXIS, width)
    for across in (width, width * wider):
        for lane in range(found.count):
            right = 0.0
            for label in (label for label in found.labels if label.lane == lane):
                left = min(label.at / 100 * across, across - label.pixels)
                assert left >= right - 1e-6
                right = left + label.pixels
            assert right <= across + 1e-6
    assert len(found.labels) == len(drawn)


def test_a_lane_is_used_again_where_there_is_room() -> None:
    found = lanes([event(0, "a"), event(1, "b"), event(60, "c")], AXIS, WIDE)
    assert [label.lane for label in found.labels] == [0, 1, 0]


def test_the_node_is_told_where_there_is_room_for_it() -> None:
    long = "x" * 32
    assert lanes([event(0, long)], AXIS, WIDE).labels[0].text == f"{long} (ctl1)"
    assert lanes([event(0, long)], AXIS, NARROW).labels[0].text == long


def test_the_fault_is_a_tick_and_there_are_few() -> None:
    for end in (1.0, 7.0, 30.0, 116.0, 250.0, 5000.0):
        ticks = Axis(-6.0, end).ticks
        assert "0 s" in [label for _, label in ticks]
        assert len(ticks) <= 8


def test_a_real_drill(real: list[Report]) -> None:
    found = timeline(real[1])
    assert list(found.plots) == ["database", "messaging", "identity", "image"]
    plot = found.plots["database"]
    assert {style for style, _ in plot.paths} == {"served", "refused", "unknown"}
    (downtime,) = [band for band in plot.bands if band.style == "downtime"]
    seconds = downtime.width / WIDTH * (found.axis.end - found.axis.start)
    assert abs(seconds - 18.07) < 0.1
    assert [band.style for band in plot.errors][:2] == ["unknown", "refused"]
    assert all(0 <= y <= HEIGHT for y, _ in plot.decades)
    names = [step.name for step in found.steps if step.seconds is not None]
    assert names[:2] == ["noticed", "fenced"]
    assert (
        names.index("database: promoted") < names.index("database: mounted") < names.index("database: database answers")
    )
    for one, other in zip(found.steps, found.steps[1:], strict=False):
        if other.seconds is not None and one.seconds is not None:
            assert other.seconds >= one.seconds
            assert abs(one.left + one.width - other.left) < 0.01, "a bar begins where the one before it ends"


def test_dots_are_no_more_than_can_be_seen(real: list[Report]) -> None:
    """Many operations on one place are one dot: a page doesn't grow with the rate."""
    report = real[1]
    part = report.services["database"]
    assert part.operations
    many = part.operations.model_copy(
        update={name: getattr(part.operations, name) * 50 for name in ("due", "latency", "outcome")}
    )
    grown = report.model_copy(update={"services": {"database": part.model_copy(update={"operations": many})}})
    assert (
        timeline(grown).plots["database"].paths
        == timeline(report.model_copy(update={"services": {"database": part}})).plots["database"].paths
    )


def test_without_operations_there_are_the_phases_still(real: list[Report]) -> None:
    part = real[1].services["database"].model_copy(update={"operations": None})
    found = timeline(real[1].model_copy(update={"services": {"database": part}}))
    assert found.plots == {}
    assert found.steps
