"""The blueprints of all OpenStack services: what holds for each of them, whatever it is."""

import configparser
import itertools
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quorate.cluster.loading import load
from quorate.cluster.model import Cluster
from quorate.converge import restarts
from quorate.design import work_out
from quorate.services import (
    block_storage,
    compute,
    dashboard,
    identity,
    image,
    network,
    placement,
)
from quorate.services.parts import Clone, File, Location, Order, Part, Reach, Secret

ALL = ("identity", "image", "placement", "compute", "network", "block-storage", "dashboard")
BLUEPRINTS: dict[str, Callable[[Any, Cluster], Part]] = {
    "identity": identity.blueprint,
    "image": image.blueprint,
    "placement": placement.blueprint,
    "compute": compute.blueprint,
    "network": network.blueprint,
    "block-storage": block_storage.blueprint,
    "dashboard": dashboard.blueprint,
}


@pytest.fixture
def whole() -> Cluster:
    """A cluster with everything."""
    lines = ["cluster: lab", "nodes: [ctl1, ctl2, ctl3]", "services:", "  database:", "  messaging:"]
    return load("\n".join([*lines, *(f"  {name}:" for name in ALL), ""]).encode(), "lab.yaml")


def part(name: str, cluster: Cluster) -> Part:
    return BLUEPRINTS[name](cluster.services.declared()[name], cluster)


def text(file: File) -> str:
    return "".join(piece if isinstance(piece, str) else f"<{piece.name}>" for piece in file.content)


def clones(of: Part) -> list[Clone]:
    return [
        resource
        for resource in of.resources
        if isinstance(resource, Clone) and resource.primitive.agent == "ocf:quorate:openstack-api"
    ]


@pytest.mark.parametrize("name", ALL)
def test_nobody_but_the_service_reads_its_secrets(whole: Cluster, name: str) -> None:
    files = itertools.chain(*part(name, whole).files.values())
    public = (Secret("tls-ca"),)  # kept with the secrets, and none
    secret = [file for file in files if any(isinstance(p, Secret) for p in file.content) and file.content != public]
    assert secret
    for file in secret:
        if file.path.startswith("/etc/drbd.d/"):
            assert file.mode == 0o600
        else:
            assert (file.mode, file.owner) == (0o640, "root")
            assert file.group not in ("root", "nogroup")


@pytest.mark.parametrize("name", ALL)
def test_pacemaker_alone_starts_its_programs(whole: Cluster, name: str) -> None:
    built = part(name, whole)
    units = {clone.primitive.parameters["unit"] for clone in clones(built)}
    assert units
    for host in built.units:
        assert {unit.name for unit in built.units[host] if not unit.enabled} >= units
        files = {file.path: text(file) for file in built.files[host]}
        for unit in units:
            written = files[f"/etc/systemd/system/{unit}"]
            assert "\nRestart=no\n" in written
            assert "Wants=" not in written, "Debian's units would start a database and a broker"


@pytest.mark.parametrize("name", ALL)
def test_it_listens_on_inner_addresses_alone_and_is_asked_there(whole: Cluster, name: str) -> None:
    built = part(name, whole)
    for host in built.listeners:
        listeners = [one for one in built.listeners[host] if one.process == "uwsgi-core"]
        reaches = {listener.address: listener.reach for listener in listeners}
        assert reaches == {str(whole.internal_address(host)): Reach.CLUSTER, "127.0.0.1": Reach.HOST}
        sockets = {
            address
            for file in built.files[host]
            if file.path.startswith("/etc/quorate/uwsgi/")
            for address in re.findall(r"^http-socket = (.*)$", text(file), re.MULTILINE)
        }
        assert sockets == {f"{listener.address}:{listener.port}" for listener in listeners}
    asked = [clone.primitive.parameters["url"] for clone in clones(built)]
    assert all(url.startswith("http://127.0.0.1:") for url in asked if url)
    for balanced in built.balanced:
        assert set(balanced.servers) == set(built.listeners)


