"""The agent that watches links, run as Pacemaker runs it, on real networks: namespaces on one bridge.

`attrd_updater` alone is stood in for: it writes down how it was called.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lxml import etree

from quorate.node import source

from . import agents
from .agents import ERR_CONFIGURED, ERR_GENERIC, ERR_INSTALLED, ERR_UNIMPLEMENTED, NOT_RUNNING, SUCCESS

NETWORKS = "management:ctl1=10.20.0.11,ctl2=10.20.0.12,ctl3=10.20.0.13 public:ctl1=10.30.0.11,ctl2=10.30.0.12"
NODES = {"ctl1": 11, "ctl2": 12, "ctl3": 13}

REACHED = """
import errno, socket
connection = socket.socket()
connection.settimeout(5)
assert connection.connect_ex(("10.30.0.12", 9)) == errno.ECONNREFUSED
"""
"""Fails unless the host answers: nobody listens there, and it says so."""

Agent = Callable[..., subprocess.CompletedProcess[str]]

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("ip"), reason="namespaces and ICMP sockets need root, and iproute2"
)


class Site:
    """Nodes as namespaces, each with an interface for each of its networks in a hub that has the bridges."""

    def __init__(self) -> None:
        self.prefix = f"q{os.getpid() % 100000}"
        self.hub = f"{self.prefix}-hub"
        ip("netns", "add", self.hub)
        for network in ("management", "public"):
            ip("-n", self.hub, "link", "add", network, "type", "bridge", "forward_delay", "0")
            ip("-n", self.hub, "link", "set", network, "up")
        for node, number in NODES.items():
            ip("netns", "add", f"{self.prefix}-{node}")
            ip("-n", f"{self.prefix}-{node}", "link", "set", "lo", "up")
            self._plug(node, "management", f"10.20.0.{number}/24")
            if node != "ctl3":
                self._plug(node, "public", f"10.30.0.{number}/24")

    def _plug(self, node: str, network: str, address: str) -> None:
        inside, port = f"{self.prefix}-{node}", f"{node}-{network[:3]}"
        ip("-n", self.hub, "link", "add", port, "type", "veth", "peer", "name", network, "netns", inside)
        ip("-n", self.hub, "link", "set", port, "master", network, "up")
        ip("-n", inside, "addr", "add", address, "dev", network)
        ip("-n", inside, "link", "set", network, "up")

    def cut(self, node: str, network: str) -> None:
        """Pulls the cable out of the switch; the interface isn't told."""
        ip("-n", self.hub, "link", "set", f"{node}-{network[:3]}", "nomaster")

    def heal(self, node: str, network: str) -> None:
        """Plugs it in again."""
        ip("-n", self.hub, "link", "set", f"{node}-{network[:3]}", "master", network)

    def inside(self, node: str, *command: str) -> None:
        """Runs a command on a node."""
        subprocess.run(["ip", "netns", "exec", f"{self.prefix}-{node}", *command], check=True, timeout=30)

    def remove(self) -> None:
        """Takes all of it away."""
        for name in (*NODES, "hub"):
            subprocess.run(["ip", "netns", "del", f"{self.prefix}-{name}"], capture_output=True, check=False)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=30)


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The agent beside its engine, as on a node."""
    (tmp_path / "ocf.py").write_text(source("ocf"))
    (tmp_path / "links").write_text(source("links"))
    (tmp_path / "bin").mkdir()
    updater = tmp_path / "bin/attrd_updater"
    updater.write_text(
        f'#!/bin/sh\necho "$*" >>{tmp_path}/calls\nexit $(cat {tmp_path}/broken 2>/dev/null || echo 0)\n'
    )
    updater.chmod(0o755)
    return tmp_path


@pytest.fixture
def agent(folder: Path, site: Site) -> Agent:
    """Runs an action on a node."""

    def run(action: str, node: str = "ctl1", **more: str | None) -> subprocess.CompletedProcess[str]:
        return act(folder, action, node, ("ip", "netns", "exec", f"{site.prefix}-{node}"), **more)

    return run


def act(
    folder: Path, action: str, node: str = "ctl1", within: tuple[str, ...] = (), **more: str | None
) -> subprocess.CompletedProcess[str]:
    argv = [*within, sys.executable, "-ESs", str(folder / "links"), action]
    told = {name: value for name, value in {**variables(folder, node), **more}.items() if value is not None}
    return subprocess.run(argv, env=told, capture_output=True, text=True, timeout=30, check=False)


def variables(folder: Path, node: str = "ctl1") -> dict[str, str]:
    """What Pacemaker tells the agent on a node; with a probe, nothing of an interval."""
    return {
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
        "HA_RSCTMP": str(folder / "run" / node),
        "OCF_RESOURCE_INSTANCE": "links",
        "OCF_RESKEY_CRM_meta_interval": "2000",
        "OCF_RESKEY_CRM_meta_on_node": node,
        "OCF_RESKEY_networks": NETWORKS,
    }


def calls(folder: Path) -> list[str]:
    """What attrd_updater was told since the last look, without the delay."""
    file = folder / "calls"
    said = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return [re.sub(r" --delay=\S+", "", line) for line in said]


def status(done: subprocess.CompletedProcess[str]) -> int:
    return done.returncode


@needs_root
def test_it_says_only_what_has_changed(site: Site, folder: Path, agent: Agent) -> None:
    assert status(agent("monitor")) == NOT_RUNNING
    assert status(agent("start")) == SUCCESS
    assert calls(folder) == ["--name=link-management --update=1", "--name=link-public --update=1"]
    assert status(agent("monitor")) == SUCCESS
    assert calls(folder) == []
    site.cut("ctl1", "public")
    dead = agent("monitor")
    assert (status(dead), dead.stderr) == (SUCCESS, "nobody answers on public\n")
    assert calls(folder) == ["--name=link-public --update=0"]
    assert status(agent("monitor")) == SUCCESS
    assert calls(folder) == []
    site.heal("ctl1", "public")
    assert status(agent("monitor")) == SUCCESS
    assert calls(folder) == ["--name=link-public --update=1"]
    assert status(agent("stop")) == SUCCESS
    assert calls(folder) == ["--name=link-management --delete", "--name=link-public --delete"]
    assert status(agent("monitor")) == NOT_RUNNING
    assert status(agent("stop")) == SUCCESS


@needs_root
def test_the_cluster_hears_of_changes_late(folder: Path, agent: Agent) -> None:
    agent("start", OCF_RESKEY_dampening="9")
    assert (folder / "calls").read_text().splitlines()[0] == "--name=link-management --update=1 --delay=9s"


@needs_root
def test_one_that_answers_is_enough(site: Site, folder: Path, agent: Agent) -> None:
    agent("start")
    calls(folder)
    site.cut("ctl3", "management")
    assert status(agent("monitor")) == SUCCESS
    assert calls(folder) == []
    site.cut("ctl2", "management")
    assert status(agent("monitor")) == SUCCESS
    assert calls(folder) == ["--name=link-management --update=0"]


@needs_root
def test_a_network_on_which_the_node_has_no_address_is_not_its_own(folder: Path, agent: Agent) -> None:
    assert status(agent("start", node="ctl3")) == SUCCESS
    assert calls(folder) == ["--name=link-management --update=1"]


@needs_root
def test_an_interface_that_is_off_is_a_dead_link(site: Site, folder: Path, agent: Agent) -> None:
    agent("start")
    calls(folder)
    site.inside("ctl1", "ip", "link", "set", "public", "down")
    assert status(agent("monitor")) == SUCCESS
    assert calls(folder) == ["--name=link-public --update=0"]


@needs_root
def test_an_answer_by_way_of_a_router_proves_nothing(site: Site, folder: Path, agent: Agent) -> None:
    """The route to the dead network leads over the other one, where a neighbour has both and passes on."""
    agent("start")
    calls(folder)
    site.inside("ctl1", "ip", "link", "set", "public", "down")
    site.inside("ctl1", "ip", "route", "add", "10.30.0.0/24", "via", "10.20.0.12")
    site.inside("ctl2", "sysctl", "-qw", "net.ipv4.ip_forward=1")
    site.inside("ctl1", sys.executable, "-c", REACHED)
    assert status(agent("monitor")) == SUCCESS
    assert calls(folder) == ["--name=link-public --update=0"]


@needs_root
def test_silence_is_believed_after_a_second(site: Site, agent: Agent) -> None:
    agent("start")
    begun = time.monotonic()
    agent("monitor")
    alive = time.monotonic() - begun
    for network in ("management", "public"):
        site.cut("ctl1", network)
    begun = time.monotonic()
    agent("monitor")
    dead = time.monotonic() - begun
    assert 0.95 < dead < 5, "asked twice, half a second each"
    assert alive < dead


@needs_root
def test_what_was_said_long_ago_is_said_again(folder: Path, agent: Agent) -> None:
    """The cluster may have forgotten it, as after the death of a controller."""
    agent("start")
    calls(folder)
    (record,) = (folder / "run/ctl1").iterdir()
    os.utime(record, (time.time() - 61, time.time() - 61))
    assert status(agent("monitor")) == SUCCESS
    assert calls(folder) == ["--refresh", "--name=link-management --update=1", "--name=link-public --update=1"]
    assert status(agent("monitor")) == SUCCESS
    assert calls(folder) == []


@needs_root
@pytest.mark.parametrize("interval", [None, "0"], ids=["Pacemaker", "OCF"])
def test_a_probe_reminds_the_cluster_of_all_attributes(folder: Path, agent: Agent, interval: str | None) -> None:
    """A controller that died and is back begins with probes, and its node's promotion scores are gone until then."""
    assert status(agent("monitor", OCF_RESKEY_CRM_meta_interval=interval)) == NOT_RUNNING
    assert calls(folder) == ["--refresh"]
    agent("start")
    calls(folder)
    assert status(agent("monitor", OCF_RESKEY_CRM_meta_interval=interval)) == SUCCESS
    assert calls(folder) == ["--refresh"]
    assert status(agent("monitor")) == SUCCESS
    assert calls(folder) == []


