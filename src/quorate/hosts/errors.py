"""What can go wrong between this machine and a host: one class a cause, each says what to do about it."""

import shlex
import textwrap

from quorate.errors import HostError

OUTPUT_LINES = 20


class Unreachable(HostError):
    """No SSH daemon answered: refused, timed out, no route, or it spoke something else."""


class KeyRefused(HostError):
    """The SSH daemon answered and took none of our keys."""


class HostKeyUnknown(HostError):
    """The host's key stands in no known_hosts file; nothing was sent to it."""


class HostKeyChanged(HostError):
    """The host shows another key than the one in known_hosts; nothing was sent to it."""


class NotRoot(HostError):
    """The login works, but isn't root's."""


class ConnectionLost(HostError):
    """The connection ended while a command ran on the host: it may have happened, or not, or half."""

    def __init__(self, host: str, argv: tuple[str, ...], reason: str) -> None:
        self.host, self.argv = host, argv
        super().__init__(
            f"the connection was lost while `{shown(argv)}` ran" + (f" ({reason})" if reason else ""),
            where=host,
            means="The command may have taken effect, or half of it.",
            todo=f"See whether {host} is up, then run the same command again.",
        )


class PythonMissing(HostError):
    """The host has no python3, which every look at it needs."""


class CommandTimedOut(HostError):
    """A command didn't end in its time, and was ended."""

    def __init__(self, host: str, argv: tuple[str, ...], seconds: float) -> None:
        self.host, self.argv = host, argv
        super().__init__(
            f"`{shown(argv)}` was not done after {seconds:g} s",
            where=host,
            means="It may have taken effect, or half of it.",
            todo=f"See what {host} is busy with, then run the same command again.",
        )


class CommandFailed(HostError):
    """A command ended with another exit status than 0."""

    def __init__(self, host: str, argv: tuple[str, ...], status: int, stdout: str, stderr: str) -> None:
        self.host, self.argv, self.status, self.stdout, self.stderr = host, argv, status, stdout, stderr
        output = last_lines(stderr.strip() or stdout.strip())
        said = "\n" + textwrap.indent(output, "    ") if output else " and said nothing"
        super().__init__(f"`{shown(argv)}` ended with status {status}{said}", where=host)


def last_lines(text: str, count: int = OUTPUT_LINES) -> str:
    """The end of a command's output, as much as a message can carry."""
    lines = text.splitlines()
    return "\n".join(lines if len(lines) <= count else ["[...]", *lines[-count:]])


def shown(argv: tuple[str, ...], width: int = 200) -> str:
    """A command as a message shows it: quoted for a shell, on one line, cut when it holds a whole script."""
    line = " ".join(shlex.join(argv).split())
    return line if len(line) <= width else f"{line[:width]} ..."
