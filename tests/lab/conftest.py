"""Real nodes, broken for real. Two clusters serve all tests, which run in the order of their files.

`site` has a database alone, on nodes that start with nothing but Debian and sshd, as a stranger's do. `openstack` is
the whole of examples/lab.yaml, on nodes that have their packages already. There is one lab at a time: two under load
would starve each other.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

QUORATE = Path(sys.executable).parent / "quorate"
EXAMPLES = Path(__file__).parents[2] / "examples"
CLUSTER_FILE = EXAMPLES / "database.yaml"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what is here; without root it is skipped, and says so."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("lab")
            if os.geteuid():
                item.add_marker(pytest.mark.skip(reason="NOT RUN: the lab needs root (namespaces, taps)"))


@dataclass(frozen=True)
class Site:
    """A cluster file, and the commands that a person would type."""

    file: Path

    def quorate(self, *words: str, status: int | None = 0, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Runs `quorate WORDS`; `status` is the exit status that it must have."""
        done = subprocess.run(
            [QUORATE, *words, "--file", self.file], capture_output=True, text=True, timeout=timeout, check=False
        )
        answer = "(JSON)" if "json" in words else done.stdout
        print(f"$ quorate {' '.join(words)}  [{done.returncode}]\n{answer}{done.stderr}")
        if status is not None:
            assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def json(self, *words: str, status: int | None = 0) -> Any:
        """The command's answer as data."""
        return json.loads(self.quorate(*words, "--output", "json", status=status).stdout)

    def on(self, node: str, *command: str, check: bool = True) -> str:
        """Runs a command on a node, as root."""
        words = ["lab", "ssh", "--file", str(self.file), node, "--", shlex.join(command)]
        done = subprocess.run(
            [QUORATE, *words], capture_output=True, text=True, errors="replace", timeout=60, check=False
        )
        if check:
            assert done.returncode == 0, f"{command} on {node}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def await_ready(self, limit: float = 180, but: str | None = None) -> Any:
        """Waits until `status` says that any one failure can be survived, or misses only what begins with `but`."""
        deadline = time.monotonic() + limit
        while True:
            status = self.json("status", status=None)
            missing = [each for each in status["missing"] if but is None or not each.startswith(but)]
            if not missing:
                return status
            if time.monotonic() > deadline:
                pytest.fail(f"not ready within {limit} s: {missing}\n{self._why_absent(status)}", pytrace=False)
            time.sleep(1)  # the nodes are asked over SSH; nothing calls back

    def _why_absent(self, status: Any) -> str:
        """What those nodes say that are no members: a machine that nobody can visit later has nothing else to tell."""
        questions = (
            ("systemctl", "show", "--property=Id,ActiveState,SubState,Result,NRestarts", "corosync", "pacemaker"),
            ("systemctl", "list-jobs", "--no-pager"),
            ("corosync-cfgtool", "-n"),
            (
                "journalctl",
                "--boot",
                "--no-pager",
                "--output=short-monotonic",
                "--lines=60",
                "-u",
                "corosync",
                "-u",
                "pacemaker",
            ),
        )
        absent = [name for name, node in status["nodes"].items() if not node["online"]]
        return "\n".join(
            f"{node}: {' '.join(words)}\n{self.on(node, *words, check=False)}" for node in absent for words in questions
        )

    def pair(self) -> tuple[str, str]:
        """The node that serves the database, once all is ready, and the one that could take over."""
        active = self.await_ready()["active"]["database"]
        return active, {"ctl1": "ctl2", "ctl2": "ctl1"}[active]

    def role(self, node: str) -> str:
        """What DRBD on a node says of itself; `off` if nobody answers there."""
        answer = self.on(node, "drbdadm", "role", "database", check=False)
        return answer.split("/")[0].strip() if "/" in answer else "off"

    def boot(self, node: str) -> str:
        """What changes with every start of a node; empty while it is down."""
        answer = self.on(node, "cat", "/proc/sys/kernel/random/boot_id", check=False).strip()
        return answer if re.fullmatch(r"[-0-9a-f]{36}", answer) else ""

    @property
    def state(self) -> Path:
        """The folder beside the file."""
        return self.file.with_suffix(".quorate")


@pytest.fixture(scope="session")
def bare_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Three nodes with nothing but Debian and sshd; $QUORATE_TEST_SITE names the file of a lab that stays up."""
    if there := os.environ.get("QUORATE_TEST_SITE"):
        yield Site(Path(there))
        return
    yield from _lab(tmp_path_factory.mktemp("site") / "lab.yaml", CLUSTER_FILE, "--bare")


@pytest.fixture(scope="session")
def site(bare_site: Site) -> Site:
    """The same, with everything on it that the cluster file asks for."""
    bare_site.quorate("apply", timeout=900)
    return bare_site


@pytest.fixture(scope="session")
def openstack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An OpenStack control plane, ready; $QUORATE_TEST_LAB names the file of one that is up already, and stays."""
    if there := os.environ.get("QUORATE_TEST_LAB"):
        yield Site(Path(there))
        return
    for site in _lab(tmp_path_factory.mktemp("openstack") / "lab.yaml", EXAMPLES / "lab.yaml"):
        site.quorate("apply", timeout=900)
        yield site


def await_that(condition: Callable[[], bool], what: str, limit: float = 60) -> None:
    """Asks again and again until it is so."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"not within {limit} s: {what}"
        time.sleep(0.5)  # the node is asked over SSH; nothing calls back


_UP: list[Site] = []


def _lab(file: Path, example: Path, *options: str) -> Iterator[Site]:
    """A lab of its own for an example, after any other has gone."""
    for other in _UP:
        other.quorate("lab", "down")
    file.write_text(example.read_text())
    site = Site(file)
    _UP.append(site)
    try:
        site.quorate("lab", "up", *options)
        yield site
    finally:
        site.quorate("lab", "down", status=None)
