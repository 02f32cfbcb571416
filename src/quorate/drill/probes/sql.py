"""The SQL probe: numbered transfers of a bank, each a transaction of several rows.

One inserts its own row and moves money between two accounts, so that one which is done by halves shows afterwards: the
total of all accounts never changes, and each balance follows from the transfers that are there. Its first statement
looks for the latest transfer that was acknowledged before; a server that doesn't see that answers from the past.

A transaction travels in one packet: no lock waits for a client whose network is gone. Connections are few and replaced
as they break; while none answers, a new attempt starts every `CONNECT_TIMEOUT / connections` seconds, so that the first
answer after an outage is seen within tens of ms.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiomysql
import pymysql

from quorate.drill.clients import load
from quorate.drill.clients.ledger import Found
from quorate.drill.clients.load import Turn
from quorate.drill.clients.record import STALE, Outcome, Write

if TYPE_CHECKING:
    from quorate.drill.clients.probe import Place
    from quorate.hosts import Host

ACCOUNTS, OPENING = 100, 1_000_000
"""The bank: how many accounts, and what is on each of them in the beginning. Many, so that few transfers meet."""

TABLES = f"""
CREATE TABLE writes (n BIGINT UNSIGNED PRIMARY KEY, due DOUBLE NOT NULL,
                     payer INT NOT NULL, payee INT NOT NULL, amount INT NOT NULL) ENGINE=InnoDB;
CREATE TABLE accounts (id INT PRIMARY KEY, balance BIGINT NOT NULL) ENGINE=InnoDB;
INSERT INTO accounts VALUES {", ".join(f"({id_}, {OPENING})" for id_ in range(ACCOUNTS))};
"""  # noqa: S608  numbers of ours
"""What the probe writes into; made by the drill, in a schema of its own."""

RIGHTS = "SELECT, INSERT, UPDATE"
"""What the probe's account may do there."""

READ = """
START TRANSACTION WITH CONSISTENT SNAPSHOT;
SELECT 'transfer', n, payer, payee, amount FROM writes;
SELECT 'account', id, balance FROM accounts;
COMMIT;
"""
"""All of it, as it was at one moment."""

CONNECT_TIMEOUT = 0.5
"""Seconds for a TCP connection; the log-in after it may take as long as an operation."""

