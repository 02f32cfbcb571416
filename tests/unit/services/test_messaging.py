"""The messaging blueprint in both of its ways."""

import re

import pytest

from quorate.cluster.loading import load
from quorate.cluster.model import Cluster, Messaging
from quorate.services import messaging
from quorate.services.parts import Clone, File, Location, Order, Part, Primitive, Reach, Secret

WAYS = ["quorum", "drbd"]


def built(way: str) -> tuple[Messaging, Cluster, Part]:
    text = f"cluster: lab\nnodes: [ctl1, ctl2, ctl3, ctl4]\nservices: {{messaging: {{replicated_by: {way}}}}}\n"
    cluster = load(text.encode(), "lab.yaml")
    service = cluster.services.messaging
    assert service
    return service, cluster, messaging.blueprint(service, cluster)


def file(part: Part, host: str, path: str) -> File:
    (found,) = [file for file in part.files[host] if file.path == path]
    return found


def text(part: Part, host: str, path: str) -> str:
    return "".join(piece if isinstance(piece, str) else f"<{piece.name}>" for piece in file(part, host, path).content)


def settings(part: Part, host: str) -> dict[str, str]:
    lines = text(part, host, "/etc/rabbitmq/rabbitmq.conf").splitlines()
    return dict(line.split(" = ", 1) for line in lines if line and not line.startswith("#"))


def test_brokers_start_all_at_once_and_only_where_they_belong() -> None:
    service, _, part = built("quorum")
    assert service.on == ("ctl1", "ctl2", "ctl3")
    (clone,) = part.resources
    assert isinstance(clone, Clone)
    assert clone.meta == {"interleave": "true", "ordered": "false", "clone-max": "3", "clone-node-max": "1"}
    assert [(each.node, each.score) for each in part.constraints if isinstance(each, Location)] == [
        ("ctl4", "-INFINITY")
    ]


def test_every_broker_knows_all_and_finds_them_without_a_name_server() -> None:
    service, cluster, part = built("quorum")
    for host in service.on:
        conf = settings(part, host)
        members = [value for key, value in conf.items() if "classic_config.nodes" in key]
        assert members == ["rabbit@ctl1", "rabbit@ctl2", "rabbit@ctl3"]
        assert conf["cluster_partition_handling"] == "pause_minority"
        table = text(part, host, "/etc/rabbitmq/erl_inetrc")
        known = dict(re.findall(r'\{host, \{([\d,]+)\}, \["(\w+)"\]\}', table))
        assert {name: address.replace(",", ".") for address, name in known.items()} == {
            each: str(cluster.internal_address(each)) for each in service.on
        }
        assert f"NODENAME=rabbit@{host}\n" in text(part, host, "/etc/rabbitmq/rabbitmq-env.conf")


@pytest.mark.parametrize("way", WAYS)
def test_nothing_listens_everywhere_and_only_tls_is_for_clients(way: str) -> None:
    service, cluster, part = built(way)
    for host in service.on:
        listeners = [each for each in part.listeners[host] if each.process in ("beam.smp", "epmd")]
        assert {each.port for each in listeners if each.reach is Reach.CLIENTS} == {5671}
        own = {"127.0.0.1", str(cluster.internal_address(host)), *([str(service.vip.ip)] if service.vip else [])}
        assert {each.address for each in listeners} <= own
        assert all((each.address == "127.0.0.1") == (each.reach is Reach.HOST) for each in listeners)
        conf = settings(part, host)
        listens = {value for key, value in conf.items() if key.startswith("listeners.")}
        assert listens == {f"{each.address}:{each.port}" for each in listeners if each.port in (5671, 5672)}
        socket = text(part, host, "/etc/systemd/system/epmd.socket.d/quorate.conf")
        assert set(re.findall(r"ListenStream=(.+)", socket)) == {
            f"{each.address}:{each.port}" for each in listeners if each.process == "epmd"
        }
        assert "ListenStream=\n" in socket, "Debian's own address is dropped first"
        (distribution,) = [each.address for each in listeners if each.port == messaging.DISTRIBUTION_PORT]
        environment = text(part, host, "/etc/rabbitmq/rabbitmq-env.conf")
        assert f"inet_dist_use_interface {{{distribution.replace('.', ',')}}}" in environment


