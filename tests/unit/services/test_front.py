"""The front's blueprint, judged by HAProxy itself where it is installed."""

import contextlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from quorate.cluster.authority import Authority
from quorate.cluster.certificates import Names
from quorate.cluster.loading import load
from quorate.cluster.model import Cluster
from quorate.services import front, memcached
from quorate.services.parts import Balanced, Clone, Order, Reach

HAPROXY = shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin")
needs_haproxy = pytest.mark.skipif(not HAPROXY, reason="no haproxy on this machine")

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@pytest.fixture
def cluster() -> Cluster:
    return load(b"cluster: lab\nnodes: [ctl1, ctl2, ctl3]\nservices: {database: , identity: }\n", "lab.yaml")


def identity(cluster: Cluster) -> Balanced:
    servers = {node: f"{cluster.internal_address(node)}:5000" for node in cluster.nodes}
    return Balanced("identity", 5000, servers, "/healthcheck", (200, 300))


class Server:
    """An API that answers health checks, and of which a test says what it does with anything else."""

    def __init__(self, *, drops_requests: bool = False) -> None:
        self.requests: list[bytes] = []
        self._drops = drops_requests
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:{1}".format(*self._socket.getsockname())
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        # shutdown wakes the thread that waits in accept
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection, contextlib.suppress(OSError):
                    request = connection.recv(65536)
                    if b" /healthcheck " in request:
                        connection.sendall(ANSWER)
                    elif request:
                        self.requests.append(request)
                        if not self._drops:
                            connection.sendall(ANSWER)


