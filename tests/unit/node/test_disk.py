"""What takes the place of a logical volume's parts, and a real ext4 file system that is filled and emptied."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from quorate.node import disk

TABLE = "0 2105344 linear 98:17 2048\n2105344 8192 linear 8:3 4096\n"


@pytest.mark.parametrize(
    ("target", "words", "swapped"),
    [
        ("error", [], "0 2105344 error\n2105344 8192 error\n"),
        ("delay", ["100"], "0 2105344 delay 98:17 2048 100\n2105344 8192 delay 8:3 4096 100\n"),
        (
            "flakey",
            ["0", "1", "1", "drop_writes"],
            "0 2105344 flakey 98:17 2048 0 1 1 drop_writes\n2105344 8192 flakey 8:3 4096 0 1 1 drop_writes\n",
        ),
    ],
)
def test_every_part_is_replaced(target: str, words: list[str], swapped: str) -> None:
    assert disk.swapped(TABLE, target, words) == swapped


def test_what_isn_t_linear_can_only_be_gone() -> None:
    thin = "0 2105344 thin 254:4 1\n"
    assert disk.swapped(thin, "error", []) == "0 2105344 error\n"
    with pytest.raises(disk.Failed, match="is thin, and not linear"):
        disk.swapped(thin, "delay", ["100"])


def test_nothing_that_isn_t_mounted_is_filled(tmp_path: Path) -> None:
    for full in (disk.fill, disk.crowd):
        with pytest.raises(disk.Failed, match="isn't mounted here"):
            full(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    disk.empty(str(tmp_path))


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """An ext4 file system of 8 MiB with 256 inodes."""
    if os.geteuid() != 0:
        pytest.skip("to mount a file system takes root")
    image, folder = tmp_path / "image", tmp_path / "folder"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(8 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-N", "256", str(image)], check=True)
    mount = subprocess.run(["mount", "-o", "loop", str(image), str(folder)], capture_output=True, text=True)
    if mount.returncode:
        pytest.skip(f"no file system can be mounted here: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_the_last_block_is_taken_and_given_back(mounted: Path) -> None:
    free = os.statvfs(mounted).f_bavail
    disk.fill(str(mounted))
    assert os.statvfs(mounted).f_bavail == 0
    disk.empty(str(mounted))
    assert os.statvfs(mounted).f_bavail == free


def test_the_last_inode_is_taken_and_given_back(mounted: Path) -> None:
    free = os.statvfs(mounted).f_favail
    disk.crowd(str(mounted))
    assert os.statvfs(mounted).f_favail == 0
    with pytest.raises(OSError, match="No space left"):
        (mounted / "one-more").touch()
    disk.empty(str(mounted))
    assert os.statvfs(mounted).f_favail == free
