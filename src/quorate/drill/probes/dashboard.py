"""The Dashboard probe: a person logs in through the form, and the session must be good ever after.

Horizon keeps nothing but sessions, so these are what may be lost. The drill finds them again by their cookies, which
the process leaves beside its record, readable for its user alone; they go with the drill.
"""

import asyncio
import json
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from quorate.drill.clients import load
from quorate.drill.clients.ledger import Found
from quorate.drill.clients.load import Turn
from quorate.drill.clients.record import Outcome, Write
from quorate.drill.probes import rest
from quorate.drill.probes.rest import NOT_SENT
from quorate.errors import HostError

if TYPE_CHECKING:
    from quorate.drill.clients.probe import Place

LOGIN, PRIVATE = "/auth/login/", "/identity/"
"""The form, and a page for those who have filled it in."""
SESSION, FORGERY = "sessionid", "csrftoken"
"""Django's cookies: the session, and the token that shows where a form came from."""


@dataclass(frozen=True, kw_only=True)
class Config(rest.Config):
    """What the process needs to know."""

    sessions: str
    """The path of the file for the cookies: a JSON list of number and cookie on each line."""


def client(url: str, authority: str, timeout: float) -> httpx.AsyncClient:
    """A browser without a session."""
    return httpx.AsyncClient(
        base_url=url,
        verify=ssl.create_default_context(cafile=authority),
        timeout=httpx.Timeout(timeout, connect=min(timeout, rest.CONNECT_TIMEOUT)),
        trust_env=False,
    )


class Client:
    """The process's side."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._sessions = os.open(config.sessions, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)

    async def open(self) -> None:
        """Nothing: each operation begins with a browser of its own."""

    async def operate(self, turn: Turn) -> Write:
        """Logs in, and keeps the cookie."""
        async with client(self._config.url, self._config.authority, self._config.timeout) as browser:
            try:
                form = await browser.get(LOGIN)
            except httpx.HTTPError as error:
                return turn.ended(Outcome.REFUSED, f"no form: {error!r}")
            if FORGERY not in form.cookies:
                return turn.ended(Outcome.REFUSED, f"no form: {form.status_code}")
            filled_in = {
                "csrfmiddlewaretoken": form.cookies[FORGERY],
                "username": "admin",
                "password": self._config.password,
                "region": "default",
            }
            turn.sends()
            try:
                answer = await browser.post(LOGIN, data=filled_in, headers={"Referer": str(form.url)})
            except NOT_SENT as error:
                return turn.ended(Outcome.REFUSED, repr(error))
            except httpx.HTTPError as error:
                return turn.ended(Outcome.UNKNOWN, repr(error))
        if answer.status_code != httpx.codes.FOUND or SESSION not in answer.cookies:
            return turn.ended(Outcome.UNKNOWN, f"no session: {answer.status_code}")
        os.write(self._sessions, f"{json.dumps([turn.number, answer.cookies[SESSION]])}\n".encode())
        return turn.ended(Outcome.ACKNOWLEDGED)

    async def close(self) -> None:
        """Closes the file."""
        os.close(self._sessions)


class Dashboard:
    """The drill's side: each session is tried again."""

    module, what, rate, alone, writes = __name__, "sessions", 0.5, 1.0, True

    def __init__(self, place: "Place") -> None:
        self._place = place
        self._url = rest.url(place.service)
        self._sessions = place.folder / "dashboard.sessions"

    def config(self, rate: float) -> Config:
        """See `Probe`."""
        return Config(**rest.common(self._place, rate), sessions=str(self._sessions))

    async def prepare(self) -> None:
        """Sees that the service answers."""
        async with self._browser() as browser:
            try:
                (await browser.get(LOGIN)).raise_for_status()
            except httpx.HTTPError as error:
                raise HostError(repr(error), where=self._url) from error

    async def found(self) -> Found:
        """The numbers of all sessions that are good still."""
        sessions = _read(self._sessions)

        async def is_good(cookie: str) -> bool:
            async with self._browser() as browser:  # of its own: each answer sets cookies anew
                answer = await browser.get(PRIVATE, headers={"Cookie": f"{SESSION}={cookie}"})
            return LOGIN not in urlsplit(answer.headers.get("Location", "")).path and answer.status_code < 400

        try:
            good = await rest.bounded(*(is_good(cookie) for _, cookie in sessions))
        except httpx.HTTPError as error:
            raise HostError(repr(error), where=self._url) from error
        return Found([number for (number, _), kept in zip(sessions, good, strict=True) if kept])

    async def withdraw(self) -> None:
        """Takes the cookies away: whoever has one is the administrator."""
        self._sessions.unlink(missing_ok=True)

    async def erase(self) -> None:
        """Nothing more: sessions are in their cookies alone."""

    def _browser(self) -> httpx.AsyncClient:
        return client(self._url, str(self._place.authority), rest.PATIENCE)


def _read(file: Path) -> list[tuple[int, str]]:
    return [(number, cookie) for number, cookie in map(json.loads, file.read_text().splitlines())]


if __name__ == "__main__":
    config = load.configuration(Config)
    asyncio.run(load.run(Client(config), "dashboard", config))
