"""What is true of this node: JSON request on stdin, JSON answer on stdout, one process a look.

Runs on the nodes (Python 3.11, standard library, `python3 -I -S`). It changes nothing and answers only what is asked,
because every process costs: independent commands run side by side, and what /proc or a file can tell starts none.

Request, each key optional:
    packages, files, units, addresses, devices, modules: lists of names or paths
    volume_group: the LVM volume group to describe, with every physical volume of the host
    pending: the folder of marks left by changes that a daemon has yet to notice
    cluster: which of the cluster's own words to bring: "crm_mon", "cib", "quorum", "links"
"""

from __future__ import annotations

import contextlib
import grp
import hashlib
import json
import os
import pwd
import re
import stat
import subprocess
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing itself is never loaded on a node
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    Said = dict[str, Any]
    """How a command ended: status, stdout, stderr."""

TIMEOUT = 20.0
EDGE = 1024 * 1024  # how much of each end of a device must be zero for it to count as blank

WORDS = {
    "crm_mon": [
        *("crm_mon", "--one-shot", "--inactive", "--output-as=xml"),
        *("--exclude=all", "--include=dc,nodes,resources,failures,bans"),
    ],
    "cib": ["cibadmin", "--query"],
    "quorum": ["corosync-quorumtool", "-s"],
    "links": ["corosync-cfgtool", "-n"],
}
UNIT_PROPERTIES = ["Id", "LoadState", "UnitFileState", "ActiveState", "NeedDaemonReload"]
LVM_FIELDS = "pv_name,pv_uuid,vg_name,vg_tags,vg_extent_size,vg_free,lv_name,lv_size,lv_tags,lv_active"


def main() -> None:
    """Reads the request, answers it."""
    json.dump(answer(json.load(sys.stdin)), sys.stdout)


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a request, as it goes to stdout."""
    commands = {word: WORDS[word] for word in request.get("cluster", ())}
    if request.get("packages"):
        form = "${Package}\\t${db:Status-Status}\\t${Version}\\n"
        commands["packages"] = ["dpkg-query", "--show", f"--showformat={form}", *request["packages"]]
    if request.get("units"):
        commands["units"] = ["systemctl", "show", f"--property={','.join(UNIT_PROPERTIES)}", "--", *request["units"]]
    if request.get("volume_group"):
        report = ["--reportformat", "json", "--units", "b", "--nosuffix", "--options", LVM_FIELDS]
        commands["lvm"] = ["pvs", "--segments", *report]
    for path in request.get("devices", ()):
        commands[f"blkid {path}"] = ["blkid", "--probe", "--output", "export", path]

    said = run(commands)
    result = {
        "uid": os.getuid(),
        "hostname": os.uname().nodename,
        "release": release(),
        "free": free("/", "/usr", "/var"),
        "boot": read("/proc/sys/kernel/random/boot_id").strip(),
        "drbd": drbd(read("/proc/drbd")),
        "packages": packages(said["packages"]["stdout"]) if "packages" in said else {},
        "files": {path: file(path) for path in request.get("files", ())},
        "units": units(said["units"]["stdout"], request["units"]) if "units" in said else {},
        "addresses": addresses(request.get("addresses", ())),
        "modules": {name: module(name) for name in request.get("modules", ())},
        "devices": {path: device(path, said[f"blkid {path}"]) for path in request.get("devices", ())},
        "lvm": lvm(said["lvm"]) if "lvm" in said else None,
        "pending": sorted(entries(request["pending"])) if "pending" in request else [],
        "said": {word: said[word] for word in request.get("cluster", ())},
    }
    if "links" in said:
        result["corosync_nodes"] = corosync_nodes(read("/etc/corosync/corosync.conf"))
    return result


def run(commands: Mapping[str, Sequence[str]]) -> dict[str, Said]:
    """Runs all commands at once; for each its status (127: isn't installed, 124: took too long), stdout and stderr."""
    started: dict[str, tuple[subprocess.Popen[bytes], int, int]] = {}
    results: dict[str, Said] = {}
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    for name, argv in commands.items():
        # Memory files instead of pipes: nobody has to read them while the others still write.
        out, err = os.memfd_create("out"), os.memfd_create("err")
        try:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment)
        except OSError as error:
            results[name] = {"status": 127, "stdout": "", "stderr": str(error)}
            os.close(out)
            os.close(err)
        else:
            started[name] = (process, out, err)
    deadline = time.monotonic() + TIMEOUT
    for name, (process, out, err) in started.items():
        try:
            status = process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()  # not waited for: it may be stuck in the kernel, on a frozen device
            status = 124
        results[name] = {"status": status, "stdout": whole(out), "stderr": whole(err)}
    return results


