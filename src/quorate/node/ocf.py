"""What every resource agent of ours stands on: metadata, parameters, exit codes, reasons (OCF resource agent API 1.1).

An agent is a file beside this one: a few functions, one for an action, and `ocf.run(...)` at its end. Pacemaker starts
it anew for each action, in the middle of an outage too: nothing is imported that isn't needed each time.
"""

import os
import sys

TYPE_CHECKING = False  # as in `typing`, without its import
if TYPE_CHECKING:
    from collections.abc import Callable

SUCCESS = 0
ERR_GENERIC = 1
ERR_ARGS = 2
ERR_UNIMPLEMENTED = 3
ERR_INSTALLED = 5
ERR_CONFIGURED = 6
NOT_RUNNING = 7


class Failed(Exception):
    """The action failed; Pacemaker shows the reason to people."""

    def __init__(self, reason: str, status: int = ERR_GENERIC) -> None:
        super().__init__(reason)
        self.reason, self.status = reason, status


class Parameter:
    """A parameter of an agent, with the default that holds if the cluster doesn't set it."""

    def __init__(self, name: str, default: str, meaning: str, kind: str = "string") -> None:
        self.name, self.default, self.meaning, self.kind = name, default, meaning, kind

    @property
    def value(self) -> str:
        """What the cluster says, else the default."""
        return os.environ.get(f"OCF_RESKEY_{self.name}", self.default)

    @property
    def seconds(self) -> int:
        """The value as a time in whole seconds."""
        try:
            return int(self.value)
        except ValueError:
            raise Failed(f"{self.name}: {self.value!r} is no number of seconds", ERR_CONFIGURED) from None


class Action:
    """An action: what does it and gives its status, and the seconds that are advised for it."""

    def __init__(self, name: str, do: "Callable[[], int]", timeout: int, interval: int | None = None) -> None:
        self.name, self.do, self.timeout, self.interval = name, do, timeout, interval


def run(name: str, about: str, parameters: list[Parameter], actions: list[Action]) -> None:
    """Does the action that Pacemaker asked for, and exits with its status."""
    wanted = sys.argv[1] if len(sys.argv) == 2 else ""
    if wanted == "meta-data":
        sys.stdout.write(metadata(name, about, parameters, actions))
        sys.exit(SUCCESS)
    for action in actions:
        if action.name == wanted:
            interval = os.environ.get("OCF_RESKEY_CRM_meta_interval", "0")  # noqa: SIM112  a probe has none
            if wanted == "monitor" and interval == "0":
                remind()
            try:
                sys.exit(action.do())
            except Failed as failed:
                prefix = os.environ.get("OCF_EXIT_REASON_PREFIX", "ocf-exit-reason:")
                sys.stderr.write(f"{prefix}{failed.reason}\n")
                sys.exit(failed.status)
    names = "|".join([*(action.name for action in actions), "meta-data"])
    sys.stderr.write(f"usage: {sys.argv[0]} {names}\n")
    sys.exit(ERR_UNIMPLEMENTED if wanted else ERR_ARGS)


def metadata(name: str, about: str, parameters: list[Parameter], actions: list[Action]) -> str:
    """The agent as Pacemaker's tools see it."""
    short = about.partition("\n")[0]
    described = "".join(
        f"""    <parameter name="{parameter.name}">
      <longdesc lang="en">{_text(parameter.meaning)}</longdesc>
      <shortdesc lang="en">{_text(parameter.meaning)}</shortdesc>
      <content type="{parameter.kind}" default="{_text(parameter.default)}"/>
    </parameter>
"""
        for parameter in parameters
    )
    timed = "".join(
        f'    <action name="{action.name}" timeout="{action.timeout}s"'
        + (f' interval="{action.interval}s"' if action.interval is not None else "")
        + "/>\n"
        for action in actions
    )
    return f"""<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="{name}" version="1.0">
  <version>1.1</version>
  <longdesc lang="en">{_text(about)}</longdesc>
  <shortdesc lang="en">{_text(short)}</shortdesc>
  <parameters>
{described}  </parameters>
  <actions>
{timed}    <action name="meta-data" timeout="5s"/>
  </actions>
</resource-agent>
"""


def warn(words: str) -> None:
    """Says something that isn't a failure; Pacemaker's executor logs what agents write there."""
    sys.stderr.write(f"{words}\n")


def _text(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def remind() -> None:
    """Has the cluster be told all node attributes again, promotion scores above all; harmless if it knows them.

    When a node's controller dies, the others take the node's attributes out of the CIB. The attribute manager goes on,
    with the old values: to set them again is no change to it, so they stay away, and nothing is promoted any more (seen
    with Pacemaker 3.0.0; ClusterLabs/pacemaker#3801 has a cure). A controller that is back begins with probes.
    """
    os.spawnlp(os.P_WAIT, "attrd_updater", "attrd_updater", "--refresh")


def check_level() -> int:
    """How deep a monitor is to look (`OCF_CHECK_LEVEL`); 0 if nobody says."""
    try:
        return int(os.environ.get("OCF_CHECK_LEVEL", "0"))
    except ValueError:
        raise Failed("OCF_CHECK_LEVEL is no number", ERR_CONFIGURED) from None


def systemctl(*arguments: str) -> tuple[int, str]:
    """Runs systemctl; its status, and what it said."""
    import subprocess

    try:
        done = subprocess.run(
            ["systemctl", "--no-ask-password", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except FileNotFoundError:
        raise Failed("there is no systemctl on this host", ERR_INSTALLED) from None
    return done.returncode, done.stdout.strip()


def unit_state(unit: str) -> tuple[str, str]:
    """How systemd sees a unit: ActiveState (active, inactive, failed, ...), LoadState (loaded, not-found, ...)."""
    status, said = systemctl("show", "--property=ActiveState,LoadState", unit)
    if status != 0:
        raise Failed(f"systemctl show {unit}: {said}")
    properties = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    return properties["ActiveState"], properties["LoadState"]


def start_unit(unit: str) -> None:
    """Starts a unit; systemd comes back when the service itself has said that it is ready (`Type=notify`)."""
    status, said = systemctl("start", unit)
    if status != 0:
        raise Failed(f"systemctl start {unit}: {said}")


def stop_unit(unit: str, why: str) -> int:
    """Stops a unit. `why` says that its service doesn't answer: then it is killed, as it won't heed a polite signal."""
    if why:
        active, loaded = unit_state(unit)
        if loaded == "not-found" or active in ("inactive", "failed"):
            return SUCCESS
        warn(f"{why}: killing it")
        systemctl("kill", "--signal=SIGKILL", unit)
    status, said = systemctl("stop", unit)
    active, _ = unit_state(unit)
    if active not in ("inactive", "failed"):
        raise Failed(f"systemctl stop {unit} ended with {status}, the unit is still {active}: {said}")
    return SUCCESS


def judge_unit(unit: str, why: str) -> int:
    """What it means that a unit's service doesn't answer: that it doesn't run, or that it should and has failed."""
    active, loaded = unit_state(unit)
    if loaded == "not-found" or active in ("inactive", "failed"):
        return NOT_RUNNING
    raise Failed(f"the unit is {active}, but {why}")


def validate_unit(unit: str) -> None:
    """Whether systemd knows the unit."""
    _, loaded = unit_state(unit)
    if loaded != "loaded":
        raise Failed(f"the unit {unit} is {loaded}", ERR_INSTALLED)
