"""A real MariaDB for the probe, in a temporary folder and on 127.0.0.1 only."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from quorate.drill.probes.sql import RIGHTS, TABLES, Config


class Server:
    """One mariadbd, to be stopped, killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "socket"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert self.process is None
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    "mariadbd",
                    "--no-defaults",
                    f"--user={getpass.getuser()}",
                    f"--datadir={self.folder / 'data'}",
                    f"--socket={self.socket}",
                    f"--port={self.port}",
                    "--bind-address=127.0.0.1",
                    f"--pid-file={self.folder / 'pid'}",
                    "--innodb-flush-log-at-trx-commit=1",
                    "--innodb-buffer-pool-size=32M",
                    "--skip-name-resolve",
                ],
                stderr=log,
            )
        while self.sql("SELECT 1", check=False) != "1\n":
            assert self.process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def sql(self, statements: str, check: bool = True) -> str:
        return subprocess.run(
            ["mariadb", "--no-defaults", "--batch", "--skip-column-names", "-S", str(self.socket)],
            input=statements,
            stdout=subprocess.PIPE,
            stderr=None if check else subprocess.DEVNULL,
            text=True,
            check=check,
        ).stdout


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    for program in ("mariadbd", "mariadb-install-db"):
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
            pytest.skip(f"{program} is missing: apt-get install mariadb-server-core mariadb-client-core")
    server = Server(tmp_path_factory.mktemp("mariadb"))
    subprocess.run(
        [
            "mariadb-install-db",
            "--no-defaults",
            f"--user={getpass.getuser()}",
            f"--datadir={server.folder / 'data'}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    server.start()
    yield server
    server.kill()


@pytest.fixture
def config(mariadb: Server, tmp_path: Path) -> Iterator[Config]:
    mariadb.sql(
        f"CREATE DATABASE drill; USE drill; {TABLES}"
        f"CREATE USER probe@'127.0.0.1' IDENTIFIED BY 'secret'; GRANT {RIGHTS} ON drill.* TO probe@'127.0.0.1'"
    )
    yield Config(
        "127.0.0.1", mariadb.port, "probe", "secret", "drill", output=str(tmp_path / "record"), rate=200.0, timeout=1
    )
    mariadb.sql("DROP DATABASE drill; DROP USER probe@'127.0.0.1'")