def whole(descriptor: int) -> str:
    """The content of a memory file, which is closed."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read().decode(errors="replace")


def read(path: str) -> str:
    """A file's text, empty if it can't be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def entries(folder: str) -> list[str]:
    """The names in a folder, none if there is no such folder."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def release() -> dict[str, str]:
    """The distribution, os-release(5): `{"id": "debian", "version": "13", "name": "..."}`."""
    text = read("/etc/os-release")
    found = {key: value.strip().strip('"') for key, _, value in (line.partition("=") for line in text.splitlines())}
    return {"id": found.get("ID", ""), "version": found.get("VERSION_ID", ""), "name": found.get("PRETTY_NAME", "")}


def free(*paths: str) -> dict[str, int]:
    """Bytes that a new file could take there; of paths on one file system only the first."""
    found: dict[int, tuple[str, int]] = {}
    for path in paths:
        seen = os.statvfs(path)
        found.setdefault(os.stat(path).st_dev, (path, seen.f_bavail * seen.f_frsize))
    return dict(found.values())


def packages(text: str) -> dict[str, str]:
    """`{name: version}` of the packages that are installed whole."""
    rows = (line.split("\t") for line in text.splitlines())
    return {name: version for name, status, version in rows if status == "installed"}


def file(path: str) -> dict[str, Any] | None:
    """A file's hash, mode and owner; None if there is none."""
    try:
        with open(path, "rb") as stream:
            seen = os.fstat(stream.fileno())
            digest = hashlib.sha256(stream.read()).hexdigest()
    except OSError:
        return None
    return {
        "sha256": digest,
        "mode": stat.S_IMODE(seen.st_mode),
        "owner": name_of(pwd.getpwuid, seen.st_uid),
        "group": name_of(grp.getgrgid, seen.st_gid),
    }


def name_of(lookup: Callable[[int], Sequence[Any]], number: int) -> str:
    """The name of a user or group, or its number."""
    try:
        return str(lookup(number)[0])
    except KeyError:
        return str(number)


def units(text: str, asked: Sequence[str]) -> dict[str, dict[str, Any]]:
    """By name as it was asked for (an alias shows its own Id): load, enabled and active state, stale or not."""
    found = {}
    blocks = text.strip().split("\n\n") if text else []
    for name, block in zip(asked, blocks, strict=False):
        seen = dict(line.partition("=")[::2] for line in block.splitlines())
        found[name] = {
            "load": seen.get("LoadState", ""),
            "enabled": seen.get("UnitFileState", ""),
            "active": seen.get("ActiveState", ""),
            "stale": seen.get("NeedDaemonReload") == "yes",
        }
    return found


def addresses(asked: Iterable[str]) -> dict[str, bool]:
    """For each address whether it is this host's: only then can a socket be bound to it."""
    import socket  # here, because it takes long to load and only a first look asks

    found = {}
    for address in asked:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((address, 0))
                found[address] = True
            except OSError:
                found[address] = False
    return found


def module(name: str) -> bool:
    """Whether the running kernel has a module, loaded or ready to load."""
    if os.path.isdir(f"/sys/module/{name}"):
        return True
    folder = f"/lib/modules/{os.uname().release}"
    shipped = read(f"{folder}/modules.dep") + read(f"{folder}/modules.builtin")
    return re.search(rf"(^|/){re.escape(name)}\.ko", shipped, re.MULTILINE) is not None


def device(path: str, probed: Said) -> dict[str, Any] | None:
    """What a block device is, and whether anything is on it or uses it; None if it doesn't exist."""
    real = os.path.realpath(path)
    try:
        seen = os.stat(real)
    except OSError:
        return None
    if not stat.S_ISBLK(seen.st_mode):
        return {"real": real, "block": False}
    name = os.path.basename(real)
    signature: dict[str, str] = {}
    if probed["status"] == 0:
        pairs = dict(line.partition("=")[::2] for line in probed["stdout"].splitlines())
        signature = {key: pairs[key] for key in ("TYPE", "PTTYPE", "LABEL", "UUID") if key in pairs}
    found = {
        "real": real,
        "block": True,
        "bytes": int(read(f"/sys/class/block/{name}/size") or 0) * 512,
        "read_only": read(f"/sys/class/block/{name}/ro").strip() == "1",
        "signature": signature,
        # blkid(8): 2 is "nothing found", 8 "several things found"
        "ambiguous": probed["status"] not in (0, 2),
        "mounted": mounts(f"{os.major(seen.st_rdev)}:{os.minor(seen.st_rdev)}", real),
        "holders": sorted(entries(f"/sys/class/block/{name}/holders")),
        "partitions": sorted(entry for entry in entries(f"/sys/class/block/{name}") if entry.startswith(name)),
        "blank": None,
    }
    if not signature:
        with contextlib.suppress(OSError):
            found["blank"] = blank(real)
    return found


