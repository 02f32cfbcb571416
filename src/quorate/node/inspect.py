"""What is true of this node: JSON request on stdin, JSON answer on stdout, one process a look.

Runs on the nodes (Python 3.11, standard library, `python3 -I -S`). It changes nothing and answers only what is asked,
because every process costs: independent commands run side by side, and what /proc or a file can tell starts none.

Request, each key optional:
    packages, files, units, addresses, devices, modules: lists of names or paths
    volume_group: the LVM volume group to describe, with every physical volume of the host
    pending: the folder of marks left by changes that a daemon has yet to notice
    cluster: which of the cluster's own words to bring: "crm_mon", "cib", "quorum", "links"
    schemas: databases of the SQL server to describe, with the accounts of the same names; where the server's socket is
    catalogue: the database of Identity, to be read for who and what is registered there
    cells: databases of Nova's API, to be read for the cells that it knows
    revisions: folders of Alembic's revision files
    keys: folders of numbered keys, told by hash
    mountpoints: folders on which a file system should be mounted
    texts: small files that hold no secret
    numbers: users whose numbers matter; brings those of all of the system's own, too, to tell which are free
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
        *("--exclude=all", "--include=options,dc,nodes,resources,attributes,failures,bans"),
    ],
    "cib": ["cibadmin", "--query"],
    "quorum": ["corosync-quorumtool", "-s"],
    "links": ["corosync-cfgtool", "-n"],
}
UNIT_PROPERTIES = [
    *("Id", "LoadState", "UnitFileState", "ActiveState", "NeedDaemonReload"),
    *("InactiveExitTimestampMonotonic", "StateChangeTimestampMonotonic"),
]
SQL_SOCKET = "/run/mysqld/mysqld.sock"
SQL = [
    *("mariadb", "--no-defaults", "--user=root", "--connect-timeout=5"),
    *("--batch", "--raw", "--skip-column-names", "--force"),
]
ABSENT = re.compile(r"ERROR (1049|1146) ")  # unknown database, no such table: that, too, is an answer
LARGEST_TEXT = 65536
PEOPLE = range(1000, 60000)  # numbers of people's own users (Debian policy, 9.2.2)
LVM_FIELDS = "pv_name,pv_uuid,vg_name,vg_tags,vg_extent_size,vg_free,lv_name,lv_size,lv_tags,lv_active"


def main() -> None:
    """Reads the request, answers it."""
    json.dump(answer(json.load(sys.stdin)), sys.stdout)


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a request, as it goes to stdout."""
    commands = {word: WORDS[word] for word in request.get("cluster", ())}
    inputs = {}
    if request.get("packages"):
        form = "${Package}\\t${db:Status-Status}\\t${Version}\\n"
        commands["packages"] = ["dpkg-query", "--show", f"--showformat={form}", *request["packages"]]
    if request.get("units"):
        commands["units"] = ["systemctl", "show", f"--property={','.join(UNIT_PROPERTIES)}", "--", *request["units"]]
    if request.get("volume_group"):
        report = ["--reportformat", "json", "--units", "b", "--nosuffix", "--options", LVM_FIELDS]
        commands["lvm"] = ["pvs", "--segments", *report]
    if request.get("schemas") and os.path.exists(SQL_SOCKET):
        commands["sql"] = [*SQL, f"--socket={SQL_SOCKET}"]
        inputs["sql"] = queries(request["schemas"], request.get("catalogue", ""), request.get("cells", ()))
    for path in request.get("devices", ()):
        commands[f"blkid {path}"] = ["blkid", "--probe", "--output", "export", path]

    said = run(commands, inputs)
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
        "sql": sql(said["sql"]) if "sql" in said else None,
        "revisions": {folder: revisions(folder) for folder in request.get("revisions", ())},
        "keys": {path: keys(path) for path in request.get("keys", ())},
        "mounted": mounted(request.get("mountpoints", ())),
        "numbers": numbers(request["numbers"]) if request.get("numbers") else {},
        "texts": {path: read(path)[:LARGEST_TEXT] for path in request.get("texts", ()) if os.path.isfile(path)},
    }
    if "links" in said:
        result["corosync_nodes"] = corosync_nodes(read("/etc/corosync/corosync.conf"))
    return result


