"""The inspection program, run for real on this machine, as it runs on a node."""

import hashlib
import json
import os
import pwd
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quorate import node
from quorate.node import inspect


def look(request: dict[str, Any]) -> Any:
    """One look, with nothing of our environment, as over SSH."""
    argv = [sys.executable, "-I", "-S", "-c", node.source("inspect")]
    done = subprocess.run(argv, input=json.dumps(request), capture_output=True, text=True, check=True, timeout=30)
    return json.loads(done.stdout)


def test_an_empty_request_costs_nothing_and_says_who_it_is() -> None:
    answer = look({})
    assert answer["uid"] == os.getuid()
    assert answer["hostname"] == os.uname().nodename
    assert answer["free"]["/"] > 0
    assert answer["said"] == {}


def test_files_are_told_by_content_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    path.chmod(0o640)
    found = look({"files": [str(path), str(tmp_path / "none"), str(tmp_path)]})["files"]
    assert found[str(path)]["sha256"] == hashlib.sha256(b"content").hexdigest()
    assert found[str(path)]["mode"] == 0o640
    assert found[str(tmp_path / "none")] is None
    assert found[str(tmp_path)] is None, "a folder is no file"


def test_packages_that_are_installed_and_those_that_are_not() -> None:
    if not Path("/usr/bin/dpkg-query").exists():
        pytest.skip("no dpkg on this machine")
    assert set(look({"packages": ["dpkg", "quorate-no-such-package"]})["packages"]) == {"dpkg"}


