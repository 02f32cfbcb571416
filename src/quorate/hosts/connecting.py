"""Logging in to a host: strict about its key, and exact about why it doesn't work.

A key that isn't in known_hosts, or differs from the one there, ends the attempt before anything was sent.
An `ssh_config` beside the cluster file, or else the user's own `~/.ssh/config`, says how to log in.
"""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from quorate.errors import HostError
from quorate.hosts.errors import HostKeyChanged, HostKeyUnknown, KeyRefused, Unreachable

CONNECT_TIMEOUT = 10.0
# A host that loses its power sends nothing more: after 3 x 3 s without an answer the connection counts as lost.
KEEPALIVE_INTERVAL, KEEPALIVE_COUNT = 3.0, 3
SYSTEM_KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts"


@dataclass(frozen=True)
class Endpoint:
    """Where a host's SSH daemon is, unless an ssh_config says otherwise for this name."""

    name: str
    address: str
    user: str = "root"
    port: int = 22


async def connect(endpoint: Endpoint, ssh_config: Path | None) -> asyncssh.SSHClientConnection:
    """Logs in.

    Raises:
        Unreachable, KeyRefused, HostKeyUnknown, HostKeyChanged: each names the host, its address and what to do.
    """
    # Two steps, because the sections of an ssh_config(5) match the name, while the address is the cluster file's
    # unless such a section has a HostName.
    try:
        options = await asyncssh.SSHClientConnectionOptions.construct(
            host=endpoint.name, config=_config_files(ssh_config)
        )
    except (asyncssh.ConfigParseError, asyncssh.KeyImportError, OSError, ValueError) as error:
        # A ValueError is a key file whose .pub beside it belongs to another key.
        raise Unreachable(f"the SSH settings can't be used: {error}", where=endpoint.name) from None
    settings = options.config
    address = str(settings.get("Hostname") or endpoint.address)
    where = f"{endpoint.name} ({address})"
    known = _KnownHosts(settings.get("UserKnownHostsFile", ["~/.ssh/known_hosts"]))
    gatekeeper = _Gatekeeper()
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            return await asyncssh.connect(
                endpoint.address,
                port=() if settings.get("Port") else endpoint.port,
                username=() if settings.get("User") else endpoint.user,
                client_factory=lambda: gatekeeper,
                known_hosts=known.entries,
                options=options,
                config=None,
                keepalive_interval=KEEPALIVE_INTERVAL,
                keepalive_count_max=KEEPALIVE_COUNT,
                password_auth=False,
                kbdint_auth=False,
            )
    except asyncssh.HostKeyNotVerifiable as error:
        raise _host_key_error(where, gatekeeper, known) or _unreachable(where, str(error)) from None
    except asyncssh.PermissionDenied:
        user = settings.get("User") or endpoint.user
        raise KeyRefused(
            f"it accepts none of our keys for user {user}",
            where=where,
            todo=f"Add your public key to ~{user}/.ssh/authorized_keys on {endpoint.name}, "
            "or name the right key in ssh_config (IdentityFile).",
        ) from None
    except TimeoutError:
        raise _unreachable(where, f"no answer within {CONNECT_TIMEOUT:g} s") from None
    except ConnectionRefusedError:
        raise _unreachable(where, "it is up, but refuses connections to its SSH port") from None
    except asyncssh.Error as error:
        raise _unreachable(where, f"the SSH connection failed: {error.reason or type(error).__name__}") from None
    except OSError as error:
        raise _unreachable(where, os.strerror(error.errno).lower() if error.errno else str(error)) from None


def _config_files(ssh_config: Path | None) -> list[str] | tuple[()]:
    """What asyncssh is to read; `()` means the user's own ~/.ssh/config."""
    return [str(ssh_config)] if ssh_config and ssh_config.exists() else ()


class _KnownHosts:
    """The keys that a person has accepted; files that don't exist hold none."""

    def __init__(self, user_files: object) -> None:
        own = [str(name) for name in user_files] if isinstance(user_files, list) else []
        self.files = [Path(name).expanduser() for name in (*own, SYSTEM_KNOWN_HOSTS)]
        self.entries = asyncssh.read_known_hosts([str(path) for path in self.files if path.is_file()])

    @property
    def file(self) -> Path:
        """Where a person accepts a key."""
        return self.files[0]


class _Gatekeeper(asyncssh.SSHClient):
    """Accepts no key but those of known_hosts; remembers which one was offered, for the message."""

    offered: tuple[str, str, int, asyncssh.SSHKey] | None = None

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.offered = (host, addr, port, key)
        return False


def _host_key_error(where: str, gatekeeper: _Gatekeeper, known: _KnownHosts) -> HostError | None:
    if gatekeeper.offered is None:
        return None
    host, address, port, key = gatekeeper.offered
    entry = host if port == asyncssh.DEFAULT_PORT else f"[{host}]:{port}"
    expected = known.entries.match(host, address, None if port == asyncssh.DEFAULT_PORT else port)[0]
    line = f"{entry} {key.export_public_key().decode().strip()}"
    compare = f"Compare it with `ssh-keygen -lf /etc/ssh/ssh_host_{_kind(key)}_key.pub` on the host's own console"
    accept = f"add this line to {known.file}:\n    {line}"
    if not expected:
        return HostKeyUnknown(
            f"its host key isn't known: {_kind(key)} {key.get_fingerprint()}",
            where=where,
            means="Nobody has said yet that this is the right machine; nothing was sent to it.",
            todo=f"{compare}. If it is the same, {accept}",
        )
    return HostKeyChanged(
        f"its host key has changed: it shows {_kind(key)} {key.get_fingerprint()}, "
        f"known_hosts has {', '.join(f'{_kind(old)} {old.get_fingerprint()}' for old in expected)}",
        where=where,
        means="It was installed anew, or another machine answers at its address; nothing was sent to it.",
        todo=f"{compare}. If it is the same, run `ssh-keygen -f {known.file} -R '{entry}'` and {accept}",
    )


def _kind(key: asyncssh.SSHKey) -> str:
    """The key's algorithm as ssh-keygen(1) says it."""
    name = key.get_algorithm()
    return "ecdsa" if name.startswith("ecdsa") else name.removeprefix("ssh-")


def _unreachable(where: str, what: str) -> Unreachable:
    return Unreachable(
        f"it can't be reached: {what}",
        where=where,
        todo="See that it is up, that its address in the cluster file is right, and that sshd runs.",
    )