@needs_root
def test_what_could_not_be_said_is_a_failure_but_not_of_a_stop(site: Site, folder: Path, agent: Agent) -> None:
    agent("start")
    (folder / "broken").write_text("1")
    site.cut("ctl1", "public")
    failed = agent("monitor")
    assert status(failed) == ERR_GENERIC
    assert "attrd_updater can't set link-public" in failed.stderr
    assert status(agent("stop")) == SUCCESS
    assert status(agent("monitor")) == NOT_RUNNING


def test_the_agent_describes_itself(folder: Path) -> None:
    said = act(folder, "meta-data")
    assert said.returncode == SUCCESS
    described = etree.fromstring(said.stdout.encode())
    assert [each.get("name") for each in described.iter("parameter")] == ["networks", "dampening"]
    actions = {str(each.get("name")) for each in described.iter("action")}
    assert actions == {"start", "stop", "monitor", "validate-all", "meta-data"}
    assert act(folder, "dance").returncode == ERR_UNIMPLEMENTED


@needs_root
def test_it_is_an_agent_as_ocf_tester_wants_it(folder: Path) -> None:
    agents.Agent(folder / "links", variables(folder)).passes_ocf_tester()


@needs_root
def test_right_parameters_are_right(folder: Path) -> None:
    assert act(folder, "validate-all").returncode == SUCCESS


