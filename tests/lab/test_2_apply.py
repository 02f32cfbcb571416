"""From three hosts with Debian and sshd to a ready cluster, and what stands in the way of it."""

import json
import re
import subprocess
import sys
from pathlib import Path

from .conftest import QUORATE, Site

FOLDERS = ("/etc", "/usr/lib/quorate", "/var/lib/pacemaker")


def test_a_host_without_anything_becomes_ready(site: Site) -> None:
    status = site.await_ready()
    assert status["quorate"] is True
    disks = {replica["disk"] for replicas in status["replicas"].values() for replica in replicas.values()}
    assert disks == {"UpToDate"}
    assert status["active"]["database"] in ("ctl1", "ctl2")


def test_a_second_run_changes_nothing_and_is_quick(site: Site) -> None:
    before = {node: site.on(node, "cibadmin", "--query") for node in ("ctl1",)}
    result = site.json("apply")
    assert result["changed"] is False
    assert result["seconds"] < 5
    assert {node: _configuration(site.on(node, "cibadmin", "--query")) for node in before} == {
        node: _configuration(cib) for node, cib in before.items()
    }


UNIT = "[Service]\nExecStart=sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
CONTROL = "Package: eager\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@invalid>\nDescription: eager\n"
POSTINST = "#!/bin/sh\nset -e\nsystemctl enable eager\nsystemctl start eager\n"
PACKAGE = """
set -e; cd "$(mktemp --directory)"; mkdir -p p/DEBIAN p/usr/lib/systemd/system
printf %s "$1" > p/usr/lib/systemd/system/eager.service; printf %s "$2" > p/DEBIAN/control
printf %s "$3" > p/DEBIAN/postinst; chmod 755 p/DEBIAN/postinst; dpkg-deb --build p /root/eager.deb
"""
INSTALL = """
import asyncio, sys
from pathlib import Path
from quorate.cli.site import Site
from quorate.converge.packages import InstallPackages
from quorate.hosts.inspection import look

async def main():
    step = InstallPackages("ctl3", ("/root/eager.deb",), ("eager.service",))
    async with Site.open(Path(sys.argv[1])).hosts() as hosts:
        await step.do(hosts, await look(hosts, step.asks()), print)

asyncio.run(main())
"""


def test_a_package_that_enables_and_starts_its_unit_is_installed_and_doesnt_run(site: Site) -> None:
    """As Keystone's does; a masked unit would have failed its installation."""
    site.on("ctl3", "sh", "-c", PACKAGE, "sh", UNIT, CONTROL, POSTINST)
    argv = [str(QUORATE), "lab", "run", "--file", str(site.file), "--", sys.executable, "-c", INSTALL, str(site.file)]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert site.on("ctl3", "systemctl", "is-enabled", "eager").strip() == "enabled"
        assert site.on("ctl3", "systemctl", "is-active", "eager", check=False).strip() == "inactive"
        site.on("ctl3", "systemctl", "start", "eager")
        assert site.on("ctl3", "systemctl", "is-active", "eager").strip() == "active"
    finally:
        site.on("ctl3", "systemctl", "stop", "eager", check=False)
        site.on("ctl3", "sh", "-c", "dpkg --purge eager; rm /var/lib/quorate/pending/new:eager.service", check=False)


def test_no_secret_where_others_could_read_it(site: Site) -> None:
    secrets = [
        (site.state / "secrets" / name).read_bytes().strip()
        for name in ("bmc-ctl1", "bmc-ctl2", "bmc-ctl3", "drbd-database")
    ]
    for file in (site.state / "secrets").iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
    for node in ("ctl1", "ctl2", "ctl3"):
        seen = site.on(node, "cibadmin", "--query")
        seen += site.on(node, "journalctl", "--no-pager", "--boot")
        # Every argument of every process, while fencing devices are being asked.
        seen += site.on(node, "sh", "-c", "for i in 1 2 3 4 5; do ps -eo args; sleep 0.2; done")
        seen += site.on(node, "find", *FOLDERS, "-type", "f", "-perm", "-o=r", "-exec", "cat", "{}", "+")
        for secret in secrets:
            assert secret.decode() not in seen, f"a secret can be read on {node}"


def test_apply_puts_back_what_was_changed_by_hand(site: Site) -> None:
    site.on("ctl2", "sh", "-c", "echo broken > /etc/mysql/mariadb.conf.d/90-quorate.cnf")
    site.on("ctl1", "crm_attribute", "--name", "stonith-enabled", "--update", "false")
    changed = json.dumps(site.json("apply")["steps"])
    assert "90-quorate.cnf" in changed
    assert "innodb" in site.on("ctl2", "cat", "/etc/mysql/mariadb.conf.d/90-quorate.cnf")
    assert "true" in site.on("ctl1", "crm_attribute", "--name", "stonith-enabled", "--query")
    assert site.json("apply")["changed"] is False


def test_a_device_with_data_on_it_is_never_touched(site: Site, tmp_path: Path) -> None:
    """ctl3 holds no data yet, so a second cluster file can ask for its device."""
    device = "/dev/disk/by-partlabel/quorate-data"
    other = tmp_path / "moved.yaml"
    other.write_text(site.file.read_text().replace("database:", "database: {on: [ctl1, ctl3]} #"))
    other.with_suffix(".quorate").symlink_to(site.state)
    # To be taken for data: a signature that every tool knows, or bytes that none does.
    for spoil in (("mkswap", device), ("dd", "if=/dev/urandom", f"of={device}", "bs=1M", "count=1", "conv=fsync")):
        site.on("ctl3", *spoil)
        before = site.on("ctl3", "sha256sum", device)
        refused = Site(other).quorate("apply", status=1)
        assert "ctl3" in refused.stderr
        assert device in refused.stderr
        assert site.on("ctl3", "sha256sum", device) == before
        site.on("ctl3", "wipefs", "--all", device)
    assert site.json("apply")["changed"] is False, "the refused apply has changed something"


def test_hosts_that_cannot_be_used_are_named(site: Site, tmp_path: Path) -> None:
    site.on("ctl3", "systemctl", "stop", "pacemaker", "corosync")  # else it is fenced, and so switched on again
    site.quorate("lab", "power", "off", "ctl3")
    unreachable = site.quorate("apply", status=1)
    assert "ctl3" in unreachable.stderr
    assert site.json("status", status=1)["nodes"]["ctl3"]["reachable"] is False
    site.quorate("lab", "up")
    site.quorate("apply")

    other_key = _other_key(tmp_path / "other")
    hosts_key = re.sub(rb"(?m)^ctl2 .*", b"ctl2 " + other_key, (site.state / "lab/known_hosts").read_bytes())
    _refused_with(site, site.state / "lab/known_hosts", hosts_key, "ctl2", "host key")
    _refused_with(site, site.state / "lab/ssh_key", (tmp_path / "other").read_bytes(), "key")
    assert site.json("apply")["changed"] is False


def _refused_with(site: Site, file: Path, content: bytes, *words: str) -> None:
    kept = file.read_bytes()
    file.write_bytes(content)
    try:
        refused = site.quorate("apply", status=1).stderr
    finally:
        file.write_bytes(kept)
    assert all(word in refused for word in words)


def _other_key(file: Path) -> bytes:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
    return b" ".join(file.with_suffix(".pub").read_bytes().split()[:2])


def _configuration(cib: str) -> str:
    return cib[cib.index("<configuration>") : cib.index("</configuration>")]
