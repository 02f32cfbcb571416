"""What probes of services with an HTTP interface share: requests through the front, judged by what they say of a write.

Each request has a connection of its own, as a command-line client's has, so that none lingers with a server that is
gone; the front's certificate is verified. Proxies that the environment names are left alone.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import httpx

from quorate.drill.clients import load
from quorate.drill.clients.record import Outcome
from quorate.errors import HostError

if TYPE_CHECKING:
    from quorate.design.model import ServiceDesign
    from quorate.drill.clients.probe import Place

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


@dataclass(frozen=True, kw_only=True)
class Config(load.Config):
    """What each of these processes needs to know; the fields of `common`."""

    url: str
    identity_url: str
    password: str = field(repr=False)
    """The administrator's."""
    authority: str
    timeout: float = TIMEOUT
    in_flight: int = IN_FLIGHT


Configured = TypeVar("Configured", bound=Config)


def url(service: "ServiceDesign") -> str:
    """Where clients find a service."""
    return f"https://{service.address}:{service.port}"


def common(place: "Place", rate: float) -> dict[str, Any]:
    """The fields of `Config`, for a probe to add its own."""
    return {
        "url": url(place.service),
        "identity_url": url(place.services["identity"]),
        "password": place.secret(ADMIN),
        "authority": str(place.authority),
        "output": str(place.record),
        "rate": rate,
    }


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


class Client(Generic[Configured]):
    """The process's side of a probe whose operations take a token; what an operation is, the probe itself says."""

    def __init__(self, config: Configured) -> None:
        self._config = config
        self._rest = Rest(config.url, config.authority, config.timeout)
        self._identity = Rest(config.identity_url, config.authority, config.timeout)
        self._tokens = Tokens(self._identity, config.password)

    async def open(self) -> None:
        """Nothing: each operation begins with a connection."""

    async def close(self) -> None:
        """Closes connections."""
        await self._rest.close()
        await self._identity.close()


@contextlib.asynccontextmanager
async def administrator(place: "Place") -> AsyncIterator[tuple[Rest, str]]:
    """The drill's own client of a service, with a token. Raises HostError, also for a request in it that failed."""
    where, authority = url(place.service), str(place.authority)
    client, identity = (Rest(each, authority, PATIENCE) for each in (where, url(place.services["identity"])))
    try:
        yield client, await issue_token(identity, place.secret(ADMIN))
    except Failed as failed:
        raise HostError(failed.detail, where=where) from failed
    finally:
        await client.close()
        await identity.close()


async def bounded(*coroutines: Any, limit: int = 4) -> list[Any]:
    """Runs them, at most `limit` at once, and returns what they returned."""
    room = asyncio.Semaphore(limit)

    async def run(coroutine: Any) -> Any:
        async with room:
            return await coroutine

    return await asyncio.gather(*map(run, coroutines))
