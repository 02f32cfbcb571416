"""Every mistake that a person can make in a cluster file, and the finding that it gets: its code and its line."""

import pytest

from quorate.cluster.findings import ClusterFileError, Severity
from quorate.cluster.loading import load, read


def findings(text: str | bytes) -> list[tuple[int, str]]:
    """Line and code of every finding, in the order in which they are reported."""
    with pytest.raises(ClusterFileError) as caught:
        load(text.encode() if isinstance(text, str) else text, "c.yaml")
    assert caught.value.exit_status == 2
    return [(finding.where.line, finding.code) for finding in caught.value.findings]


def message(text: str) -> str:
    with pytest.raises(ClusterFileError) as caught:
        load(text.encode(), "c.yaml")
    return str(caught.value)


MINIMAL = """\
cluster: lab
nodes: [ctl1, ctl2, ctl3]
services:
  database:
"""

NODES = """\
cluster: lab
services: {database: }
nodes:
  ctl1: {links: {storage: {address: 10.22.0.1}}}
  ctl2:
  ctl3:
"""  # what is added begins on line 7

NETWORKS = """\
cluster: lab
services: {database: }
nodes: [ctl1, ctl2, ctl3]
networks:
"""  # what is added begins on line 5


def test_a_good_file_has_no_findings() -> None:
    for text in (MINIMAL, NODES):
        assert read(text.encode(), "c.yaml").warnings == ()


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        # Names that nobody declared
        ((4, "undeclared-node"), MINIMAL.replace("database:", "database: {on: [ctl1, ctl4]}")),
        ((7, "undeclared-network"), NODES + "    links: {storge: {address: 10.22.0.9}}"),
        ((5, "undeclared-service"), MINIMAL + "objectives: {databse: {downtime: 5s}}"),
        # Addresses
        ((7, "same-address"), NODES + "    links: {storage: {address: 10.22.0.1}}"),
        ((7, "same-address"), NODES + "    links: {storage: {address: 10.22.0.12}}"),  # ctl2's default
        ((4, "same-address"), NODES.replace("10.22.0.1}", "10.22.0.12}")),  # where it is written, not where it isn't
        ((7, "address-outside"), NODES + "    links: {storage: {address: 10.23.0.13}}"),
        ((7, "reserved-address"), NODES + "    links: {storage: {address: 10.22.0.0}}"),
        ((7, "reserved-address"), NODES + "    links: {storage: {address: 10.22.0.255}}"),
        ((7, "bad-address"), NODES + "    links: {storage: {address: 10.22.0.256}}"),
        ((7, "bad-address"), NODES + "    links: {storage: {address: 127.0.0.1}}"),
        ((7, "bad-address"), NODES + "    links: {storage: {address: 010.022.000.013}}"),
        ((7, "ipv6"), NODES + "    links: {storage: {address: 'fd00::13'}}"),
        ((4, "same-address"), MINIMAL.replace("database:", "database: {vip: 10.20.0.12}")),
        ((4, "vip-outside"), MINIMAL.replace("database:", "database: {vip: 10.30.0.20}")),
        ((4, "reserved-address"), MINIMAL.replace("database:", "database: {vip: 10.20.0.255}")),
        # Networks
        ((5, "bad-network"), NETWORKS + "  storage: {cidr: 10.22.0.5/24}\n  management:"),
        ((5, "bad-network"), NETWORKS + "  storage: {cidr: 10.22.0.0}\n  management:"),
        ((5, "bad-network"), NETWORKS + "  storage: {cidr: 0.0.0.0/0}\n  management:"),
        ((5, "ipv6"), NETWORKS + "  storage: {cidr: 'fd00::/64'}\n  management:"),
        ((6, "networks-overlap"), NETWORKS + "  management:\n  storage: {cidr: 10.20.0.0/25}"),
        ((5, "unknown-word"), NETWORKS + "  storage: {uses: [rings]}\n  management:"),
        ((4, "no-ssh-network"), NETWORKS + "  management: {uses: [ring]}\n  storage:"),
        ((4, "no-replication-network"), NETWORKS + "  management:\n  storage: {uses: [ring]}"),
        ((5, "one-ring"), NETWORKS + "  management:\n  storage: {uses: [replication]}"),
        ((4, "no-ring-network"), NETWORKS + "  management: {uses: [ssh, replication]}"),
        ((5, "missing"), NETWORKS + "  more: {uses: [api]}\n  management:\n  storage:"),
        ((5, "missing"), NETWORKS + "  more: {cidr: 10.9.0.0/24}\n  management:\n  storage:"),
        ((4, "too-many"), NETWORKS + "".join(f"  n{i}: {{cidr: 10.{i}.0.0/24}}\n" for i in range(9))),
        # Nodes
        ((2, "too-few-nodes"), MINIMAL.replace("[ctl1, ctl2, ctl3]", "[ctl1, ctl2]")),
        ((2, "too-few-nodes"), MINIMAL.replace("[ctl1, ctl2, ctl3]", "[ctl1]")),
        ((2, "too-few-nodes"), MINIMAL.replace("[ctl1, ctl2, ctl3]", "[]")),
        ((2, "too-many"), MINIMAL.replace("ctl3", ", ".join(f"n{i}" for i in range(40)))),
        ((2, "duplicate-node"), MINIMAL.replace("ctl3", "ctl3, ctl2")),
        ((2, "bad-name"), MINIMAL.replace("ctl3", "ctl_3")),
        ((2, "bad-name"), MINIMAL.replace("ctl3", "-ctl3")),
        ((2, "bad-name"), MINIMAL.replace("ctl3", "Ctl3")),
        ((2, "bad-name"), MINIMAL.replace("ctl3", "front")),
        ((2, "bad-name"), MINIMAL.replace("ctl3", "c" * 64)),
        ((2, "bad-name"), MINIMAL.replace("ctl3", "'3'")),
        ((2, "bad-name"), MINIMAL.replace("ctl3", "'../../etc'")),
        ((2, "wrong-type"), MINIMAL.replace("ctl3", "3")),
        ((5, "wrong-type"), NODES.replace("  ctl2:", "  ctl2: 5")),
        ((1, "bad-name"), MINIMAL.replace("lab", "my lab")),
        ((7, "bad-device"), NODES + "    data: sdb"),
        ((7, "bad-device"), NODES + "    data: /dev/../etc/passwd"),
        ((7, "bad-device"), NODES + "    data: '/dev/sdb; reboot'"),
        ((7, "bad-nic"), NODES + "    links: {storage: {nic: an interface}}"),
        ((7, "bad-nic"), NODES + "    links: {storage: {nic: [eno1, eno1]}}"),
        # Fencing
        ((7, "fences-nobody"), NODES + "bmc: {ctl9: {ipmi: 10.29.0.19}}"),
        ((7, "bad-user"), NODES + "    bmc: {user: 'admin -v'}"),
        ((7, "secret-in-file"), NODES + "    bmc: {password: hunter2}"),
        # The pair
        ((4, "drbd-pair"), MINIMAL.replace("database:", "database: {on: [ctl1]}")),
        ((4, "drbd-pair"), MINIMAL.replace("database:", "database: {on: [ctl1, ctl1]}")),
        ((4, "drbd-pair"), MINIMAL.replace("database:", "database: {on: [ctl1, ctl2, ctl3]}")),
        ((4, "wrong-type"), MINIMAL.replace("database:", "database: {on: ctl1}")),
        # Services and what they promise
        ((3, "no-service"), MINIMAL.replace("  database:\n", "")),
        ((1, "no-service"), "cluster: lab\nnodes: [a, b, c]"),
        ((4, "missing-service"), MINIMAL.replace("database", "identity")),
        ((5, "missing-service"), MINIMAL + "  block-storage:\n  identity:\n"),
        ((5, "unknown-key"), MINIMAL + "  block_storage:\n"),
        ((5, "undeclared-node"), MINIMAL + "  identity: {on: [ctl1, ctl4]}"),
        ((5, "one-instance"), MINIMAL + "  identity: {on: [ctl1]}"),
        ((5, "bad-placement"), MINIMAL + "  identity: {on: []}"),
        ((5, "bad-placement"), MINIMAL + "  identity: {on: [ctl1, ctl1]}"),
        ((5, "broker-count"), MINIMAL + "  messaging: {on: [ctl1, ctl2]}"),
        ((5, "drbd-pair"), MINIMAL + "  messaging: {replicated_by: drbd, on: [ctl1, ctl2, ctl3]}"),
        ((5, "same-address"), MINIMAL + "  messaging: {replicated_by: drbd, vip: 10.20.0.20}"),
        ((6, "drbd-pair"), MINIMAL + "  identity:\n  image: {on: [ctl1, ctl2, ctl3]}"),
        ((6, "bad-store"), MINIMAL + "  identity:\n  image: {store: [rbd]}"),
        ((6, "bad-store"), MINIMAL + "  identity:\n  image: {store: {nfs: {}}}"),
        ((6, "bad-store"), MINIMAL + "  identity:\n  image: {store: {nfs: {export: /images}}}"),
        (
            (6, "bad-store"),
            MINIMAL + "  identity:\n  image: {store: {nfs: {export: 'nas:/i', mount_options: 'hard,nfsvers=3'}}}",
        ),
        ((6, "unknown-word"), MINIMAL + "  identity:\n  image: {store: {ceph: {}}}"),
        ((6, "secret-in-file"), MINIMAL + "  identity:\n  image: {store: {s3: {s3_store_secret_key: hunter2}}}"),
        ((5, "vip-unused"), NETWORKS + "  management: {vip: 10.20.0.30}\n  storage:"),
        (
            (4, "no-api-network"),
            NETWORKS.replace("database: ", "database: , identity: ") + "  management: {uses: [ssh, ring]}\n  storage:",
        ),
        ((4, "unknown-key"), MINIMAL.replace("database", "datebase")),
        ((4, "unknown-word"), MINIMAL.replace("database:", "database: {engine: oracle}")),
        ((4, "not-yet"), MINIMAL.replace("database:", "database: {replicated_by: galera}")),
        ((4, "bad-unit"), MINIMAL.replace("database:", "database: {size: 2GB}")),
        ((4, "bad-unit"), MINIMAL.replace("database:", "database: {size: 2}")),
        ((4, "bad-unit"), MINIMAL.replace("database:", "database: {size: -2GiB}")),
        ((4, "bad-size"), MINIMAL.replace("database:", "database: {size: 1MiB}")),
        ((4, "bad-size"), MINIMAL.replace("database:", "database: {size: 999999999TiB}")),
        ((4, "no-value"), MINIMAL.replace("database:", "database: {size: }")),
        ((4, "bad-port"), MINIMAL.replace("database:", "database: {port: 22}")),
        ((4, "wrong-type"), MINIMAL.replace("database:", "database: {port: '3306'}")),
        ((4, "wrong-type"), MINIMAL.replace("database:", "database: {port: true}")),
        ((5, "impossible-objective"), MINIMAL + "objectives: {default: {downtime: 0s}}"),
        ((5, "bad-unit"), MINIMAL + "objectives: {default: {downtime: -5s}}"),
        ((5, "bad-unit"), MINIMAL + "objectives: {default: {downtime: 30}}"),
        ((5, "bad-unit"), MINIMAL + "objectives: {default: {downtime: 99999999999999999999h}}"),
        ((5, "impossible-objective"), MINIMAL + "objectives: {default: {lost_writes: -1}}"),
        # The file
        ((1, "empty-file"), ""),
        ((1, "empty-file"), "# nothing\n"),
        ((1, "missing"), MINIMAL.replace("cluster: lab\n", "")),
        ((1, "missing"), MINIMAL.replace("nodes: [ctl1, ctl2, ctl3]\n", "")),
        ((3, "tab"), "cluster: lab\nservices:\n\tdatabase:\n"),
        ((2, "not-yaml"), "cluster: lab\nnodes:\t[a, b]\n"),
        ((5, "duplicate-key"), MINIMAL + "cluster: other"),
        ((7, "duplicate-key"), NODES + "  ctl2:"),
        ((1, "wrong-type"), "[lab]"),
        ((1, "wrong-type"), "lab"),
        ((5, "many-documents"), MINIMAL + "--- {cluster: other}"),
        ((2, "alias"), MINIMAL.replace("[ctl1", "&all [ctl1")),
        ((1, "tag"), MINIMAL.replace("lab", "!!python/object lab")),
        ((2, "not-yaml"), MINIMAL.replace("ctl3]", "ctl3}")),
        ((1, "binary-file"), b"\x7fELF\x02\x01\x01\x00\x00\xff"),
        ((1, "binary-file"), MINIMAL.encode("utf-16")),
        ((2, "not-utf8"), b"cluster: lab\nnodes: [caf\xe9]"),
        ((2, "binary-file"), "cluster: lab\nnodes: [\x1b[31m]"),
    ],
)
def test_each_mistake_has_its_finding_and_nothing_else(expected: tuple[int, str], text: str | bytes) -> None:
    assert findings(text) == [expected]


