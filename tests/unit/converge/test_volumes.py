"""Data are never overwritten: what may become of a device, and how far a volume has come."""

import dataclasses
import itertools
import re
from typing import Any

import pytest

from quorate.converge import devices, obstacles, volumes
from quorate.converge.obstacle import Obstructed
from quorate.converge.plan import differing
from quorate.hosts.inspection import DeviceSeen, Lvm, Release, UnitSeen

from .settled import BLANK, CLUSTER, DATA, DESIGN, DONE, GIB, STEPS, data_device, lvm, settled, spoilt

NOTHING = Lvm()


def complaints(device: DeviceSeen | None, group: Lvm | None = NOTHING, **more: Any) -> list[str]:
    """What is said about ctl1's data device when it looks like this."""
    view = spoilt("ctl1", devices={DATA: device}, lvm=group, **more)
    found = obstacles.find(CLUSTER, DESIGN, view)
    assert {each.host for each in found} <= {"ctl1"}
    return [each.what for each in found]


@pytest.mark.parametrize(
    ("device", "complaint"),
    [
        (None, "there is no such device"),
        (DeviceSeen("/root/file", False), "this is no block device"),
        (
            data_device("ctl1", signature={"TYPE": "ext4", "LABEL": "photos"}, holders=()),
            "data that Quorate doesn't know",
        ),
        (data_device("ctl1", signature={"TYPE": "xfs"}, holders=()), "xfs"),
        (data_device("ctl1", signature={"TYPE": "drbd"}, holders=()), "drbd"),
        (data_device("ctl1", signature={"TYPE": "LVM2_member", "UUID": "some-one-else"}, holders=()), "LVM2_member"),
        (data_device("ctl2", holders=()), "LVM2_member"),  # the disk of the other node, in this one
        (data_device("ctl1", signature={}, holders=(), ambiguous=True), "several things"),
        (data_device("ctl1", signature={}, holders=(), blank=False), "first or last MiB isn't zero"),
        (data_device("ctl1", signature={}, holders=(), blank=None), "first or last MiB isn't zero"),
        (data_device("ctl1", signature={"PTTYPE": "gpt"}, holders=(), partitions=("sda1",)), "partitioned"),
        (data_device("ctl1", signature={}, holders=("md0",), blank=True), "in use (/dev/sda4): used by md0"),
        (data_device("ctl1", signature={"TYPE": "ext4"}, mounted=("/srv",)), "mounted on /srv"),
        (data_device("ctl1", signature={}, holders=(), blank=True, mounted=("swap",)), "mounted on swap"),
        (data_device("ctl1", signature={}, holders=(), blank=True, read_only=True), "can't be written to"),
        (data_device("ctl1", signature={}, holders=(), blank=True, bytes=GIB), "too small (/dev/sda4): 1024 MiB"),
    ],
)
def test_a_device_that_may_not_be_used(device: DeviceSeen | None, complaint: str) -> None:
    [said] = complaints(device)
    assert said.startswith(DATA)
    assert complaint in said


def test_devices_that_may_be_used() -> None:
    assert complaints(BLANK) == []
    assert complaints(BLANK, group=None) == [], "LVM isn't installed yet"
    assert complaints(data_device("ctl1", holders=()), group=None) == [], (
        "the system was installed anew, the disk is ours"
    )
    assert complaints(data_device("ctl1", holders=())) == [], "pvcreate was done, vgcreate wasn't"


def test_a_volume_group_of_our_name_that_is_somebody_else_s() -> None:
    theirs = lvm("ctl1", None, group_tags=frozenset({"quorate.cluster=other"}))
    [said] = complaints(data_device("ctl1"), theirs)
    assert "volume group `quorate` isn't this cluster's (its tags: quorate.cluster=other)" in said


def test_our_volume_group_on_another_device_than_the_file_names() -> None:
    [said] = complaints(BLANK, lvm("ctl1", DONE))
    assert "is there already, on another device" in said


def test_lvm_that_does_not_answer() -> None:
    assert "LVM doesn't answer: locked" in complaints(data_device("ctl1"), Lvm(error="locked"))


def test_a_logical_volume_of_our_name_without_our_tag() -> None:
    [said] = complaints(data_device("ctl1"), lvm("ctl1", frozenset()))
    assert "lacks the tag quorate.volume" in said


def test_a_volume_that_should_grow_is_not_formatted() -> None:
    [said] = complaints(data_device("ctl1"), lvm("ctl1", DONE, size=GIB // 2))
    assert f"has {GIB // 2} bytes" in said


def test_both_disks_replaced_under_a_running_cluster() -> None:
    view = settled()
    for host in ("ctl1", "ctl2"):
        view |= {host: spoilt(host, devices={DATA: BLANK}, lvm=NOTHING)[host]}
    [found] = obstacles.find(CLUSTER, DESIGN, view)
    assert "no host has a disk of it that was ever initialised" in found.what


def test_a_kernel_without_drbd_and_one_with_another() -> None:
    assert complaints(BLANK, modules={"drbd": False}) == ["its kernel has no DRBD module"]
    assert "DRBD 9.2.9 is loaded" in complaints(BLANK, drbd_version="9.2.9")[0]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"hostname": "localhost"}, "it calls itself 'localhost'"),
        ({"addresses": {"10.20.0.11": False, "10.22.0.11": True}}, "it doesn't have the address 10.20.0.11"),
        ({"free": {"/": 1024**2}}, "too little space on /: 1 MiB are free, and 64 MiB are needed"),
        (
            {"free": {"/var": GIB}, "packages": {}},
            "too little space on /var: 1024 MiB are free, and 1536 MiB are needed",
        ),
    ],
)
def test_a_host_that_is_not_as_it_must_be(change: dict[str, Any], complaint: str) -> None:
    [found] = obstacles.find(CLUSTER, DESIGN, spoilt("ctl1", **change))
    assert found.host == "ctl1"
    assert complaint in found.what
    assert found.todo


