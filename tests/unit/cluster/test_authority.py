"""Certificates: made, handed in, made anew; and what is wrong with one is said before it reaches a host."""

import ipaddress
import ssl
import stat
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from quorate.cluster.authority import Authority, certificates_of
from quorate.cluster.certificates import Names
from quorate.cluster.loading import load
from quorate.errors import InputError, QuorateError, Refused

NOW = datetime.now(UTC).replace(microsecond=0)
VIP, NODE = IPv4Address("10.20.0.21"), IPv4Address("10.20.0.11")
WANTED = {"front": Names((VIP,)), "ctl1": Names((NODE,), ("ctl1",))}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "lab.quorate" / "tls"


def authority(folder: Path, wanted: dict[str, Names] = WANTED, now: datetime = NOW) -> Authority:
    return Authority(folder, wanted, now)


def handshake(folder: Path, name: str, asked_for: str) -> None:
    """A TLS connection in memory, its certificate verified as by any client. Raises ssl.SSLError."""
    client = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / f"{name}.pem")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=asked_for),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    while ends:
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                pass


def pair(
    name: str,
    *,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None,
    is_ca: bool = False,
    addresses: tuple[IPv4Address, ...] = (),
    begins: timedelta = -timedelta(days=1),
    ends: timedelta = timedelta(days=90),
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A certificate of a person's own CA."""
    key = ec.generate_private_key(ec.SECP384R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + begins)
        .not_valid_after(NOW + ends)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if addresses:
        names = [x509.IPAddress(ipaddress.ip_address(str(address))) for address in addresses]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def pem(*parts: x509.Certificate | ec.EllipticCurvePrivateKey) -> bytes:
    return b"".join(
        part.public_bytes(serialization.Encoding.PEM)
        if isinstance(part, x509.Certificate)
        else part.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        for part in parts
    )


def hand_in(folder: Path, **files: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.pem").write_bytes(content)
        (folder / f"{name}.pem").chmod(0o600)


def test_what_is_made_is_what_clients_take(folder: Path) -> None:
    made = authority(folder).settle()
    assert set(made.made) == {"ca.pem", "ca.key", "front.pem", "ctl1.pem"}
    handshake(folder, "front", str(VIP))
    handshake(folder, "ctl1", str(NODE))
    handshake(folder, "ctl1", "ctl1")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(folder, "front", str(NODE))


def test_keys_are_private_and_the_ca_is_not(folder: Path) -> None:
    authority(folder).settle()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"ca.pem": 0o644, "ca.key": 0o600, "front.pem": 0o600, "ctl1.pem": 0o600}
    assert b"PRIVATE" not in authority(folder).read("ca")


def test_a_second_time_nothing_is_made(folder: Path) -> None:
    authority(folder).settle()
    before = {path: path.read_bytes() for path in folder.iterdir()}
    again = authority(folder).settle()
    assert not again.made and not again.renewed
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_cluster_without_certificates_gets_no_ca(folder: Path) -> None:
    assert not authority(folder, {}).settle().made
    assert not folder.exists()


def test_our_own_are_made_anew_before_they_expire(folder: Path) -> None:
    authority(folder).settle()
    assert not authority(folder, now=NOW + timedelta(days=700)).settle().renewed
    later = NOW + timedelta(days=800)
    renewed = authority(folder, now=later).settle().renewed
    assert set(renewed) == {"front.pem", "ctl1.pem"}
    assert "good until" in renewed["front.pem"]
    authority(folder, now=later + timedelta(days=700)).read("front")


def test_our_own_are_made_anew_for_other_names(folder: Path) -> None:
    authority(folder).settle()
    moved = WANTED | {"front": Names((IPv4Address("10.20.0.99"),))}
    with pytest.raises(InputError) as caught:
        authority(folder, moved).read("front")
    assert "10.20.0.99" in caught.value.what
    assert "quorate init" in caught.value.todo
    assert set(authority(folder, moved).settle().renewed) == {"front.pem"}
    handshake(folder, "front", "10.20.0.99")


def test_a_new_ca_issues_all_anew(folder: Path) -> None:
    authority(folder).settle()
    (folder / "ca.pem").unlink()
    settled = authority(folder).settle()
    assert set(settled.made) == {"ca.pem", "ca.key"}
    assert set(settled.renewed) == {"front.pem", "ctl1.pem"}
    handshake(folder, "front", str(VIP))


def test_what_is_handed_in_is_taken_and_never_touched(folder: Path) -> None:
    root = pair("Root", is_ca=True)
    middle = pair("Middle", issuer=root, is_ca=True)
    # It expires in a day: its owner's affair, as long as it is good.
    leaf = pair("api.example.org", issuer=middle, addresses=(VIP,), ends=timedelta(days=1))
    content = pem(leaf[0], middle[0], leaf[1])
    hand_in(folder, ca=pem(root[0]), front=content)
    only = {"front": WANTED["front"]}
    assert not authority(folder, only).settle().made
    assert authority(folder, only).read("front") == content
    assert sorted(path.name for path in folder.iterdir()) == ["ca.pem", "front.pem"]


def test_the_key_may_stand_first(folder: Path) -> None:
    root = pair("Root", is_ca=True)
    leaf = pair("front", issuer=root, addresses=(VIP,))
    hand_in(folder, ca=pem(root[0]), front=pem(leaf[1], leaf[0]))
    authority(folder).read("front")


def test_a_certificate_that_no_ca_here_can_make(folder: Path) -> None:
    root = pair("Root", is_ca=True)
    leaf = pair("front", issuer=root, addresses=(VIP,))
    hand_in(folder, ca=pem(root[0]), front=pem(*leaf))
    with pytest.raises(InputError) as caught:
        authority(folder).settle()
    assert "ctl1.pem" in caught.value.what
    assert "10.20.0.11 and ctl1" in caught.value.means
    assert str(folder / "ctl1.pem") in caught.value.todo


def test_a_handed_in_front_beside_our_own_ca(folder: Path) -> None:
    """The front's from elsewhere, the brokers' ours: clients trust both CAs, in one file."""
    authority(folder).settle()
    root = pair("Root", is_ca=True)
    leaf = pair("front", issuer=root, addresses=(VIP,))
    hand_in(folder, front=pem(*leaf), ca=pem(root[0]) + (folder / "ca.pem").read_bytes())
    (folder / "ctl1.pem").unlink()
    assert authority(folder).settle().made == ("ctl1.pem",)
    authority(folder).read("front")
    authority(folder).read("ctl1")


ROOT = pair("Root", is_ca=True)
OTHER = pair("Other", is_ca=True)
MIDDLE = pair("Middle", issuer=ROOT, is_ca=True)
NO_CA = pair("No CA", issuer=ROOT)
EXPIRED_CA = pair("Old", issuer=ROOT, is_ca=True, ends=-timedelta(hours=1))


def leaf(**given: object) -> bytes:
    return pem(*pair("front", **({"issuer": ROOT, "addresses": (VIP,)} | given)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (leaf(ends=-timedelta(hours=1)), "has expired"),
        (leaf(begins=timedelta(hours=1)), "isn't valid before"),
        (leaf(addresses=(NODE,)), "isn't for 10.20.0.21"),
        (leaf(addresses=()), "isn't for 10.20.0.21"),
        (leaf(issuer=OTHER), "doesn't lead to the CA"),
        (leaf(issuer=MIDDLE), "doesn't lead to the CA"),  # the intermediate is missing
        (leaf(issuer=NO_CA) + pem(NO_CA[0]), "doesn't lead to the CA"),
        (leaf(issuer=EXPIRED_CA) + pem(EXPIRED_CA[0]), "doesn't lead to the CA"),
        (pem(pair("front", issuer=ROOT, addresses=(VIP,))[0], OTHER[1]), "isn't the certificate's"),
        (pem(pair("front", issuer=ROOT, addresses=(VIP,))[0]), "no key"),
        (pem(OTHER[1]), "no certificate"),
        (b"", "no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n", "no certificate"),
    ],
)
def test_what_is_not_good_is_refused(folder: Path, content: bytes, says: str) -> None:
    hand_in(folder, ca=pem(ROOT[0]), front=content)
    with pytest.raises(InputError) as caught:
        authority(folder).read("front")
    error = caught.value
    assert says in error.what
    assert error.where == str(folder / "front.pem")
    assert error.todo
    assert "PRIVATE KEY" not in f"{error} {error.means} {error.todo}"


def test_a_key_with_a_password_is_refused(folder: Path) -> None:
    certificate, key = pair("front", issuer=ROOT, addresses=(VIP,))
    locked = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    hand_in(folder, ca=pem(ROOT[0]), front=pem(certificate) + locked)
    with pytest.raises(InputError, match="without a password"):
        authority(folder).read("front")


def test_an_expired_ca_is_refused(folder: Path) -> None:
    authority(folder).settle()
    late = authority(folder, now=NOW + timedelta(days=3700))
    with pytest.raises(InputError, match="has expired"):
        late.read("ca")
    with pytest.raises(InputError, match="has expired") as caught:
        late.settle()
    assert "remove ca.pem and ca.key" in caught.value.todo


def test_an_expired_certificate_is_refused_for_nothing_else(folder: Path) -> None:
    made = authority(folder)
    assert not made.issues("front"), "there is no CA yet"
    made.settle()
    assert [made.issues(name) for name in ("front", "none")] == [True, False]
    (folder / "front.pem").write_bytes(made.expired("front"))
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"):
        handshake(folder, "front", str(VIP))
    authority(folder, now=NOW - timedelta(hours=2)).read("front")
    authority(folder).settle()
    handshake(folder, "front", str(VIP))


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_key_that_others_can_read_is_refused(folder: Path, mode: int) -> None:
    authority(folder).settle()
    (folder / "front.pem").chmod(mode)
    with pytest.raises(Refused, match="others than its owner"):
        authority(folder).read("front")


def test_what_is_missing_says_what_to_do(folder: Path) -> None:
    for name in ("ca", "front"):
        with pytest.raises(InputError) as caught:
            authority(folder).read(name)
        assert "quorate init" in caught.value.todo


def test_nowhere_to_put_them(tmp_path: Path) -> None:
    (tmp_path / "lab.quorate").write_text("a file")
    with pytest.raises(QuorateError):
        authority(tmp_path / "lab.quorate" / "tls").settle()


def test_which_certificates_a_cluster_needs() -> None:
    services = "{database: , messaging: , identity: }"
    cluster = load(f"cluster: lab\nnodes: [a, b, c]\nservices: {services}\n".encode(), "lab.yaml")
    wanted = certificates_of(cluster)
    assert wanted["front"] == Names((cluster.front.ip,))
    assert {name: str(names) for name, names in wanted.items() if name != "front"} == {
        "a": "10.20.0.11 and a",
        "b": "10.20.0.12 and b",
        "c": "10.20.0.13 and c",
    }
    alone = load(b"cluster: lab\nnodes: [a, b, c]\nservices: {database: }\n", "lab.yaml")
    assert certificates_of(alone) == {}
