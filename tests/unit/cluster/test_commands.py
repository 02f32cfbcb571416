"""`quorate show` and `quorate init`, as a person runs them."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from quorate.cli import cluster
from quorate.cluster.findings import ClusterFileError
from quorate.cluster.loading import load
from quorate.cluster.secrets import Secrets
from quorate.errors import InputError

app = typer.Typer()
cluster.register(app)
LAB = "cluster: lab\nnodes: [a, b, c]\nservices: {database: }\n"


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception:
        raise result.exception
    return result.stdout


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lab.yaml"
    path.write_text(LAB)
    return path


def test_show_prints_a_cluster_file_of_the_same_cluster(file: Path) -> None:
    shown = run("show", "--file", file)
    assert load(shown.encode(), "shown") == load(LAB.encode(), "lab")
    assert "cluster: lab " in shown
    comments = [line for line in shown.splitlines() if "# " in line]
    assert len({line.index("# ") for line in comments}) == 1
    assert any(line.split() == ["port:", "3306", "#", "default:", "MySQL's", "own", "port"] for line in comments)


def test_show_for_programs(file: Path) -> None:
    shown = json.loads(run("show", "--file", file, "--output", "json"))
    assert shown["file"]["nodes"]["b"]["bmc"] == {"ipmi": "10.29.0.12", "user": "admin"}
    assert shown["origins"]["cluster"] == "line 1"
    assert shown["origins"]["nodes.b.bmc.user"].startswith("default: ")


def test_init_makes_what_is_missing_and_shows_no_secret(file: Path) -> None:
    first = run("init", "--file", file)
    secrets = Secrets(file.parent / "lab.quorate" / "secrets")
    for name in ("corosync-authkey", "bmc-a", "bmc-b", "bmc-c", "drbd-database"):
        assert f"  {name}\n" in first
        assert secrets.read(name).decode("latin-1") not in first
    assert str(secrets.path("bmc-a")) in first
    second = run("init", "--file", file)
    assert "0 of them made now" in second and "BMC" not in second


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for command in ("init", "show"):
        with pytest.raises(InputError) as caught:
            run(command, "--file", tmp_path / "none.yaml")
        assert caught.value.where == str(tmp_path / "none.yaml")
    assert list(tmp_path.iterdir()) == []


def test_a_bad_file_makes_no_secrets(file: Path) -> None:
    file.write_text(LAB.replace("c]", "b]"))
    with pytest.raises(ClusterFileError):
        run("init", "--file", file)
    assert list(file.parent.iterdir()) == [file]