@pytest.mark.parametrize("name", ALL)
def test_no_order_between_services_moves_one_because_of_another(whole: Cluster, name: str) -> None:
    own = {clone.id for clone in clones(part(name, whole))}
    orders = [one for one in part(name, whole).constraints if isinstance(one, Order) and one.then in own]
    assert {one.kind for one in orders} == {"Optional"}
    firsts = {one.first for one in orders}
    assert {"database-mariadb", "messaging-broker-clone"} <= firsts
    assert firsts.isdisjoint(own)


def test_services_come_up_in_their_order(whole: Cluster) -> None:
    firsts = {
        name: {one.first for one in part(name, whole).constraints if isinstance(one, Order) and one.kind == "Optional"}
        for name in ALL
    }
    assert firsts["identity"] == {"database-mariadb", "messaging-broker-clone"}
    assert firsts["image"] == firsts["identity"] | {"identity-api-clone"}
    assert firsts["placement"] == firsts["dashboard"] == firsts["image"] | {"image-api-clone"}


@pytest.mark.parametrize("name", ALL)
def test_its_configuration_is_read_as_it_is_meant(whole: Cluster, name: str) -> None:
    built = part(name, whole)
    for file in built.files["ctl1"]:
        if file.path.endswith(".conf") and file.mode == 0o640:
            parser = configparser.RawConfigParser(strict=True)
            parser.read_string(text(file))
            databases = [section for section in parser.sections() if parser.has_option(section, "connection")]
            assert databases
            for section in databases:
                url = parser.get(section, "connection")
                user = re.fullmatch(rf"mysql\+pymysql://(\w+):<sql-{name}>@10\.20\.0\.20:3306/\1\?charset=utf8", url)
                assert user
                assert user[1] in {schema.name for schema in built.schemas}
    for schema in built.schemas:
        assert schema.secret == f"sql-{name}"
        assert schema.hosts == tuple(built.units)


def test_the_units_variables_reach_the_sections_that_name_a_database(whole: Cluster) -> None:
    for name in ALL:
        built = part(name, whole)
        configured = {
            section.upper()
            for file in built.files["ctl1"]
            if file.path.endswith(".conf") and file.mode == 0o640
            for section in re.findall(r"^\[(\w+)\]\nconnection = ", text(file), re.MULTILINE)
        }
        units = [file for file in built.files["ctl1"] if file.path.startswith("/etc/systemd/system/")]
        for unit in units:
            assert set(re.findall(r"^Environment=OS_(\w+)__CONNECTION_PARAMETERS=", text(unit), re.M)) == configured


def test_one_cinder_writes_volumes_at_a_time(whole: Cluster) -> None:
    most = {clone.id: clone.meta.get("clone-max") for clone in clones(part("block-storage", whole))}
    assert most == {
        "block-storage-api-clone": None,
        "block-storage-scheduler-clone": None,
        "block-storage-volume-clone": "1",
    }


def test_services_talk_by_way_of_all_brokers(whole: Cluster) -> None:
    (conf,) = {text(file) for file in part("compute", whole).files["ctl1"] if file.path == "/etc/nova/nova.conf"}
    parser = configparser.RawConfigParser()
    parser.read_string(conf)
    for node in whole.nodes:
        assert f"@{whole.internal_address(node)}:5671" in parser.get("DEFAULT", "transport_url")


def test_keystone_keeps_as_many_keys_as_its_tokens_need(whole: Cluster) -> None:
    (tokens, _) = part("identity", whole).keys
    (conf,) = {text(file) for file in part("identity", whole).files["ctl1"] if file.path.endswith("keystone.conf")}
    assert tokens.most == 3
    assert f"max_active_keys = {tokens.most}\n" in conf
    assert tokens.most >= (identity.EXPIRY + identity.GRACE) / identity.ROTATION + 2


