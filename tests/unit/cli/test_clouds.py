"""clouds.yaml and certificates, as `quorate init` leaves them beside the cluster file."""

import stat
from pathlib import Path

import pytest
import typer
from ruamel.yaml import YAML
from typer.testing import CliRunner

from quorate.cli import clouds, cluster
from quorate.cli.site import Site
from quorate.errors import InputError
from quorate.services.identity import ADMIN_SECRET

app = typer.Typer()
cluster.register(app)
FILE = "cluster: lab\nnodes: [a, b, c]\nservices: {database: , identity: }\n"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    path = tmp_path / "atlas.yaml"
    path.write_text(FILE)
    return Site.open(path)


def init(site: Site) -> str:
    result = CliRunner().invoke(app, ["init", "--file", str(site.path)])
    if result.exception:
        raise result.exception
    return result.stdout


def test_a_client_finds_the_site(site: Site) -> None:
    said = init(site)
    assert "front.pem" in said and "OS_CLOUD=lab" in said
    environment = clouds.environment(site)
    file = Path(environment["OS_CLIENT_CONFIG_FILE"])
    cloud = YAML(typ="safe").load(file)["clouds"][environment["OS_CLOUD"]]
    password = site.secrets.read(ADMIN_SECRET).decode()
    assert cloud["auth"]["auth_url"] == f"https://{site.cluster.front.ip}:5000/v3"
    assert cloud["auth"]["password"] == password
    assert Path(cloud["cacert"]).is_absolute()
    assert Path(cloud["cacert"]).read_bytes() == site.secret("tls-ca")
    assert password not in said
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_second_time_nothing_is_said_of_it(site: Site) -> None:
    init(site)
    again = init(site)
    assert "clouds.yaml" not in again and ".pem" not in again
    assert clouds.write(site) is False


def test_it_follows_the_password_and_is_made_private_again(site: Site) -> None:
    init(site)
    site.secrets.path(ADMIN_SECRET).write_text('a:"#{b}-%!')
    assert clouds.write(site) is True
    cloud = YAML(typ="safe").load(clouds.path(site))["clouds"]["lab"]
    assert cloud["auth"]["password"] == 'a:"#{b}-%!'
    clouds.path(site).chmod(0o644)
    clouds.write(site)
    assert stat.S_IMODE(clouds.path(site).stat().st_mode) == 0o600


def test_without_identity_there_is_no_cloud(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(FILE.replace(", identity:", ""))
    site = Site.open(tmp_path / "x.yaml")
    init(site)
    assert not clouds.path(site).exists()
    assert not site.authority.folder.exists()


def test_before_init_there_is_no_password(site: Site) -> None:
    with pytest.raises(InputError) as caught:
        clouds.write(site)
    assert "quorate init" in caught.value.todo


def test_a_certificate_stands_for_its_secret(site: Site) -> None:
    init(site)
    assert b"PRIVATE KEY" in site.secret("tls-front")
    assert b"PRIVATE KEY" not in site.secret("tls-ca")
    (site.authority.folder / "front.pem").write_text("spoiled")
    with pytest.raises(InputError, match=r"front\.pem"):
        site.secret("tls-front")
