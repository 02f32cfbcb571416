"""The Image probe: an image with a number for its content, uploaded, and read back.

It is acknowledged once the upload is; that it can't be read back then is told beside it. Until its data is uploaded an
image is none: a refused or broken-off upload leaves an entry without data, which is not looked for.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quorate.drill.clients import load
from quorate.drill.clients.ledger import Found
from quorate.drill.clients.load import Turn
from quorate.drill.clients.record import Outcome, Write
from quorate.drill.probes import rest
from quorate.drill.probes.rest import Failed, Rest

if TYPE_CHECKING:
    from quorate.drill.clients.probe import Place

SIZE = 16384
"""Bytes of an image: several blocks, so that a torn one is seen."""
OCTETS = {"Content-Type": "application/octet-stream"}
NO_DATA = (204, 404, 410)
"""What Glance says of an image whose data isn't there."""


def content(number: int) -> bytes:
    """What image `number` must be."""
    line = f"{number}\n".encode()
    return (line * (SIZE // len(line) + 1))[:SIZE]


@dataclass(frozen=True, kw_only=True)
class Config(rest.Config):
    """What the process needs to know."""

    tag: str
    """By which the drill's images are known."""


class Client(rest.Client[Config]):
    """The process's side."""

    async def operate(self, turn: Turn) -> Write:
        """Makes an image, uploads it, judges that, and reads it back."""
        try:
            token = await self._tokens.get()
            path = await self._entry(turn.number, token)
        except Failed as failed:
            self._tokens.forget_refused(failed)
            return turn.ended(Outcome.REFUSED, failed.detail)
        turn.sends()
        data = content(turn.number)
        try:
            await self._rest.ask("PUT", path, 204, token=token, headers=OCTETS, content=data)
        except Failed as failed:
            self._tokens.forget_refused(failed)
            return turn.ended(failed.outcome, failed.detail)
        try:
            response = await self._rest.ask("GET", path, 200, token=token)
        except Failed as failed:
            return turn.ended(Outcome.ACKNOWLEDGED, f"not read back: {failed.detail}")
        return turn.ended(Outcome.ACKNOWLEDGED, "" if response.content == data else "something else was read back")

    async def _entry(self, number: int, token: str) -> str:
        """The path of a new image's data."""
        wanted = {
            "name": str(number),
            "tags": [self._config.tag],
            "disk_format": "raw",
            "container_format": "bare",
            "visibility": "private",
        }
        response = await self._rest.ask("POST", "/v2/images", 201, token=token, json=wanted)
        return f"/v2/images/{response.json()['id']}/file"


Does = Callable[[Rest, str, Mapping[str, Any]], Awaitable[int | None]]
"""Something that is done with an image; it is given a client, a token and the image's entry."""


async def _read(client: Rest, token: str, image: Mapping[str, Any]) -> int | None:
    """Its number, if its data is there and right."""
    if image["status"] != "active":
        return None
    response = await client.ask("GET", f"/v2/images/{image['id']}/file", 200, *NO_DATA, token=token)
    number = int(image["name"])
    return number if response.content == content(number) else None


async def _delete(client: Rest, token: str, image: Mapping[str, Any]) -> None:
    await client.ask("DELETE", f"/v2/images/{image['id']}", 204, 404, token=token)


class Image:
    """The drill's side: the images, found again by their tag, downloaded and compared."""

    module, what, rate, alone, writes = __name__, "images", 0.5, 1.0, True

    def __init__(self, place: "Place") -> None:
        self._place = place

    def config(self, rate: float) -> Config:
        """See `Probe`."""
        return Config(**rest.common(self._place, rate), tag=self._place.name)

    async def prepare(self) -> None:
        """Sees that the service answers: what the drill makes has its tag, and needs no place of its own."""
        await self._each(_read)

    async def found(self) -> Found:
        """The numbers of all images whose data is there and right."""
        found = await self._each(_read)
        return Found([number for number in found if number is not None])

    async def withdraw(self) -> None:
        """Nothing has to go: the account is the administrator's."""

    async def erase(self) -> None:
        """Removes the images."""
        await self._each(_delete)

    async def _each(self, does: Does) -> list[int | None]:
        """Does something with each image of the drill's. Raises HostError."""
        async with rest.administrator(self._place) as (client, token):
            path = f"/v2/images?tag={self._place.name}&limit=500"
            images = [image async for image in client.pages(path, "images", token)]
            return await rest.bounded(*(does(client, token, image) for image in images))


if __name__ == "__main__":
    config = load.configuration(Config)
    asyncio.run(load.run(Client(config), "image", config))