@pytest.mark.parametrize("name", ["identity", "compute"])
def test_a_frozen_memcached_costs_no_answer_and_what_one_missed_is_soon_forgotten(whole: Cluster, name: str) -> None:
    """python-memcached's flush raises where nobody catches it: seen as connections that Keystone closes unanswered."""
    told = "\n".join(text(file) for file in part(name, whole).files["ctl1"])
    assert "memcache_pool_flush_on_reconnect = false" in told
    times = re.findall(r"^(?:cache_time|expiration_time) = (\d+)$", told, re.MULTILINE)
    assert len(times) == {"identity": 3, "compute": 1}[name]
    assert {int(seconds) for seconds in times} == {60}


def test_glance_on_a_volume_runs_on_both_hosts_and_serves_where_it_is_mounted(whole: Cluster) -> None:
    built = part("image", whole)
    (volume,) = built.volumes
    (api,) = clones(built)
    assert volume.hosts == ("ctl1", "ctl2") == tuple(built.listeners)
    assert "sync" in volume.mount_options.split(","), "Glance itself never flushes what it says is there"
    assert api.primitive.parameters["statuses"] == "200 503"
    assert built.balanced[0].healthy == (200,)
    assert built.services[0].active_resource == "image-filesystem"
    mounted = [file for file in built.files["ctl1"] if file.path.endswith("glance-api.conf")]
    assert f"filesystem_store_datadir = {volume.mountpoint}/images\n" in text(mounted[0])


@pytest.mark.parametrize(
    ("store", "says"),
    [
        ("{rbd: {rbd_store_pool: images}}", "rbd_store_pool = images\n"),
        ("{s3: {s3_store_bucket: images}}", "s3_store_bucket = images\n"),
        ("{swift: {swift_store_container: images}}", "swift_store_container = images\n"),
    ],
)
def test_a_store_elsewhere_is_passed_through_and_glance_serves_everywhere(store: str, says: str) -> None:
    lines = "cluster: lab\nnodes: [ctl1, ctl2, ctl3]\nservices:\n  database:\n  identity:\n"
    cluster = load(f"{lines}  image: {{store: {store}}}\n".encode(), "lab.yaml")
    built = part("image", cluster)
    assert not built.volumes
    assert tuple(built.listeners) == ("ctl1", "ctl2", "ctl3")
    (conf,) = {text(file) for file in built.files["ctl3"] if file.path.endswith("glance-api.conf")}
    assert says in conf
    assert "filesystem_store_datadir = /var/lib/glance/staging" in conf
    (api,) = clones(built)
    assert api.primitive.parameters["statuses"] == "200"


def test_an_nfs_export_is_mounted_by_pacemaker_wherever_glance_runs() -> None:
    lines = "cluster: lab\nnodes: [ctl1, ctl2, ctl3]\nservices:\n  database:\n  identity:\n"
    store = "{nfs: {export: 'nas:/images', filesystem_store_file_perm: '0640'}}"
    cluster = load(f"{lines}  image: {{on: [ctl1, ctl3], store: {store}}}\n".encode(), "lab.yaml")
    built = part("image", cluster)
    assert not built.volumes
    (mount,) = [each for each in built.resources if isinstance(each, Clone) and each.id == "image-filesystem-clone"]
    assert mount.primitive.agent == "ocf:heartbeat:Filesystem"
    assert mount.primitive.parameters["device"] == "nas:/images"
    assert mount.primitive.parameters["directory"] == image.MOUNT
    assert "nfsvers=4" in mount.primitive.parameters["options"]
    assert mount.primitive.parameters["force_unmount"] == "safe", "fuser would wait for a server that is away"
    assert "promotable" not in mount.meta, "every host has it at the same time"
    off = {(each.resource, each.node) for each in built.constraints if isinstance(each, Location)}
    assert off == {("image-filesystem-clone", "ctl2"), ("image-api-clone", "ctl2")}
    for host in ("ctl1", "ctl3"):
        assert "nfs-common" in built.packages[host]
        assert {unit.name for unit in built.units[host] if not unit.enabled} >= {"rpcbind.socket", "rpcbind.service"}
        conf = next(text(file) for file in built.files[host] if file.path.endswith("glance-api.conf"))
        # Nothing that Glance keeps is beside the export, and no option of ours is taken for one of Glance's.
        folders = re.findall(r"^filesystem_store_datadir = (.*)$", conf, re.MULTILINE)
        assert folders == [f"{image.MOUNT}/{name}" for name in ("images", "staging", "tasks")]
        assert "filesystem_store_file_perm = 0640\n" in conf
        assert not re.search("^(export|mount_options) ", conf, re.MULTILINE)
        ini = next(text(file) for file in built.files[host] if file.path.endswith("image-api.ini"))
        assert f"env = QUORATE_IMAGE_STORE={image.MOUNT}\n" in ini
    (api,) = clones(built)
    assert api.primitive.parameters["statuses"] == "200 503", "without its store it is well, and left alone"
    assert built.balanced[0].healthy == (200,), "and gets no clients"
    assert built.services[0].resources == ("image-filesystem-clone", "image-api-clone")


