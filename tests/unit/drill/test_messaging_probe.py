"""The messaging probe against a real RabbitMQ, over TLS: what it writes down must be what happened."""

import asyncio
import dataclasses
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from quorate.cluster.authority import Authority
from quorate.cluster.certificates import Names
from quorate.drill.clients import ledger, outage
from quorate.drill.clients.ledger import Found
from quorate.drill.clients.record import Outcome, Reader, Record, Write
from quorate.drill.probes import messaging
from quorate.drill.probes.messaging import Config, Delivery

RATE = 100.0
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Not Debian's wrapper of the same name, which becomes another user."""


class Broker:
    """One RabbitMQ on 127.0.0.1, to be stopped, killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self._mapper, self._distribution = free_ports(3)
        certificates = Authority(folder / "tls", {"broker": Names((IPv4Address("127.0.0.1"),))}, datetime.now(UTC))
        certificates.settle()
        self.authority = certificates.ca
        pem = folder / "tls/broker.pem"
        (folder / "rabbitmq.conf").write_text(
            "listeners.tcp = none\n"
            f"listeners.ssl.1 = 127.0.0.1:{self.port}\n"
            f"ssl_options.cacertfile = {self.authority}\n"
            f"ssl_options.certfile = {pem}\n"
            f"ssl_options.keyfile = {pem}\n"
            "default_user = openstack\n"
            "default_pass = word\n"
        )
        (folder / "inetrc").write_text('{host, {127,0,0,1}, ["probed"]}.\n{lookup, [file, native]}.\n')
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "ERL_INETRC": str(self.folder / "inetrc"),
            "ERL_EPMD_PORT": str(self._mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_AFLAGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_NODENAME": "rabbit@probed",
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": "/dev/null",
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RUNNING_UNDER_SYSTEMD": "1",  # the Erlang machine itself instead of a shell that waits for it
        }
        with (self.folder / "out").open("ab") as out:
            self.process = subprocess.Popen([SERVER], env=environment, stdout=out, stderr=out, start_new_session=True)
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "out").read_text()
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False

    def wait_until_registered(self, queue: str) -> None:
        """Waits until the queue's replica stands in Ra's directory on disk, which is written half a second later.

        One that isn't there yet when its broker is killed begins anew, empty (rabbit_quorum_queue.erl of 4.0.5,
        "Starting member as a new one").
        """
        (directory,) = (self.folder / "mnesia").glob("*/quorum/*/names.dets")
        deadline = time.monotonic() + 10
        while queue.encode() not in directory.read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        assert self.process
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        if self.process:
            self.signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


class Probe:
    """The probe's process, and its record as it grows."""

    def __init__(self, config: Config, folder: Path) -> None:
        file = folder / "probe.json"
        file.touch(0o600)
        file.write_text(json.dumps(dataclasses.asdict(config)))
        argv = [sys.executable, "-m", "quorate.drill.probes.messaging", str(file)]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE)
        self.reader = Reader(Path(config.output))
        self.writes: list[Write] = []

    def wait_until(self, happened: Callable[[list[Write]], bool]) -> None:
        deadline = time.monotonic() + 20
        while not happened(self.writes):
            assert time.monotonic() < deadline, f"not seen; the record so far ends {self.writes[-3:]}"
            assert self.process.poll() is None
            time.sleep(0.02)
            self.writes += self.reader.more()

    def wait_for_confirmations(self, seconds: float = 0.5) -> None:
        self.wait_until(lambda writes: outage.steady(writes[-500:], time.time(), seconds, RATE))

    def stop(self) -> Record:
        assert self.process.stdin
        self.process.stdin.close()
        assert self.process.wait(10) == 0
        return self.reader.record()


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    if not SERVER.exists():
        pytest.skip(f"{SERVER} is missing: apt-get install rabbitmq-server (4.0 or later)")
    broker = Broker(tmp_path_factory.mktemp("rabbitmq"))
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def config(broker: Broker, tmp_path: Path) -> Config:
    config = Config(
        output=str(tmp_path / "record"),
        rate=RATE,
        timeout=1.0,
        brokers=(("127.0.0.1", broker.port),),
        user="openstack",
        password="word",
        queue=f"drill-{tmp_path.name}",
        authority=str(broker.authority),
    )
    asyncio.run(messaging.declare(config))
    return config


@pytest.fixture
def probe(config: Config, tmp_path: Path) -> Iterator[Probe]:
    probe = Probe(config, tmp_path)
    yield probe
    probe.process.kill()
    probe.process.wait()


def drained(config: Config) -> Found:
    return asyncio.run(messaging.drain(config))


def outcomes(record: Record) -> Counter[Outcome]:
    return Counter(write.outcome for write in record.writes)


def test_steady_service(probe: Probe, config: Config) -> None:
    probe.wait_for_confirmations(1.5)
    record = probe.stop()
    assert record.complete
    assert outcomes(record) == {Outcome.ACKNOWLEDGED: len(record.writes)}
    found = drained(config)
    assert found.numbers == sorted(write.number for write in record.writes), "in order, and none twice"
    assert set(found.turns) == set(found.numbers)
    assert drained(config).numbers == found.numbers, "to read them takes none away"
    assert ledger.compare(record, found).sound


