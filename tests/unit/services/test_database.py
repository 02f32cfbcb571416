"""The database's blueprint, judged by MariaDB itself where it is installed."""

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from quorate.cluster.model import Cluster, Database
from quorate.services import database
from quorate.services.parts import Order

PATH = os.environ["PATH"] + ":/usr/sbin"
AS_ROOT = ["--user=root"] if os.geteuid() == 0 else []


@pytest.fixture
def service(cluster: Cluster) -> Database:
    assert cluster.services.database
    return cluster.services.database


def need(program: str) -> None:
    if not shutil.which(program, path=PATH):
        pytest.skip(f"no {program} on this machine: install mariadb-server-core and mariadb-client-core")


def test_mariadb_takes_the_configuration(service: Database, tmp_path: Path) -> None:
    need("mariadbd")
    (tmp_path / "our.cnf").write_text(database.configuration(service))
    told = subprocess.run(
        ["mariadbd", f"--defaults-file={tmp_path}/our.cnf", "--help", "--verbose"],
        env={"PATH": PATH},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert told.returncode == 0, told.stderr
    values = dict(line.split(maxsplit=1) for line in told.stdout.splitlines() if len(line.split()) == 2)
    assert values["bind-address"] == "10.20.0.20"
    assert values["innodb-flush-log-at-trx-commit"] == "1"
    assert values["innodb-buffer-pool-size"] == str(128 * 1024**2)


@pytest.mark.parametrize(("gib", "pool", "log"), [(1, "128M", "64M"), (50, "4096M", "2048M"), (1000, "4096M", "2048M")])
def test_memory_follows_the_volume(service: Database, gib: int, pool: str, log: str) -> None:
    lines = database.configuration(service.model_copy(update={"size": gib * 1024**3})).splitlines()
    assert f"innodb-buffer-pool-size        = {pool}" in lines
    assert f"innodb-log-file-size           = {log}" in lines


def test_a_fresh_database_lets_in_root_by_the_socket_alone(cluster: Cluster, service: Database, tmp_path: Path) -> None:
    need("mariadb-install-db")
    need("mariadbd")
    (tmp_path / "data/lost+found").mkdir(parents=True)
    (command,) = database.volume(service, cluster).initialise
    # As a node runs it, but in a folder and as a user of this machine.
    own = {f"--datadir={database.DATA}": [f"--datadir={tmp_path}/data"], "--user=mysql": AS_ROOT}
    here = [word for given in command for word in own.get(given, [given])]
    made = subprocess.run([here[0], "--no-defaults", *here[1:]], capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    asked = subprocess.run(
        [
            "mariadbd",
            "--no-defaults",
            *AS_ROOT,
            f"--datadir={tmp_path}/data",
            "--bootstrap",
        ],
        input="SELECT user, host INTO OUTFILE 'users' FROM mysql.global_priv ORDER BY user;\n"
        "SELECT schema_name INTO OUTFILE 'schemas' FROM information_schema.schemata ORDER BY 1;\n"
        "SELECT json_value(priv, '$.authentication_string') INTO OUTFILE 'secret'"
        " FROM mysql.global_priv WHERE user = 'root';\n",
        env={"PATH": PATH},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert asked.returncode == 0, asked.stderr
    said = {name: path.read_text() for name in ("users", "secret", "schemas") for path in tmp_path.rglob(name)}
    assert said["users"].splitlines() == ["mariadb.sys\tlocalhost", "root\tlocalhost"]
    assert said["secret"].strip() == "invalid", "no password opens root's account"
    assert "test" not in said["schemas"].splitlines()


def test_the_server_waits_for_its_files_and_its_address(cluster: Cluster, service: Database) -> None:
    part = database.blueprint(service, cluster)
    firsts = {
        constraint.first
        for constraint in part.constraints
        if isinstance(constraint, Order) and constraint.then == "database-mariadb"
    }
    assert firsts == {"database-filesystem", "database-address"}


def test_each_host_cuts_its_volume_from_its_own_disk(cluster: Cluster, service: Database) -> None:
    nodes = cluster.nodes | {"ctl2": cluster.nodes["ctl2"].model_copy(update={"data": "/dev/sdx"})}
    volume = database.volume(service, cluster.model_copy(update={"nodes": nodes}))
    assert volume.backing == {"ctl1": cluster.nodes["ctl1"].data, "ctl2": "/dev/sdx"}
    assert replace(volume, minor=7).logical_volume == "/dev/quorate/database"
