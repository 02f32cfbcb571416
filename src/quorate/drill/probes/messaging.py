"""The messaging probe: numbered messages to a quorum queue, each confirmed by itself.

Persistent, mandatory, over TLS with the certificates verified, to whichever broker answers: one connection is kept to
each broker of the list, and messages go to them in turn. A connection on which a confirmation doesn't come in time is
given up, as a client would, and opened again; a broker that is gone so costs the messages of one time-out.

Each channel is a publisher, and what one publisher sends to one queue stays in its order (rabbitmq.com, "Queues",
"Message Ordering"); who sent a message, and as which of its own, travels with it. A message that is delivered twice is
allowed, the broker promises "at least once"; two copies of one in the queue are not.

A negative confirmation is not a refusal: the broker says only that it isn't responsible for the message
(rabbitmq.com, "Consumer Acknowledgements and Publisher Confirms"). A message that comes back has reached no queue.
"""

import asyncio
import contextlib
import functools
import itertools
import logging
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiormq
from aiormq.abc import AbstractChannel, AbstractConnection, DeliveredMessage
from aiormq.exceptions import AMQPError, DeliveryError, PublishError

from quorate.drill.clients import load
from quorate.drill.clients.ledger import Found
from quorate.drill.clients.load import Turn
from quorate.drill.clients.record import Outcome, Write
from quorate.errors import HostError

if TYPE_CHECKING:
    from quorate.drill.clients.probe import Place

# It logs each attempt that fails, ten lines a second; the record has their reason.
logging.getLogger("aiormq").setLevel(logging.CRITICAL)

USER = "openstack"

CONNECT_TIMEOUT = 1.0
"""Seconds for a connection to one broker, TLS and log-in included."""
CONNECT_EVERY = 0.1
"""Seconds between two attempts at one broker."""
HEARTBEAT = 5
"""Seconds; a connection over which nobody speaks is closed after three times that."""
GOODBYE = 1.0
"""Seconds that a connection's end may take; a broker that is off doesn't answer it."""
QUIET = 1.0
"""Seconds without a message, on an empty queue, after which a queue is drained."""
DRAIN_TIMEOUT = 120.0
AT_ONCE = 65535
"""Messages that a reader may have without an acknowledgement: the most that the protocol can say."""

SENDER, TURN = "sender", "turn"
"""Headers of ours: which publisher sent a message, and as which of its own."""
TIMES = "x-delivery-count"
"""A header of the quorum queue's: how often a message came back (rabbitmq.com, "Quorum Queues")."""

QUEUE: dict[str, str | int] = {"x-queue-type": "quorum", "x-delivery-limit": -1}
"""Without a limit, because the messages are read once for every replica that is looked at, and put back."""


@dataclass(frozen=True)
class Config(load.Config):
    """What the process needs to know. A message waits `timeout` for a connection, and again for its confirmation."""

    brokers: tuple[tuple[str, int], ...]
    """Addresses and ports."""
    user: str
    password: str = field(repr=False)
    queue: str
    authority: str
    """The path of the certificates that are trusted."""


