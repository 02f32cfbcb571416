"""The look at SQL, asked of a real MariaDB; and that what `apply` makes there is what it finds afterwards."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quorate.converge.databases import CreateSchemas
from quorate.hosts.inspection import SqlSeen, seen
from quorate.node import inspect
from quorate.services.parts import Schema

SCHEMAS = tuple(Schema(name, f"sql-{name}", ("ctl1",), (), name, ()) for name in ("keystone", "nova_api"))

# As `keystone-manage db_sync` of Keystone 27 makes them, without what isn't asked for.
TABLES = """
CREATE TABLE alembic_version (version_num varchar(32));
CREATE TABLE region (id varchar(255));
CREATE TABLE service (id varchar(64), type varchar(255), enabled tinyint(1), extra text);
CREATE TABLE endpoint (id varchar(64), interface varchar(8), service_id varchar(64), url text, enabled tinyint(1),
    region_id varchar(255));
CREATE TABLE project (id varchar(64), name varchar(64), domain_id varchar(64));
CREATE TABLE user (id varchar(64), enabled tinyint(1));
CREATE TABLE local_user (user_id varchar(64), domain_id varchar(64), name varchar(255));
CREATE TABLE role (id varchar(64), name varchar(255));
CREATE TABLE assignment (type varchar(20), actor_id varchar(64), target_id varchar(64), role_id varchar(64),
    inherited tinyint(1));
INSERT INTO alembic_version VALUES ('47147121'), ('c88cdce8f248');
INSERT INTO region VALUES ('RegionOne');
INSERT INTO service VALUES ('s1', 'image', 1, '{"name": "glance", "description": "Im\\\\"age"}'),
    ('s2', 'compute', 0, '{}');
INSERT INTO endpoint VALUES ('e1', 'public', 's1', 'https://10.20.0.21:9292', 1, 'RegionOne'),
    ('e2', 'admin', 's1', 'https://10.20.0.21:9292', 0, 'RegionOne');
INSERT INTO project VALUES ('p1', 'service', 'default'), ('p2', 'admin', 'elsewhere');
INSERT INTO user VALUES ('u1', 1), ('u2', 0);
INSERT INTO local_user VALUES ('u1', 'default', 'glance'), ('u2', 'default', 'left');
INSERT INTO role VALUES ('r1', 'service');
INSERT INTO assignment VALUES ('UserProject', 'u1', 'p1', 'r1', 0), ('UserProject', 'u2', 'p1', 'r1', 0),
    ('UserProject', 'u1', 'p2', 'r1', 0);
"""

# As `nova-manage api_db sync` of Nova 31 makes it. The second cell is a person's, with its password in the table.
CELLS = """
CREATE DATABASE nova_api; USE nova_api;
CREATE TABLE cell_mappings (id int, uuid varchar(36), name varchar(255), transport_url text, database_connection text);
INSERT INTO cell_mappings VALUES
    (1, 'u0', 'cell0', 'none:///', '{scheme}://nova_cell0:{password}@{hostname}:{port}/nova_cell0?{query}'),
    (2, 'u1', 'theirs', 'rabbit://a:hush@b:5671,a:hush@c:5671/', 'mysql+pymysql://nova:hush@10.20.0.20/nova'),
    (3, 'u2', NULL, 'none:///', '');
"""

Client = Callable[[str], None]


@pytest.fixture
def client(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A server that serves, and a way to give it statements as root."""
    shutil.copytree(empty_database, tmp_path / "data")
    socket = tmp_path / "socket"
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    options = [f"--datadir={tmp_path}/data", f"--socket={socket}", "--skip-networking", "--innodb-log-file-size=4M"]
    server = subprocess.Popen(["/usr/sbin/mariadbd", "--no-defaults", *as_root, *options], stderr=subprocess.DEVNULL)
    monkeypatch.setattr(inspect, "SQL_SOCKET", str(socket))

    def give(statements: str) -> None:
        argv = ["mariadb", "--no-defaults", "--user=root", f"--socket={socket}"]
        subprocess.run(argv, input=statements, text=True, check=True, capture_output=True)

    deadline = time.monotonic() + 30
    while True:
        try:
            give("SELECT 1")
            break
        except subprocess.CalledProcessError:
            assert time.monotonic() < deadline, "the server doesn't serve"
            time.sleep(0.05)
    yield give
    server.kill()
    server.wait()


def look() -> SqlSeen | None:
    answer = inspect.answer({"schemas": [schema.name for schema in SCHEMAS], "catalogue": "keystone"})
    return seen("ctl1", answer).sql


