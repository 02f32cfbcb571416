"""Hosts over SSH: connect once, run commands, put files, run the programs of `node/`."""

import asyncio
import contextlib
import json
import shlex
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncssh

from quorate.hosts.connecting import Endpoint, connect
from quorate.hosts.errors import CommandFailed, CommandTimedOut, ConnectionLost, PythonMissing

# The host itself ends what takes too long: sshd passes no signals on to root's commands, and this side may be gone by
# then. timeout(1) says 124 when it ended the command, 137 when that took SIGKILL.
BOUNDED = ("timeout", "--kill-after=5")
TIMED_OUT = (124, 137)
GRACE = 10.0
SESSIONS = 8  # sshd_config(5), MaxSessions: 10 by default

# Reads the program's length, the program and then, in the program's own hands, the request: one round trip, and
# neither ever stands in a process list.
RUN_PROGRAM = (
    "import sys; i = sys.stdin.buffer; "
    "exec(compile(i.read(int(i.readline())), 'quorate', 'exec'), {'__name__': '__main__'})"
)

# $1 path, $2 mode, $3 owner:group, $4 size. The size is compared because a connection that dies in the middle looks,
# from here, like the end of the content.
PUT = """
set -eu
dir=${1%/*}
mkdir -p -- "$dir"
umask 077
new=$(mktemp -- "$dir/.quorate.XXXXXXXX")
trap 'rm -f -- "$new"' EXIT
cat > "$new"
[ "$(wc -c < "$new")" -eq "$4" ] || { echo "the content broke off" >&2; exit 1; }
chown -- "$3" "$new"
chmod -- "$2" "$new"
sync -- "$new"
mv -f -- "$new" "$1"
trap - EXIT
sync -- "$dir"
"""


@dataclass(frozen=True)
class Result:
    """How a command ended; `status` is negative for the signal that ended it."""

    status: int
    stdout: str
    stderr: str
    seconds: float


class Host:
    """One connected host. Every method raises `ConnectionLost` when the host dies under it."""

    def __init__(self, name: str, connection: asyncssh.SSHClientConnection) -> None:
        self.name = name
        self._connection = connection
        self._sessions = asyncio.Semaphore(SESSIONS)

    @property
    def connected(self) -> bool:
        """Whether the connection still stands, as far as this side knows."""
        return not self._connection.is_closed()

    async def run(
        self,
        *argv: str,
        input: bytes | str | None = None,  # noqa: A002 (the word of subprocess.run)
        timeout: float = 60,
        check: bool = True,
        under: tuple[str, ...] = (),
    ) -> Result:
        """Runs a command, given as its argument list.

        `under` is a command that runs it, as flock(1) or env(1) do, and that messages leave out.

        Raises:
            CommandFailed: `check`, and the exit status wasn't 0.
            CommandTimedOut: not done after `timeout` seconds.
            ConnectionLost: the connection ended first.
        """
        content = input.encode() if isinstance(input, str) else input or b""
        result = await self._run((*under, *argv), argv, content, timeout)
        if check and result.status != 0:
            raise CommandFailed(self.name, argv, result.status, result.stdout, result.stderr)
        return result

    async def _run(self, argv: tuple[str, ...], shown: tuple[str, ...], content: bytes, timeout: float) -> Result:
        """Runs a command that messages show as another, shorter one."""
        begun = time.monotonic()
        command = shlex.join((*BOUNDED, f"{timeout:g}", *argv))
        try:
            async with self._sessions, asyncio.timeout(timeout + GRACE):
                process = await self._connection.create_process(command, encoding=None)
                try:
                    # A command may end without having read its input (there is no python3): its status says why.
                    with contextlib.suppress(BrokenPipeError):
                        process.stdin.write(content)
                        process.stdin.write_eof()
                    stdout, stderr = await process.communicate()
                    await process.wait_closed()
                finally:
                    process.close()
        except TimeoutError:
            raise CommandTimedOut(self.name, shown, timeout) from None
        except (asyncssh.Error, OSError) as error:
            raise ConnectionLost(self.name, shown, str(error)) from None
        if (status := process.returncode) is None:  # the channel closed without an exit status
            raise ConnectionLost(self.name, shown, "no exit status came")
        seconds = time.monotonic() - begun
        if status in TIMED_OUT and seconds >= timeout:
            raise CommandTimedOut(self.name, shown, timeout)
        return Result(status, stdout.decode(errors="replace"), stderr.decode(errors="replace"), seconds)

    async def put(
        self, path: str, content: bytes, *, mode: int = 0o644, owner: str = "root", group: str = "root"
    ) -> None:
        """Writes a file so that a reader, or a power cut, meets the old content or the new, never a part.

        The content travels through stdin only. Missing folders are made.
        """
        argv = ("sh", "-c", PUT, "sh", path, f"{mode:o}", f"{owner}:{group}", str(len(content)))
        shown = ("put", path)
        result = await self._run(argv, shown, content, 60)
        if result.status != 0:
            raise CommandFailed(self.name, shown, result.status, result.stdout, result.stderr)

    async def python(self, program: str, request: object, *, timeout: float = 60) -> Any:
        """Runs a program of `node/` (its text) with a JSON request on stdin and returns its JSON answer.

        Raises:
            PythonMissing: the host has no python3.
            CommandFailed: the program itself failed.
        """
        source = program.encode()
        content = b"%d\n%s%s" % (len(source), source, json.dumps(request).encode())
        # -I -S: nothing of the host's own Python environment is read; it also starts faster.
        argv, shown = ("python3", "-I", "-S", "-c", RUN_PROGRAM), ("python3", "-")
        result = await self._run(argv, shown, content, timeout)
        if result.status == 127 or "ModuleNotFoundError" in result.stderr:  # python3-minimal lacks half of it
            raise PythonMissing(
                "python3 isn't installed", where=self.name, todo=f"On {self.name}: apt-get install python3"
            )
        if result.status != 0:
            raise CommandFailed(self.name, shown, result.status, result.stdout, result.stderr)
        try:
            # The last line: a shell's start-up file may have printed something first.
            return json.loads(result.stdout.strip().rpartition("\n")[2])
        except ValueError:
            raise CommandFailed(self.name, shown, 0, "", f"no JSON answer: {result.stdout!r}") from None


class Hosts:
    """All hosts of a site. Connects when a host is first asked for, keeps one connection each, and makes a new one
    after a loss.
    """

    def __init__(self, endpoints: Iterable[Endpoint], ssh_config: Path | None = None) -> None:
        self._endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        self._ssh_config = ssh_config
        self._connected: dict[str, Host] = {}
        self._locks = {name: asyncio.Lock() for name in self._endpoints}

    @property
    def names(self) -> tuple[str, ...]:
        """The hosts in the order in which they were given."""
        return tuple(self._endpoints)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for host in self._connected.values():
            host._connection.abort()  # a polite goodbye would wait for hosts that have lost their power
        self._connected.clear()

    async def host(self, name: str) -> Host:
        """The connected host of this name.

        Raises:
            Unreachable, KeyRefused, HostKeyUnknown, HostKeyChanged: all `HostError`.
        """
        async with self._locks[name]:
            host = self._connected.get(name)
            if host is None or not host.connected:
                host = Host(name, await connect(self._endpoints[name], self._ssh_config))
                self._connected[name] = host
            return host
