"""The firewall: read by nft, and asked by packets from real sources in network namespaces of the test's own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from quorate.cluster.model import Cluster
from quorate.design import work_out
from quorate.design.firewall import RULES, filters, rules
from quorate.node.firewall import BLOCK
from quorate.services.parts import Listener, Reach

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
NODE, OTHER, STRANGER, ROUTED = "10.20.0.11", "10.20.0.12", "10.20.0.77", "10.99.0.1"

LISTENERS = (
    Listener(5000, "10.20.0.21", "haproxy", Reach.CLIENTS),
    Listener(5000, NODE, "uwsgi-core", Reach.CLUSTER),
    Listener(5000, "127.0.0.1", "uwsgi-core", Reach.HOST),
    Listener(8404, NODE, "haproxy", Reach.NETWORK),
    Listener(25672, "0.0.0.0", "beam.smp", Reach.CLUSTER),
    Listener(5405, NODE, "corosync", Reach.CLUSTER, protocol="udp"),
)


def in_a_namespace(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs a command as root of a user and a network namespace of its own."""
    unshare = ["unshare", "--map-root-user", "--net"]
    if not shutil.which("nft", path=PATH):
        pytest.skip("no nft on this machine: install nftables")
    if subprocess.run([*unshare, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets no user make a namespace")
    return subprocess.run([*unshare, *command], env={"PATH": PATH}, capture_output=True, text=True, timeout=60)


def test_nft_takes_the_rules_of_every_host(cluster: Cluster, tmp_path: Path) -> None:
    for host in work_out(cluster).hosts.values():
        (file,) = (file for file in host.files if file.path == RULES)
        (tmp_path / "rules").write_text("".join(map(str, file.content)))
        told = in_a_namespace("nft", "--check", "--file", tmp_path / "rules")
        assert told.returncode == 0, told.stderr


# Runs as root of an empty network: our host on one end of a cable, everybody else on the other.
TRIAL = """
import json, os, socket, subprocess, sys
def sh(*words, **more): return subprocess.run(words, check=True, **more)
rules, addresses, sources, ports = sys.argv[1], *map(json.loads, sys.argv[2:5])
ours, theirs = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    sh("ip", "link", "set", "lo", "up"); os.read(ours[0], 1)
    for source in sources: sh("ip", "address", "add", source + "/16", "dev", "c1")
    sh("ip", "link", "set", "c1", "up"); sh("ip", "route", "replace", "10.0.0.0/8", "dev", "c1")
    answers = []
    for source in sources:
        for address, port in ports:
            with socket.socket() as client:
                client.settimeout(0.3); client.bind((source, 0))
                try: client.connect((address, port)); answers.append([source, address, port])
                except TimeoutError: pass
    print(json.dumps(answers)); sys.stdout.flush(); os._exit(0)
# The network is divided now: the child keeps this one, and we go into a new one.
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
assert libc.unshare(0x40000000) == 0, os.strerror(ctypes.get_errno())
sh("ip", "link", "add", "c0", "type", "veth", "peer", "name", "c1", "netns", str(child))
sh("ip", "link", "set", "lo", "up")
for address in addresses: sh("ip", "address", "add", address + "/16", "dev", "c0")
sh("ip", "link", "set", "c0", "up"); sh("ip", "route", "replace", "10.0.0.0/8", "dev", "c0")
for _ in range(2): sh("nft", "--file", rules)  # the second time in the place of the first
listening = [socket.create_server(("0.0.0.0", port)) for port in {port for _, port in ports}]
for address, port in ports: socket.create_connection((address, port), 1).close()  # from the host itself
os.write(ours[1], b"x"); assert os.waitpid(child, 0)[1] == 0
print(sh("nft", "list", "tables", capture_output=True, text=True).stdout)
"""


def test_who_comes_in_and_who_does_not(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "rules").write_text(rules(cluster, LISTENERS))
    (tmp_path / "trial.py").write_text(TRIAL)
    # Port 4711 is nobody's: what the design doesn't know is left alone.
    ports = [["10.20.0.21", 5000], [NODE, 5000], [NODE, 8404], [NODE, 25672], [NODE, 4711]]
    given = ([NODE, "10.20.0.21"], [OTHER, STRANGER, ROUTED], ports)
    told = in_a_namespace(sys.executable, tmp_path / "trial.py", tmp_path / "rules", *map(json.dumps, given))
    if "Operation not supported" in told.stderr or "Unknown device type" in told.stderr:
        pytest.skip("this machine's kernel has no virtual cables (veth)")
    assert told.returncode == 0, told.stderr
    answered, *tables = told.stdout.splitlines()
    came_in: dict[str, list[tuple[str, int]]] = {OTHER: [], STRANGER: [], ROUTED: []}
    for source, address, port in json.loads(answered):
        came_in[source].append((address, port))
    everybody = [("10.20.0.21", 5000), (NODE, 4711)]
    assert sorted(came_in[OTHER]) == sorted((address, port) for address, port in ports)
    assert sorted(came_in[STRANGER]) == sorted([*everybody, (NODE, 8404)])
    assert sorted(came_in[ROUTED]) == sorted(everybody)
    assert [table for table in tables if table] == ["table inet quorate"]


def test_what_is_for_clients_or_for_the_host_alone_needs_no_rule(cluster: Cluster) -> None:
    text = rules(cluster, LISTENERS)
    assert "10.20.0.21" not in text
    assert "127.0.0.1" not in text
    assert "udp dport { 5405 }" in text


def test_every_closed_port_is_below_those_of_outgoing_connections(cluster: Cluster) -> None:
    """What makes the firewall do without connection tracking."""
    for host in work_out(cluster).hosts.values():
        assert all(listener.port < 32768 for listener in host.listeners)


def test_equal_files_give_equal_rules(cluster: Cluster) -> None:
    assert rules(cluster, LISTENERS) == rules(cluster, reversed(LISTENERS))


def test_a_kernel_without_nf_tables_is_given_the_same(cluster: Cluster) -> None:
    """tc's filters: for each port that is closed who passes, and after them the rest, which is dropped."""
    lines = filters(cluster, LISTENERS).splitlines()
    of_the_api = [line.partition(" flower ")[2] for line in lines if "dst_ip 10.20.0.11 dst_port 5000" in line]
    which = "ip_proto tcp dst_ip 10.20.0.11 dst_port 5000"
    assert of_the_api == [
        *(f"{which} src_ip 10.20.0.{number} action pass" for number in (11, 12, 13)),
        f"{which} action drop",
    ]
    assert all(f" block {BLOCK} " in line for line in lines)
    assert all((" pref 10 " in line) is line.endswith("pass") for line in lines)
    assert "10.20.0.21" not in "".join(lines)
