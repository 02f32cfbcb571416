"""The Placement probe: traits with a number in their names, each one row in its database."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quorate.drill.clients import load
from quorate.drill.clients.ledger import Found
from quorate.drill.clients.load import Turn
from quorate.drill.clients.record import Outcome, Write
from quorate.drill.probes import rest
from quorate.drill.probes.rest import Failed

if TYPE_CHECKING:
    from quorate.drill.clients.probe import Place

VERSION = {"OpenStack-API-Version": "placement 1.6"}
"""The first with traits (placement's API history)."""


@dataclass(frozen=True, kw_only=True)
class Config(rest.Config):
    """What the process needs to know."""

    prefix: str
    """How the names of the drill's traits begin."""


class Client(rest.Client[Config]):
    """The process's side."""

    async def operate(self, turn: Turn) -> Write:
        """Makes a trait, and judges that. 204: it is there, from an attempt that the service itself repeated."""
        try:
            token = await self._tokens.get()
        except Failed as failed:
            return turn.ended(Outcome.REFUSED, f"no token: {failed.detail}")
        turn.sends()
        path = f"/traits/{self._config.prefix}{turn.number}"
        try:
            await self._rest.ask("PUT", path, 201, 204, token=token, headers=dict(VERSION))
        except Failed as failed:
            self._tokens.forget_refused(failed)
            return turn.ended(failed.outcome, failed.detail)
        return turn.ended(Outcome.ACKNOWLEDGED)


class Placement:
    """The drill's side: the traits, found again by how their names begin."""

    module, what, rate, alone, writes = __name__, "traits", 1.0, 4.0, True

    def __init__(self, place: "Place") -> None:
        self._place = place
        self._prefix = f"CUSTOM_{place.name.upper()}_"

    def config(self, rate: float) -> Config:
        """See `Probe`."""
        return Config(**rest.common(self._place, rate), prefix=self._prefix)

    async def prepare(self) -> None:
        """Sees that the service answers."""
        await self._traits()

    async def found(self) -> Found:
        """The numbers of all the drill's traits."""
        return Found([int(name.removeprefix(self._prefix)) for name in await self._traits()])

    async def withdraw(self) -> None:
        """Nothing has to go: the account is the administrator's."""

    async def erase(self) -> None:
        """Removes the traits."""
        traits = await self._traits()
        await rest.bounded(*(self._ask("DELETE", f"/traits/{name}", 204, 404) for name in traits))

    async def _traits(self) -> list[str]:
        answer = await self._ask("GET", f"/traits?name=startswith:{self._prefix}", 200)
        return [str(name) for name in answer["traits"]]

    async def _ask(self, method: str, path: str, *expected: int) -> dict[str, Any]:
        """One request of the drill's own, with a token of its own. Raises HostError."""
        async with rest.administrator(self._place) as (client, token):
            response = await client.ask(method, path, *expected, token=token, headers=dict(VERSION))
        return dict(response.json()) if response.content else {}


if __name__ == "__main__":
    config = load.configuration(Config)
    asyncio.run(load.run(Client(config), "placement", config))