def mounts(number: str, path: str) -> list[str]:
    """Where a device is mounted; "swap" counts."""
    found = [fields[4] for fields in map(str.split, read("/proc/self/mountinfo").splitlines()) if fields[2] == number]
    if any(line.split()[0] == path for line in read("/proc/swaps").splitlines()):
        found.append("swap")
    return found


def blank(path: str) -> bool:
    """Whether the first and the last MiB of a device are all zero."""
    with open(path, "rb", buffering=0) as stream:
        end = stream.seek(0, os.SEEK_END)
        for start in (0, max(0, end - EDGE)):
            stream.seek(start)
            left = min(EDGE, end)
            while left > 0:
                block = stream.read(min(65536, left))
                if not block or block.count(0) != len(block):
                    return False
                left -= len(block)
    return True


def lvm(said: Said) -> dict[str, Any] | None:
    """Every physical volume, and of each group its tags and logical volumes; None if LVM isn't installed."""
    if said["status"] == 127:
        return None
    if said["status"] != 0:
        return {"error": said["stderr"].strip() or f"pvs ended with status {said['status']}"}
    physical: dict[str, Any] = {}
    groups: dict[str, Any] = {}
    for row in json.loads(said["stdout"])["report"][0]["pvseg" if '"pvseg"' in said["stdout"] else "pv"]:
        physical[row["pv_name"]] = {"uuid": row["pv_uuid"], "group": row["vg_name"]}
        if not row["vg_name"]:
            continue
        group = groups.setdefault(
            row["vg_name"],
            {
                "tags": words(row["vg_tags"]),
                "extent": int(row["vg_extent_size"]),
                "free": int(row["vg_free"]),
                "volumes": {},
            },
        )
        if row["lv_name"]:
            group["volumes"][row["lv_name"]] = {
                "bytes": int(row["lv_size"]),
                "tags": words(row["lv_tags"]),
                "active": row["lv_active"] == "active",
            }
    return {"physical": physical, "groups": groups}


def words(text: str) -> list[str]:
    """A comma-separated list."""
    return [word for word in text.split(",") if word]


def drbd(text: str) -> dict[str, Any]:
    """By minor what /proc/drbd of DRBD 8.4 says: connection, roles and disks (own, peer's), percent while it syncs."""
    devices: dict[str, Any] = {}
    current: dict[str, Any] | None = None
    for line in text.splitlines():
        begins = re.match(r"\s*(\d+): cs:(\S+)(?: ro:(\S+)/(\S+) ds:(\S+)/(\S+))?", line)
        if begins:
            minor, connection, role, peer_role, disk, peer_disk = begins.groups(default="")
            current = {
                "connection": connection,
                "role": role,
                "peer_role": peer_role,
                "disk": disk,
                "peer_disk": peer_disk,
                "percent": None,
                "out_of_sync": None,
            }
            if connection != "Unconfigured":
                devices[minor] = current
        elif current is not None:
            synced = re.search(r"(?:sync'ed|verified):\s*([\d.]+)%", line)
            if synced:
                current["percent"] = float(synced[1])
            out_of_sync = re.search(r"\boos:(\d+)", line)
            if out_of_sync:
                current["out_of_sync"] = int(out_of_sync[1]) * 1024
    version = re.match(r"version: (\S+)", text)
    return {"version": version[1] if version else "", "devices": devices}


def corosync_nodes(text: str) -> dict[str, str]:
    """`{node id: name}` from corosync.conf(5)."""
    found = {}
    for block in re.findall(r"^\s*node\s*\{([^}]*)\}", text, re.MULTILINE):
        pairs = dict(re.findall(r"^\s*(\w+)\s*:\s*(\S+)\s*$", block, re.MULTILINE))
        if "nodeid" in pairs and "name" in pairs:
            found[pairs["nodeid"]] = pairs["name"]
    return found


if __name__ == "__main__":
    main()
