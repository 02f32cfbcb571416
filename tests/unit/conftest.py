"""What the tests of several pure layers start from."""

from datetime import timedelta
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest
from hypothesis import settings

from quorate.cluster.model import Bmc, Cluster, Database, Link, Network, Node, Objective, Services, Use

# How long an example takes says more about the machine, and what else runs on it, than about the code.
settings.register_profile("quorate", deadline=None)
settings.load_profile("quorate")


@pytest.fixture
def cluster() -> Cluster:
    """Three nodes, two networks, and a database on two of the nodes."""
    networks = {
        "management": Network(
            name="management",
            cidr=IPv4Network("10.20.0.0/24"),
            uses=frozenset({Use.SSH, Use.RING, Use.API}),
        ),
        "storage": Network(
            name="storage", cidr=IPv4Network("10.22.0.0/24"), uses=frozenset({Use.RING, Use.REPLICATION})
        ),
    }
    nodes = {
        f"ctl{number}": Node(
            name=f"ctl{number}",
            links={
                name: Link(network=name, address=IPv4Interface((network.cidr[10 + number], network.cidr.prefixlen)))
                for name, network in networks.items()
            },
            bmc=Bmc(ipmi=IPv4Address(f"10.29.0.{10 + number}"), user="admin"),
            data="/dev/disk/by-partlabel/quorate-data",
        )
        for number in (1, 2, 3)
    }
    database = Database(
        engine="mariadb",
        replicated_by="drbd",
        on=("ctl1", "ctl2"),
        size=1024**3,
        vip=IPv4Interface("10.20.0.20/24"),
        port=3306,
    )
    return Cluster(
        name="lab",
        nodes=nodes,
        networks=networks,
        services=Services(database=database),
        objectives={"database": Objective(downtime=timedelta(seconds=30), lost_writes=0)},
    )
