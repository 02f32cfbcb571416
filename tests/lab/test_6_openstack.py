"""OpenStack on the cluster: what the stock client can do, what a second run changes, and what nobody may see."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from quorate.cluster.loading import load
from quorate.design import work_out
from quorate.live.listening import COMMAND, compare

from .conftest import QUORATE, Site

CLIENT = Path(sys.executable).parent / "openstack"
NODES = ("ctl1", "ctl2", "ctl3")
MOST_MEMORY = 2 << 30


def stock_client(site: Site, *words: str) -> Any:
    """What the stock client says, with nothing but the clouds.yaml that Quorate wrote."""
    argv = [str(QUORATE), "lab", "run", "--file", str(site.file), "--", str(CLIENT), *words, "-f", "json"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"openstack {' '.join(words)}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout)


def test_the_stock_client_works_over_verified_tls(openstack: Site, tmp_path: Path) -> None:
    assert stock_client(openstack, "token", "issue")["id"].startswith("gAAAA"), "a Fernet token"
    project = stock_client(openstack, "project", "create", "--or-show", "seen")
    user = stock_client(openstack, "user", "create", "--or-show", "--project", project["id"], "seen")
    assert user["default_project_id"] == project["id"]
    content = os.urandom(3 << 20)
    (tmp_path / "given").write_bytes(content)
    given = ("--file", str(tmp_path / "given"), "--disk-format", "raw", "seen")
    image = stock_client(openstack, "image", "create", *given)
    assert "seen" in [each["Name"] for each in stock_client(openstack, "image", "list")]
    argv = [str(QUORATE), "lab", "run", "--file", str(openstack.file), "--", str(CLIENT), "image", "save"]
    subprocess.run([*argv, "--file", str(tmp_path / "got"), image["id"]], timeout=120, check=True)
    assert hashlib.sha256((tmp_path / "got").read_bytes()).digest() == hashlib.sha256(content).digest()


def test_a_client_that_trusts_another_authority_is_refused_by_itself(openstack: Site, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    argv = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=x",
    ]
    subprocess.run([*argv, "-keyout", tmp_path / "key", "-out", other], check=True, capture_output=True)
    words = ["token", "issue", "--os-cacert", str(other)]
    argv = [str(QUORATE), "lab", "run", "--file", str(openstack.file), "--", str(CLIENT), *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0
    assert "certificate" in (done.stdout + done.stderr).lower()


def test_a_second_apply_changes_nothing_and_is_quick(openstack: Site) -> None:
    openstack.await_ready()
    result = openstack.json("apply")
    assert result["changed"] is False
    assert result["seconds"] < 5


def test_nothing_listens_that_the_design_does_not_list(openstack: Site) -> None:
    design = work_out(load(openstack.file.read_bytes(), str(openstack.file)))
    for name, host in design.hosts.items():
        shown = json.loads(openstack.on(name, "ip", "-json", "-4", "address"))
        addresses = {address["local"] for interface in shown for address in interface["addr_info"]}
        difference = compare(openstack.on(name, *COMMAND), host.listeners, addresses)
        assert not difference.unexpected, f"{name}: {', '.join(map(str, difference.unexpected))}"
        assert not difference.missing, f"{name}: {difference.missing}"


@pytest.mark.parametrize("port", [5000, 9292, 11211, 25672])
def test_services_own_ports_are_closed_to_other_hosts(openstack: Site, port: int) -> None:
    """This machine stands on the management network, too, and is none of the cluster's nodes."""
    code = f"import socket; socket.create_connection(('10.20.0.11', {port}), 2)"
    argv = [str(QUORATE), "lab", "run", "--file", str(openstack.file), "--", sys.executable, "-c", code]
    from_here = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert from_here.returncode != 0
    assert "timed out" in from_here.stderr, from_here.stderr
    assert "OPEN" in openstack.on("ctl2", "python3", "-c", f"{code}; print('OPEN')")


def test_no_password_where_others_could_read_it(openstack: Site) -> None:
    secrets = [
        file.read_text().strip()
        for file in (openstack.state / "secrets").iterdir()
        if file.name.startswith(("sql-", "identity-", "messaging-", "bmc-", "drbd-"))
    ]
    assert len(secrets) > 8
    for node in NODES:
        seen = openstack.on(node, "cibadmin", "--query")
        seen += openstack.on(node, "journalctl", "--no-pager", "--boot")
        seen += openstack.on(node, "sh", "-c", "for i in 1 2 3 4 5; do ps -eo args; sleep 0.2; done")
        folders = ("/etc", "/var/log", "/var/lib/pacemaker", "/usr/lib/quorate")
        readable = ("-type", "f", "-perm", "-o=r", "-size", "-4M", "-exec", "cat", "{}", "+")
        seen += openstack.on(node, "find", *folders, *readable)
        assert not [secret for secret in secrets if secret in seen], f"a password can be read on {node}"


def test_a_node_needs_no_more_than_two_gibibytes(openstack: Site) -> None:
    for node in NODES:
        found = openstack.on(node, "cat", "/proc/meminfo")
        kib = {line.split(":")[0]: int(line.split()[1]) for line in found.splitlines()}
        assert kib["MemTotal"] * 1024 <= MOST_MEMORY
        assert kib["MemAvailable"] > 256 * 1024, f"{node} is short of memory: {found}"


def _is_good(site: Site, token: str) -> bool:
    """Whether Identity still takes a token, asked as often as there are nodes: the front sends them round."""
    code = "import sys, httpx; t = sys.stdin.read(); u, a = sys.argv[1:]; h = {'X-Auth-Token': t, 'X-Subject-Token': t}"
    code += "; print(httpx.get(u, headers=h, verify=a, timeout=30).status_code)"
    where = ("https://10.20.0.21:5000/v3/auth/tokens", str(site.state / "tls/ca.pem"))
    argv = [str(QUORATE), "lab", "run", "--file", str(site.file), "--", sys.executable, "-c", code, *where]
    asked = [subprocess.run(argv, input=token, capture_output=True, text=True, timeout=120, check=True) for _ in NODES]
    return all(answer.stdout.strip() == "200" for answer in asked)


def test_keys_are_rotated_and_tokens_stay_good(openstack: Site) -> None:
    token = stock_client(openstack, "token", "issue")["id"]
    before = {each["name"]: each for each in openstack.json("keys", "show")}
    openstack.quorate("keys", "rotate")
    assert {each["name"]: each for each in openstack.json("keys", "show")} != before
    assert _is_good(openstack, token)
    assert openstack.json("apply")["changed"] is False