class Brokers:
    """A channel to each broker that answers."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._tls = ssl.create_default_context(cafile=config.authority)
        self._keeping: list[asyncio.Task[None]] = []
        self._leaving: set[asyncio.Task[None]] = set()
        self._channels: list[AbstractChannel] = []
        self._given_up: dict[AbstractChannel, asyncio.Event] = {}
        self._turns: dict[AbstractChannel, tuple[str, Iterator[int]]] = {}
        self._opened = 0
        self._any = asyncio.Condition()
        self.trouble = ""
        """Why the last attempt that failed did."""

    async def connect(self) -> None:
        """Begins to connect to all of them, and waits a little for it."""
        self._keeping = [asyncio.create_task(self._keep(host, port)) for host, port in self._config.brokers]
        async with self._any:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._any.wait_for(self._all_there), 2 * self._config.timeout)

    def _all_there(self) -> bool:
        return len(self._channels) == len(self._config.brokers)

    async def take(self) -> AbstractChannel:
        """The next channel, as soon as there is one. It may be used by others at the same time."""
        async with self._any:
            await self._any.wait_for(lambda: self._channels)
            channel = self._channels.pop(0)
            self._channels.append(channel)
            return channel

    def turn(self, channel: AbstractChannel) -> tuple[str, int]:
        """Which publisher a channel is, and which of its messages comes next. To be published at once."""
        sender, turns = self._turns[channel]
        return sender, next(turns)

    def give_up(self, channel: AbstractChannel) -> None:
        """Nobody knows what becomes of this one's messages: it gets no more."""
        if channel in self._channels:
            self._channels.remove(channel)
        if channel in self._given_up:
            self._given_up[channel].set()

    async def close(self) -> None:
        """Closes all connections."""
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        await asyncio.gather(*self._leaving)

    async def _keep(self, host: str, port: int) -> None:
        """Keeps one broker connected. Runs until it is cancelled."""
        while True:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    connection = await connect(self._config, host, port, self._tls)
                    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            except Exception as error:  # whatever it was: no connection, and the next attempt comes soon
                self.trouble = f"{host}: {error!r}"
                await asyncio.sleep(CONNECT_EVERY)
                continue
            given_up = self._given_up[channel] = asyncio.Event()
            self._opened += 1
            self._turns[channel] = str(self._opened), itertools.count(1)
            channel.closing.add_done_callback(functools.partial(_set, given_up))
            async with self._any:
                self._channels.append(channel)
                self._any.notify_all()
            try:
                await given_up.wait()
            finally:
                self.give_up(channel)
                del self._given_up[channel]
                leaving = asyncio.create_task(_leave(connection))  # which may last, and the next attempt shan't wait
                self._leaving.add(leaving)
                leaving.add_done_callback(self._leaving.discard)


def _set(event: asyncio.Event, _: object) -> None:
    event.set()


async def connect(config: Config, host: str, port: int, tls: ssl.SSLContext) -> AbstractConnection:
    """A connection to one broker."""
    account = f"{quote(config.user)}:{quote(config.password)}"
    url = f"amqps://{account}@{host}:{port}//?heartbeat={HEARTBEAT}"
    return await aiormq.connect(url, context=tls, ssl_shutdown_timeout=GOODBYE)


async def _leave(connection: AbstractConnection) -> None:
    with contextlib.suppress(Exception):  # a broker that is gone says no goodbye
        # Not as aiormq does it by default, with CancelledError for all that wait for a confirmation.
        await connection.close(ConnectionError("given up"))


class Client:
    """The process's side."""

    def __init__(self, config: Config) -> None:
        self._config, self._brokers = config, Brokers(config)

    async def open(self) -> None:
        """Connects, and goes on if that fails."""
        await self._brokers.connect()

    async def operate(self, turn: Turn) -> Write:
        """Publishes one message and judges it."""
        try:
            async with asyncio.timeout(self._config.timeout):
                channel = await self._brokers.take()
        except TimeoutError:
            return turn.ended(Outcome.REFUSED, f"no connection: {self._brokers.trouble}")
        turn.sends()
        try:
            async with asyncio.timeout(self._config.timeout):
                await channel.basic_publish(
                    str(turn.number).encode(),
                    routing_key=self._config.queue,
                    properties=properties(turn.number, *self._brokers.turn(channel)),
                    mandatory=True,
                )
        except TimeoutError:
            self._brokers.give_up(channel)
            return turn.ended(Outcome.UNKNOWN, "no confirmation in time")
        except PublishError as error:
            return turn.ended(Outcome.REFUSED, f"returned: {error!r}")
        except DeliveryError as error:
            return turn.ended(Outcome.UNKNOWN, f"not confirmed: {error!r}")
        except (Exception, asyncio.CancelledError) as error:  # only a confirmation makes it more than unknown
            self._brokers.give_up(channel)
            return turn.ended(Outcome.UNKNOWN, repr(error))
        return turn.ended(Outcome.ACKNOWLEDGED)

    async def close(self) -> None:
        """Closes all connections."""
        await self._brokers.close()


def properties(number: int, sender: str, turn: int) -> aiormq.spec.Basic.Properties:
    """Persistent; the number is the message's id, too, by which one that comes back is known."""
    return aiormq.spec.Basic.Properties(delivery_mode=2, message_id=str(number), headers={SENDER: sender, TURN: turn})


async def declare(config: Config) -> None:
    """Makes the queue: durable, a quorum queue, whatever the broker's default is."""
    async with _one(config) as channel:
        await channel.queue_declare(config.queue, durable=True, arguments={**QUEUE})


