"""The impostor with real sockets: what another process listens on is taken over, and no client is refused meanwhile."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from quorate.node import impostor

SERVER = textwrap.dedent("""
    import socket, sys, time
    tcp, unix = socket.socket(), socket.socket(socket.AF_UNIX)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    tcp.bind(("127.0.0.1", int(sys.argv[1])))
    unix.bind(sys.argv[2])
    for one in (tcp, unix):
        one.listen()
    elsewhere = socket.create_connection(tcp.getsockname())
    print(tcp.getsockname()[1], flush=True)
    time.sleep(600)
""")


@contextlib.contextmanager
def serving(path: Path, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server that listens on a port and on a path, and accepts nobody; what it says first is its port."""
    argv = [sys.executable, "-c", SERVER, str(port), str(path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout
        try:
            yield server, server.stdout.readline().strip()
        finally:
            server.kill()


@contextlib.contextmanager
def in_place_of(server: subprocess.Popen[str], answer: bytes) -> Iterator[None]:
    """The impostor, as a process, once the server itself has been killed."""
    try:
        taken = impostor.listening(server.pid)
    except PermissionError:
        pytest.skip("this kernel lets nobody have another process's descriptors")
    assert sorted(one.family.name for one in taken.values()) == ["AF_INET", "AF_UNIX"], "listeners, and nothing else"
    server.kill()
    server.wait()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            impostor.receive(list(taken.values()), answer)
        os._exit(1)
    for one in taken.values():
        one.close()
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_clients_are_connected_and_never_answered(tmp_path: Path) -> None:
    with (
        serving(tmp_path / "a") as (server, port),
        in_place_of(server, b""),
        socket.create_connection(("127.0.0.1", int(port)), timeout=5) as tcp,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        unix.connect(str(tmp_path / "a"))
        for client in (tcp, unix):
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        # Neither an answer nor an end.
        assert select.select([tcp, unix], [], [], 0.3) == ([], [], [])


def test_a_process_that_has_ended_meanwhile_listens_nowhere() -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
        assert impostor.listening(ended.pid) == {}


def test_a_web_server_s_clients_are_told_of_an_error_each_time(tmp_path: Path) -> None:
    with serving(tmp_path / "a") as (server, port), in_place_of(server, impostor.ERROR):
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", int(port)), timeout=5) as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                with client.makefile("rb") as stream:
                    assert stream.read().startswith(b"HTTP/1.1 500 ")


def test_the_service_itself_can_not_be_started_beside_it_and_can_afterwards(tmp_path: Path) -> None:
    with serving(tmp_path / "a") as (server, port):
        with in_place_of(server, b""), serving(tmp_path / "b", int(port)) as (_, said):
            assert said == "", "SO_REUSEPORT would let it listen, too"
        with serving(tmp_path / "c", int(port)) as (_, said):
            assert said == port
