"""The SQL probe against a real MariaDB: what it writes down must be what happened."""

import dataclasses
import itertools
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quorate.drill.clients import ledger, outage
from quorate.drill.clients.ledger import Found
from quorate.drill.clients.record import Outcome, Reader, Record, Write
from quorate.drill.probes.sql import ACCOUNTS, READ, Config, contradictions, transfer, understand

from .conftest import Server

RATE = 200.0


class Probe:
    """The probe's process, and its record as it grows."""

    def __init__(self, config: Config, folder: Path) -> None:
        file = folder / "probe.json"
        file.touch(0o600)
        file.write_text(json.dumps(dataclasses.asdict(config)))
        argv = [sys.executable, "-m", "quorate.drill.probes.sql", str(file)]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE)
        self.reader = Reader(Path(config.output))
        self.writes: list[Write] = []

    def wait_until(self, happened: Callable[[list[Write]], bool]) -> None:
        deadline = time.monotonic() + 15
        while not happened(self.writes):
            assert time.monotonic() < deadline, f"not seen; the record so far ends {self.writes[-3:]}"
            assert self.process.poll() is None
            time.sleep(0.02)
            self.writes += self.reader.more()

    def wait_for_answers(self, seconds: float = 0.5) -> None:
        self.wait_until(lambda writes: outage.steady(writes[-500:], time.time(), seconds, RATE))

    def stop(self) -> Record:
        assert self.process.stdin
        self.process.stdin.close()
        assert self.process.wait(10) == 0
        return self.reader.record()


@pytest.fixture
def probe(config: Config, tmp_path: Path) -> Iterator[Probe]:
    probe = Probe(config, tmp_path)
    yield probe
    probe.process.kill()
    probe.process.wait()


def rows(mariadb: Server) -> Found:
    return understand(mariadb.sql(f"USE drill; {READ}"))


def outcomes(record: Record) -> Counter[Outcome]:
    return Counter(write.outcome for write in record.writes)


def test_steady_service(probe: Probe, mariadb: Server) -> None:
    probe.wait_for_answers(1.5)
    record = probe.stop()
    assert record.complete
    assert outcomes(record) == {Outcome.ACKNOWLEDGED: len(record.writes)}
    assert [write.number for write in sorted(record.writes, key=lambda w: w.due)] == sorted(rows(mariadb).numbers)
    dues = sorted(write.due for write in record.writes)
    assert all(b - a == pytest.approx(1 / RATE, abs=1e-5) for a, b in itertools.pairwise(dues))
    found = ledger.compare(record, rows(mariadb))
    assert found.sound
    assert found.acknowledged == len(record.writes)


def test_a_stall_is_not_hidden(probe: Probe, mariadb: Server) -> None:
    probe.wait_for_answers()
    begun = time.time()
    mariadb.signal(signal.SIGSTOP)
    time.sleep(1.5)  # this is the fault
    mariadb.signal(signal.SIGCONT)
    stalled = time.time() - begun
    probe.wait_for_answers()
    record = probe.stop()
    outage_ = outage.measure(record.writes, begun, 1 / record.rate)
    assert outage_ is not None
    assert outage_.downtime == pytest.approx(stalled, abs=outage_.precision + 0.2)
    assert outage_.precision < 0.2
    unknown = [write for write in record.writes if write.outcome is Outcome.UNKNOWN]
    assert 1 <= len(unknown) <= 16  # one for each connection; the others were never sent
    late = [write for write in record.writes if write.outcome is Outcome.ACKNOWLEDGED and write.latency > 0.3]
    assert len(late) > 50, "writes that waited behind the stall count from when they were due"
    found = ledger.compare(record, rows(mariadb))
    assert found.sound
    assert found.unknown_found + found.unknown_missing == len(unknown)


def test_a_killed_server_loses_no_acknowledged_write(probe: Probe, mariadb: Server) -> None:
    probe.wait_for_answers()
    begun = time.time()
    mariadb.kill()
    probe.wait_until(lambda writes: any(w.outcome is Outcome.REFUSED for w in writes))
    mariadb.start()
    back = time.time() - begun
    probe.wait_for_answers()
    record = probe.stop()
    outage_ = outage.measure(record.writes, begun, 1 / record.rate)
    assert outage_ is not None and outage_.gap.end is not None
    assert 1.0 < outage_.downtime < back + 0.2, "seen again as soon as it answered"
    assert ledger.compare(record, rows(mariadb)).sound


