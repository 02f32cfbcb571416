"""The certificates of a site: a CA that Quorate makes, what it issues, and what a person hands in instead.

In `FILE.quorate/tls/`, and on the hosts beneath /etc/quorate/tls:

    ca.pem      what clients trust; it may hold several certificates
    ca.key      the key of one of them, on this machine alone; not there if ca.pem was handed in
    front.pem   the front's certificate, intermediates and key
    NODE.pem    the same of the message broker on a node

What is there is taken as it is, and judged each time before it goes to a host: an expired or mismatched certificate
would stop all clients at once. Only what Quorate issued itself is ever made anew, and only by `settle`.

The CA isn't bound to the site's names and addresses (name constraints, RFC 5280, 4.2.1.10): they change with the
cluster file, and all clients would have to be given another CA each time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from quorate.cluster.certificates import Names, Pair, certificates, date, key, public, read, read_pair, untimely
from quorate.cluster.model import Cluster
from quorate.cluster.secrets import write_new
from quorate.errors import InputError

PREFIX = "tls-"
"""How the design names them among its secrets: `tls-ca`, `tls-front`, `tls-NODE`."""
FRONT = "front"
CA, CA_KEY = "ca.pem", "ca.key"

CA_LIFE = timedelta(days=3652)
LEAF_LIFE = timedelta(days=825)
"""The longest that common clients accept of a server's certificate (Apple's since 2019)."""
RENEWAL = timedelta(days=30)
SKEW = timedelta(days=1)
"""Certificates begin a day early: a client's clock may be behind."""
MAKER = "Quorate"
"""The organisation in what Quorate issues, by which it knows its own."""


def certificates_of(cluster: Cluster) -> dict[str, Names]:
    """The certificates that a cluster needs: one of the front, one of each node with a message broker."""
    services, wanted = cluster.services, {}
    if set(services.declared()) - {"database", "messaging"}:
        wanted[FRONT] = Names((cluster.front.ip,))
    if broker := services.messaging:
        floating = (broker.vip.ip,) if broker.vip else ()
        for node in broker.on:
            wanted[node] = Names((cluster.internal_address(node), *floating), (node,))
    return wanted


@dataclass(frozen=True)
class Settled:
    """What `settle` did."""

    made: tuple[str, ...] = ()
    """Files that weren't there."""
    renewed: Mapping[str, str] = field(default_factory=dict)
    """Files that were, and why they were made anew."""


