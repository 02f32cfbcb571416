"""What probes of services with an HTTP interface share: requests through the front, judged by what they say of a write.

Each request has a connection of its own, as a command-line client's has, so that none lingers with a server that is
gone; the front's certificate is verified. Proxies that the environment names are left alone.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any

import httpx

from quorate.drill.record import Outcome
from quorate.errors import HostError

CONNECT_TIMEOUT = 1.0
"""Seconds for TCP and TLS together to begin; while an address moves, nothing answers at all."""
TIMEOUT = 10.0
"""Seconds that a client waits for an answer, or for the next piece of one."""
PATIENCE = 120.0
"""The same, for what the drill itself asks before and afterwards."""
IN_FLIGHT = 12
"""A service works on what a client has given up, too; more would keep one that is slow from ever coming back."""
ADMIN = "identity-admin"
"""The secret with the administrator's password."""
UNAUTHORIZED = 401
TOKEN_HEADER = "X-Auth-Token"  # noqa: S105  (a header's name)

NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""After these no byte of the request has left; a failed TLS handshake is a `ConnectError`."""
PERHAPS_DONE = frozenset({408, 409})
"""Client errors that are no refusal. 409 says that it is there already: a service that repeats a transaction whose
commit was not answered says so of its own first attempt."""


class Failed(Exception):
    """A request that didn't end as it should."""

    def __init__(self, outcome: Outcome, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.outcome, self.detail, self.status = outcome, detail, status


class Rest:
    """A client of one service."""

    def __init__(self, url: str, authority: str, timeout: float = TIMEOUT) -> None:
        self.url = url
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=authority),
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT)),
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
        )

    async def ask(self, method: str, path: str, *expected: int, token: str = "", **more: Any) -> httpx.Response:
        """Makes one request; `more` is httpx's: `json`, `content`, `headers`.

        Raises:
            Failed: it had another status than one of the expected, or none.
        """
        headers = {**more.pop("headers", {}), **({TOKEN_HEADER: token} if token else {})}
        try:
            response = await self._client.request(method, f"{self.url}{path}", headers=headers, **more)
        except NOT_SENT as error:
            raise Failed(Outcome.REFUSED, f"{method} {path} was not sent: {error!r}") from error
        except httpx.HTTPError as error:
            raise Failed(Outcome.UNKNOWN, f"{method} {path}: {error!r}") from error
        status = response.status_code
        if status not in expected:
            refused = 400 <= status < 500 and status not in PERHAPS_DONE
            outcome = Outcome.REFUSED if refused else Outcome.UNKNOWN
            raise Failed(outcome, f"{method} {path}: {status} {response.text[:200]}", status)
        return response

    async def pages(self, path: str, key: str, token: str) -> AsyncIterator[dict[str, Any]]:
        """All items of a list, page after page: `next` is a path with Glance, a URL with Keystone."""
        page = path
        while page:
            answer = (await self.ask("GET", page, 200, token=token)).json()
            for item in answer[key]:
                yield item
            following = answer.get("next") or (answer.get("links") or {}).get("next") or ""
            page = following.removeprefix(self.url)
            if page.startswith("http"):
                raise Failed(Outcome.REFUSED, f"GET {path}: its next page is elsewhere, at {page}")

    async def close(self) -> None:
        """Closes what is open."""
        await self._client.aclose()


async def issue_token(identity: Rest, password: str) -> str:
    """A token of the administrator's, by password. Raises Failed."""
    user = {"name": "admin", "domain": {"id": "default"}, "password": password}
    wanted = {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": "admin", "domain": {"id": "default"}}},
        }
    }
    response = await identity.ask("POST", "/v3/auth/tokens", 201, json=wanted)
    return response.headers["X-Subject-Token"]


class Tokens:
    """One token that serves until it is refused, as a service's own would."""

    def __init__(self, identity: Rest, password: str) -> None:
        self._identity, self._password = identity, password
        self._token, self._getting = "", asyncio.Lock()

    async def get(self) -> str:
        """The token, or a new one. Raises Failed."""
        async with self._getting:
            self._token = self._token or await issue_token(self._identity, self._password)
            return self._token

    def forget_refused(self, failed: Failed) -> None:
        """After a request that failed: the next one gets a new token if that was why."""
        if failed.status == UNAUTHORIZED:
            self._token = ""


def not_served(error: Failed, service: str) -> HostError:
    """What the drill makes of a request of its own that failed."""
    return HostError(error.detail, where=service)


async def bounded(*coroutines: Any, limit: int = 4) -> list[Any]:
    """Runs them, at most `limit` at once, and returns what they returned."""
    room = asyncio.Semaphore(limit)

    async def run(coroutine: Any) -> Any:
        async with room:
            return await coroutine

    return await asyncio.gather(*map(run, coroutines))
