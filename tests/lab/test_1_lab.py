"""The lab: it can be interrupted anywhere, stands beside others, and goes without a trace."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from quorate.lab import Lab

from .conftest import CLUSTER_FILE, QUORATE, Site, await_that


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Site]:
    """A second lab, of the same image as the first."""
    file = tmp_path / "other.yaml"
    file.write_text(CLUSTER_FILE.read_text())
    yield Site(file)
    Site(file).quorate("lab", "down")


def test_two_labs_side_by_side_and_no_trace_of_one_that_went(bare_site: Site, other: Site) -> None:
    other.quorate("lab", "up", "--bare")
    assert len(_traces(other)) >= 2 + 2 * 3, "a namespace, memory, and for each machine itself and its BMC"
    assert [machine["condition"] for machine in other.json("lab", "status")] == ["running"] * 3
    assert [machine["condition"] for machine in bare_site.json("lab", "status")] == ["running"] * 3

    later = "systemd-run --on-active=1 --timer-property=AccuracySec=1ms"  # by default a timer may be a minute late
    before = other.boot("ctl2")
    for node, order in (("ctl2", "b"), ("ctl3", "c")):  # restart at once; panic: proc(5)
        other.on(node, "sh", "-c", f"{later} sh -c 'echo {order} > /proc/sysrq-trigger'")
    deadline = time.monotonic() + 20
    while (ctl3 := other.json("lab", "status", status=None)[2])["condition"] == "running":
        assert time.monotonic() < deadline
    assert ctl3["condition"] == "panicked"
    assert any("sysrq" in line for line in ctl3["console"])
    await_that(lambda: other.boot("ctl2") not in ("", before), "ctl2 is back")
    other.quorate("lab", "up", "--bare")
    assert other.json("lab", "status")[2]["condition"] == "running"

    other.quorate("lab", "down")
    other.quorate("lab", "down")
    assert _traces(other) == []
    assert not (other.state / "lab").exists()
    assert [machine["condition"] for machine in bare_site.json("lab", "status")] == ["running"] * 3


def test_a_session_ends_when_its_machine_loses_power(bare_site: Site) -> None:
    argv = [str(QUORATE), "lab", "ssh", "--file", str(bare_site.file), "ctl3", "--", "echo began; sleep 600"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as session:
        try:
            assert session.stdout
            assert session.stdout.readline() == "began\n"
            bare_site.quorate("lab", "power", "off", "ctl3")
            assert session.wait(timeout=20) == 255  # ssh(1): an error of the connection
        finally:
            session.kill()
    bare_site.quorate("lab", "up", "--bare")


@pytest.mark.parametrize("phase", ["Kernel", "Networks and disks", "Boot of 3 machines"])
def test_interrupted_anywhere_it_leaves_no_process_and_a_second_run_repairs(
    bare_site: Site, other: Site, phase: str
) -> None:
    # A shell's background jobs, and so perhaps a CI's, are started with Ctrl-C ignored.
    argv = ["env", "--default-signal=INT", str(QUORATE), "lab", "up", "--bare", "--file", str(other.file)]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stderr
    for line in process.stderr:
        if line.startswith(phase):
            os.killpg(process.pid, signal.SIGINT)
            break
    words = process.stderr.read()
    assert process.wait(timeout=60) == 130
    assert "Traceback" not in words
    assert "Interrupted" in words
    assert [trace for trace in _traces(other) if ": " in trace] == []
    if phase.startswith("Boot"):  # the furthest that it came: what is there must do for a second run
        other.quorate("lab", "up", "--bare")
        assert [machine["condition"] for machine in other.json("lab", "status")] == ["running"] * 3
    other.quorate("lab", "down")
    assert _traces(other) == []


def test_a_lab_without_room_says_so(tmp_path: Path, other: Site) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64M", "tmpfs", small], check=True)
    try:
        done = subprocess.run(
            [QUORATE, "lab", "up", "--file", other.file],
            env=os.environ | {"XDG_CACHE_HOME": str(small)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "free" in done.stderr
        assert "XDG_CACHE_HOME" in done.stderr
    finally:
        subprocess.run(["umount", small], check=True)


def _traces(site: Site) -> list[str]:
    """What a site's lab has on this machine outside its folder; its processes have that folder in their arguments."""
    lab = Lab(site.state / "lab")
    memory = Path("/dev/shm") / lab.namespace.name
    traces = [str(path) for path in (lab.namespace.path, memory) if path.exists()]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(lab.folder) in words:
            traces.append(f"{process.name}: {words}")
    return traces
