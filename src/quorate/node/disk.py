"""Makes a volume of a node bad, and good again; drills use it. Started with one of:

    swap DEVICE TARGET WORDS...   puts another device-mapper target in the place of what a logical volume is made of
    hang DEVICE                   lets nothing through any more, and fails nothing
    restore DEVICE VOLUME         puts back what was there, and attaches the disk to DRBD if DRBD has let it go
    fill FOLDER                   takes all space of the file system that is mounted there
    crowd FOLDER                  takes all its inodes
    empty FOLDER                  gives back what either took

Targets are those of dmsetup(8): `error`; `delay` and `flakey`, whose words after device and offset are WORDS
(the kernel's Documentation/admin-guide/device-mapper). What was there is kept for root alone, until the next reboot,
at which LVM makes it anew in any case.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import subprocess
import sys
import time

TYPE_CHECKING = False  # as in `typing`, without its import
if TYPE_CHECKING:
    from collections.abc import Iterator

RUN = "/run"
HELD = ".quorate-drill"
"""The folder of what fills a file system."""
PATIENCE = 45.0
"""Seconds in which a file system must be full."""
DETACHED = 5.0
"""Seconds in which DRBD lets a failed disk go for good."""


class Failed(Exception):
    """It can't be done; the reason is its text."""


def swapped(table: str, target: str, words: "list[str]") -> str:
    """A table with every part of it replaced. Only linear parts, as LVM makes them, have a device to hand on."""
    lines = []
    for line in table.splitlines():
        start, length, kind, *rest = line.split()
        if target == "error":
            lines.append(f"{start} {length} error")
        elif kind == "linear":
            lines.append(" ".join([start, length, target, *rest, *words]))
        else:
            raise Failed(f"a part of the volume is {kind}, and not linear")
    return "".join(f"{line}\n" for line in lines)


def swap(device: str, target: str, words: "list[str]") -> None:
    """What was there first is what is kept."""
    name = _name(device)
    with _alone(name):
        _put(name, swapped(_kept(name), target, words))


def hang(device: str) -> None:
    """What is asked of it waits until it is restored."""
    name = _name(device)
    with _alone(name):
        _kept(name)
        _dmsetup("suspend", "--noflush", "--nolockfs", name)


def restore(device: str, volume: str) -> None:
    """Harmless if nothing was swapped."""
    name = _name(device)
    with _alone(name):
        if os.path.exists(_path(name)):
            _put(name, _kept(name))
            os.remove(_path(name))
        deadline = time.monotonic() + DETACHED
        while (disk := _disk(volume)) == "Failed" and time.monotonic() < deadline:
            time.sleep(0.1)
        if disk == "Diskless":
            attached = subprocess.run(["drbdadm", "attach", volume], capture_output=True, text=True)
            if attached.returncode:
                raise Failed(f"drbdadm attach: {attached.stderr.strip()}")


def fill(folder: str) -> None:
    """Without writing anything: fallocate(2). What is set aside for root stays."""
    held = _folder(folder)
    for number in range(1000):
        about = os.statvfs(held)
        free = about.f_bavail * about.f_frsize
        if not free:
            return
        size = free
        file = os.open(f"{held}/{number}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        while size >= about.f_frsize:
            try:
                os.posix_fallocate(file, 0, size)
                break
            except OSError as error:  # a map of where it lies takes space, too; a file has a largest size
                if error.errno not in (errno.ENOSPC, errno.EFBIG):
                    raise
                size //= 2
        os.close(file)
        if size < about.f_frsize:
            return


def crowd(folder: str) -> None:
    """Empty files, each of which takes one system call."""
    held, number = _folder(folder), 0
    deadline = time.monotonic() + PATIENCE
    try:
        while number % 256 or time.monotonic() < deadline:
            os.mknod(f"{held}/{number}", 0o600)
            number += 1
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
    else:
        raise Failed(f"{os.statvfs(held).f_favail} inodes of {folder} are free after {PATIENCE:g} s")


def empty(folder: str) -> None:
    """Harmless if nothing is there, or mounted."""
    shutil.rmtree(f"{folder}/{HELD}", ignore_errors=True)


def _folder(folder: str) -> str:
    if not os.path.ismount(folder):
        raise Failed(f"{folder} isn't mounted here")
    os.makedirs(f"{folder}/{HELD}", mode=0o700)
    return f"{folder}/{HELD}"


def _name(device: str) -> str:
    """The device mapper's name for it."""
    number = os.stat(device).st_rdev
    with open(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/dm/name") as file:
        return file.read().strip()


@contextlib.contextmanager
def _alone(name: str) -> "Iterator[None]":
    """The node's timer may come at the same moment as the drill."""
    with open(f"{RUN}/quorate-drill-{name}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _path(name: str) -> str:
    return f"{RUN}/quorate-drill-{name}.table"


def _kept(name: str) -> str:
    """What was there before anything was done to it."""
    path = _path(name)
    if not os.path.exists(path):
        table = _dmsetup("table", name)
        with open(os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(table)
        os.rename(f"{path}.new", path)
    with open(path) as file:
        return file.read()


def _put(name: str, table: str) -> None:
    """What is under way is not waited for: a bad disk might never finish it. It goes on with the new table."""
    _dmsetup("load", name, text=table)
    _dmsetup("suspend", "--noflush", "--nolockfs", name)
    _dmsetup("resume", name)


def _dmsetup(*words: str, text: str = "") -> str:
    done = subprocess.run(["dmsetup", *words], input=text, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"dmsetup {words[0]}: {done.stderr.strip()}")
    return done.stdout


def _disk(volume: str) -> str:
    """The state of this side's disk in DRBD's words; empty if DRBD has no such volume now."""
    done = subprocess.run(["drbdadm", "dstate", volume], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.partition("/")[0].strip()


def main() -> None:
    """What was asked for."""
    match sys.argv[1:]:
        case ["swap", device, target, *words]:
            swap(device, target, words)
        case ["hang", device]:
            hang(device)
        case ["restore", device, volume]:
            restore(device, volume)
        case ["fill", folder]:
            fill(folder)
        case ["crowd", folder]:
            crowd(folder)
        case ["empty", folder]:
            empty(folder)


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(str(failed))
