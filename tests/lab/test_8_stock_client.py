"""Whatever is off or dead on whichever node: a person with the stock client works on.

Long (half an hour), so only `make test-long` runs it. docs/measured.md has the seconds that were seen.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import QUORATE, Site

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

CLIENT = Path(sys.executable).parent / "openstack"
OBJECTIVE = 60.0
"""Seconds: what examples/lab.yaml promises for Identity and Image."""
PROCESSES = [
    *(("mariadb", node) for node in ("active",)),
    *(("glance-api", node) for node in ("ctl1", "ctl2")),
    *(
        (unit, node)
        for unit in ("rabbitmq-server", "keystone", "haproxy", "memcached")
        for node in ("ctl1", "ctl2", "ctl3")
    ),
]


@pytest.fixture(autouse=True)
def _ready(openstack: Site) -> None:
    openstack.await_ready()


@pytest.mark.parametrize("signal", ["KILL", "STOP"])
@pytest.mark.parametrize(("unit", "node"), PROCESSES)
def test_a_process_that_is_killed_or_frozen(openstack: Site, tmp_path: Path, unit: str, node: str, signal: str) -> None:
    where = openstack.await_ready()["active"]["database"] if node == "active" else node
    openstack.on(where, "systemctl", "kill", f"--signal={signal}", "--kill-whom=all", f"{unit}.service")
    print(f"{unit} on {where}, {signal}: {_until_everything_works(openstack, tmp_path)}")
    # memcached is no resource of Pacemaker's: its clients do without it, and nobody ends one that hangs.
    openstack.on(where, "systemctl", "kill", "--signal=CONT", "--kill-whom=all", f"{unit}.service", check=False)
    _settle(openstack)


@pytest.mark.parametrize("node", ["ctl1", "ctl2", "ctl3"])
def test_a_node_that_is_off(openstack: Site, tmp_path: Path, node: str) -> None:
    openstack.quorate("lab", "fail", node)
    try:
        print(f"{node} is off: {_until_everything_works(openstack, tmp_path)}")
        off = {each["name"]: each["condition"] for each in openstack.json("lab", "status", status=None)}
        assert off[node] == "without power"
    finally:
        openstack.quorate("lab", "heal")
    _settle(openstack)


def _settle(site: Site) -> None:
    """Waits until only the record of the failure is left, which would be kept for five minutes, and clears it."""
    site.await_ready(limit=300, but="A failed action")
    site.on("ctl1", "crm_resource", "--cleanup")
    site.await_ready()


def _until_everything_works(site: Site, folder: Path) -> str:
    """Waits until the stock client has done all that it wants without a failure; how long that took."""
    began, failures = time.monotonic(), []
    while failure := _failure(site, folder):
        failures.append(failure)
        # The round in which everything works begins within the objective.
        assert time.monotonic() - began < OBJECTIVE, failure
    in_vain = "at once" if not failures else f"{len(failures)} in vain: {failures}"
    return f"everything worked {in_vain}, ended {time.monotonic() - began:.0f} s after"


def _failure(site: Site, folder: Path) -> str | None:
    """A token, a project, an image up and down again: what went wrong, or None."""
    given, got = folder / "given", folder / "got"
    given.write_bytes(os.urandom(1 << 20))
    got.unlink(missing_ok=True)
    name = f"seen-{time.time_ns()}"
    for words in (
        ("token", "issue", "-f", "value", "-c", "expires"),
        ("project", "create", "-f", "value", "-c", "id", name),
        ("image", "create", "--file", str(given), "--disk-format", "raw", "-f", "value", "-c", "id", name),
        ("image", "save", "--file", str(got), name),
        ("image", "delete", name),
    ):
        argv = [QUORATE, "lab", "run", "--file", site.file, "--", CLIENT, *words]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        except subprocess.TimeoutExpired:
            return f"openstack {' '.join(words)}: no answer in 60 s"
        if done.returncode:
            return f"openstack {' '.join(words)}: {done.stdout}{done.stderr}"
    return None if got.read_bytes() == given.read_bytes() else "the image came back different"