@pytest.mark.parametrize(
    ("networks", "words"),
    [
        ("", "there must be one"),
        ("management", "is not NETWORK:NODE=ADDRESS"),
        ("management:", "is not NETWORK:NODE=ADDRESS"),
        ("management:ctl1=10.20.0.11,ctl2", "is not NETWORK:NODE=ADDRESS"),
        ("management:ctl1=10.20.0.11,ctl2=ctl2.example", "is not NETWORK:NODE=ADDRESS"),
        ("management:ctl1=10.20.0.11,ctl2=10.20.0.1200", "is not NETWORK:NODE=ADDRESS"),
        ("management:ctl1=10.20.0.11", "there is nobody to ask"),
    ],
)
def test_wrong_parameters_are_refused(folder: Path, networks: str, words: str) -> None:
    refused = act(folder, "validate-all", OCF_RESKEY_networks=networks)
    assert refused.returncode == ERR_CONFIGURED
    assert words in refused.stderr


def test_a_wrong_dampening_is_refused(folder: Path) -> None:
    assert act(folder, "validate-all", OCF_RESKEY_dampening="soon").returncode == ERR_CONFIGURED


@needs_root
def test_a_host_without_pacemaker_is_told_so(folder: Path, agent: Agent) -> None:
    (folder / "bin/attrd_updater").unlink()
    refused = agent("start", PATH=f"{folder}/bin:/usr/bin:/bin")
    assert refused.returncode == ERR_INSTALLED
    assert "no attrd_updater" in refused.stderr