def test_planted_losses_are_found(probe: Probe, mariadb: Server) -> None:
    probe.wait_for_answers()
    probe.process.terminate()
    assert probe.process.wait(10) == 0
    record = probe.reader.record()
    assert record.complete
    mariadb.sql("DELETE FROM drill.writes WHERE n IN (3, 50); INSERT INTO drill.writes VALUES (999999, 0, 1, 2, 5)")
    found = ledger.compare(record, rows(mariadb))
    assert found.lost == (3, 50)
    assert found.never_sent == (999999,)


def test_a_killed_probe_leaves_every_acknowledged_write_in_its_record(probe: Probe, mariadb: Server) -> None:
    probe.wait_for_answers()
    probe.process.kill()
    probe.process.wait()
    record = probe.reader.record()
    assert not record.complete
    found = ledger.compare(record, rows(mariadb))
    assert found.sound and found.acknowledged > 50
    assert len(found.undecided) <= 16  # rows whose answers the probe didn't live to write down


def test_what_the_server_refuses_is_refused(probe: Probe, mariadb: Server) -> None:
    probe.wait_for_answers()
    mariadb.sql("SET GLOBAL read_only = 1")
    try:
        probe.wait_until(lambda writes: any(w.outcome is Outcome.REFUSED and w.sent for w in writes))
    finally:
        mariadb.sql("SET GLOBAL read_only = 0")
    probe.wait_for_answers()
    record = probe.stop()
    assert Outcome.UNKNOWN not in outcomes(record)
    assert ledger.compare(record, rows(mariadb)).sound


@pytest.mark.parametrize(
    ("planted", "says"),
    [
        ("UPDATE drill.accounts SET balance = balance + 1 WHERE id = 7", "total is 100000001, and was 100000000"),
        ("DELETE FROM drill.accounts WHERE id = 7", "the bank's total is"),
        ("DELETE FROM drill.writes WHERE n = 3", "2 balances don't follow"),
        ("INSERT INTO drill.writes VALUES (999999, 0, 1, 2, 5)", "1 transfers are not what was written"),
        ("UPDATE drill.accounts SET balance = balance + IF(id = 7, 9, -9) WHERE id IN (7, 8)", "done by halves: 7, 8"),
    ],
)
def test_a_transfer_that_is_done_by_halves_is_found(probe: Probe, mariadb: Server, planted: str, says: str) -> None:
    probe.wait_for_answers(0.2)
    record = probe.stop()
    assert rows(mariadb).wrong == ()
    mariadb.sql(planted)
    found = ledger.compare(record, rows(mariadb))
    assert says in "; ".join(found.wrong)
    assert not found.sound


def test_an_acknowledged_transfer_that_is_not_seen_is_a_stale_read(probe: Probe, mariadb: Server) -> None:
    probe.wait_for_answers(0.2)

    def behind_another_one(writes: list[Write]) -> bool:
        """Again and again: those that had looked before, and are acknowledged after it, are there to be seen."""
        mariadb.sql("DELETE FROM drill.writes WHERE n > 5")
        return any(write.detail.startswith("stale read") for write in writes)

    probe.wait_until(behind_another_one)
    record = probe.stop()
    stale = outage.seen(record, time.time()).stale
    assert stale
    assert not next(write for write in record.writes if write.number == stale[0]).served


def test_transfers_that_are_under_way_at_once_meet_on_no_account() -> None:
    at_once = Config("", 0, "", "", "", output="", rate=1.0).connections
    transfers = [transfer(number) for number in range(1, ACCOUNTS * ACCOUNTS)]
    for at in range(len(transfers) - at_once):
        accounts = [id_ for each in transfers[at : at + at_once] for id_ in (each.payer, each.payee)]
        assert len(set(accounts)) == 2 * at_once


def test_a_bank_without_transfers_is_sound() -> None:
    assert list(contradictions([], dict.fromkeys(range(ACCOUNTS), 1_000_000))) == []