NOT_DONE = frozenset({1040, 1044, 1045, 1046, 1049, 1054, 1064, 1114, 1142, 1146, 1205, 1213, 1290, 1836})
"""The server's error numbers after which a transaction is certainly not done: no access, no such table, table full,
lock wait, deadlock, read only. After any other (killed, shutting down, error during commit) it is unknown.
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


@dataclass(frozen=True)
class Transfer:
    """What one transaction does."""

    number: int
    payer: int
    payee: int
    amount: int


def transfer(number: int) -> Transfer:
    """The transfer with this number, ever the same one. Those that may be under way at once meet on no account."""
    payer, apart = number % ACCOUNTS, 2 * ACCOUNTS // 5 + number // ACCOUNTS % (ACCOUNTS // 5)
    return Transfer(number, payer, (payer + apart) % ACCOUNTS, 1 + number % 97)


def statements(number: int, due: float, latest: int) -> str:
    """A transfer as its packet, behind the question whether the transfer `latest` is there.

    Both accounts change in one statement: the server locks them in the order of their numbers, so that no two transfers
    wait for each other; and an answer less is as much less to do for a small server.
    """
    this = transfer(number)
    sums = f"balance + IF(id = {this.payer:d}, -{this.amount:d}, {this.amount:d})"
    row = f"({number:d}, {due:.6f}, {this.payer:d}, {this.payee:d}, {this.amount:d})"
    return ";".join(
        [
            f"SELECT COUNT(*) FROM writes WHERE n = {latest:d}",  # noqa: S608
            "START TRANSACTION",
            f"INSERT INTO writes VALUES {row}",  # noqa: S608
            f"UPDATE accounts SET balance = {sums} WHERE id IN ({this.payer:d}, {this.payee:d})",  # noqa: S608
            "COMMIT",
        ]
    )


def contradictions(transfers: Iterable[Transfer], balances: Mapping[int, int]) -> Iterator[str]:
    """In what a bank contradicts itself, in sentences."""
    expected, changed = dict.fromkeys(range(ACCOUNTS), OPENING), 0
    for each in transfers:
        changed += each != transfer(each.number)
        expected[each.payer] = expected.get(each.payer, 0) - each.amount
        expected[each.payee] = expected.get(each.payee, 0) + each.amount
    if changed:
        yield f"{changed} transfers are not what was written"
    if (total := sum(balances.values())) != ACCOUNTS * OPENING:
        yield f"the bank's total is {total}, and was {ACCOUNTS * OPENING}"
    if wrong := sorted(id_ for id_ in expected.keys() | balances.keys() if expected.get(id_) != balances.get(id_)):
        some = ", ".join(map(str, wrong[:5])) + (" ..." if len(wrong) > 5 else "")
        yield f"{len(wrong)} balances don't follow from the transfers that are there, so one is done by halves: {some}"


class Pool:
    """A fixed number of connections, each replaced once it breaks."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._idle: asyncio.Queue[aiomysql.Connection] = asyncio.Queue()
        self._attempts: set[asyncio.Task[None]] = set()
        self._held = 0
        """Connections and attempts together."""
        self.trouble = ""
        """Why the last one was thrown away, or could not be made."""
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
            self.discard(connection, "closed by the server")

    def give_back(self, connection: aiomysql.Connection) -> None:
        """For the next write."""
        self._idle.put_nowait(connection)

    def discard(self, connection: aiomysql.Connection, why: str) -> None:
        """Throws a connection away: nobody knows what still comes out of it."""
        connection.close()
        self.trouble = why
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
        self._latest = 0
        """The number of the latest transfer that was acknowledged."""

    async def open(self) -> None:
        """Connects, and goes on if that fails."""
        self._filling = asyncio.create_task(self._pool.keep_filled())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._pool.filled.wait(), 2 * self._config.timeout)

    async def operate(self, turn: Turn) -> Write:
        """Makes one transfer and judges it."""
        pool = self._pool
        try:
            async with asyncio.timeout(self._config.timeout):
                connection = await pool.take()
        except TimeoutError:
            return turn.ended(Outcome.REFUSED, f"no connection: {pool.trouble}")
        turn.sends()
        latest = self._latest
        try:
            async with asyncio.timeout(self._config.timeout):
                seen = await _transact(connection, statements(turn.number, turn.due, latest))
        except TimeoutError:
            pool.discard(connection, "no answer in time")
            return turn.ended(Outcome.UNKNOWN, pool.trouble)
        except Exception as error:  # whatever it was: only the server's own word makes it more than unknown
            certain = isinstance(error, pymysql.MySQLError) and error.args and error.args[0] in NOT_DONE
            write = turn.ended(Outcome.REFUSED if certain else Outcome.UNKNOWN, repr(error))
            if certain and await self._undone(connection):
                pool.give_back(connection)
            else:
                pool.discard(connection, repr(error))
            return write
        pool.give_back(connection)
        self._latest = max(self._latest, turn.number)
        missing = bool(latest) and not seen
        return turn.ended(Outcome.ACKNOWLEDGED, f"{STALE}: {latest} was acknowledged, and not seen" if missing else "")

    async def _undone(self, connection: aiomysql.Connection) -> bool:
        """Whether what a refused transaction has done so far is taken back, so that its connection is good for another.

        A new one for each of them would be more work for a server in trouble than any of its clients makes.
        """
        try:
            async with asyncio.timeout(self._config.timeout):
                await connection.rollback()
        except Exception:  # whatever it was: it is thrown away
            return False
        return True

    async def close(self) -> None:
        """Closes all connections."""
        if self._filling:
            self._filling.cancel()
        self._pool.close()


def understand(text: str) -> Found:
    """What `READ` printed."""
    transfers: list[Transfer] = []
    balances: dict[int, int] = {}
    for line in text.splitlines():
        kind, *words = line.split("\t")
        if kind == "transfer":
            transfers.append(Transfer(*map(int, words)))
        else:
            balances[int(words[0])] = int(words[1])
    return Found([each.number for each in transfers], wrong=tuple(contradictions(transfers, balances)))


async def _transact(connection: aiomysql.Connection, packet: str) -> int:
    """What the first statement counts. Raises the first error of any of them; those behind it are not done then."""
    await connection.query(packet)
    ((seen,),) = connection._result.rows  # what a cursor would show; a cursor would ask twice more
    while connection._result.has_next:
        await connection.next_result()
    return int(seen)


class Sql:
    """The drill's side: a schema and an account of the drill's own, and the rows that are found again.

    All through the `mariadb` client on the node that serves, by its unix socket; SQL, and the password in it, travels
    over stdin only. The names hold nothing but letters, digits and `_`.
    """

    module, what, rate, alone, writes = __name__, "rows", 20.0, 100.0, True

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
            f"CREATE DATABASE {self._name}; USE {self._name}; {TABLES}"
            f"CREATE USER {self._name}@'%' IDENTIFIED BY '{self._password}';"
            f"GRANT {RIGHTS} ON {self._name}.* TO {self._name}@'%';",
        )

    async def found(self) -> Found:
        """All rows, and in what the bank contradicts itself."""
        return understand(await self._sql(f"USE {self._name}; {READ}"))

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
