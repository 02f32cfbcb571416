"""Whoever owns replicated data has one number on all hosts that hold it: made so, or said why not; never changed."""

import dataclasses
from collections.abc import Mapping

import pytest

from quorate.cluster.loading import load
from quorate.converge import obstacles, users
from quorate.converge.plan import differing
from quorate.converge.step import Phase
from quorate.design import work_out
from quorate.hosts.inspection import NumbersSeen, Seen

from .settled import CLUSTER, DESIGN, STEPS, bare, settled

NOBODY = NumbersSeen()
MYSQL = 830
HOLDERS = ("ctl1", "ctl2")


def seen(view: Mapping[str, Seen], **numbers: NumbersSeen) -> dict[str, Seen]:
    return {name: dataclasses.replace(each, numbers=numbers.get(name, NOBODY)) for name, each in view.items()}


def has(uid: int | None, gid: int | None, name: str = "mysql") -> NumbersSeen:
    return NumbersSeen({} if uid is None else {name: uid}, {} if gid is None else {name: gid})


def due(view: Mapping[str, Seen]) -> list[str]:
    return [f"{each.step.host}: {each.step.title}: {each.why}" for each in differing(STEPS, view, Phase.USERS)]


def in_the_way(view: Mapping[str, Seen]) -> list[str]:
    return [f"{each.host}: {each.what} -> {each.todo}" for each in obstacles.find(CLUSTER, DESIGN, view, STEPS)]


def test_on_bare_hosts_both_get_the_same_free_number_before_any_package_comes() -> None:
    view = seen(bare())
    assert due(view) == [f"{host}: make the user mysql: it isn't there, and is to be {MYSQL}" for host in HOLDERS]
    assert in_the_way(view) == []
    assert list(Phase).index(Phase.USERS) < list(Phase).index(Phase.PACKAGES)


def test_a_number_that_any_of_them_has_given_away_is_passed_over() -> None:
    view = seen(bare(), ctl1=has(MYSQL, None, "tcpdump"), ctl2=has(None, MYSQL + 1, "ssl-cert"))
    assert due(view) == [f"{host}: make the user mysql: it isn't there, and is to be 832" for host in HOLDERS]


def test_the_number_that_one_host_has_is_the_other_one_s_too() -> None:
    view = seen(bare(), ctl2=has(117, 120))
    assert due(view) == ["ctl1: make the user mysql: it isn't there, and is to be 117, in the group 120"]
    assert in_the_way(view) == []


def test_a_group_alone_keeps_its_number() -> None:
    """Cut short between the two, or a package that makes only the group."""
    view = seen(bare(), ctl1=has(None, MYSQL))
    assert due(view) == [f"{host}: make the user mysql: it isn't there, and is to be {MYSQL}" for host in HOLDERS]
    assert in_the_way(view) == []


@pytest.mark.parametrize("numbers", [has(108, 111), has(MYSQL, MYSQL)])
def test_equal_numbers_are_left_whatever_they_are(numbers: NumbersSeen) -> None:
    view = seen(settled(), ctl1=numbers, ctl2=numbers, ctl3=has(27, 27))
    assert due(view) == []
    assert in_the_way(view) == []


def test_numbers_that_differ_are_an_obstacle_and_nothing_is_planned() -> None:
    view = seen(settled(), ctl1=has(108, 111), ctl2=has(109, 111))
    assert due(view) == []
    [line] = in_the_way(view)
    assert line.startswith("ctl2: the user mysql is 109 there and 108 on ctl1, and owns the volume database")
    assert "usermod --uid 108 mysql" in line
    assert "find / -xdev -user 109 -exec chown --no-dereference 108 {} +" in line


def test_groups_that_differ_are_an_obstacle_too() -> None:
    [line] = in_the_way(seen(settled(), ctl1=has(108, 111), ctl2=has(108, 112)))
    assert line.startswith("ctl2: the group mysql is 112 there and 111 on ctl1")
    assert "groupmod --gid 111 mysql" in line
    assert "-group 112 -exec chgrp" in line


def test_a_number_that_somebody_else_has_is_an_obstacle_that_names_them() -> None:
    view = seen(bare(), ctl1=has(108, 111), ctl2=NumbersSeen({"tcpdump": 108}, {"tcpdump": 110}))
    assert due(view) == []
    [line] = in_the_way(view)
    assert line.startswith("ctl2: the user mysql has to be 108, as on ctl1, and there that is tcpdump")
    assert "Give tcpdump another number" in line


def test_a_broker_on_a_volume_owns_it_and_images_keep_debian_s_own_number() -> None:
    file = (
        b"cluster: lab\nnodes: [ctl1, ctl2, ctl3]\n"
        b"services: {database: {}, messaging: {replicated_by: drbd}, identity: {}, image: {}}\n"
    )
    made = list(users.steps(work_out(load(file, "lab.yaml")).volumes))
    assert {step.user.name for step in made} == {"mysql", "rabbitmq", "glance"}
    assert {step.user.number for step in made if step.user.name == "glance"} == {64062}
    assert len({step.user.number for step in made}) == 3
    alone = load(file.replace(b"{replicated_by: drbd}", b"{}"), "lab.yaml")
    assert "rabbitmq" not in {step.user.name for step in users.steps(work_out(alone).volumes)}
