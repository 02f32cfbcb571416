"""Secrets: made once, whole or not at all, and readable by nobody else."""

import os
import re
import stat
import threading
from pathlib import Path

import pytest

from quorate.cluster.keyring import KeyRing
from quorate.cluster.secrets import Secrets
from quorate.errors import InputError, Refused

NAMES = ["corosync-authkey", "bmc-ctl1", "bmc-ctl2", "drbd-database"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "lab.quorate" / "secrets"


def test_secrets_are_made_once_and_never_again(folder: Path) -> None:
    secrets = Secrets(folder)
    assert secrets.create(NAMES[:2]) == NAMES[:2]
    before = {name: secrets.read(name) for name in NAMES[:2]}
    assert secrets.create(NAMES) == NAMES[2:]
    assert secrets.create(NAMES) == []
    assert {name: secrets.read(name) for name in NAMES[:2]} == before
    assert len({secrets.read(name) for name in NAMES}) == 4
    assert [len(secrets.read(name)) for name in NAMES] == [256, 16, 16, 32]
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES)  # no temporary file is left


def test_nobody_else_can_read_them(folder: Path) -> None:
    previous = os.umask(0)
    try:
        Secrets(folder).create(NAMES)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_two_at_once_agree(folder: Path) -> None:
    """However many make the same secrets at once, each is made by one of them and stays."""
    for turn in range(20):
        names = [f"bmc-node{turn}"]
        made: list[str] = []
        barrier = threading.Barrier(4)

        def make(names: list[str] = names, made: list[str] = made, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            made += Secrets(folder).create(names)

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made == names


def test_a_missing_secret_says_what_to_do(folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        Secrets(folder).read("bmc-ctl1")
    assert "quorate init" in caught.value.todo
    assert caught.value.where == str(folder / "bmc-ctl1")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_secret_that_others_can_read_or_change_is_refused(folder: Path, mode: int) -> None:
    secrets = Secrets(folder)
    secrets.create(["bmc-ctl1"])
    secrets.path("bmc-ctl1").chmod(mode)
    with pytest.raises(Refused) as caught:
        secrets.read("bmc-ctl1")
    assert "chmod 600" in caught.value.todo


@pytest.mark.parametrize(
    ("name", "written", "read"),
    [
        ("bmc-ctl1", b"correct-horse\n", b"correct-horse"),
        ("bmc-ctl1", b"correct-horse\r\n", b"correct-horse"),
        ("bmc-ctl1", b"", None),
        ("bmc-ctl1", b"two words", None),
        ("bmc-ctl1", b"x" * 21, None),
        ("bmc-ctl1", b"two\nlines", None),
        ("drbd-database", b'short"secret; } evil {', None),
        ("corosync-authkey", b"\n" * 128, b"\n" * 128),
        ("corosync-authkey", b"x" * 127, None),
    ],
)
def test_a_secret_that_a_person_put_there(folder: Path, name: str, written: bytes, read: bytes | None) -> None:
    folder.mkdir(parents=True)
    (folder / name).write_bytes(written)
    (folder / name).chmod(0o600)
    if read is not None:
        assert Secrets(folder).read(name) == read
        return
    with pytest.raises(InputError) as caught:
        Secrets(folder).read(name)
    error = caught.value
    assert not written or written.decode() not in f"{error} {error.means} {error.todo}"


def test_what_is_not_a_file_is_refused_at_once(folder: Path) -> None:
    folder.mkdir(parents=True)
    os.mkfifo(folder / "bmc-ctl1", 0o600)
    (folder / "bmc-ctl2").mkdir(0o700)
    for name in ("bmc-ctl1", "bmc-ctl2"):
        with pytest.raises(InputError):
            Secrets(folder).read(name)


def test_a_name_can_not_leave_the_folder(folder: Path) -> None:
    for name in ("../bmc-ctl1", "bmc-../../x", "/etc/passwd", "bmc-"):
        with pytest.raises(ValueError, match="no kind of secret"):
            Secrets(folder).read(name)


def test_nowhere_to_put_them(tmp_path: Path) -> None:
    (tmp_path / "lab.quorate").write_text("a file")
    with pytest.raises(InputError):
        Secrets(tmp_path / "lab.quorate" / "secrets").create(NAMES)
    with pytest.raises(InputError):
        Secrets(tmp_path / "not" / "there" / "secrets").create(NAMES)


def test_no_secret_shows(folder: Path) -> None:
    secrets = Secrets(folder)
    secrets.create(["bmc-ctl1"])
    assert secrets.read("bmc-ctl1").decode() not in f"{secrets!r} {secrets} {vars(secrets)}"


def test_a_secret_is_replaced_whole_and_stays_private(tmp_path: Path) -> None:
    folder = Secrets(tmp_path / "secrets")
    folder.create(["keys-identity-tokens"])
    old = folder.read("keys-identity-tokens")
    ring = KeyRing.parse(old).promoted()
    folder.replace("keys-identity-tokens", ring.render())
    assert KeyRing.parse(folder.read("keys-identity-tokens")) == ring
    assert [path.name for path in folder.folder.iterdir()] == ["keys-identity-tokens"], "nothing else is left"
    assert stat.S_IMODE(folder.path("keys-identity-tokens").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["sql-identity", "identity-image", "identity-admin", "messaging-openstack"])
def test_words_that_stand_in_urls_and_settings_mean_nothing_there(tmp_path: Path, name: str) -> None:
    folder = Secrets(tmp_path / "secrets")
    folder.create([name])
    assert re.fullmatch(rb"[A-Za-z0-9]{32}", folder.read(name))
    if name != "identity-admin":
        folder.path(name).write_bytes(b"with-a-$-in-it-that-oslo-would-expand")
        with pytest.raises(InputError, match="letters and digits"):
            folder.read(name)