def test_bmcs() -> None:
    bmcs = "cluster: lab\nservices: {database: }\nnodes:\n"
    a, b = "  ctl1: {bmc: {ipmi: 10.9.0.1}}\n", "  ctl2: {bmc: {ipmi: 10.9.0.2}}\n"
    assert findings(bmcs + a + b + "  ctl3: {bmc: {ipmi: 10.9.0.2}}") == [(6, "same-address")]
    assert findings(bmcs + a + b + "  ctl3: {bmc: {ipmi: 10.20.0.11}}") == [(6, "same-address")]
    assert findings(bmcs + a + b + "  ctl3: {bmc: {user: root}}") == [(6, "no-bmc")]
    assert findings(bmcs + a + b + "  ctl3:") == [(6, "no-bmc")]


def test_all_findings_come_at_once_in_the_order_of_the_file() -> None:
    text = """\
cluster: My Lab
nodes:
  ctl1: {data: sdb, colour: red}
  ctl2: {links: {management: {address: 10.99.0.1}}}
networks:
  management: {cidr: 10.20.0.0/24, uses: [ssh, ring]}
  storage: {cidr: 10.22.0.0/24, uses: [replication]}
services:
  database: {on: [ctl1, ctl7], size: 5, cluster: x}
objectives: 5
"""
    assert findings(text) == [
        (1, "bad-name"),
        (2, "too-few-nodes"),
        (3, "bad-device"),
        (3, "unknown-key"),
        (4, "address-outside"),
        (6, "one-ring"),
        (9, "undeclared-node"),
        (9, "bad-unit"),
        (9, "unknown-key"),
        (10, "wrong-type"),
    ]


