"""Who has an address, from what was heard: two that answer one question are two holders, a takeover isn't."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from quorate.drill.clients import holders
from quorate.drill.clients.holders import Answer, contests

ONE, OTHER, THIRD = "02:51:00:00:01:00", "02:51:00:00:02:00", "02:51:00:00:03:00"
EVERY = 0.25


def heard(*turns: tuple[str, ...]) -> list[Answer]:
    """What is heard if these machines answer each question, a millisecond after one another."""
    return [Answer(n * EVERY + k / 1000, mac) for n, macs in enumerate(turns, 1) for k, mac in enumerate(macs)]


def test_a_takeover_is_no_contest() -> None:
    answers = heard((ONE,), (ONE,), (), (), (OTHER,), (OTHER,))
    assert contests("database-address", answers) == []
    assert [(each.mac, each.answers) for each in holders.holders(answers)] == [(ONE, 2), (OTHER, 2)]


def test_two_that_answer_the_same_questions_are_found() -> None:
    answers = heard((ONE,), (ONE, OTHER), (OTHER, ONE), (OTHER,), (OTHER, THIRD), (THIRD,))
    (found,) = contests("database-address", answers)
    assert (found.macs, found.times, found.start, found.seconds) == ((ONE, OTHER), 2, 0.5, 0.25)


@given(st.lists(st.sampled_from([(), (ONE,), (OTHER,), (THIRD,)]), max_size=40))
def test_however_it_moves_one_at_a_time_is_no_contest(turns: list[tuple[str, ...]]) -> None:
    assert contests("x", heard(*turns)) == []


@given(st.lists(st.sampled_from([(), (ONE,), (ONE, OTHER), (OTHER, ONE)]), max_size=40))
def test_whoever_answers_together_twice_is_a_contest(turns: list[tuple[str, ...]]) -> None:
    together = sum(len(macs) == 2 for macs in turns)
    assert [each.times for each in contests("x", heard(*turns))] == ([together] if together >= holders.TWICE else [])


def test_a_line_that_is_not_finished_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "heard"
    file.write_text(holders.head(address="10.20.0.20", interface="net1") + holders.line(Answer(1.5, ONE)) + "2.0")
    found = holders.read(file)
    assert (found.answers, found.address, found.unasked) == ((Answer(1.5, ONE),), "10.20.0.20", "")
    assert holders.read(tmp_path / "none").unasked


def test_why_nobody_was_asked_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "heard"
    file.write_text(holders.head(unasked="no raw socket: Operation not permitted"))
    assert holders.read(file).unasked.startswith("no raw socket")
