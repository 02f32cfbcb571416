"""A record survives being written, read while it grows, and broken off."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from quorate.drill.clients.record import Outcome, Reader, Write, head, line, read, tail

seconds = st.integers(0, 10**10).map(lambda n: n / 1e6)
writes = st.builds(
    Write,
    number=st.integers(1, 10**9),
    due=seconds,
    sent=st.none() | seconds,
    ended=seconds,
    outcome=st.sampled_from(Outcome),
    lag=seconds,
    detail=st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"])),
)


@given(st.lists(writes))
def test_what_is_written_is_read(tmp_path_factory, written: list[Write]) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("record") / "writes.tsv"
    path.write_text(head("sql", 200, 1.5, 0.5) + "".join(map(line, written)) + tail(2.5, len(written)))
    record = read(path)
    assert record.writes == tuple(written)
    assert record.complete
    assert record.rate == 200


def test_it_is_read_while_it_grows_and_when_it_breaks_off(tmp_path: Path) -> None:
    path = tmp_path / "writes.tsv"
    reader = Reader(path)
    assert reader.more() == []
    first, second = (Write(n, 1.0, 1.0, 2.0, Outcome.UNKNOWN, 0.0, "error with\ttab\nand newline") for n in (1, 2))
    path.write_text(head("sql", 200, 1.5, 0.5) + line(first) + line(second)[:-5])
    assert [write.number for write in reader.more()] == [1]
    with path.open("a") as file:
        file.write(line(second)[-5:])
    assert [(write.number, write.detail) for write in reader.more()] == [(2, "error with tab and newline")]
    assert not reader.record().complete
