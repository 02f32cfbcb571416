"""The secrets of a cluster: a file each in a folder beside the cluster file, made once, read only where needed."""

import contextlib
import os
import re
import secrets
import stat
import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from quorate.cluster.keyring import KeyRing
from quorate.errors import InputError, Refused

_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class _Kind:
    make: Callable[[], bytes]
    fits: re.Pattern[bytes]
    rule: str
    is_text: bool = True


def _word(length: int) -> bytes:
    return "".join(secrets.choice(_LETTERS) for _ in range(length)).encode()


_KINDS = {
    re.compile(r"corosync-authkey"): _Kind(
        # corosync-keygen(8): 1024 to 32768 bits; 2048 by default
        lambda: secrets.token_bytes(256),
        re.compile(rb"(?s).{128,4096}"),
        "128 to 4096 random bytes",
        is_text=False,
    ),
    re.compile(r"bmc-[a-z0-9-]+"): _Kind(
        # IPMI 2.0 takes at most 20 bytes
        lambda: _word(16),
        re.compile(rb"[!-~]{1,20}"),
        "a BMC's password, 1 to 20 printable characters without spaces",
    ),
    re.compile(r"drbd-[a-z0-9-]+"): _Kind(
        # drbd.conf(5), "shared-secret": at most 64 characters; no quotes, because it stands between them
        lambda: _word(32),
        re.compile(rb"[A-Za-z0-9_-]{16,64}"),
        "16 to 64 letters and digits",
    ),
    re.compile(r"(sql|messaging|dashboard|identity(?!-admin$))-[a-z0-9-]+"): _Kind(
        # They stand in URLs and in oslo.config's files, where `$`, `%` and `@` would mean something.
        lambda: _word(32),
        re.compile(rb"[A-Za-z0-9_-]{16,64}"),
        "16 to 64 letters and digits",
    ),
    re.compile(r"identity-admin"): _Kind(
        # keystone's bcrypt looks at 72 bytes
        lambda: _word(32),
        re.compile(rb"[!-~]{8,72}"),
        "8 to 72 printable characters without spaces",
    ),
    re.compile(r"keys-[a-z0-9-]+"): _Kind(
        lambda: KeyRing.new().render(),
        re.compile(rb"[0-9]{1,9} [A-Za-z0-9_-]{43}=(\r?\n[0-9]{1,9} [A-Za-z0-9_-]{43}=)+"),
        "a line for each key: its number, a space, and 32 bytes in URL-safe base64",
    ),
}


class Secrets:
    """The secrets in one folder. Holds no secret itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """The file of a secret."""
        _kind(name)
        return self.folder / name

    def read(self, name: str) -> bytes:
        """A secret's bytes, without the newline that an editor puts after a word.

        Raises:
            InputError: there is none yet, or it can't be one.
            Refused: somebody else may read it or have written it.
        """
        kind, path = _kind(name), self.folder / name
        try:
            # O_NONBLOCK: opening a pipe must not wait for a writer
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise InputError("this secret hasn't been made yet", where=str(path), todo="Run `quorate init`.") from None
        except OSError as error:
            raise InputError(f"this secret can't be read: {error.strerror}", where=str(path)) from None
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise InputError("this secret is not a file", where=str(path))
            if status.st_mode & 0o077:
                raise Refused(
                    f"others than its owner can read or change this secret (mode {stat.S_IMODE(status.st_mode):04o})",
                    where=str(path),
                    means="It may be known to others by now.",
                    todo=f"Make a new one, or if it is still good: chmod 600 {path}",
                )
            if status.st_uid not in (0, os.geteuid()):
                raise Refused(
                    f"this secret belongs to another user (uid {status.st_uid})",
                    where=str(path),
                    todo=f"If it is good: chown {os.geteuid()} {path}",
                )
            content = os.read(descriptor, 8192)
        finally:
            os.close(descriptor)
        if kind.is_text:
            content = content.rstrip(b"\r\n")
        if not kind.fits.fullmatch(content):
            todo = "Write it again, or remove the file and run `quorate init`."
            raise InputError(f"this can't be the secret: it must be {kind.rule}", where=str(path), todo=todo)
        return content

    def create(self, names: Iterable[str]) -> list[str]:
        """Makes the secrets that are missing and returns their names; one that is there is never touched.

        A crash leaves each secret whole or absent.

        Raises:
            InputError: the folder can't be made or written to.
        """
        try:
            return self._create(names)
        except OSError as error:
            what = f"secrets can't be made here: {error.strerror}"
            raise InputError(what, where=str(error.filename or self.folder)) from None

    def replace(self, name: str, content: bytes) -> None:
        """Puts another secret in the place of one, in one step: a crash leaves the old one or the new one.

        Raises:
            InputError: the folder can't be written to.
        """
        path = self.path(name)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            if write_new(temporary, content):
                temporary.replace(path)
            _synchronise(self.folder)
        except OSError as error:
            raise InputError(f"this secret can't be replaced: {error.strerror}", where=str(path)) from None

    def _create(self, names: Iterable[str]) -> list[str]:
        for folder in (self.folder.parent, self.folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        self.folder.chmod(0o700)
        made = []
        for name in names:
            path = self.path(name)
            if not path.exists() and write_new(path, _kind(name).make()):
                made.append(name)
        _synchronise(self.folder)
        return made


def _synchronise(folder: Path) -> None:
    """What a folder lists is on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _kind(name: str) -> _Kind:
    for pattern, kind in _KINDS.items():
        if pattern.fullmatch(name):
            return kind
    raise ValueError(f"no kind of secret is called {name!r}")


def write_new(path: Path, content: bytes) -> bool:
    """Puts a file in its place in one step; False if somebody was faster. `link`, because `rename` overwrites."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(temporary)
            return True
        return False
    finally:
        temporary.unlink()