class Balancer:
    """HAProxy with our configuration, on this machine's loopback addresses and as this user."""

    def __init__(self, folder: Path, cluster: Cluster, servers: list[Server]) -> None:
        authority = Authority(folder / "tls", {"front": Names((IPv4Address("127.0.0.1"),))}, datetime.now(UTC))
        authority.settle()
        self._trust = ssl.create_default_context(cafile=str(authority.ca))
        self.port, self._statistics = _free_port(), _free_port()
        balanced = Balanced("identity", self.port, {f"s{n}": s.address for n, s in enumerate(servers)}, "/healthcheck")
        text = front.configuration("ctl1", cluster, (balanced,))
        text = re.sub(r"(?m)^    (log /dev/log|chroot|user|group) .*\n", "", text)
        text = text.replace(front.CERTIFICATE, str(folder / "tls/front.pem"))
        text = re.sub(rf"(?m)^    bind 10\.20\.0\.11:{front.STATISTICS_PORT}\n", "", text)
        text = text.replace(f"127.0.0.1:{front.STATISTICS_PORT}", f"127.0.0.1:{self._statistics}")
        text = text.replace(str(cluster.front.ip), "127.0.0.1")
        (folder / "haproxy.cfg").write_text(text)
        assert HAPROXY
        self._process = subprocess.Popen([HAPROXY, "-db", "-f", folder / "haproxy.cfg"], stderr=subprocess.DEVNULL)
        _await(lambda: self.statistics("/healthz").endswith(b"ok\n"))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def statistics(self, path: str) -> bytes:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._statistics), 5) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b""))
        return b""

    def status(self, server: str) -> str:
        (line,) = (line for line in self.statistics("/;csv").decode().splitlines() if f"identity,{server}," in line)
        return line.split(",")[17]

    def ask(self, method: str = "GET", headers: str = "") -> bytes:
        """What a client gets that verifies the certificate."""
        plain = socket.create_connection(("127.0.0.1", self.port), 10)
        with self._trust.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            connection.sendall(f"{method} /v3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b""))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _await(condition: object, limit: float = 10) -> None:
    deadline = time.monotonic() + limit
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    servers = [Server(), Server()]
    yield servers
    for server in servers:
        server.close()


@needs_haproxy
def test_haproxy_takes_the_configuration_of_every_node(cluster: Cluster, tmp_path: Path) -> None:
    Authority(tmp_path / "tls", {"front": Names((cluster.front.ip,))}, datetime.now(UTC)).settle()
    for node in cluster.nodes:
        text = front.configuration(node, cluster, (identity(cluster),))
        text = text.replace(front.CERTIFICATE, str(tmp_path / "tls/front.pem"))
        text = re.sub(r"(?m)^    (user|group) .*\n", "", text)  # the package's own user; not of this machine
        (tmp_path / "haproxy.cfg").write_text(text)
        assert HAPROXY
        told = subprocess.run(
            [HAPROXY, "-c", "-f", tmp_path / "haproxy.cfg"], capture_output=True, text=True, timeout=30
        )
        assert told.returncode == 0, told.stderr
        assert "WARNING" not in told.stderr


@needs_haproxy
def test_a_server_that_is_killed_costs_no_request(cluster: Cluster, tmp_path: Path, servers: list[Server]) -> None:
    with contextlib.closing(Balancer(tmp_path, cluster, servers)) as balancer:
        assert all(b" 200 " in balancer.ask() for _ in range(4))
        assert all(server.requests for server in servers), "both serve"
        servers[0].close()
        for _ in range(20):
            assert b" 200 " in balancer.ask("POST", "Content-Length: 0\r\n")
        _await(lambda: balancer.status("s0") == "DOWN")
        assert balancer.status("s1") == "UP"


@needs_haproxy
def test_what_may_have_been_done_is_not_done_again(cluster: Cluster, tmp_path: Path) -> None:
    """Servers that take a request and die over it: the client hears of it, and no other server gets the request."""
    servers = [Server(drops_requests=True), Server(drops_requests=True)]
    with contextlib.closing(Balancer(tmp_path, cluster, servers)) as balancer:
        assert b" 200 " not in balancer.ask("POST", "Content-Length: 0\r\n")
        assert sum(len(server.requests) for server in servers) == 1


@needs_haproxy
def test_servers_are_told_the_truth_about_the_client(cluster: Cluster, tmp_path: Path, servers: list[Server]) -> None:
    with contextlib.closing(Balancer(tmp_path, cluster, servers)) as balancer:
        balancer.ask(headers="X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nForwarded: for=192.0.2.1\r\n")
        (request,) = [request for server in servers for request in server.requests]
        assert b"192.0.2.1" not in request
        assert b"\r\nx-forwarded-for: 127.0.0.1\r\n" in request.lower()
        assert b"\r\nx-forwarded-proto: https\r\n" in request.lower()


@needs_haproxy
def test_old_tls_is_refused(cluster: Cluster, tmp_path: Path, servers: list[Server]) -> None:
    with contextlib.closing(Balancer(tmp_path, cluster, servers)) as balancer:
        told = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{balancer.port}", "-tls1_1", "-cipher", "ALL@SECLEVEL=0"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert "alert protocol version" in told.stderr


@needs_haproxy
def test_statistics_can_only_be_read(cluster: Cluster, tmp_path: Path, servers: list[Server]) -> None:
    with contextlib.closing(Balancer(tmp_path, cluster, servers)) as balancer:
        assert b"haproxy_server_status" in balancer.statistics("/metrics")
        page = balancer.statistics("/")
        assert b"identity" in page
        assert b"action=" not in page, "a form to change something"


def test_the_address_is_where_a_balancer_runs_and_does_not_stop_with_it(cluster: Cluster) -> None:
    part = front.blueprint(cluster, (identity(cluster),))
    (clone,) = (resource for resource in part.resources if isinstance(resource, Clone))
    assert clone.id == "front-balancer-clone"
    (order,) = (constraint for constraint in part.constraints if isinstance(constraint, Order))
    assert (order.first, order.then, order.kind) == (clone.id, "front-address", "Optional")
    assert all(not unit.enabled for units in part.units.values() for unit in units)


def test_what_the_front_listens_on(cluster: Cluster) -> None:
    listeners = front.blueprint(cluster, (identity(cluster),)).listeners["ctl2"]
    assert {(each.address, each.port, each.reach) for each in listeners} == {
        (str(cluster.front.ip), 5000, Reach.CLIENTS),
        ("10.20.0.12", 8404, Reach.NETWORK),
        ("127.0.0.1", 8404, Reach.HOST),
    }


def test_the_private_key_is_in_one_file_that_nobody_else_reads(cluster: Cluster) -> None:
    files = front.blueprint(cluster, (identity(cluster),)).files["ctl1"]
    assert {file.path: file.mode for file in files}[front.CERTIFICATE] == 0o600


def test_memcached_listens_where_the_design_says(cluster: Cluster, tmp_path: Path) -> None:
    part = memcached.blueprint(cluster, ("ctl1", "ctl3"))
    assert set(part.files) == {"ctl1", "ctl3"}
    (drop_in,) = part.files["ctl3"]
    command = re.search(r"(?m)^ExecStart=(/(?:.*\\\n)*.*)$", "".join(map(str, drop_in.content)))
    assert command
    words = command[1].replace("\\\n", " ").split()
    assert {each.address for each in part.listeners["ctl3"]} == set(words[words.index("-l") + 1].split(","))
    assert words[words.index("-U") + 1] == "0", "no UDP: it answers anybody with more than was asked"
    assert memcached.servers(cluster, ("ctl1", "ctl3")) == ("10.20.0.11:11211", "10.20.0.13:11211")