def test_all_services_make_one_design(whole: Cluster) -> None:
    declared = [part(name, whole) for name in ALL]
    ids = [resource.id for built in declared for resource in built.resources]
    assert len(ids) == len(set(ids))
    ports = [balanced.port for built in declared for balanced in built.balanced]
    assert sorted(ports) == [443, 5000, 8774, 8775, 8776, 8778, 9292, 9696]
    names = [balanced.name for built in declared for balanced in built.balanced]
    assert len(names) == len(set(names))


def test_a_file_stands_once_on_a_host_and_a_change_of_it_reaches_all_that_read_it(whole: Cluster) -> None:
    for host in work_out(whole).hosts.values():
        files = {file.path: file for file in host.files}
        assert len(files) == len(host.files)
        nova = ("nova-api.service", "nova-api-metadata.service", "nova-conductor.service", "nova-scheduler.service")
        assert files["/etc/nova/nova.conf"].restarts == nova
    design = work_out(whole)
    for unit in nova:
        assert "/etc/nova/nova.conf" in restarts.files_of(unit, "ctl1", design)


def test_uwsgi_takes_its_file(whole: Cluster, tmp_path: Path) -> None:
    """A small application under the very file, but for its addresses and what it serves."""
    program = shutil.which("uwsgi-core")
    if not program or not Path("/usr/lib/uwsgi/plugins/python3_plugin.so").exists():
        pytest.skip("no uwsgi-core with its Python plugin on this machine")
    application = "def application(environ, start):\n    start('200 OK', [])\n    return [b'well']\n"
    (tmp_path / "app.py").write_text(application)
    ini = next(text(f) for f in part("identity", whole).files["ctl1"] if f.path.endswith("identity-api.ini"))
    ini = re.sub(r"^http-socket = .*\n", "", ini, flags=re.MULTILINE)
    ini = re.sub(
        r"^wsgi-file = .*$", f"http-socket = {tmp_path}/socket\nwsgi-file = {tmp_path}/app.py", ini, flags=re.M
    )
    (tmp_path / "u.ini").write_text(ini)
    process = subprocess.Popen([program, "--ini", f"{tmp_path}/u.ini"], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        said = list(itertools.takewhile(lambda line: "spawned uWSGI worker 2" not in line, process.stderr))
        assert any("ready in" in line for line in said), said
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("name", ["identity", "placement", "dashboard"])
def test_every_host_has_the_authority_that_its_services_trust(name: str) -> None:
    """Also one without a broker, which would bring it."""
    text = "cluster: lab\nnodes: [a, b, c]\nservices: {database: , messaging: {replicated_by: drbd}, identity: "
    cluster = load(f"{text}, {name}: }}\n".encode() if name != "identity" else f"{text}}}\n".encode(), "lab.yaml")
    for host in work_out(cluster).hosts.values():
        assert [file.path for file in host.files].count("/etc/quorate/tls/ca.pem") == 1, host.name
