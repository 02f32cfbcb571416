"""What the tests of resource agents share: exit codes, an agent as it stands on a node, and a systemd of one unit."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from quorate.node import source

SUCCESS, ERR_GENERIC, ERR_UNIMPLEMENTED, ERR_INSTALLED, ERR_CONFIGURED, NOT_RUNNING = 0, 1, 3, 5, 6, 7
DEGRADED = 190

SYSTEMCTL = """#!/bin/sh
# Does with the program `server` what systemd does with a unit of Type=notify.
alive() { kill -0 "$(cat pid 2>/dev/null)" 2>/dev/null; }
cd "$UNIT_FOLDER" || exit 1
[ "$1" = --no-ask-password ] && shift
echo "$*" >>calls
case "$*" in
    "show --property=MainPID"*)
        alive && cat pid || echo 0 ;;
    show*)
        echo LoadState=$(cat loaded)
        if alive; then ./is-ready && echo ActiveState=active || echo ActiveState=activating
        else echo ActiveState=inactive; fi ;;
    start*)
        alive && exit 0
        [ -e broken ] && echo "Job for $(cat name) failed." && exit 1
        rm -f ready
        : >log
        setsid ./server >>log 2>&1 &
        echo $! >pid
        until ./is-ready; do alive || exit 1; sleep 0.02; done ;;
    stop*)
        alive || exit 0
        kill "$(cat pid)"
        while alive; do sleep 0.02; done ;;
    kill*)
        kill -s KILL "$(cat pid)"
        while alive; do sleep 0.02; done ;;
esac
"""


@dataclass(frozen=True)
class Agent:
    """An agent beside its engine, as on a node; to be called with an action, as Pacemaker does."""

    path: Path
    variables: Mapping[str, str]

    def __call__(self, action: str, **more: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-ESs", str(self.path), action]
        return subprocess.run(argv, env={**self.variables, **more}, capture_output=True, text=True, timeout=30)

    def passes_ocf_tester(self) -> None:
        """What ocf-tester(8) wants of every agent."""
        with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to `nobody`, who has to get there
            folder = Path(name)
            folder.chmod(0o755)
            for file in (self.path, self.path.with_name("ocf.py")):
                shutil.copy(file, folder)
            program = folder / self.path.name
            program.chmod(0o755)
            argv = ["/usr/sbin/ocf-tester", "-n", "tested", str(program)]
            done = subprocess.run(argv, env=self.variables, capture_output=True, text=True, timeout=120)
            assert done.stdout.endswith(f"{program} passed all tests\n"), done.stdout + done.stderr


@contextmanager
def systemd(folder: Path, name: str, is_ready: str) -> Iterator[Path]:
    """A `systemctl` in the folder's `bin`, for one unit that isn't started.

    In the folder are to be: `server`, the program. May be there: `broken`, with which it doesn't start. `is_ready` is
    a shell's condition; it may ask for `log`, what the program says, and for `ready`, which it may make.
    """
    (folder / "bin").mkdir()
    (folder / "name").write_text(name)
    (folder / "loaded").write_text("loaded\n")
    script(folder / "is-ready", f"#!/bin/sh\n{is_ready}\n")
    script(folder / "bin/systemctl", SYSTEMCTL)
    try:
        yield folder
    finally:
        if pid := process(folder):
            os.kill(pid, signal.SIGKILL)


def process(folder: Path) -> int | None:
    """The unit's process, if it lives."""
    try:
        pid = int((folder / "pid").read_text())
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return pid


def running(agent: Agent, folder: Path) -> int:
    """The process of a unit that the agent has started."""
    assert agent("start").returncode == SUCCESS
    pid = process(folder)
    assert pid
    return pid


def installed(folder: Path, program: str, **environment: str) -> Agent:
    """Puts an agent and its engine into a folder."""
    (folder / "ocf.py").write_text(source("ocf"))
    path = folder / program.replace("_", "-")
    path.write_text(source(program))
    usual = {
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
        "UNIT_FOLDER": str(folder),
        "OCF_RESKEY_CRM_meta_interval": "5000",  # without one a monitor is a probe
    }
    return Agent(path, {**usual, **environment})


def script(path: Path, text: str) -> None:
    """Writes a program."""
    path.write_text(text)
    path.chmod(0o755)


def from_stopped_to_running_and_back(agent: Agent, folder: Path) -> None:
    """What every agent of a unit must do."""
    assert agent("validate-all").returncode == SUCCESS
    assert agent("monitor").returncode == NOT_RUNNING
    assert agent("stop").returncode == SUCCESS, "to stop what doesn't run is no failure"
    assert agent("start").returncode == SUCCESS
    (folder / "calls").unlink()
    assert agent("monitor").returncode == SUCCESS
    assert agent("start").returncode == SUCCESS, "to start what runs is no failure"
    assert not (folder / "calls").exists(), "a service that answers costs no process"
    assert agent("stop").returncode == SUCCESS
    assert "kill" not in (folder / "calls").read_text()
    assert process(folder) is None
    assert agent("monitor").returncode == NOT_RUNNING


def without_its_unit(agent: Agent, folder: Path) -> None:
    """On a host where the unit isn't installed."""
    (folder / "loaded").write_text("not-found\n")
    assert agent("monitor").returncode == NOT_RUNNING
    assert agent("stop").returncode == SUCCESS
    assert agent("validate-all").returncode == ERR_INSTALLED


def a_start_that_fails_says_why(agent: Agent, folder: Path) -> None:
    """What systemctl said is what Pacemaker shows."""
    (folder / "broken").touch()
    started = agent("start")
    name = (folder / "name").read_text()
    assert started.returncode == ERR_GENERIC
    assert f"systemctl start {name}: Job for {name} failed." in started.stderr


def describes_itself(agent: Agent, name: str, parameters: set[str]) -> None:
    """Its metadata, OCF 1.1."""
    assert agent("promote").returncode == ERR_UNIMPLEMENTED
    metadata = etree.fromstring(agent("meta-data").stdout.encode())
    assert metadata.get("name") == name
    assert metadata.findtext("version") == "1.1"
    actions = {action.get("name") for action in metadata.iterfind("actions/action")}
    assert actions == {"start", "stop", "monitor", "validate-all", "meta-data"}
    assert {parameter.get("name") for parameter in metadata.iterfind("parameters/parameter")} == parameters
