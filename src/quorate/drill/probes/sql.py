"""The SQL probe: numbered rows, each INSERT committed by itself.

Connections are few and replaced as they break; while none answers, a new attempt starts every
`CONNECT_TIMEOUT / connections` seconds, so that the first answer after an outage is seen within tens of ms.
"""

import asyncio
import contextlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiomysql
import pymysql

from quorate.drill import load
from quorate.drill.load import Turn
from quorate.drill.record import Outcome, Write

if TYPE_CHECKING:
    from quorate.drill.probe import Place
    from quorate.hosts import Host

TABLE = "CREATE TABLE writes (n BIGINT UNSIGNED PRIMARY KEY, due DOUBLE NOT NULL) ENGINE=InnoDB"
"""What the probe writes into; made by the drill, in a schema of its own."""

CONNECT_TIMEOUT = 0.5
"""Seconds for a TCP connection; the log-in after it may take as long as an operation."""

NOT_DONE = frozenset({1040, 1044, 1045, 1046, 1049, 1054, 1064, 1114, 1142, 1146, 1205, 1213, 1290, 1836})
"""The server's error numbers after which an autocommitted INSERT is certainly not done: no access, no such table, table
full, lock wait, deadlock, read only. After any other (killed, shutting down, error during commit) it is unknown.
mariadb.com/kb, "MariaDB error code reference"."""


@dataclass(frozen=True)
class Config(load.Config):
    """What the process needs to know. A write waits `timeout` for a connection, and again for its answer."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    schema: str
    connections: int = 16


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


class Client:
    """The process's side."""

    def __init__(self, config: Config) -> None:
        self._config, self._pool = config, Pool(config)
        self._filling: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connects, and goes on if that fails."""
        self._filling = asyncio.create_task(self._pool.keep_filled())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._pool.filled.wait(), 2 * self._config.timeout)

    async def operate(self, turn: Turn) -> Write:
        """Does one write and judges it."""
        pool = self._pool
        try:
            async with asyncio.timeout(self._config.timeout):
                connection = await pool.take()
        except TimeoutError:
            return turn.ended(Outcome.REFUSED, f"no connection: {pool.trouble}")
        turn.sends()
        try:
            async with asyncio.timeout(self._config.timeout):
                await connection.query(f"INSERT INTO writes (n, due) VALUES ({turn.number:d}, {turn.due:.6f})")  # noqa: S608
        except TimeoutError:
            pool.discard(connection)
            return turn.ended(Outcome.UNKNOWN, "no answer in time")
        except Exception as error:  # whatever it was: only the server's own word makes it more than unknown
            if isinstance(error, pymysql.MySQLError) and error.args and error.args[0] in NOT_DONE:
                pool.give_back(connection)
                return turn.ended(Outcome.REFUSED, repr(error))
            pool.discard(connection)
            return turn.ended(Outcome.UNKNOWN, repr(error))
        pool.give_back(connection)
        return turn.ended(Outcome.ACKNOWLEDGED)

    async def close(self) -> None:
        """Closes all connections."""
        if self._filling:
            self._filling.cancel()
        self._pool.close()


class Sql:
    """The drill's side: a schema and an account of the drill's own, and the rows that are found again.

    All through the `mariadb` client on the node that serves, by its unix socket; SQL, and the password in it, travels
    over stdin only. The names hold nothing but letters, digits and `_`.
    """

    module, what, rate, alone = __name__, "rows", 20.0, 200.0

    def __init__(self, place: "Place") -> None:
        self._place, self._name = place, place.name
        self._password = secrets.token_urlsafe(24)

    def config(self, rate: float) -> Config:
        """See `Probe`."""
        return Config(
            host=str(self._place.service.address),
            port=self._place.service.port,
            user=self._name,
            password=self._password,
            schema=self._name,
            output=str(self._place.record),
            rate=rate,
        )

    async def prepare(self) -> None:
        """Makes schema, table and account."""
        await self._sql(
            f"CREATE DATABASE {self._name}; USE {self._name}; {TABLE};"
            f"CREATE USER {self._name}@'%' IDENTIFIED BY '{self._password}';"
            f"GRANT INSERT ON {self._name}.* TO {self._name}@'%';",
        )

    async def found(self) -> list[int]:
        """The numbers of all rows."""
        found = await self._sql(f"SELECT n FROM {self._name}.writes;")  # noqa: S608  see above for the name
        return [int(line) for line in found.split()]

    async def withdraw(self) -> None:
        """Removes the account; the rows stay."""
        await self._sql(f"DROP USER IF EXISTS {self._name}@'%';")

    async def erase(self) -> None:
        """Removes the rows."""
        await self._sql(f"DROP DATABASE IF EXISTS {self._name};")

    async def _sql(self, statements: str) -> str:
        host: Host = await self._place.serving()
        result = await host.run("mariadb", "--batch", "--skip-column-names", input=statements, timeout=120)
        return result.stdout


if __name__ == "__main__":
    config = load.configuration(Config)
    asyncio.run(load.run(Client(config), "sql", config))
