"""Writing keys on a node: real files, whole or absent."""

import grp
import os
import pwd
import stat
from pathlib import Path

import pytest

from quorate.node import keys

OWNER = pwd.getpwuid(os.geteuid()).pw_name
GROUP = grp.getgrgid(os.getegid()).gr_name


def change(folder: Path, write: dict[str, str], *remove: int) -> None:
    keys.change({"path": str(folder), "owner": OWNER, "group": GROUP, "write": write, "remove": remove})


def held(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_keys_are_written_and_removed(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "keys"
    change(folder, {"0": "staged", "1": "primary"})
    assert held(folder) == {"0": "staged", "1": "primary"}
    change(folder, {"0": "new", "2": "staged"}, 1)
    assert held(folder) == {"0": "new", "2": "staged"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o400}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.parent.iterdir()) == [folder], "nothing half written is left"


def test_what_an_interruption_left_behind_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    (tmp_path / "keys.2.new").write_text("half")
    change(folder, {"2": "whole"})
    assert held(folder) == {"2": "whole"}


def test_a_name_that_is_no_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        change(tmp_path / "keys", {"../escaped": "x"})
    assert not (tmp_path / "escaped").exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "keys.1.new").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"):
        change(tmp_path / "keys", {"1": "key"})
    assert (tmp_path / "victim").read_text() == "precious"
