"""The address probe: against real sockets, and two real network stacks that both have an address."""

import dataclasses
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from quorate.cluster.model import Cluster
from quorate.design import work_out
from quorate.drill.clients import holders
from quorate.drill.clients.holders import Heard
from quorate.drill.clients.record import Outcome, Reader, Record, Write
from quorate.drill.judgement import addresses
from quorate.drill.probes.address import Config, answer_in, interface_to, question

RATE = 20.0
ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
net0\t00000000\t0100140A\t0003\t0\t0\t0\t00000000\t0\t0\t0
net1\t0000140A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
net2\t0000150A\tFE00140A\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
OURS, THEIRS = bytes.fromhex("025100000100"), bytes.fromhex("025100000200")
ADDRESS = IPv4Address("10.20.0.20").packed


class Probe:
    """The probe's process, and its record as it grows."""

    def __init__(self, config: Config, folder: Path, prefix: Sequence[str] = ()) -> None:
        file = folder / "probe.json"
        file.write_text(json.dumps(dataclasses.asdict(config)))
        argv = [*prefix, sys.executable, "-m", "quorate.drill.probes.address", str(file)]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE)
        self.reader, self.config = Reader(Path(config.output)), config
        self.writes: list[Write] = []

    def wait_until(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 15
        while not happened():
            assert time.monotonic() < deadline, f"not seen; the record so far ends {self.writes[-3:]}"
            assert self.process.poll() is None
            time.sleep(0.02)
            self.writes += self.reader.more()

    def stop(self) -> tuple[Record, Heard]:
        assert self.process.stdin
        self.process.stdin.close()
        assert self.process.wait(10) == 0
        return self.reader.record(), holders.read(Path(self.config.heard))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Probe]]:
    started: list[Probe] = []

    def begin(host: str, port: int, *prefix: str) -> Probe:
        output, heard = str(tmp_path / "record"), str(tmp_path / "heard")
        config = Config(host=host, port=port, output=output, heard=heard, rate=RATE, timeout=0.3)
        started.append(Probe(config, tmp_path, prefix))
        return started[-1]

    yield begin
    for probe in started:
        probe.process.kill()
        probe.process.wait()


def test_connections_that_stand_and_that_don_t(start: Callable[..., Probe]) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=500) as server:
        probe = start("127.0.0.1", server.getsockname()[1])
        probe.wait_until(lambda: len(probe.writes) > 10)
    probe.wait_until(lambda: probe.writes[-1].outcome is Outcome.REFUSED)
    record, heard = probe.stop()
    assert record.complete
    assert {write.outcome for write in record.writes[:10]} == {Outcome.ACKNOWLEDGED}
    assert "refused" in record.writes[-1].detail
    assert heard.unasked == "it is on no network of this machine's", "127.0.0.1 is everybody's own"


def test_the_network_that_an_address_is_on() -> None:
    assert interface_to(IPv4Address("10.20.0.20"), ROUTES) == "net1"
    assert interface_to(IPv4Address("10.21.0.20"), ROUTES) is None, "only a gateway leads there"
    assert interface_to(IPv4Address("192.0.2.1"), ROUTES) is None


def test_only_what_is_said_to_us_about_the_address_is_an_answer() -> None:
    asked = question(OURS, bytes(4), ADDRESS)
    reply = OURS + THEIRS + asked[12:20] + b"\0\2" + THEIRS + ADDRESS + OURS + bytes(4)
    assert answer_in(reply, OURS, ADDRESS) == "02:51:00:00:02:00"
    assert answer_in(asked, OURS, ADDRESS) == "", "our own question"
    assert answer_in(b"\xff" * 6 + reply[6:], OURS, ADDRESS) == "", "an announcement to all"
    assert answer_in(reply, OURS, IPv4Address("10.20.0.21").packed) == "", "somebody else's"
    assert answer_in(reply[:30], OURS, ADDRESS) == ""


@pytest.fixture
def network() -> Iterator[list[str]]:
    """The namespaces of a client and of two machines, on one bridge; the second and third have 10.20.0.20."""
    if os.geteuid():
        pytest.skip("network namespaces are root's")
    names = [f"quorate-{os.getpid()}-{number}" for number in range(3)]

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    try:
        for name in names:
            ip("netns", "add", name)
        ip("-n", names[0], "link", "add", "bridge", "type", "bridge", "forward_delay", "0")
        ip("-n", names[0], "address", "add", "10.20.0.1/24", "dev", "bridge")
        ip("-n", names[0], "link", "set", "bridge", "up")
        for number in (1, 2):
            ip("-n", names[0], "link", "add", f"p{number}", "type", "veth", "peer", "e0", "netns", names[number])
            ip("-n", names[0], "link", "set", f"p{number}", "master", "bridge", "up")
            ip("-n", names[number], "link", "set", "e0", "address", f"02:51:00:00:0{number}:00", "up")
        ip("-n", names[1], "address", "add", "10.20.0.20/24", "dev", "e0")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False)


def test_a_second_holder_is_heard(start: Callable[..., Probe], network: list[str]) -> None:
    probe = start("10.20.0.20", 9, "ip", "netns", "exec", network[0])
    file = Path(probe.config.heard)
    probe.wait_until(lambda: len(holders.read(file).answers) > 5)
    assert holders.contests("address", holders.read(file).answers) == []
    subprocess.run(["ip", "-n", network[2], "address", "add", "10.20.0.20/24", "dev", "e0"], check=True)
    probe.wait_until(lambda: bool(holders.contests("address", holders.read(file).answers)))
    subprocess.run(["ip", "-n", network[1], "address", "delete", "10.20.0.20/24", "dev", "e0"], check=True)
    probe.wait_until(lambda: [each.mac for each in holders.read(file).answers[-3:]] == ["02:51:00:00:02:00"] * 3)
    _, heard = probe.stop()
    (contest,) = holders.contests("address", heard.answers)
    assert contest.macs == ("02:51:00:00:01:00", "02:51:00:00:02:00")
    assert (heard.address, heard.unasked) == ("10.20.0.20", "")


def test_each_address_that_moves_is_a_row(cluster: Cluster) -> None:
    found = addresses.addresses(work_out(cluster))
    assert {name: (str(each.address), each.port) for name, each in found.items()} == {
        "database-address": ("10.20.0.20", 3306)
    }
