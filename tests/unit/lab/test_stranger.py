"""A stranger with somebody else's address, on a real bridge: who is believed while it is there, and afterwards."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

import pytest

from quorate.errors import LabError
from quorate.lab.network import Namespace
from quorate.lab.stranger import REPLY, REQUEST, Stranger, announcement

ADDRESS = IPv4Interface("10.77.0.100/24")


def ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def lab() -> Iterator[Namespace]:
    """A network with a client, which is the bridge itself, and a machine with the address."""
    lab, holder = Namespace(f"quorate-t{os.getpid()}"), f"quorate-t{os.getpid()}h"
    try:
        ip("netns", "add", lab.name)
        ip("netns", "add", holder)
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip("NOT RUN: this machine gives no network namespaces")
    try:
        ip("-netns", lab.name, "link", "add", "net1", "type", "bridge", "forward_delay", "0", "stp_state", "0")
        ip("-netns", lab.name, "address", "add", "10.77.0.254/24", "dev", "net1")
        ip("-netns", lab.name, "link", "set", "net1", "up")
        words = ("link", "add", "name", "port1", "type", "veth", "peer", "name", "eth0", "netns", holder)
        ip("-netns", lab.name, *words)
        ip("-netns", lab.name, "link", "set", "port1", "master", "net1", "up")
        ip("-netns", holder, "address", "add", str(ADDRESS), "dev", "eth0")
        ip("-netns", holder, "link", "set", "eth0", "up")
        yield lab
    finally:
        for name in (lab.name, holder):
            ip("netns", "delete", name)


KNOCK = f"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'', ('{ADDRESS.ip}', 9))"
"""Whoever sends has to find out first who has the address."""


def believed(lab: Namespace) -> str:
    """Who has the address, as the client knows or finds out within a second or two; empty if nobody answers."""
    subprocess.run([*lab.argv(sys.executable, "-c", KNOCK)], check=True)
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        words = ip("-netns", lab.name, "neighbour", "show", str(ADDRESS.ip)).split()
        if "lladdr" in words:
            return words[words.index("lladdr") + 1]
        time.sleep(0.01)
    return ""


def test_it_takes_the_address_from_a_client_that_knew_better(lab: Namespace, tmp_path: Path) -> None:
    stranger = Stranger(lab, tmp_path)
    stranger.leave()  # harmless
    holder = believed(lab)
    assert holder
    stranger.appear("net1", ADDRESS)
    try:
        deadline = time.monotonic() + 10
        while believed(lab) == holder:
            assert time.monotonic() < deadline, (tmp_path / "stranger.output").read_text()
    finally:
        stranger.leave()
    assert not Path(f"/run/netns/{lab.name}-stranger").exists()
    ip("-netns", lab.name, "neighbour", "flush", "all")
    assert believed(lab) == holder


def test_a_bridge_that_is_not_there_leaves_nothing_behind_that_stays(lab: Namespace, tmp_path: Path) -> None:
    stranger = Stranger(lab, tmp_path)
    with pytest.raises(LabError):
        stranger.appear("net9", ADDRESS)
    stranger.leave()
    assert "stranger" not in ip("-netns", lab.name, "link", "show")


@pytest.mark.parametrize(("operation", "target"), [(REQUEST, "00" * 6), (REPLY, "ff" * 6)])
def test_an_announcement_names_the_address_as_both_ends(operation: int, target: str) -> None:
    frame = announcement(operation, bytes.fromhex("020000000001"), IPv4Address("10.77.0.100"))
    assert frame.hex() == (
        f"ffffffffffff02000000000108060001080006040{operation:03x}0200000000010a4d0064{target}0a4d0064"
    )
