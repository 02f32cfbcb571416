"""The ipmitool that takes its password from a file, called as fence_ipmilan calls it."""

import shlex
import subprocess
from pathlib import Path

import pytest

from quorate.node import source

COMMAND = shlex.split(
    # As fence_ipmilan builds it without a password (fence-agents 4.12 to 4.16).
    "-I lanplus -H 10.29.0.12 -p 623 -U admin -P '' -L administrator -N 2 chassis power status"
)


@pytest.fixture
def ipmitool(tmp_path: Path) -> Path:
    """The wrapper, in front of a program that shows the arguments it gets."""
    show = tmp_path / "show"
    show.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    show.chmod(0o755)
    wrapper = tmp_path / "ipmitool"
    wrapper.write_text(source("ipmitool.sh").replace("/usr/bin/ipmitool", str(show)))
    return wrapper


def call(wrapper: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", wrapper, *arguments], capture_output=True, text=True)


def test_the_empty_password_becomes_a_file(ipmitool: Path) -> None:
    called = call(ipmitool, *COMMAND)
    assert called.returncode == 0, called.stderr
    without = [word for word in COMMAND if word not in ("-P", "")]
    assert called.stdout.splitlines() == ["-f", "/etc/quorate/bmc/10.29.0.12", *without]


def test_words_stay_whole(ipmitool: Path) -> None:
    words = call(ipmitool, "-H", "10.29.0.12", "-U", "a b'c", "", "-P", "x").stdout.split("\n")
    assert words == ["-f", "/etc/quorate/bmc/10.29.0.12", "-H", "10.29.0.12", "-U", "a b'c", "", ""]


@pytest.mark.parametrize("address", ["", "../../shadow", "a b", ".."])
def test_a_strange_address_is_refused(ipmitool: Path, address: str) -> None:
    called = call(ipmitool, "-H", address, "chassis")
    assert (called.returncode, called.stdout) == (2, "")


def test_without_an_address(ipmitool: Path) -> None:
    assert call(ipmitool, "chassis", "power", "status").returncode == 2
