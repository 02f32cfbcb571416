"""`quorate plan` and `quorate apply` with what is not good to put onto a host: they stop before they reach any."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from quorate.cli import cluster, converge
from quorate.cli.site import Site
from quorate.cluster.authority import Authority, certificates_of
from quorate.errors import InputError

app = typer.Typer()
cluster.register(app)
converge.register(app)
FILE = "cluster: lab\nnodes: [a, b, c]\nservices: {database: , messaging: , identity: }\n"


def run(site: Site, command: str) -> None:
    result = CliRunner().invoke(app, [command, "--file", str(site.path)])
    if result.exception:
        raise result.exception


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site that is complete, but for hosts: whoever asks one gets another error than those here."""
    path = tmp_path / "atlas.yaml"
    path.write_text(FILE)
    site = Site.open(path)
    long_ago(site)
    run(site, "init")
    return site


def long_ago(site: Site) -> None:
    """Makes what certificates are missing as years ago, a CA that is still good included."""
    Authority(site.folder / "tls", certificates_of(site.cluster), datetime.now(UTC) - timedelta(days=3000)).settle()


def expire(site: Site, name: str) -> Path:
    """Has a certificate made again, of the same CA."""
    path = site.folder / "tls" / f"{name}.pem"
    path.unlink()
    long_ago(site)
    return path


def swap(site: Site, name: str, other: str) -> Path:
    """Puts the certificate of one beside the key of another."""
    path = site.folder / "tls" / f"{name}.pem"
    certificate = path.read_text().partition("-----BEGIN PRIVATE")[0]
    _, begins, key = (site.folder / "tls" / f"{other}.pem").read_text().partition("-----BEGIN PRIVATE")
    path.write_text(certificate + begins + key)
    return path


def refused(site: Site, command: str) -> InputError:
    with pytest.raises(InputError) as caught:
        run(site, command)
    assert caught.value.todo
    return caught.value


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_an_expired_certificate(site: Site, command: str) -> None:
    for name in ("front", "a"):
        path = expire(site, name)
        error = refused(site, command)
        assert "this certificate has expired" in error.what
        assert error.where == str(path)
        assert "quorate init" in error.todo
        run(site, "init")
        site.secret(f"tls-{name}")


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_key_that_is_another_s(site: Site, command: str) -> None:
    path = swap(site, "b", "c")
    error = refused(site, command)
    assert "the key in this file isn't the certificate's" in error.what
    assert error.where == str(path)
    before = path.read_bytes()
    refused(site, command)
    assert path.read_bytes() == before, "nothing is deleted or made anew unasked"


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_certificate_of_another_host(site: Site, command: str) -> None:
    tls = site.folder / "tls"
    (tls / "b.pem").write_bytes((tls / "c.pem").read_bytes())
    assert "this certificate isn't for" in refused(site, command).what
