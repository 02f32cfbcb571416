"""Certificates and keys as files: read, and judged. What is wrong with one is said before it reaches a host."""

import contextlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from quorate.errors import InputError, Refused

LARGEST = 1 << 20


@dataclass(frozen=True)
class Names:
    """What a certificate has to be good for."""

    addresses: tuple[IPv4Address, ...]
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " and ".join([*map(str, self.addresses), *self.names])

    def missing_in(self, certificate: x509.Certificate) -> str:
        """Those that the certificate isn't for, as text; empty if it is for all."""
        addresses: list[object] = []
        names: list[str] = []
        with contextlib.suppress(x509.ExtensionNotFound):
            found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            addresses += found.get_values_for_type(x509.IPAddress)
            names += found.get_values_for_type(x509.DNSName)
        return str(
            Names(
                tuple(each for each in self.addresses if each not in addresses),
                tuple(each for each in self.names if each not in names),
            )
        )


@dataclass(frozen=True)
class Pair:
    """What a file holds: a certificate, those between it and the CA, and its key."""

    path: Path
    certificate: x509.Certificate
    intermediates: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes

    def leads_to(self, trusted: Iterable[x509.Certificate], now: datetime) -> bool:
        """Whether signatures lead from the certificate, over its intermediates, to one that is trusted."""
        trusted, current, left = tuple(trusted), self.certificate, list(self.intermediates)
        while not (current in trusted or any(_issued(current, each) for each in trusted)):
            following = next((each for each in left if _issued(current, each) and not untimely(each, now)), None)
            if following is None:
                return False
            left.remove(following)
            current = following
        return True


def read_pair(path: Path) -> Pair:
    """A file with certificate and key. Raises InputError, Refused."""
    content = read(path, private=True)
    first, *others = certificates(path, content)
    return Pair(path, first, tuple(others), key(path, content))


def read(path: Path, *, private: bool) -> bytes:
    """A file's bytes. Raises InputError, and Refused if it is to be private and isn't."""
    try:
        # O_NONBLOCK: opening a pipe must not wait for a writer
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise InputError("this certificate hasn't been made yet", where=str(path), todo="Run `quorate init`.") from None
    except OSError as error:
        raise InputError(f"this certificate can't be read: {error.strerror}", where=str(path)) from None
    with open(descriptor, "rb") as file:  # noqa: PTH123
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise InputError("this certificate is not a file", where=str(path))
        if private and status.st_mode & 0o077:
            raise Refused(
                f"others than its owner can read or change this key (mode {stat.S_IMODE(status.st_mode):04o})",
                where=str(path),
                means="It may be known to others by now.",
                todo=f"Have a new one made, or if it is still good: chmod 600 {path}",
            )
        return file.read(LARGEST)


def certificates(path: Path, content: bytes) -> list[x509.Certificate]:
    """All certificates in a file's content, in their order, at least one. Raises InputError."""
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError:
        raise InputError("there is no certificate in this file (PEM)", where=str(path), todo=_AS_PEM) from None


def key(path: Path, content: bytes) -> PrivateKeyTypes:
    """The key in a file's content, wherever it stands. Raises InputError."""
    begin = content.find(b"-----BEGIN ")
    while begin >= 0:
        line = content[begin : content.find(b"\n", begin)]
        if line.rstrip().endswith(b"PRIVATE KEY-----"):
            with contextlib.suppress(ValueError, TypeError):
                return serialization.load_pem_private_key(content[begin:], password=None)
        begin = content.find(b"-----BEGIN ", begin + 1)
    what = "there is no key in this file that can be read without a password (PEM)"
    raise InputError(what, where=str(path), todo=_AS_PEM)


_AS_PEM = "It holds the certificate, those between it and the CA, and the key, one after the other, each as PEM."


def public(holder: PrivateKeyTypes | x509.Certificate) -> bytes:
    """The public key, in a form that can be compared."""
    return holder.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def untimely(certificate: x509.Certificate, now: datetime) -> str | None:
    """Why a certificate isn't good now; None if it is."""
    if certificate.not_valid_after_utc < now:
        return f"has expired ({date(certificate.not_valid_after_utc)})"
    if certificate.not_valid_before_utc > now:
        return f"isn't valid before {date(certificate.not_valid_before_utc)}, or this machine's clock is wrong"
    return None


def date(moment: datetime) -> str:
    """The day, as a message says it."""
    return f"{moment:%Y-%m-%d}"


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    with contextlib.suppress(ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        certificate.verify_directly_issued_by(issuer)
        return issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    return False