def run(commands: Mapping[str, Sequence[str]], inputs: Mapping[str, str] | None = None) -> dict[str, Said]:
    """Runs all commands at once; for each its status (127: isn't installed, 124: took too long), stdout and stderr."""
    inputs = inputs or {}
    started: dict[str, tuple[subprocess.Popen[bytes], int, int]] = {}
    results: dict[str, Said] = {}
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    for name, argv in commands.items():
        # Memory files instead of pipes: nobody has to read them while the others still write.
        out, err = os.memfd_create("out"), os.memfd_create("err")
        given = os.memfd_create("in") if name in inputs else os.open(os.devnull, os.O_RDONLY)
        if name in inputs:
            os.write(given, inputs[name].encode())
            os.lseek(given, 0, os.SEEK_SET)
        try:
            process = subprocess.Popen(argv, stdin=given, stdout=out, stderr=err, env=environment)
        except OSError as error:
            results[name] = {"status": 127, "stdout": "", "stderr": str(error)}
            os.close(out)
            os.close(err)
        else:
            started[name] = (process, out, err)
        finally:
            os.close(given)
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
        "written": seen.st_mtime,
    }


def keys(path: str) -> dict[str, Any] | None:
    """A folder of numbered keys: its owner and mode, and each key as a file; None if there is no folder."""
    try:
        seen = os.stat(path)
    except OSError:
        return None
    return {
        "mode": stat.S_IMODE(seen.st_mode),
        "owner": name_of(pwd.getpwuid, seen.st_uid),
        "group": name_of(grp.getgrgid, seen.st_gid),
        "keys": {name: file(f"{path}/{name}") for name in sorted(entries(path)) if name.isdecimal()},
    }


def mounted(paths: Sequence[str]) -> dict[str, str]:
    """By mount point the type of the file system that is mounted there; empty: none is."""
    if not paths:
        return {}
    # proc(5): the fifth field is the mount point, and the type comes after a lone hyphen.
    rows = (line.partition(" - ") for line in read("/proc/self/mountinfo").splitlines())
    types = {left.split()[4]: right.split()[0] for left, _, right in rows}
    return {path: types.get(path, "") for path in paths}


def numbers(asked: Sequence[str]) -> dict[str, dict[str, int]]:
    """The system's users and groups with their numbers, and those of people only if they were asked for by name."""
    users = {each.pw_name: each.pw_uid for each in pwd.getpwall()}
    groups = {each.gr_name: each.gr_gid for each in grp.getgrall()}
    for name in asked:  # a directory service may answer for a name, and list none
        with contextlib.suppress(KeyError):
            users[name] = pwd.getpwnam(name).pw_uid
        with contextlib.suppress(KeyError):
            groups[name] = grp.getgrnam(name).gr_gid
    return {
        "users": {name: number for name, number in users.items() if number not in PEOPLE or name in asked},
        "groups": {name: number for name, number in groups.items() if number not in PEOPLE or name in asked},
    }


def name_of(lookup: Callable[[int], Sequence[Any]], number: int) -> str:
    """The name of a user or group, or its number."""
    try:
        return str(lookup(number)[0])
    except KeyError:
        return str(number)