@pytest.mark.parametrize("way", WAYS)
def test_secrets_are_for_rabbitmq_alone(way: str) -> None:
    service, _, part = built(way)
    for host in service.on:
        for each in part.files[host]:
            names = {piece.name for piece in each.content if isinstance(piece, Secret)}
            if names - {"tls-ca"}:
                assert each.mode & 0o007 == 0, each.path
        cookie = file(part, host, "/var/lib/rabbitmq/.erlang.cookie")
        assert (cookie.mode, cookie.owner, cookie.group) == (0o400, "rabbitmq", "rabbitmq")
        assert cookie.content == (Secret("messaging-cookie"),)
        assert text(part, host, messaging.ACCOUNT).startswith(
            "default_user = openstack\ndefault_pass = <messaging-openstack>\n"
        )
        assert not file(part, host, messaging.ACCOUNT).restarts, "brokers that run have their account already"
        assert settings(part, host)["anonymous_login_user"] == "none"


def test_the_single_broker_is_the_same_on_both_hosts() -> None:
    service, _, part = built("drbd")
    assert service.on == ("ctl1", "ctl2")
    one, other = (
        {each.path: each.content for each in part.files[host] if each.path != messaging.CERTIFICATE}
        for host in service.on
    )
    assert one == other
    assert "NODENAME=rabbit@messaging\n" in text(part, "ctl1", "/etc/rabbitmq/rabbitmq-env.conf")
    assert '["messaging"]' in text(part, "ctl1", "/etc/rabbitmq/erl_inetrc")
    assert not [key for key in settings(part, "ctl1") if key.startswith("cluster_formation")]


def test_the_single_broker_waits_for_its_files_and_its_address() -> None:
    _, _, part = built("drbd")
    (volume,) = part.volumes
    assert (volume.mountpoint, volume.minor, volume.port) == ("/var/lib/rabbitmq/mnesia", 1, 7789)
    firsts = {each.first for each in part.constraints if isinstance(each, Order) and each.then == "messaging-broker"}
    assert firsts == {"messaging-filesystem", "messaging-address"}
    assert not messaging.COOKIE.startswith(f"{volume.mountpoint}/"), "the mount would hide it"


@pytest.mark.parametrize("way", WAYS)
def test_systemd_is_more_patient_than_the_agent_and_pacemaker_than_both(way: str) -> None:
    _, _, part = built(way)
    resources = [each.primitive if isinstance(each, Clone) else each for each in part.resources]
    (broker,) = [each for each in resources if isinstance(each, Primitive) and each.id == "messaging-broker"]
    timeouts = {each.name: each.timeout for each in broker.operations}
    assert int(broker.parameters["patience"]) < timeouts["start"]
    seconds = {key: int(value) for key, value in re.findall(r"(Timeout\w+Sec)=(\d+)", messaging.DROP_IN)}
    assert seconds["TimeoutStopSec"] < timeouts["stop"]
    assert timeouts["start"] < seconds["TimeoutStartSec"], "one that waits for its peers isn't killed for it"


@pytest.mark.parametrize(
    ("way", "hosts"),
    [("quorum", ["{0}", "{1}", "{2}"]), ("drbd", ["{vip}"])],
)
def test_services_know_every_broker(way: str, hosts: list[str]) -> None:
    service, cluster, part = built(way)
    addresses = [str(cluster.internal_address(host)) for host in service.on]
    expected = [each.format(*addresses, vip=service.vip.ip if service.vip else "") for each in hosts]
    pieces = messaging.transport(cluster)
    assert Secret("messaging-openstack") in pieces
    first = "".join(each if isinstance(each, str) else "SECRET" for each in pieces).splitlines()[0]
    url = ",".join(f"openstack:SECRET@{address}:5671" for address in expected)
    assert first == f"transport_url = rabbit://{url}/"
    (served,) = part.services
    assert [str(each) for each in served.addresses] == expected


def test_what_a_broker_remembers() -> None:
    assert messaging.remembered(None, None) is None
    assert messaging.remembered("lab\n", "[khepri_db].") == "lab"
    assert messaging.remembered("atlas\n", None) == "atlas"
    assert messaging.remembered(None, "[].") == "a cluster that Quorate didn't make"
    service, _, _ = built("quorum")
    assert messaging.features_path(service, "ctl2") == "/var/lib/rabbitmq/mnesia/rabbit@ctl2-feature_flags"
    service, _, _ = built("drbd")
    assert messaging.features_path(service, "ctl2") == "/var/lib/rabbitmq/mnesia/rabbit@messaging-feature_flags"
