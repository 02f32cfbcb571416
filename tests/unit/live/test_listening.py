"""What listens beside what should: from what `ss` of iproute2 6.15 printed on a node."""

from quorate.cluster.loading import load
from quorate.live.listening import Socket, compare, sockets
from quorate.services import messaging
from quorate.services.parts import Listener, Reach

OUTPUT = """\
udp   UNCONN 0      9984      10.20.0.11:5405      0.0.0.0:*    users:(("corosync",pid=17835,fd=28))
udp   UNCONN 0      0      127.0.0.1%lo:323        0.0.0.0:*    users:(("chronyd",pid=412,fd=5))
tcp   LISTEN 0      128          0.0.0.0:22        0.0.0.0:*    users:(("sshd",pid=501,fd=6))
tcp   LISTEN 0      128             [::]:22           [::]:*    users:(("sshd",pid=501,fd=7))
tcp   LISTEN 0      5         10.22.0.11:7788      0.0.0.0:*
tcp   LISTEN 0      128                *:4369            *:*    users:(("epmd",pid=77,fd=3),("systemd",pid=1,fd=55))
tcp   LISTEN 0      100        10.20.0.11:5000     0.0.0.0:*    users:(("uwsgi-core",pid=9,fd=4))
"""
SSH = Listener(22, "0.0.0.0", "sshd", Reach.CLIENTS)
COROSYNC = Listener(5405, "10.20.0.11", "corosync", Reach.CLUSTER, protocol="udp")
DRBD = Listener(7788, "10.22.0.11", "", Reach.CLUSTER)
EPMD = Listener(4369, "0.0.0.0", "epmd", Reach.CLUSTER)
API = Listener(5000, "10.20.0.11", "uwsgi-core", Reach.CLUSTER)
DATABASE = Listener(3306, "10.20.0.20", "mariadbd", Reach.NETWORK)
ALL = (SSH, COROSYNC, DRBD, EPMD, API, DATABASE)
HERE = {"10.20.0.11", "10.22.0.11", "127.0.0.1"}


def test_lines_are_read() -> None:
    found = sockets(OUTPUT)
    assert len(found) == 7
    assert Socket("udp", "127.0.0.1", 323, frozenset({"chronyd"})) in found
    assert Socket("tcp", "::", 22, frozenset({"sshd"})) in found
    assert Socket("tcp", "10.22.0.11", 7788) in found
    assert Socket("tcp", "*", 4369, frozenset({"epmd", "systemd"})) in found


def test_a_host_as_designed() -> None:
    difference = compare(OUTPUT, ALL, HERE)
    assert not difference.unexpected, "loopback is nobody else's affair"
    assert not difference.missing, "the database's address is on another host"


def test_what_no_listener_announces() -> None:
    for listener in (SSH, COROSYNC, DRBD, EPMD, API):
        rest = [each for each in ALL if each is not listener]
        unexpected = compare(OUTPUT, rest, HERE).unexpected
        assert {socket.port for socket in unexpected} == {listener.port}


def test_the_same_port_elsewhere_is_not_the_same() -> None:
    wider = OUTPUT.replace("10.20.0.11:5000", "0.0.0.0:5000")
    (unexpected,) = compare(wider, ALL, HERE).unexpected
    assert str(unexpected) == "tcp 0.0.0.0:5000 (uwsgi-core)"
    assert compare(wider, ALL, HERE).missing == (API,)
    by_another = OUTPUT.replace('"uwsgi-core"', '"nc"')
    assert [socket.port for socket in compare(by_another, ALL, HERE).unexpected] == [5000]
    assert compare(OUTPUT.replace("udp   UNCONN 0      9984", "tcp   LISTEN 0      9984"), ALL, HERE).unexpected


def test_what_is_missing() -> None:
    assert compare("", ALL, HERE).missing == (SSH, COROSYNC, EPMD, API)
    assert compare(OUTPUT, ALL, HERE | {"10.20.0.20"}).missing == (DATABASE,)


def test_drbd_closes_its_port_once_its_peer_has_come() -> None:
    connected = "".join(line for line in OUTPUT.splitlines(keepends=True) if ":7788" not in line)
    assert not compare(connected, ALL, HERE).missing


# RabbitMQ 4.0.5 with the files of `replicated_by: drbd`, where it runs; the port mapper is systemd's.
BROKER = """\
tcp   LISTEN 0      128         127.0.0.1:5672      0.0.0.0:*    users:(("beam.smp",pid=4058,fd=39))
tcp   LISTEN 0      128        10.20.0.22:5671      0.0.0.0:*    users:(("beam.smp",pid=4058,fd=40))
tcp   LISTEN 0      128         127.0.0.1:25672     0.0.0.0:*    users:(("beam.smp",pid=4058,fd=24))
"""
MAPPER = """\
tcp   LISTEN 0      4096        127.0.0.1:4369      0.0.0.0:*    users:(("epmd",pid=77,fd=3),("systemd",pid=1,fd=55))
"""


def test_a_single_broker_listens_where_its_address_is_and_its_standby_has_the_port_mapper_alone() -> None:
    cluster = load(b"cluster: lab\nnodes: [a, b, c]\nservices: {messaging: {replicated_by: drbd}}\n", "lab.yaml")
    broker = cluster.services.messaging
    assert broker
    assert broker.vip
    listeners = [each for each in messaging.blueprint(broker, cluster).listeners["a"] if each.process]
    vip = str(broker.vip.ip)
    active, standby = {"10.20.0.11", "127.0.0.1", vip}, {"10.20.0.12", "127.0.0.1"}
    here = BROKER.replace("10.20.0.22", vip)
    for output, addresses, missing in (
        (here + MAPPER, active, []),
        (MAPPER, standby, []),
        (MAPPER, active, [5671, 5672, 25672]),
        ("", standby, [4369]),
    ):
        difference = compare(output, listeners, addresses)
        assert not difference.unexpected
        assert [each.port for each in difference.missing] == missing
