"""The design as a whole: what hosts get, and where secrets are."""

import subprocess
from pathlib import Path

import pytest

from quorate.cluster.model import Cluster
from quorate.design import secret_names, work_out
from quorate.services.parts import Secret


def test_secrets_stand_in_private_files_only(cluster: Cluster) -> None:
    files = [file for host in work_out(cluster).hosts.values() for file in host.files]
    secret = [file for file in files if any(isinstance(piece, Secret) for piece in file.content)]
    assert {file.path for file in secret} == {
        "/etc/corosync/authkey",
        "/etc/drbd.d/database.res",
        *(f"/etc/quorate/bmc/10.29.0.{number}" for number in (11, 12, 13)),
    }
    assert all(file.mode & 0o077 == 0 for file in secret)


def test_a_host_holds_the_passwords_of_the_others(cluster: Cluster) -> None:
    paths = {file.path for file in work_out(cluster).hosts["ctl1"].files}
    assert "/etc/quorate/bmc/10.29.0.12" in paths
    assert "/etc/quorate/bmc/10.29.0.11" not in paths


def test_all_secrets_are_named_once(cluster: Cluster) -> None:
    assert sorted(secret_names(cluster)) == [
        "bmc-ctl1",
        "bmc-ctl2",
        "bmc-ctl3",
        "corosync-authkey",
        "drbd-database",
    ]


def test_a_host_without_the_service_has_nothing_of_it(cluster: Cluster) -> None:
    third = work_out(cluster).hosts["ctl3"]
    assert not {"mariadb-server", "drbd-utils"} & set(third.packages)
    assert not [file.path for file in third.files if "mysql" in file.path or "drbd" in file.path]


def test_no_path_is_written_twice(cluster: Cluster) -> None:
    for host in work_out(cluster).hosts.values():
        paths = [file.path for file in host.files]
        assert len(paths) == len(set(paths))


def test_drbd_reads_its_resource(cluster: Cluster, tmp_path: Path) -> None:
    drbdadm = Path("/usr/lib/drbd/drbdadm-84")
    if not drbdadm.exists():
        pytest.skip("no drbd-utils on this machine")
    (resource,) = (file for file in work_out(cluster).hosts["ctl1"].files if file.path.startswith("/etc/drbd.d/"))
    text = "".join(piece if isinstance(piece, str) else "s" * 32 for piece in resource.content)
    (tmp_path / "drbd.conf").write_text(text)
    dumped = subprocess.run(
        [drbdadm, "-c", tmp_path / "drbd.conf", "dump", "database"],
        capture_output=True,
        text=True,
        timeout=30,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "__DRBD_NODE__": "ctl1"},
    )
    assert dumped.returncode == 0, dumped.stderr
    understood = " ".join(dumped.stdout.split())
    for setting in (
        "fencing resource-and-stonith;",
        'fence-peer "/usr/lib/quorate/fence-peer fence 60";',
        "protocol C;",
        f"shared-secret {'s' * 32};",
        "address ipv4 10.22.0.12:7788;",
    ):
        assert setting in understood
    assert "allow-two-primaries" not in understood
