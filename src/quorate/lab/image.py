"""The root file system that all machines start from: Debian with systemd and sshd, and the packages asked for.

Its identity is a hash of everything that it is built from, so a change of any of it builds a new one, and nothing
else does.
"""

import hashlib
import json
import shutil
from pathlib import Path
from shlex import quote

from quorate.lab.cache import cached, root
from quorate.lab.command import run, run_long
from quorate.lab.kernel import Kernel

SUITE = "trixie"
BASE = ("systemd-sysv", "dbus", "udev", "kmod", "iproute2", "openssh-server")

# Runs before systemd, at every start: unpacks the machine's seed (`seed.py`), a tar file in place of a disk.
INIT = """#!/bin/sh
mount -t devtmpfs dev /dev 2>/dev/null
tar -xf /dev/ubdc -C / && exec /lib/systemd/systemd "$@"
"""

# Units that a machine of the lab has no use for, each a second or so of its start.
MASKED = (
    "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer "
    "getty.target logd.service lvm2-monitor.service modprobe@drm.service modprobe@efi_pstore.service "
    "modprobe@fuse.service systemd-networkd-wait-online.service systemd-pstore.service xfs_scrub_all.timer"
)

# What is installed in advance must not start in advance: on a real site `apply` installs it without starting it, too.
PRESET = "enable ssh.service\nenable systemd-networkd.service\ndisable *\n"

MEDIUM = "/var/lib/quorate-lab/medium"
"""Where a machine finds the packages that apt can install without a network, as from a DVD."""


def build(kernel: Kernel, packages: tuple[str, ...], offline: tuple[str, ...]) -> Path:
    """The image's ext4 file, from the cache or built now. Raises LabError."""
    this = identity(kernel, packages, offline)
    folder = cached("images", this, 4096, lambda building: _build(building, kernel, packages, offline))
    return folder / "root.ext4"


def identity(kernel: Kernel, packages: tuple[str, ...], offline: tuple[str, ...]) -> str:
    """A short hash of what the image is built from."""
    recipe = [
        SUITE,
        BASE,
        sorted(packages),
        sorted(offline),
        INIT,
        MASKED,
        PRESET,
        kernel.suite,
        kernel.release,
    ]
    return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]


def is_cached(kernel: Kernel, packages: tuple[str, ...], offline: tuple[str, ...]) -> bool:
    """Whether `build` would find the image."""
    return (root() / "images" / identity(kernel, packages, offline)).exists()


def _build(folder: Path, kernel: Kernel, packages: tuple[str, ...], offline: tuple[str, ...]) -> None:
    tree, overlay = folder / "tree", folder / "overlay"
    _write(overlay / "etc/quorate-lab/init", INIT, 0o755)
    _write(overlay / "etc/systemd/system-preset/00-quorate-lab.preset", PRESET)
    hooks = [
        f"copy-in {quote(f'{overlay}/etc/quorate-lab')} {quote(f'{overlay}/etc/systemd')} /etc",
        f'mkdir -p "$1/usr/lib/modules" && cp -a {quote(str(kernel.modules))} "$1/usr/lib/modules/"',
        f'chroot "$1" depmod {kernel.release}',
        'chroot "$1" systemctl preset-all',
        f'chroot "$1" systemctl mask {MASKED}',
        # Host keys are each machine's own, from its seed.
        'rm -f "$1"/etc/ssh/ssh_host_*',
    ]
    if offline:
        hooks += [
            f'chroot "$1" apt-get install -y --no-install-recommends --download-only {" ".join(sorted(offline))}',
            f'mkdir -p "$1{MEDIUM}" && mv "$1"/var/cache/apt/archives/*.deb "$1{MEDIUM}/"',
            f'cd "$1{MEDIUM}" && apt-ftparchive packages . > Packages',
            'rm -f "$1"/etc/apt/sources.list.d/*',
            f'echo "deb [trusted=yes] file:{MEDIUM} ./" > "$1/etc/apt/sources.list"',
        ]
    excluded = ["doc", "man", "locale", "info"]
    run_long(
        ["mmdebstrap", "--variant=apt", "--include=" + ",".join([*BASE, *packages])]
        + [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in excluded]
        + ['--aptopt=APT::Install-Recommends "false"']
        + [f"--customize-hook={hook}" for hook in hooks]
        + [SUITE, tree],
        folder / "build.log",
        todo="is the network up, and does mmdebstrap reach Debian's archive? Then run the same command again",
    )
    image = folder / "root.ext4"
    run("truncate", "--size=4G", image)
    run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", "-d", tree, image)
    for scaffold in (tree, overlay):
        shutil.rmtree(scaffold)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
