"""The Identity probe: a token by password, and with it a group with a number for a name, in a domain of its own.

A group and no project: Keystone writes down a revocation event for each project that is deleted, and reads all of
them whenever it validates a token (keystone/revoke/core.py); drills would make every token slower for hours.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quorate.drill.clients import load
from quorate.drill.clients.ledger import Found
from quorate.drill.clients.load import Turn
from quorate.drill.clients.record import Outcome, Write
from quorate.drill.probes import rest
from quorate.drill.probes.rest import Failed, Rest

if TYPE_CHECKING:
    from quorate.drill.clients.probe import Place


@dataclass(frozen=True, kw_only=True)
class Config(rest.Config):
    """What the process needs to know."""

    domain: str
    """The id of the domain."""


class Client:
    """The process's side."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._rest = Rest(config.url, config.authority, config.timeout)

    async def open(self) -> None:
        """Nothing: each operation begins with a connection."""

    async def operate(self, turn: Turn) -> Write:
        """Gets a token, makes a group, and judges that."""
        group = {"name": str(turn.number), "domain_id": self._config.domain}
        try:
            token = await rest.issue_token(self._rest, self._config.password)
        except Failed as failed:
            return turn.ended(Outcome.REFUSED, f"no token: {failed.detail}")
        turn.sends()
        try:
            await self._rest.ask("POST", "/v3/groups", 201, token=token, json={"group": group})
        except Failed as failed:
            return turn.ended(failed.outcome, failed.detail)
        return turn.ended(Outcome.ACKNOWLEDGED)

    async def close(self) -> None:
        """Closes connections."""
        await self._rest.close()


class Identity:
    """The drill's side: the domain, and the groups that are found again in it."""

    module, what, rate, alone, writes = __name__, "groups", 0.5, 2.0, True

    def __init__(self, place: "Place") -> None:
        self._place, self._domain = place, ""

    def config(self, rate: float) -> Config:
        """See `Probe`."""
        return Config(**rest.common(self._place, rate), domain=self._domain)

    async def prepare(self) -> None:
        """Makes the domain."""
        answer = await self._ask("POST", "/v3/domains", 201, json={"domain": {"name": self._place.name}})
        self._domain = answer["domain"]["id"]

    async def found(self) -> Found:
        """The numbers of all groups in the domain."""
        async with rest.administrator(self._place) as (client, token):
            path = f"/v3/groups?domain_id={self._domain}"
            return Found([int(group["name"]) async for group in client.pages(path, "groups", token)])

    async def withdraw(self) -> None:
        """Nothing has to go: the account is the administrator's."""

    async def erase(self) -> None:
        """Removes the domain with all that is in it; Keystone wants it disabled first."""
        path = f"/v3/domains/{self._domain}"
        await self._ask("PATCH", path, 200, json={"domain": {"enabled": False}})
        await self._ask("DELETE", path, 204)

    async def _ask(self, method: str, path: str, expected: int, **more: object) -> dict[str, dict[str, str]]:
        """One request of the drill's own, with a token of its own. Raises HostError."""
        async with rest.administrator(self._place) as (client, token):
            response = await client.ask(method, path, expected, token=token, **more)
        answer: dict[str, dict[str, str]] = response.json() if response.content else {}
        return answer


if __name__ == "__main__":
    config = load.configuration(Config)
    asyncio.run(load.run(Client(config), "identity", config))
