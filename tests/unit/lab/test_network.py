"""What the lab tells nftables: that it is understood is asked of `nft` itself, as a dry run."""

import os
import shutil
import subprocess
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

import pytest

from quorate.lab import BmcSpec, DropSpec, LabSpec, LinkSpec, MachineSpec, NetworkSpec
from quorate.lab.network import Namespace, ruleset

SPEC = LabSpec(
    name="two",
    machines=tuple(
        MachineSpec(
            name=f"ctl{number}",
            links=(LinkSpec(network="storage", address=IPv4Interface(f"10.22.0.1{number}/24"), nic="storage"),),
            bmc=BmcSpec(address=IPv4Address(f"10.29.0.1{number}"), user="admin", password_file=Path("none")),
        )
        for number in (1, 2)
    ),
    networks=(NetworkSpec(name="storage", client=IPv4Interface("10.22.0.254/24")),),
    bmc_network=NetworkSpec(name="bmc", client=IPv4Interface("10.29.0.254/24")),
)


def rules(*drops: DropSpec) -> dict[str, list[str]]:
    """By hook, what is dropped."""
    found: dict[str, list[str]] = {}
    for line in ruleset(SPEC, drops).splitlines():
        if "chain" in line:
            found[line.split()[1]] = []
        elif line.strip().endswith("drop"):
            found[list(found)[-1]].append(line.strip())
    return found


def test_between_two_machines_in_one_direction() -> None:
    found = rules(DropSpec(network="storage", sender="ctl1", receiver="ctl2"))
    assert found == {"forward": ['iifname "m0l1" oifname "m1l1" drop'], "input": [], "output": []}


def test_from_and_to_everybody_includes_this_machine() -> None:
    found = rules(DropSpec(network="storage", sender="ctl1"), DropSpec(network="storage", receiver="ctl1"))
    assert found == {
        "forward": ['iifname "m0l1" drop', 'oifname "m0l1" drop'],
        "input": ['iifname "m0l1" drop'],
        "output": ['oifname "m0l1" drop'],
    }


def test_ports_are_those_of_either_end() -> None:
    found = rules(DropSpec(network="storage", sender="ctl1", receiver="ctl2", protocol="tcp", ports=(7788, 7789)))
    assert [rule.rpartition("tcp ")[2] for rule in found["forward"]] == [
        "sport { 7788, 7789 } drop",
        "dport { 7788, 7789 } drop",
    ]


@pytest.mark.skipif(shutil.which("nft", path=f"{os.environ['PATH']}:/usr/sbin") is None, reason="nft is missing")
def test_nftables_takes_it() -> None:
    text = ruleset(
        SPEC,
        (
            DropSpec(network="storage", sender="ctl1", receiver="ctl2", protocol="udp", ports=(5405,)),
            DropSpec(network="storage", sender="ctl2", receiver="ctl1", longer_than=1000),
        ),
    )
    # In namespaces of its own: nft asks the kernel even for a dry run, and none of this is for this machine.
    own = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*own, "true"], capture_output=True, check=False).returncode:
        pytest.skip("NOT RUN: this machine gives no user namespaces")
    done = subprocess.run(
        [*own, "nft", "--check", "--file", "-"], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN: needs root (namespaces, taps)")
def test_a_link_that_is_pulled_out_leaves_the_clients_as_they_are() -> None:
    """A bridge has its lowest port's hardware address: with that port, clients would get another one."""
    namespace = Namespace(f"quorate-test-{os.getpid()}")

    def addresses() -> list[str]:
        show = namespace.argv("ip", "-brief", "link", "show", "type", "bridge")
        done = subprocess.run(show, capture_output=True, text=True, check=True)
        return [line.split()[2] for line in done.stdout.splitlines()]

    try:
        namespace.up(SPEC)
        before = addresses()
        for machine in SPEC.machines:
            namespace.connect(SPEC, machine.name, "storage", False)
            assert addresses() == before
            namespace.connect(SPEC, machine.name, "storage", True)
    finally:
        subprocess.run(["ip", "netns", "delete", namespace.name], check=True)
