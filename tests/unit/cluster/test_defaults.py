"""What a person doesn't write, and how it is told apart from what they did."""

from datetime import timedelta
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from quorate.cluster import spelling
from quorate.cluster.loading import load, read
from quorate.cluster.model import Use
from quorate.cluster.written import SHAPE

ROOT = Path(__file__).parents[3]
LAB = (ROOT / "examples/lab.yaml").read_bytes()


def test_the_minimal_file() -> None:
    cluster = load(LAB, "lab.yaml")
    database = cluster.services.database
    assert database is not None
    assert list(cluster.nodes) == ["ctl1", "ctl2", "ctl3"]
    assert [network.name for network in cluster.networks_for(Use.RING)] == ["management", "storage"]
    assert [network.name for network in cluster.networks_for(Use.REPLICATION)] == ["storage"]
    assert cluster.nodes["ctl3"].address_on("storage") == IPv4Address("10.22.0.13")
    assert cluster.nodes["ctl2"].bmc.ipmi == IPv4Address("10.29.0.12")
    assert cluster.ssh_address("ctl1") == IPv4Address("10.20.0.11")
    assert (database.on, database.size, database.port) == (("ctl1", "ctl2"), 1 << 30, 3306)
    assert database.vip == IPv4Interface("10.20.0.20/24")
    assert cluster.objectives["database"].downtime == timedelta(seconds=30)


def test_the_explicit_example_is_the_same_cluster_with_nothing_left_to_default() -> None:
    explicit = read((ROOT / "examples/explicit.yaml").read_bytes(), "explicit.yaml")
    assert explicit.cluster == load(LAB, "lab.yaml")
    assert [path for path, origin in explicit.origins.items() if not origin.startswith("line ")] == []


def test_a_whole_control_plane_needs_no_more_than_its_names() -> None:
    names = ["database", "messaging", "identity", "image", "placement", "compute", "network", "block-storage"]
    text = "cluster: lab\nnodes: [a, b, c, d]\nservices: {" + ": , ".join([*names, "dashboard"]) + ": }\n"
    cluster = load(text.encode(), "c.yaml")
    declared = cluster.services.declared()
    assert list(declared) == list(cluster.objectives) == [*names, "dashboard"]
    assert [len(body.on) for body in declared.values()] == [2, 3, 4, 2, 4, 4, 4, 4, 4]
    assert cluster.front == IPv4Interface("10.20.0.21/24")
    assert cluster.networks["storage"].vip is None


def test_what_is_written_is_used_and_its_line_is_known() -> None:
    text = """\
cluster: lab
nodes:
  a: {links: {cold: {address: 10.1.0.9, nic: eno1}}}
  b:
  c: {bmc: {user: root}}
networks:
  cold: {cidr: 10.1.0.0/16, uses: [ssh, ring]}
  warm: {cidr: 10.2.0.0/16, uses: [ring, replication]}
services:
  database:
    on: [c, a]
    vip: 10.2.9.9
objectives:
  default: {downtime: 5min, lost_writes: 2}
  database:
    downtime: 1500ms
"""
    loaded = read(text.encode(), "c.yaml")
    cluster, origins = loaded.cluster, loaded.origins
    database = cluster.services.database
    assert database is not None
    assert (database.on, database.vip) == (("c", "a"), IPv4Interface("10.2.9.9/16"))
    assert cluster.nodes["a"].links["cold"].nic == "eno1"
    assert cluster.nodes["b"].address_on("warm") == IPv4Address("10.2.0.12")
    assert cluster.objectives["database"].downtime == timedelta(milliseconds=1500)
    assert cluster.objectives["database"].lost_writes == 2
    assert origins["nodes", "a", "links", "cold", "nic"] == "line 3"
    assert origins["nodes", "c", "bmc", "user"] == "line 5"
    assert origins["nodes", "c", "bmc", "ipmi"].startswith("default: host number 13")
    assert origins["networks", "warm", "cidr"] == "line 8"
    assert origins["services", "database", "vip"] == "line 12"
    assert origins["services", "database", "port"] == "default: MySQL's own port"
    assert origins["objectives", "database", "downtime"] == "line 16"
    assert origins["objectives", "database", "lost_writes"] == "line 14"


def test_every_worked_out_value_says_where_it_came_from() -> None:
    loaded = read(LAB, "lab.yaml")
    for line in spelling.write(loaded.cluster, loaded.origins).splitlines():
        key, _, value = line.partition("#")[0].partition(":")
        assert bool(value.strip()) <= ("# line " in line or "# default: " in line), key


def test_the_reference_has_every_key_in_its_section_and_no_other() -> None:
    sections = (ROOT / "docs/cluster-file.md").read_text().split("\n#")[1:]
    documented = {}
    for section in sections:
        title, *lines = section.lstrip("#").splitlines()
        if keys := {line.split("`")[1] for line in lines if line.startswith("| `")}:
            documented[title.strip()] = keys
    models = {".".join(path) or "The top": set(model.keys()) for path, model in SHAPE.items()}
    assert documented == models