def units(text: str, asked: Sequence[str]) -> dict[str, dict[str, Any]]:
    """By name as it was asked for (an alias shows its own Id): load, enabled and active state, stale or not, and when.

    Moments are seconds since 1970 by the clock as it goes now, so that they compare with a file's.
    """
    found = {}
    blocks = text.strip().split("\n\n") if text else []
    booted = time.time() - time.monotonic()

    def moment(microseconds: str) -> float:
        return booted + int(microseconds) / 1e6 if microseconds.strip("0") else 0.0

    for name, block in zip(asked, blocks, strict=False):
        seen = dict(line.partition("=")[::2] for line in block.splitlines())
        found[name] = {
            "load": seen.get("LoadState", ""),
            "enabled": seen.get("UnitFileState", ""),
            "active": seen.get("ActiveState", ""),
            "stale": seen.get("NeedDaemonReload") == "yes",
            "started": moment(seen.get("InactiveExitTimestampMonotonic", "")),
            "changed": moment(seen.get("StateChangeTimestampMonotonic", "")),
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


def queries(schemas: Iterable[str], catalogue: str, cells: Iterable[str]) -> str:
    """The statements that tell of schemas, Identity's catalogue and Nova's cells; each row is one JSON array a line."""
    names = ", ".join(f"'{name}'" for name in schemas)
    whole = " AND ".join(f"{word}_priv = 'Y'" for word in ("Select", "Insert", "Update", "Delete", "Create", "Alter"))
    rows = [
        f"'database', SCHEMA_NAME) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN ({names})",
        "'account', User, JSON_VALUE(Priv, '$.plugin'), JSON_VALUE(Priv, '$.authentication_string'))"
        f" FROM mysql.global_priv WHERE Host = '%' AND User IN ({names})",
        f"'grant', User, REPLACE(Db, '\\\\', '')) FROM mysql.db WHERE Host = '%' AND User IN ({names}) AND {whole}",
        *(f"'revision', '{name}', version_num) FROM `{name}`.alembic_version" for name in schemas),
    ]
    if catalogue:
        rows += [
            f"'region', id) FROM `{catalogue}`.region",
            f"'service', id, type, JSON_VALUE(extra, '$.name'), enabled) FROM `{catalogue}`.service",
            f"'endpoint', service_id, interface, region_id, url, enabled) FROM `{catalogue}`.endpoint",
            f"'project', name) FROM `{catalogue}`.project WHERE domain_id = 'default' AND name IN ('admin', 'service')",
            # Who has which role in the two projects; an account that is switched off has none.
            f"'role', who.name, project.name, role.name) FROM `{catalogue}`.assignment AS given"
            f" JOIN `{catalogue}`.local_user AS who ON who.user_id = given.actor_id AND who.domain_id = 'default'"
            f" JOIN `{catalogue}`.user ON user.id = given.actor_id AND user.enabled"
            f" JOIN `{catalogue}`.project ON project.id = given.target_id AND project.domain_id = 'default'"
            f" JOIN `{catalogue}`.role ON role.id = given.role_id"
            " WHERE given.type = 'UserProject' AND NOT given.inherited AND project.name IN ('admin', 'service')",
        ]
    # Templates are shown as they are; a password that somebody put there isn't shown at all.
    masked = "REGEXP_REPLACE({}, ':[^:@/{{}}]*@', ':*@')".format
    for schema in cells:
        cell = f"'cell', '{schema}', name, uuid, {masked('database_connection')}, {masked('transport_url')}"
        rows.append(f"{cell}) FROM `{schema}`.cell_mappings")
    return "".join(f"SELECT JSON_ARRAY({row};\n" for row in rows)


def sql(said: Said) -> dict[str, Any]:
    """What the SQL server answered, row by row; or its error. A database or table that isn't there gives no rows."""
    errors = [line for line in said["stderr"].splitlines() if line.startswith("ERROR") and not ABSENT.match(line)]
    if errors or said["status"] not in (0, 1):
        return {"error": errors[0] if errors else f"mariadb ended with status {said['status']}"}
    return {"rows": [json.loads(line) for line in said["stdout"].splitlines()]}


def revisions(folder: str) -> dict[str, list[str]]:
    """What the revision files beneath a folder define, and which of them others build on."""
    known: set[str] = set()
    beneath: set[str] = set()
    assigned = re.compile(
        r"^(revision|down_revision|depends_on)\b[^=\n]*=\s*(\([^)]*\)|\[[^\]]*\]|[^\n]*)", re.MULTILINE
    )
    for path, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".py"):
                for word, value in assigned.findall(read(f"{path}/{name}")):
                    found = re.findall(r"""['"]([^'"]+)['"]""", value)
                    (known if word == "revision" else beneath).update(found)
    return {"known": sorted(known), "beneath": sorted(beneath)}


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