async def publish(config: Config, *messages: tuple[int, str, int]) -> None:
    """Messages by number, sender, and turn of that sender's."""
    async with messaging._one(config) as channel:
        for number, sender, turn in messages:
            await channel.basic_publish(
                b"%d" % number, routing_key=config.queue, properties=messaging.properties(number, sender, turn)
            )


def acknowledged(*numbers: int) -> Record:
    return Record(RATE, tuple(Write(n, n, n, n, Outcome.ACKNOWLEDGED, 0.0) for n in numbers), True)


def test_messages_stay_however_often_they_are_read(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messaging, "QUIET", 0.05)

    async def publish_and_read(times: int) -> list[Found]:
        await publish(config, *((number, "1", number) for number in range(3)))
        return [await messaging.drain(config) for _ in range(times)]

    # RabbitMQ 4 drops a message that came back more than 20 times, unless the queue says otherwise.
    found = asyncio.run(publish_and_read(25))
    assert [each.numbers for each in found] == [[0, 1, 2]] * 25
    assert {each.redelivered for each in found} == {0}, "what an earlier reader put back is not twice there"


def test_more_messages_are_read_than_a_quorum_queue_delivers_unasked(config: Config) -> None:
    async def publish_many(count: int) -> None:
        async with messaging._one(config) as channel:
            every = (
                channel.basic_publish(b"%d" % n, routing_key=config.queue, properties=messaging.properties(n, "1", n))
                for n in range(count)
            )
            await asyncio.gather(*every)

    asyncio.run(publish_many(2500))
    assert drained(config).numbers == list(range(2500))


def test_planted_copies_and_messages_out_of_order_are_found(config: Config) -> None:
    # The second publisher's are mixed among the first one's, and of one that comes late the ledger says so.
    asyncio.run(publish(config, (1, "1", 1), (2, "2", 1), (4, "1", 3), (3, "1", 2), (2, "2", 1), (5, "2", 2)))
    found = ledger.compare(acknowledged(1, 2, 3, 4, 5), drained(config))
    assert (found.duplicated, found.disordered, found.lost) == ((2,), (3,), ())
    assert not found.sound
    again = ledger.compare(acknowledged(1, 2, 3, 4, 5), drained(config))
    assert again.duplicated == (2,), "also of messages that were all delivered before"


def test_a_message_that_comes_back_while_the_queue_is_read_is_no_copy() -> None:
    found = messaging.understand(
        [Delivery(1, "1", 1, 0), Delivery(2, "1", 2, 0), Delivery(1, "1", 1, 1), Delivery(2, "1", 2, 0)]
    )
    assert (found.numbers, found.redelivered) == ([1, 2, 2], 1)


def test_a_killed_broker_loses_no_confirmed_message(probe: Probe, broker: Broker, config: Config) -> None:
    probe.wait_for_confirmations()
    broker.wait_until_registered(config.queue)
    begun = time.time()
    broker.kill()
    probe.wait_until(lambda writes: any(write.outcome is Outcome.REFUSED for write in writes))
    broker.start()
    back = time.time() - begun
    probe.wait_for_confirmations()
    record = probe.stop()
    measured = outage.measure(record.writes, begun, 1 / record.rate)
    assert measured is not None and measured.gap.end is not None
    assert 0.5 < measured.downtime < back + 2
    assert all(write.sent is None for write in record.writes if write.outcome is Outcome.REFUSED)
    assert ledger.compare(record, drained(config)).sound


def test_a_broker_that_hangs_leaves_messages_unknown(probe: Probe, broker: Broker, config: Config) -> None:
    probe.wait_for_confirmations()
    broker.signal(signal.SIGSTOP)
    probe.wait_until(lambda writes: any(write.outcome is Outcome.UNKNOWN for write in writes))
    broker.signal(signal.SIGCONT)
    probe.wait_for_confirmations()
    record = probe.stop()
    found = ledger.compare(record, drained(config))
    assert found.sound
    assert found.unknown_found + found.unknown_missing == outcomes(record)[Outcome.UNKNOWN]


def test_a_message_that_reaches_no_queue_is_refused(probe: Probe, config: Config) -> None:
    probe.wait_for_confirmations()
    asyncio.run(messaging.delete(config))
    probe.wait_until(lambda writes: any(write.outcome is Outcome.REFUSED and write.sent for write in writes))
    record = probe.stop()
    assert "returned" in next(write.detail for write in record.writes if write.outcome is Outcome.REFUSED)


def test_a_broker_whose_certificate_nobody_vouches_for_is_not_spoken_to(config: Config, tmp_path: Path) -> None:
    other = Authority(tmp_path / "tls", {"other": Names((IPv4Address("127.0.0.1"),))}, datetime.now(UTC))
    other.settle()
    with pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context(cafile=str(other.ca)).wrap_socket(
            socket.create_connection(config.brokers[0]), server_hostname="127.0.0.1"
        )
    mistaken = Probe(dataclasses.replace(config, authority=str(other.ca), output=f"{config.output}.2"), tmp_path)
    try:
        mistaken.wait_until(lambda writes: len(writes) > 3)
        record = mistaken.stop()
    finally:
        mistaken.process.kill()
        mistaken.process.wait()
    assert outcomes(record) == {Outcome.REFUSED: len(record.writes)}
    assert "CERTIFICATE_VERIFY_FAILED" in record.writes[0].detail