@pytest.mark.parametrize("release", [("debian", "11"), ("debian", ""), ("ubuntu", "24.04"), ("", "")])
def test_another_distribution(release: tuple[str, str]) -> None:
    found = obstacles.find(CLUSTER, DESIGN, spoilt("ctl3", release=Release(*release, name="Something")))
    assert [(each.host, each.what) for each in found] == [
        ("ctl3", "it runs Something, and Quorate knows Debian 12 and 13")
    ]


def test_a_database_that_runs_already_is_not_ours_to_stop() -> None:
    down = {"pacemaker.service": UnitSeen("loaded", "enabled", "inactive", False)}
    units = {**settled()["ctl1"].units, **down, "mariadb.service": UnitSeen("loaded", "enabled", "active", False)}
    [found] = obstacles.find(CLUSTER, DESIGN, spoilt("ctl1", units=units))
    assert "mariadb.service is running there, without Pacemaker" in found.what
    ours = spoilt("ctl1", units=units, pending=frozenset({"new:mariadb.service"}))
    assert obstacles.find(CLUSTER, DESIGN, ours) == [], "only an interrupted installation started it"


def test_all_obstacles_are_shown_at_once() -> None:
    view = spoilt("ctl1", hostname="x") | {"ctl2": spoilt("ctl2", devices={DATA: None}, lvm=NOTHING)["ctl2"]}
    message = str(Obstructed(obstacles.find(CLUSTER, DESIGN, view)))
    assert "2 things stand in the way" in message
    assert re.search(r"ctl1: it calls itself .*\n.*-> .*\n.*ctl2: .*no such device", message)


# How far each side has come, in the order in which the tags are set
STAGES = [
    None,
    frozenset({volumes.OURS}),
    frozenset({volumes.OURS, volumes.ZEROED}),
    frozenset({volumes.OURS, volumes.ZEROED, volumes.METADATA}),
    DONE,
]
REPLACED = frozenset({volumes.OURS, volumes.METADATA, volumes.INITIALISED})


@pytest.mark.parametrize(("one", "other"), list(itertools.product([*STAGES, REPLACED], repeat=2)))
def test_from_wherever_it_was_cut_short(one: frozenset[str] | None, other: frozenset[str] | None) -> None:
    """Whatever was interrupted where: what holds data is left alone, and the rest is carried to the end."""
    view = settled()
    for host, tags in (("ctl1", one), ("ctl2", other)):
        view |= {host: spoilt(host, lvm=lvm(host, tags))[host]}
    due = [(each.step.host, each.step.title) for each in differing(STEPS, view)]
    holds_data = {host for host, tags in (("ctl1", one), ("ctl2", other)) if tags and volumes.INITIALISED in tags}

    destructive = ("fill", "make logical", "make DRBD metadata")
    assert not [step for step in due if step[0] in holds_data and step[1].startswith(destructive)]
    assert ((None, "initialise volume database") in due) == (not holds_data)
    for host, tags in (("ctl1", one), ("ctl2", other)):
        zeroed = (host, "fill quorate/database with zeroes") in due
        assert zeroed == (not holds_data and (tags is None or volumes.ZEROED not in tags))
        joins = (host, "make DRBD metadata of database") in due
        if holds_data and host not in holds_data:
            assert joins, "it must be marked as a replica, once its metadata are there"
        if not holds_data:
            assert joins == (tags is None or volumes.METADATA not in tags)


def test_the_journal_is_set_in_this_order() -> None:
    """Each tag stands on the one before."""
    view = settled()
    for host in ("ctl1", "ctl2"):
        view |= {host: spoilt(host, lvm=lvm(host, None), said={})[host]}
    view |= {"ctl3": spoilt("ctl3", said={})["ctl3"]}
    titles = [each.step.title for each in differing(STEPS, view) if each.step.host in ("ctl1", None)]
    assert titles[:4] == [
        "make logical volume quorate/database",
        "fill quorate/database with zeroes",
        "make DRBD metadata of database",
        "initialise volume database",
    ]


def test_the_logical_volume_has_room_for_drbd() -> None:
    """drbd's internal metadata: a bit for 4 KiB, rounded up to 4 KiB, and 36 KiB (drbdmeta(8), v08)."""
    for size in (GIB, 50 * GIB, 1000 * GIB + 12345):
        [volume] = DESIGN.volumes
        bitmap = -(-size // (4096 * 8 * 4096)) * 4096
        assert volumes.backing_size(dataclasses.replace(volume, size=size)) >= size + bitmap + 36 * 1024


def test_the_uuid_is_one_that_lvm_takes_and_differs_by_host_and_cluster() -> None:
    uuids = {devices.physical_uuid(cluster, host) for cluster in ("lab", "atlas") for host in ("ctl1", "ctl2")}
    assert len(uuids) == 4
    assert all(re.fullmatch(r"\w{6}(-\w{4}){5}-\w{6}", uuid) for uuid in uuids)
