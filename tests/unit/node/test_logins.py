"""Accounts tried on a node, against servers that say what Keystone 27 and RabbitMQ 4.0.5 were seen to say."""

import json
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from quorate import node
from quorate.node import logins

PASSWORD = "the right one"
START = (
    b"\x00\n\x00\n\x00\t\x00\x00\x00\x22\x0ccapabilitiesF\x00\x00\x00\x0d\x0bbasic.nackt\x01"
    b"\x00\x00\x00\x0ePLAIN AMQPLAIN\x00\x00\x00\x05en_US"
)
TUNE = b"\x00\n\x00\x1e\x07\xff\x00\x02\x00\x00\x00\x14"
REFUSED = b"\x00\n\x002\x01\x93\x1aACCESS_REFUSED - Login was\x00\x00\x00\x00"
NOT_ALLOWED = b"\x00\n\x002\x02\x12\x0bNOT_ALLOWED\x00\x00\x00\x00"


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[tuple[str, int]]:
    """A server for one client at a time."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                answer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def frame(payload: bytes) -> bytes:
    return struct.pack(">BHL", 1, 0, len(payload)) + payload + b"\xce"


def broker(refusal: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            assert stream.read(8) == b"AMQP\0\0\x09\x01"
            connection.sendall(frame(START))
            _, _, size = struct.unpack(">BHL", stream.read(7))
            said = stream.read(size + 1)
            assert said.endswith(b"\x05en_US\xce")
            response = b"\0openstack\0" + PASSWORD.encode()
            right = b"\x05PLAIN" + struct.pack(">L", len(response)) + response in said
            connection.sendall(frame(TUNE if right else refusal))

    return answer


def keystone(status: bytes) -> Callable[[socket.socket], None]:
    """Lets in whoever has the password; says this to all others."""

    def answer(connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            assert stream.readline() == b"POST /v3/auth/tokens HTTP/1.0\r\n"
            headers = dict(line.decode().strip().split(": ") for line in iter(stream.readline, b"\r\n"))
            body = json.loads(stream.read(int(headers["Content-Length"])))
            assert "scope" not in body["auth"], "a role isn't needed to try a password"
            right = body["auth"]["identity"]["password"]["user"]["password"] == PASSWORD
            connection.sendall(b"HTTP/1.1 " + (b"201 CREATED" if right else status) + b"\r\n\r\n{}")

    return answer


@pytest.mark.parametrize(
    ("service", "answer", "refused"),
    [
        ("identity", keystone(b"401 UNAUTHORIZED"), False),
        ("identity", keystone(b"500 INTERNAL SERVER ERROR"), None),
        ("identity", keystone(b"503 Service Unavailable"), None),
        ("messaging", broker(REFUSED), False),
        ("messaging", broker(NOT_ALLOWED), None),
    ],
)
def test_a_password_is_right_or_wrong_or_nobody_knows(
    monkeypatch: pytest.MonkeyPatch, service: str, answer: Callable[[socket.socket], None], refused: bool | None
) -> None:
    account = {"service": service, "name": "openstack"}
    with serving(answer) as where:
        monkeypatch.setattr(logins, service.upper(), where)
        assert logins.lets_in({**account, "password": PASSWORD}) is True
        assert logins.lets_in({**account, "password": "another"}) is refused


@pytest.mark.parametrize("service", ["identity", "messaging"])
def test_a_service_that_is_away_hangs_or_talks_nonsense_says_nothing(
    monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    monkeypatch.setattr(logins, "TIMEOUT", 0.2)
    account = {"service": service, "name": "openstack", "password": PASSWORD}
    with serving(lambda connection: connection.close()) as where:
        monkeypatch.setattr(logins, service.upper(), where)
        assert logins.lets_in(account) is None
    for words in (b"", b"nonsense" * 8, b"\r\n"):

        def answer(connection: socket.socket, words: bytes = words) -> None:
            connection.recv(1 << 16)
            connection.sendall(words)
            connection.recv(1)  # until the other side has lost its patience

        with serving(answer) as where:
            monkeypatch.setattr(logins, service.upper(), where)
            assert logins.lets_in(account) is None
    assert logins.lets_in(account) is None, "nobody listens any more"


def test_as_it_runs_on_a_node_no_answer_holds_a_password() -> None:
    request = json.dumps([{"service": "messaging", "name": "openstack", "password": PASSWORD}])
    argv = [sys.executable, "-I", "-S", "-c", node.source("logins").replace("5672", "1")]
    done = subprocess.run(argv, input=request, capture_output=True, text=True, check=True, timeout=30)
    assert (done.stdout, done.stderr) == ("[null]\n", "")