def test_numbers_of_the_system_s_own_users_and_of_those_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    person = pwd.struct_passwd(("alice", "x", 1000, 1000, "", "/home/alice", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwall", lambda: [pwd.getpwuid(0), person])
    assert inspect.answer({})["numbers"] == {}
    found = inspect.answer({"numbers": ["nobody", "quorate-no-such-user"]})["numbers"]
    assert found["users"] == {"root": 0, "nobody": pwd.getpwnam("nobody").pw_uid}, "not listed, but known by name"
    assert found["groups"]["root"] == 0
    assert set(inspect.answer({"numbers": ["alice"]})["numbers"]["users"]) == {"root", "alice"}


def test_addresses_that_are_this_machine_s_and_those_that_are_not() -> None:
    answer = look({"addresses": ["127.0.0.1", "192.0.2.77"]})
    assert answer["addresses"] == {"127.0.0.1": True, "192.0.2.77": False}


def test_what_is_not_installed_is_said_and_not_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(inspect.WORDS, "crm_mon", ["/no/such/program"])
    said = inspect.answer({"cluster": ["crm_mon"]})["said"]["crm_mon"]
    assert said["status"] == 127


def test_a_tool_that_hangs_is_left_and_the_others_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect, "TIMEOUT", 0.3)
    said = inspect.run({"hangs": ["sleep", "5"], "answers": ["head", "-c", "200000", "/dev/zero"]})
    assert said["hangs"]["status"] == 124
    assert (said["answers"]["status"], len(said["answers"]["stdout"])) == (0, 200_000)


def test_paths_that_are_no_devices(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    found = look({"devices": [str(tmp_path / "file"), "/dev/null", "/dev/quorate-none"]})["devices"]
    assert found[str(tmp_path / "file")]["block"] is False
    assert found["/dev/null"]["block"] is False
    assert found["/dev/quorate-none"] is None


@pytest.mark.parametrize("dirty", [0, 2**20 - 1, 3 * 2**20, 4 * 2**20 - 1])
def test_a_device_is_blank_only_if_both_its_ends_are_zero(tmp_path: Path, dirty: int) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(4 * 2**20))
    assert inspect.blank(str(path))
    with path.open("r+b") as disk:
        disk.seek(dirty)
        disk.write(b"\x01")
    assert not inspect.blank(str(path))


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[str]:
    """A block device of 16 MiB."""
    image = tmp_path / "disk"
    with image.open("wb") as disk:
        disk.truncate(16 * 2**20)
    try:
        made = subprocess.run(["losetup", "--show", "--find", image], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no loop device can be made here: {error}")
    device = made.stdout.strip()
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


def test_a_blank_device_and_what_it_becomes(loop: str) -> None:
    fresh = look({"devices": [loop]})["devices"][loop]
    assert fresh["bytes"] == 16 * 2**20
    assert (fresh["signature"], fresh["blank"], fresh["ambiguous"]) == ({}, True, False)
    assert (fresh["mounted"], fresh["holders"], fresh["partitions"]) == ([], [], [])

    subprocess.run(["mkfs.ext4", "-q", "-L", "precious", loop], check=True)
    used = look({"devices": [loop]})["devices"][loop]
    assert used["signature"]["TYPE"] == "ext4"
    assert used["signature"]["LABEL"] == "precious"
    assert used["blank"] is None

    subprocess.run(["wipefs", "-q", "--all", loop], check=True)
    wiped = look({"devices": [loop]})["devices"][loop]
    assert wiped["signature"] == {}
    assert wiped["blank"] is False, "the signature is gone, the file system's tables aren't"


PROC_DRBD = """\
version: 8.4.11 (api:1/proto:86-101)
srcversion: DA6B55A41DED5E58CDBAB30
 0: cs:SyncSource ro:Primary/Secondary ds:UpToDate/Inconsistent C r-----
    ns:3568176 nr:0 dw:228 dr:3570768 al:5 bm:0 lo:0 pe:2 ua:0 ap:0 ep:1 wo:f oos:1676640
\t[=============>......] sync'ed: 68.2% (1636/5120)M
\tfinish: 0:00:21 speed: 77,000 (70,000) K/sec

 2: cs:Unconfigured
 3: cs:WFConnection ro:Secondary/Unknown ds:Outdated/DUnknown C r-----
    ns:0 nr:0 dw:0 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:8
"""


def test_drbd_s_own_table() -> None:
    found = inspect.drbd(PROC_DRBD)
    assert found["version"] == "8.4.11"
    assert list(found["devices"]) == ["0", "3"], "an unconfigured minor is no device"
    first, last = found["devices"].values()
    assert (first["role"], first["disk"], first["peer_disk"]) == ("Primary", "UpToDate", "Inconsistent")
    assert (first["percent"], first["out_of_sync"]) == (68.2, 1676640 * 1024)
    assert (last["connection"], last["peer_role"], last["percent"]) == ("WFConnection", "Unknown", None)
    assert inspect.drbd("") == {"version": "", "devices": {}}


# pvs of LVM 2.03 with --segments: an orphan, and a group with one volume and the space after it
PVS = {
    "report": [
        {
            "pvseg": [
                {"pv_name": "/dev/sdb", "pv_uuid": "aa", "vg_name": "", "vg_tags": "", "vg_extent_size": "0",
                 "vg_free": "0", "lv_name": "", "lv_size": "", "lv_tags": "", "lv_active": ""},
                {"pv_name": "/dev/sda1", "pv_uuid": "bb", "vg_name": "quorate", "vg_tags": "quorate.cluster=lab",
                 "vg_extent_size": "4194304", "vg_free": "1069547520", "lv_name": "database",
                 "lv_size": "1077936128", "lv_tags": "quorate.volume,quorate.zeroed", "lv_active": "active"},
                {"pv_name": "/dev/sda1", "pv_uuid": "bb", "vg_name": "quorate", "vg_tags": "quorate.cluster=lab",
                 "vg_extent_size": "4194304", "vg_free": "1069547520", "lv_name": "", "lv_size": "0",
                 "lv_tags": "", "lv_active": ""},
            ]
        }
    ]
}  # fmt: skip


def test_lvm_s_report() -> None:
    found = inspect.lvm({"status": 0, "stdout": json.dumps(PVS), "stderr": ""})
    assert found is not None
    assert found["physical"] == {
        "/dev/sdb": {"uuid": "aa", "group": ""},
        "/dev/sda1": {"uuid": "bb", "group": "quorate"},
    }
    assert found["groups"]["quorate"]["tags"] == ["quorate.cluster=lab"]
    assert found["groups"]["quorate"]["volumes"] == {
        "database": {"bytes": 1077936128, "tags": ["quorate.volume", "quorate.zeroed"], "active": True}
    }
    assert inspect.lvm({"status": 127, "stdout": "", "stderr": ""}) is None
    assert inspect.lvm({"status": 5, "stdout": "", "stderr": "broken\n"}) == {"error": "broken"}


def test_units_keep_the_names_under_which_they_were_asked() -> None:
    text = (
        "Id=mariadb.service\nLoadState=loaded\nUnitFileState=disabled\nActiveState=active\nNeedDaemonReload=yes\n"
        "InactiveExitTimestampMonotonic=0\nStateChangeTimestampMonotonic=1500000\n\n"
        "Id=none.service\nLoadState=not-found\nUnitFileState=\nActiveState=inactive\nNeedDaemonReload=no\n"
    )
    found = inspect.units(text, ["mysql.service", "none.service"])
    mysql = found["mysql.service"]
    assert (mysql["load"], mysql["enabled"], mysql["active"], mysql["stale"]) == ("loaded", "disabled", "active", True)
    assert mysql["started"] == 0.0, "it never was"
    booted = time.time() - time.monotonic()
    assert mysql["changed"] == pytest.approx(booted + 1.5, abs=1)
    assert found["none.service"]["load"] == "not-found"
    assert inspect.units("", ["a.service"]) == {}


def test_corosync_s_names() -> None:
    text = "nodelist {\n  node {\n    name: ctl1\n    nodeid: 1\n  }\n  node {\n nodeid: 7\n name: b\n }\n}\n"
    assert inspect.corosync_nodes(text) == {"1": "ctl1", "7": "b"}
