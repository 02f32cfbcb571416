"""The SQL probe: numbered rows at a fixed rate, each judged. A process of its own, so that nothing disturbs its clock.

    python -m quorate.drill.probes.sql CONFIGFILE

The loop is open: write n is due at start + n / rate, whatever became of the others, and its latency counts from then,
so that a stall is not hidden. Connections are few and replaced as they break; while none answers, a new attempt starts
every `CONNECT_TIMEOUT / connections` seconds, so that the first answer after an outage is seen within tens of ms.
It stops on SIGTERM, or when its standard input closes.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import aiomysql
import pymysql

from quorate.drill.record import Outcome, Write, head, line, tail

TABLE = "CREATE TABLE writes (n BIGINT UNSIGNED PRIMARY KEY, due DOUBLE NOT NULL) ENGINE=InnoDB"
"""What the probe writes into; made by the drill, in a schema of its own."""

CONNECT_TIMEOUT = 0.5
"""Seconds for a TCP connection; the log-in after it may take as long as an operation."""

NOT_DONE = frozenset({1040, 1044, 1045, 1046, 1049, 1054, 1064, 1114, 1142, 1146, 1205, 1213, 1290, 1836})
"""The server's error numbers after which an autocommitted INSERT is certainly not done: no access, no such table, table
full, lock wait, deadlock, read only. After any other (killed, shutting down, error during commit) it is unknown.
mariadb.com/kb, "MariaDB error code reference"."""


@dataclass(frozen=True)
class Config:
    """What a probe needs to know; stands in a file of mode 0600."""

    host: str
    port: int
    user: str
    password: str
    schema: str
    output: str
    rate: float = 200.0
    timeout: float = 2.0
    """Seconds that a write waits for a connection, and again for its answer."""
    connections: int = 16


class Clock:
    """Seconds since the epoch that only ever run forward: the wall clock read once, the monotonic clock after that."""

    def __init__(self) -> None:
        self.epoch, self.monotonic = time.time(), time.monotonic()

    def now(self) -> float:
        """The time, UTC."""
        return self.epoch + time.monotonic() - self.monotonic


class Pool:
    """A fixed number of connections, each replaced once it breaks."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._idle: asyncio.Queue[aiomysql.Connection] = asyncio.Queue()
        self._attempts: set[asyncio.Task[None]] = set()
        self._held = 0
        """Connections and attempts together."""
        self.trouble = ""
        """Why the last attempt that failed did."""
        self.filled = asyncio.Event()
        """Every connection stood, once."""

    async def keep_filled(self) -> None:
        """Starts attempts, one after another, for whatever is missing. Runs until it is cancelled."""
        while True:
            if self._held < self._config.connections:
                self._held += 1
                attempt = asyncio.create_task(self._connect())
                self._attempts.add(attempt)
                attempt.add_done_callback(self._attempts.discard)
            await asyncio.sleep(CONNECT_TIMEOUT / self._config.connections)

    async def take(self) -> aiomysql.Connection:
        """An idle connection, as soon as there is one that its server hasn't closed."""
        while True:
            connection = await self._idle.get()
            reader = connection._reader  # aiomysql.Pool looks here, too, before it lends a connection
            if not (connection.closed or reader.at_eof() or reader.exception()):
                return connection
            self.discard(connection)

    def give_back(self, connection: aiomysql.Connection) -> None:
        """For the next write."""
        self._idle.put_nowait(connection)

    def discard(self, connection: aiomysql.Connection) -> None:
        """Throws a connection away: nobody knows what still comes out of it."""
        connection.close()
        self._held -= 1

    def close(self) -> None:
        """Closes what is idle and gives up what is under way."""
        for attempt in self._attempts:
            attempt.cancel()
        while not self._idle.empty():
            self._idle.get_nowait().close()

    async def _connect(self) -> None:
        config = self._config
        try:
            async with asyncio.timeout(config.timeout):
                connection = await aiomysql.connect(
                    host=config.host,
                    port=config.port,
                    user=config.user,
                    password=config.password,
                    db=config.schema,
                    autocommit=True,
                    connect_timeout=CONNECT_TIMEOUT,
                )
        except Exception as error:  # whatever it was: no connection, and the next attempt comes soon
            self._held -= 1
            self.trouble = repr(error)
        else:
            self._idle.put_nowait(connection)
            if self._idle.qsize() == config.connections:
                self.filled.set()


async def write(number: int, due: float, pool: Pool, config: Config, now: Callable[[], float]) -> Write:
    """Does one write and judges it."""
    lag = now() - due

    def ended(outcome: Outcome, sent: float | None, detail: str = "") -> Write:
        return Write(number, due, sent, now(), outcome, lag, detail)

    try:
        async with asyncio.timeout(config.timeout):
            connection = await pool.take()
    except TimeoutError:
        return ended(Outcome.REFUSED, None, f"no connection: {pool.trouble}")
    sent = now()
    try:
        async with asyncio.timeout(config.timeout):
            await connection.query(f"INSERT INTO writes (n, due) VALUES ({number:d}, {due:.6f})")  # noqa: S608
    except TimeoutError:
        pool.discard(connection)
        return ended(Outcome.UNKNOWN, sent, "no answer in time")
    except Exception as error:  # whatever it was: only the server's own word makes it more than unknown
        if isinstance(error, pymysql.MySQLError) and error.args and error.args[0] in NOT_DONE:
            pool.give_back(connection)
            return ended(Outcome.REFUSED, sent, repr(error))
        pool.discard(connection)
        return ended(Outcome.UNKNOWN, sent, repr(error))
    pool.give_back(connection)
    return ended(Outcome.ACKNOWLEDGED, sent)


async def probe(config: Config, stop: asyncio.Event) -> None:
    """Writes until told to stop, waits for the last outcomes, and closes the record."""
    clock, pool = Clock(), Pool(config)
    file = os.open(config.output, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
    os.write(file, head("sql", config.rate, clock.epoch, clock.monotonic).encode())

    async def write_and_record(number: int, due: float) -> None:
        os.write(file, line(await write(number, due, pool, config, clock.now)).encode())

    filling = asyncio.create_task(pool.keep_filled())
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(pool.filled.wait(), 2 * config.timeout)
    start, number = clock.now(), 0
    async with asyncio.TaskGroup() as writes:  # a line that can't be written ends the probe, and the record stays open
        while not stop.is_set():
            number += 1
            due = start + number / config.rate
            await asyncio.sleep(max(0.0, due - clock.now()))
            writes.create_task(write_and_record(number, due))
    filling.cancel()
    pool.close()
    os.write(file, tail(clock.now(), number).encode())
    os.close(file)


async def main(config: Config) -> None:
    """Runs the probe until SIGTERM, or until whoever started it is gone."""
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
    await probe(config, stop)


if __name__ == "__main__":
    asyncio.run(main(Config(**json.loads(Path(sys.argv[1]).read_text()))))
