"""The load that a probe puts on a service: numbered operations at a fixed rate, in a process of its own.

    python -m quorate.drill.probes.NAME CONFIGFILE

The loop is open: operation n is due at start + n / rate, whatever became of the others, and its latency counts from
then, so that a stall is not hidden. No more than `in_flight` are under way at once; one that finds no room is refused,
and never sent. The process stops on SIGTERM, or when its standard input closes; nothing disturbs its clock.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from quorate.drill.clients.record import Outcome, Write, head, line, tail


@dataclass(frozen=True, kw_only=True)
class Config:
    """What every probe needs to know; with a probe's own fields it stands in a file of mode 0600."""

    output: str
    """The path of the record."""
    rate: float
    """Operations due in a second."""
    timeout: float = 2.0
    """Seconds after which an operation, or a step of one, is given up."""
    in_flight: int = 1000


class Clock:
    """Seconds since the epoch that only ever run forward: the wall clock read once, the monotonic clock after that."""

    def __init__(self) -> None:
        self.epoch, self.monotonic = time.time(), time.monotonic()

    def now(self) -> float:
        """The time, UTC."""
        return self.epoch + time.monotonic() - self.monotonic


class Turn:
    """One operation's turn: its number, and its outcome in the making."""

    def __init__(self, number: int, due: float, clock: Clock) -> None:
        self.number, self.due = number, due
        self._clock, self._lag = clock, clock.now() - due
        self._sent: float | None = None

    def sends(self) -> None:
        """From now on it may be done; the first call counts."""
        if self._sent is None:
            self._sent = self._clock.now()

    def ended(self, outcome: Outcome, detail: str = "") -> Write:
        """The outcome, known now. A detail beside `ACKNOWLEDGED` says what else of the operation went wrong."""
        return Write(self.number, self.due, self._sent, self._clock.now(), outcome, self._lag, detail)


class Client(Protocol):
    """A probe at work: the client of a service."""

    async def open(self) -> None:
        """Gets ready; it need not succeed, and the first operation is due when it returns."""
        ...

    async def operate(self, turn: Turn) -> Write:
        """Does one operation, judges it, and raises nothing."""
        ...

    async def close(self) -> None:
        """Ends what is under way, after the last operation."""
        ...


async def put(client: Client, name: str, config: Config, stop: asyncio.Event) -> None:
    """Operates until told to stop, waits for the last outcomes, and closes the record."""
    clock = Clock()
    file = os.open(config.output, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
    os.write(file, head(name, config.rate, clock.epoch, clock.monotonic).encode())
    under_way = 0

    async def operate_and_record(turn: Turn) -> None:
        nonlocal under_way
        if under_way >= config.in_flight:
            write = turn.ended(Outcome.REFUSED, f"not sent: {under_way} others are under way")
        else:
            under_way += 1
            write = await client.operate(turn)
            under_way -= 1
        os.write(file, line(write).encode())

    await client.open()
    start, number = clock.now(), 0
    async with asyncio.TaskGroup() as turns:  # a line that can't be written ends the probe, and the record stays open
        while not stop.is_set():
            number += 1
            due = start + number / config.rate
            await asyncio.sleep(max(0.0, due - clock.now()))
            turns.create_task(operate_and_record(Turn(number, due, clock)))
    await client.close()
    os.write(file, tail(clock.now(), number).encode())
    os.close(file)


async def run(client: Client, name: str, config: Config) -> None:
    """Puts the load until SIGTERM, or until whoever started the process is gone."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # Ctrl-C is for the drill, which then stops the probe
    os.set_blocking(sys.stdin.fileno(), False)

    def heard() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            loop.remove_reader(sys.stdin.fileno())
            stop.set()

    loop.add_reader(sys.stdin.fileno(), heard)
    with contextlib.suppress(OSError):  # without root it has to do without priority; its lag is recorded
        os.nice(-10)
    await put(client, name, config, stop)


C = TypeVar("C", bound=Config)


def configuration(type_: type[C]) -> C:
    """The process's configuration, from the file that its first argument names."""
    return type_(**json.loads(Path(sys.argv[1]).read_text()))