def test_an_empty_server_has_none_of_it(client: Client) -> None:
    assert look() == SqlSeen()


def test_what_apply_makes_is_found_again_and_passwords_are_told_apart(client: Client) -> None:
    step = CreateSchemas(SCHEMAS, {schema.name: b"right" for schema in SCHEMAS}, ("ctl1",), "keystone")
    wrong = CreateSchemas(SCHEMAS, {schema.name: b"wrong" for schema in SCHEMAS}, ("ctl1",), "keystone")

    def differs() -> str | None:
        answer = inspect.answer({"schemas": [schema.name for schema in SCHEMAS], "catalogue": "keystone"})
        return step.differs({"ctl1": seen("ctl1", answer)})

    for each in (wrong, step):
        assert differs() is not None
        client("".join(f"{line};\n" for schema in SCHEMAS for line in each.statements(schema)))
    assert differs() is None
    client("REVOKE ALL PRIVILEGES ON `nova\\_api`.* FROM 'nova_api'@'%'")
    assert differs() == "nova_api may not be used by its account"


def test_identity_s_catalogue(client: Client) -> None:
    client(f"CREATE DATABASE keystone; USE keystone; {TABLES}")
    found = look()
    assert found is not None
    assert found.revisions == {"keystone": {"47147121", "c88cdce8f248"}}
    assert found.regions == {"RegionOne"}
    assert found.services == {"s1": ("image", "glance", True), "s2": ("compute", "", False)}
    assert found.endpoints == {("s1", "public", "RegionOne", "https://10.20.0.21:9292")}, "only what is enabled"
    assert found.projects == {"service"}
    assert found.roles == {("glance", "service", "service")}, "of accounts that are enabled, in the default domain"


def test_nova_s_cells_and_no_password_of_theirs(client: Client) -> None:
    assert look_at_cells().cells == {}, "a database that isn't there has none"
    client(CELLS)
    assert look_at_cells().cells == {
        ("nova_api", "cell0"): (
            "u0",
            "{scheme}://nova_cell0:{password}@{hostname}:{port}/nova_cell0?{query}",
            "none:///",
        ),
        ("nova_api", "theirs"): ("u1", "mysql+pymysql://nova:*@10.20.0.20/nova", "rabbit://a:*@b:5671,a:*@c:5671/"),
        ("nova_api", ""): ("u2", "", "none:///"),
    }


def look_at_cells() -> SqlSeen:
    found = seen("ctl1", inspect.answer({"schemas": ["nova_api"], "cells": ["nova_api"]})).sql
    assert found is not None
    return found


def test_a_server_that_refuses_is_an_error_and_not_an_empty_one(client: Client) -> None:
    client("CREATE USER a@localhost; GRANT ALL ON *.* TO a@localhost; ALTER USER root@localhost ACCOUNT LOCK")
    found = look()
    assert found is not None
    assert "ERROR 4151" in found.error


def test_without_a_server_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect, "SQL_SOCKET", str(tmp_path / "socket"))
    assert look() is None


def revision(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(f'"""Create Date: x\n\nrevision = no assignment of a string\n"""\n{text}')


def test_revision_files_as_the_services_write_them(tmp_path: Path) -> None:
    revision(tmp_path, "a", "revision = 'a'\ndown_revision = None\n")
    revision(tmp_path / "expand", "b", "revision: str = \"b\"\ndown_revision = 'a'\nbranch_labels = ('expand',)\n")
    revision(tmp_path / "contract", "c", "revision = 'c'\ndown_revision = (\n    'a',\n)\ndepends_on = ('b',)\n")
    revision(tmp_path / "later", "d", "revision = 'd'\ndown_revision = 'c'\n\ndef upgrade():\n    revision = 'none'\n")
    assert inspect.revisions(str(tmp_path)) == {"known": ["a", "b", "c", "d"], "beneath": ["a", "b", "c"]}
    assert inspect.revisions(str(tmp_path / "nowhere")) == {"known": [], "beneath": []}


def test_keys_are_told_by_hash(tmp_path: Path) -> None:
    (tmp_path / "0").write_text("key")
    (tmp_path / ".1.new").write_text("half")
    found = inspect.keys(str(tmp_path))
    assert found is not None
    assert list(found["keys"]) == ["0"]
    assert found["keys"]["0"]["sha256"] != "key"
    assert inspect.keys(str(tmp_path / "none")) is None


def test_what_is_mounted() -> None:
    found = inspect.mounted(["/proc", "/nothing/here"])
    assert found == {"/proc": "proc", "/nothing/here": ""}