def test_what_only_follows_from_another_finding_is_not_said() -> None:
    """A bad network, node or service is one finding, not one for every value that stands on it."""
    assert findings(NETWORKS + "  management: {cidr: x}\n  storage: {cidr: y}") == [
        (5, "bad-network"),
        (6, "bad-network"),
    ]
    assert findings(MINIMAL.replace("[ctl1, ctl2, ctl3]", "5")) == [(2, "wrong-type")]
    assert findings(MINIMAL.replace("database", "databse") + "objectives: {database: {downtime: 5s}}") == [
        (4, "unknown-key")
    ]


def test_a_misspelt_word_gets_a_suggestion_its_line_and_a_caret() -> None:
    assert message(MINIMAL.replace("database", "databse")) == (
        "c.yaml: the cluster file has 1 error\n"
        "\n"
        "c.yaml:4:3: error: `databse` isn't known under `services` [unknown-key]\n"
        "      databse:\n"
        "      ^\n"
        "  Did you mean `database`?"
    )
    assert "Did you mean `ctl3`?" in message(MINIMAL.replace("database:", "database: {on: [ctl1, ctrl3]}"))
    assert "Did you mean `10.22.0.0/24`?" in message(NETWORKS + "  storage: {cidr: 10.22.0.5/24}\n  management:")


def test_a_default_in_a_conflict_is_called_one() -> None:
    text = message(MINIMAL.replace("database:", "database: {vip: 10.20.0.12}"))
    assert (
        "10.20.0.12 is ctl2's on management (by default: host number 12 on management) and the database service's"
        in text
    )


def test_a_line_that_may_hold_a_secret_is_not_quoted() -> None:
    text = message(NODES + "    bmc: {ipmi: nowhere, password: hunter2}")
    assert "[secret-in-file]" in text and "[bad-address]" in text
    assert "hunter2" not in text


def test_a_warning_stops_nothing() -> None:
    loaded = read((NODES + "    data: /dev/sdb").encode(), "c.yaml")
    assert [(w.where.line, w.code, w.severity) for w in loaded.warnings] == [(7, "unstable-device", Severity.WARNING)]


def test_four_nodes_are_fine() -> None:
    assert len(load(MINIMAL.replace("ctl3", "ctl3, ctl4").encode(), "c.yaml").nodes) == 4