class Authority:
    """The certificates in one folder. Holds no key itself."""

    def __init__(self, folder: Path, wanted: Mapping[str, Names], now: datetime) -> None:
        """`wanted` by the files' names without `.pem`; `now` with its time zone."""
        self.folder, self._wanted, self._now = folder, wanted, now

    @property
    def ca(self) -> Path:
        """What clients trust."""
        return self.folder / CA

    def read(self, name: str) -> bytes:
        """What goes to a host: `ca`, or a certificate with its key; judged before.

        Raises:
            InputError: it isn't there, or it isn't good: unreadable, expired, for another key, name or CA.
            Refused: somebody else may have read the key.
        """
        if name == "ca":
            return self._read_ca()
        path = self.folder / f"{name}.pem"
        self._judge(read_pair(path), self._wanted[name])
        return read(path, private=True)

    def settle(self) -> Settled:
        """Makes what is missing, and anew what Quorate issued itself and expires soon or is for other names.

        Raises:
            InputError: something can't be made: the folder, or a certificate of a CA whose key isn't here.
        """
        try:
            return self._settle() if self._wanted else Settled()
        except OSError as error:
            what = f"certificates can't be made here: {error.strerror}"
            raise InputError(what, where=str(error.filename or self.folder)) from None

    def issues(self, name: str) -> bool:
        """Whether the cluster needs this certificate, and the CA's key is here to issue it."""
        return name in self._wanted and (self.folder / CA_KEY).exists()

    def expired(self, name: str) -> bytes:
        """A certificate of the same names, and its key, that was good until an hour ago; for drills alone.

        Raises:
            InputError: the CA's key isn't here, or the CA isn't good itself.
        """
        return self._issue(name, self._wanted[name], -timedelta(hours=1))

    def _settle(self) -> Settled:
        for folder in (self.folder.parent, self.folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        made: list[str] = []
        renewed: dict[str, str] = {}
        if not self.ca.exists():
            self._make_ca()
            made += [CA, CA_KEY]
        for name, names in self._wanted.items():
            path = self.folder / f"{name}.pem"
            if not path.exists():
                write_new(path, self._issue(name, names))
                made.append(path.name)
            elif why := self._outdated(path, names):
                _replace(path, self._issue(name, names))
                renewed[path.name] = why
        return Settled(tuple(made), renewed)

    def _outdated(self, path: Path, names: Names) -> str | None:
        """Why a certificate has to be made anew; None for one that is good, or handed in."""
        if not (self.folder / CA_KEY).exists():
            return None
        pair = read_pair(path)
        if not _is_ours(pair.certificate):
            return None
        until = pair.certificate.not_valid_after_utc
        if until - RENEWAL < self._now:
            return f"it {'was' if until < self._now else 'is'} good until {date(until)}"
        if missing := names.missing_in(pair.certificate):
            return f"it isn't for {missing}"
        if public(pair.key) != public(pair.certificate):
            return "its key is another one's"
        return None if pair.leads_to(self._trusted(), self._now) else "it is of another CA"

    def _make_ca(self) -> None:
        private = ec.generate_private_key(ec.SECP256R1())
        name = _name(f"{self.folder.parent.stem[:40]} CA")
        certificate = (
            self._begin(name, name, private, CA_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .sign(private, hashes.SHA256())
        )
        # The key first: a certificate without one would look handed in.
        (self.folder / CA_KEY).unlink(missing_ok=True)
        write_new(self.folder / CA_KEY, _pem(private))
        write_new(self.ca, certificate.public_bytes(serialization.Encoding.PEM))
        self.ca.chmod(0o644)

    def _issue(self, name: str, names: Names, life: timedelta = LEAF_LIFE) -> bytes:
        """A new certificate and its key. Raises InputError if the CA's key isn't here."""
        issuing, issuer = self._issuer(name, names)
        private = ec.generate_private_key(ec.SECP256R1())
        alternatives = [*map(x509.IPAddress, names.addresses), *map(x509.DNSName, names.names)]
        # Brokers are each other's clients, too.
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing.public_key())
        life = min(life, issuer.not_valid_after_utc - self._now)
        certificate = (
            self._begin(_name(name), issuer.subject, private, life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(identifier, critical=False)
            .sign(issuing, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM) + _pem(private)

    def _issuer(self, name: str, names: Names) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        """The CA that issues: its key, and the one of the trusted certificates that the key belongs to."""
        path = self.folder / CA_KEY
        if not path.exists():
            raise InputError(
                f"{name}.pem is missing, and can't be made: the CA was handed in without its key",
                where=str(self.folder),
                means=f"It has to be for {names}.",
                todo=f"Hand in {self.folder / name}.pem, too (mode 0600). {_AS_PEM}",
            )
        issuing = key(path, read(path, private=True))
        for issuer in self._trusted():
            if public(issuer) == public(issuing) and isinstance(issuing, ec.EllipticCurvePrivateKey):
                if why := untimely(issuer, self._now):
                    break
                return issuing, issuer
        else:
            why = f"isn't that of the key in {CA_KEY}, or that is no EC key"
        raise InputError(f"the CA's certificate {why}", where=str(self.ca), means="It can't issue any.", todo=_NEW_CA)

    def _begin(
        self, subject: x509.Name, issuer: x509.Name, private: ec.EllipticCurvePrivateKey, life: timedelta
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - SKEW)
            .not_valid_after(self._now + life)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        )

    def _trusted(self) -> list[x509.Certificate]:
        return certificates(self.ca, read(self.ca, private=False))

    def _read_ca(self) -> bytes:
        for certificate in self._trusted():
            if why := untimely(certificate, self._now):
                means, todo = "Clients would trust no service.", f"Hand in another one there. {_NEW_CA}"
                raise InputError(f"the CA's certificate {why}", where=str(self.ca), means=means, todo=todo)
        return read(self.ca, private=False)

    def _judge(self, pair: Pair, names: Names) -> None:
        """Raises InputError with the first thing that is wrong with a certificate."""
        what, means = "", "Every client would refuse the connection."
        todo = f"Hand in another one there. {_AS_PEM}"
        if _is_ours(pair.certificate) and (self.folder / CA_KEY).exists():
            todo = "`quorate init` makes it anew."
        if why := untimely(pair.certificate, self._now):
            what = f"this certificate {why}"
        elif public(pair.key) != public(pair.certificate):
            what, means = "the key in this file isn't the certificate's", "The service could not start with it."
        elif missing := names.missing_in(pair.certificate):
            what = f"this certificate isn't for {missing} (subject alternative names)"
        elif not pair.leads_to(self._trusted(), self._now):
            what = f"this certificate doesn't lead to the CA in {self.ca}"
            todo += f" That of its CA belongs into {CA}."
        if what:
            raise InputError(what, where=str(pair.path), means=means, todo=todo)


_AS_PEM = "It holds the certificate, those between it and the CA, and the key, one after the other, each as PEM."
_NEW_CA = f"For a new CA, which all clients have to be given: remove {CA} and {CA_KEY}, and run `quorate init`."


def _is_ours(certificate: x509.Certificate) -> bool:
    """Whether Quorate issued it: nobody else has reason to name Quorate as the organisation that it is for."""
    found = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return any(each.value == MAKER for each in found)


def _pem(private: ec.EllipticCurvePrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _name(common: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, MAKER), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _replace(path: Path, content: bytes) -> None:
    """Puts a new file in the place of an old one, in one step."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    write_new(temporary, content)
    temporary.replace(path)