async def drain(config: Config) -> Found:
    """All messages in the queue's order; they stay there.

    It has all once the queue has no message left that is ready, and none comes for `QUIET` seconds.
    """
    found: list[Delivery] = []
    async with _one(config) as channel:
        arrived = asyncio.Event()

        async def take(each: DeliveredMessage) -> None:
            found.append(_delivery(each))
            arrived.set()

        # Nothing is acknowledged: all go back when the connection closes. So there must be room for all; a quorum queue
        # takes "without a limit" for 2000 and delivers no more then.
        await channel.basic_qos(prefetch_count=AT_ONCE)
        await channel.basic_consume(config.queue, take)
        quiet = False
        while not quiet:
            arrived.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(arrived.wait(), QUIET)
            ready = (await channel.queue_declare(config.queue, passive=True)).message_count
            quiet = not ready and not arrived.is_set()
    return understand(found)


@dataclass(frozen=True)
class Delivery:
    """A message as it was delivered."""

    number: int
    sender: str
    turn: int
    times: int
    """How often it was delivered, and went back, before."""


def _delivery(message: DeliveredMessage) -> Delivery:
    headers = {name: str(value) for name, value in (message.header.properties.headers or {}).items()}
    return Delivery(int(message.body), headers[SENDER], int(headers[TURN]), int(headers.get(TIMES, "0")))


def understand(deliveries: Sequence[Delivery]) -> Found:
    """What a queue held. A message that came back while it was read has been delivered once more than before.

    The queue's order is promised to those who publish; of messages that went back before it is not looked at.
    """
    first: dict[int, int] = {}
    for each in deliveries:
        first[each.number] = min(each.times, first.get(each.number, each.times))
    copies = [each for each in deliveries if each.times == first[each.number]]
    return Found(
        numbers=[each.number for each in copies],
        turns={each.number: (each.sender, each.turn) for each in reversed(copies) if not each.times},
        redelivered=len(deliveries) - len(copies),
    )


async def delete(config: Config) -> None:
    """Removes the queue with all that is in it; harmless if there is none."""
    async with _one(config) as channel:
        await channel.queue_delete(config.queue)


@contextlib.asynccontextmanager
async def _one(config: Config) -> AsyncIterator[AbstractChannel]:
    """A channel to the first broker that takes us.

    Raises:
        HostError: none does, or the one that did fails in the middle.
    """
    tls, trouble = ssl.create_default_context(cafile=config.authority), "there is none"
    for host, port in config.brokers:
        try:
            connection = await asyncio.wait_for(connect(config, host, port, tls), 2 * config.timeout)
        except (OSError, AMQPError, TimeoutError) as error:
            trouble = f"{host}: {error!r}"
            continue
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT):
                yield await connection.channel()
        except (OSError, AMQPError, TimeoutError) as error:
            raise HostError(f"the broker's queue can't be used: {error!r}", where=host) from error
        finally:
            await _leave(connection)
        return
    raise HostError(f"no broker takes a connection: {trouble}", where="messaging")


class Messaging:
    """The drill's side: a queue of the drill's own, and the messages that are found again in it."""

    module, what, rate, alone, writes = __name__, "messages", 10.0, 100.0, True

    def __init__(self, place: "Place") -> None:
        self._place = place

    def config(self, rate: float) -> Config:
        """See `Probe`."""
        service = self._place.service
        addresses = service.addresses or (service.address,)
        return Config(
            output=str(self._place.record),
            rate=rate,
            brokers=tuple((str(address), service.port) for address in addresses),
            user=USER,
            password=self._place.secret("messaging-openstack"),
            queue=self._place.name,
            authority=str(self._place.authority),
        )

    async def prepare(self) -> None:
        """Makes the queue."""
        await declare(self.config(self.rate))

    async def found(self) -> Found:
        """All messages, in the queue's order."""
        return await drain(self.config(self.rate))

    async def withdraw(self) -> None:
        """Nothing has to go: the account is the services' own."""

    async def erase(self) -> None:
        """Removes the queue."""
        await delete(self.config(self.rate))


if __name__ == "__main__":
    config = load.configuration(Config)
    asyncio.run(load.run(Client(config), "messaging", config))
