"""The one account that the brokers have: its password, once they have been started with another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from quorate.converge.step import Phase, View
from quorate.hosts import Hosts
from quorate.hosts.inspection import Login, Request
from quorate.progress import Say
from quorate.services import messaging

CHANGE_TIMEOUT = 120.0


@dataclass(frozen=True)
class SetPassword:
    """What the account logs in with. Before the services read it: they keep their connections until their restart."""

    hosts: tuple[str, ...]
    """Where a broker may run."""
    login: Login
    phase: ClassVar[Phase] = Phase.CATALOGUE
    host: ClassVar[None] = None
    title: ClassVar[str] = f"set the password of the brokers' account {messaging.USER}"

    def asks(self) -> Mapping[str, Request]:
        """Whether the brokers let it in."""
        return dict.fromkeys(self.hosts, Request(logins=frozenset({self.login})))

    def differs(self, view: View) -> str | None:
        """Who doesn't. A broker that doesn't serve yet says nothing, and begins with the right one."""
        refusing = [host for host in self.hosts if self.login.is_refused(view[host])]
        return f"refused on {', '.join(refusing)}" if refusing else None

    async def do(self, hosts: Hosts, view: View, say: Say) -> None:
        """Tells one broker, which tells the others; the password travels through stdin only."""
        name = next(host for host in self.hosts if self.login.is_refused(view[host]))
        # With a third word, `--quiet` too, its script starts Erlang without an input, and it waits for one forever.
        change = ("rabbitmqctl", "change_password", self.login.name)
        await (await hosts.host(name)).run(*change, input=f"{self.login.password}\n", timeout=CHANGE_TIMEOUT)


def set_password(hosts: tuple[str, ...], secret: Callable[[str], bytes]) -> SetPassword:
    """The step; the password is looked up here and nowhere else."""
    return SetPassword(hosts, Login("messaging", messaging.USER, secret(messaging.SECRET).decode()))
