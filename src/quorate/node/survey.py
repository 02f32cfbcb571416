"""What a check wants to know of a node that others set up: JSON request on stdin, JSON answer on stdout.

Runs on the nodes (standard library, `python3 -I -S`, Python 3.6 and later, as old clusters have it). It changes
nothing: the commands below are all that it ever starts, and they only show. Passwords never leave the node: they are
blanked in every text, and of files that are secrets themselves only a hash goes.

Request:
    units, users: names, beside those that every cluster is asked for
"""

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
if TYPE_CHECKING:
    from typing import Any

TIMEOUT = 20
COMMANDS = {
    "cib": ["cibadmin", "--query"],
    "drbd": ["drbdadm", "dump"],
    "drbd9": ["drbdsetup", "status", "--json"],
    "links": ["corosync-cfgtool", "-n"],
    "networks": ["ip", "-o", "address", "show"],
    "pacemaker": ["pacemakerd", "--version"],
}
TEXTS = [
    *(
        "/etc/corosync/corosync.conf",
        "/etc/default/sbd",
        "/etc/sysconfig/sbd",
        "/etc/hosts",
        "/etc/haproxy/haproxy.cfg",
        "/etc/quorate/haproxy.cfg",
    ),
    *("/etc/my.cnf", "/etc/mysql/my.cnf", "/etc/rabbitmq/rabbitmq.conf", "/etc/rabbitmq/erl_inetrc"),
    *("/etc/keystone/keystone.conf", "/etc/glance/glance-api.conf", "/etc/placement/placement.conf"),
    *("/etc/nova/nova.conf", "/etc/neutron/neutron.conf", "/etc/cinder/cinder.conf", "/etc/heat/heat.conf"),
]
FOLDERS = ["/etc/my.cnf.d", "/etc/mysql/conf.d", "/etc/mysql/mariadb.conf.d"]
SECRETS = ["/etc/corosync/authkey", "/var/lib/rabbitmq/.erlang.cookie"]
CERTIFICATES = ["/etc/quorate/tls/front.pem", "/etc/quorate/tls/messaging.pem"]
"""Beside those that HAProxy and RabbitMQ name in their configuration."""
NAMES_CERTIFICATE = r"(?m)^[^#\n]*?(?:\s(?:ssl-)?crt\s+|ssl_options\.certfile\s*=\s*)(/\S+)"
KEYS = ["/etc/keystone/fernet-keys", "/etc/keystone/credential-keys"]
UNITS = [
    *("corosync", "pacemaker", "sbd", "drbd", "mariadb", "mysql", "rabbitmq-server", "haproxy", "postgresql"),
    *("apache2", "httpd", "nfs-server", "redis", "redis-server"),
]
USERS = ["mysql", "rabbitmq", "glance", "keystone", "postgres", "haproxy"]
PACKAGES = [
    "corosync",
    "pacemaker",
    "drbd-utils",
    "mariadb-server",
    "rabbitmq-server",
    "keystone",
    "openstack-keystone",
]
AGENTS = "/usr/lib/ocf/resource.d"
LARGEST = 1 << 20

HIDES = r"(?:[\w.-]*(?:passw(?:or)?d|passphrase|secret|auth_?key|api_?key|token_key)[\w.-]*|(?:[\w.-]*[_.])?pass)"
BLANK = "***"


def main() -> None:
    """Reads the request, answers it."""
    json.dump(answer(json.load(sys.stdin)), sys.stdout)


def answer(request: "dict[str, Any]") -> "dict[str, Any]":
    """All that is known here."""
    units = [f"{name}.service" for name in UNITS] + sorted(request.get("units", []))
    commands = dict(COMMANDS)
    properties = "--property=Id,LoadState,UnitFileState,ActiveState"
    commands["units"] = ["systemctl", "show", properties, "--", *units]
    if os.path.exists("/usr/bin/dpkg-query"):
        commands["packages"] = ["dpkg-query", "--show", "--showformat=${Package} ${Version}\\n", *PACKAGES]
    else:
        commands["packages"] = ["rpm", "-q", "--queryformat", "%{NAME} %{VERSION}-%{RELEASE}\\n", *PACKAGES]
    said = run(commands)
    files = {}
    for path in TEXTS + [os.path.join(folder, name) for folder in FOLDERS for name in entries(folder)]:
        files[path] = file(path, True)
    for path in SECRETS:
        files[path] = file(path, False)
    served = {path for found in files.values() if found for path in re.findall(NAMES_CERTIFICATE, found["text"] or "")}
    for path in KEYS:
        files[path + "/"] = folder(path)
    mounts = read("/proc/mounts")
    files["/proc/mounts"] = {"mode": 0o444, "owner": "root", "sha256": "", "text": mounts}
    return {
        "uid": os.getuid(),
        "hostname": os.uname()[1],
        "time": time.time(),
        "files": files,
        "certificates": {path: certificates(path) for path in sorted(served.union(CERTIFICATES))},
        "units": units_of(said["units"], units),
        "packages": dict(line.split(None, 1) for line in said["packages"].splitlines() if len(line.split()) == 2),
        "users": users(USERS + sorted(request.get("users", []))),
        "agents": agents(),
        "networks": re.findall(r"\binet6? (\S+/\d+)", said["networks"]),
        "module": module(),
        "disks": disks(said["drbd"], said["drbd9"]),
        "pacemaker": " ".join(re.findall(r"Pacemaker (\d\S*)", said["pacemaker"])[:1]),
        "links": said["links"],
        "cib": blanked(said["cib"]),
        "drbd": blanked(said["drbd"]),
    }


def run(commands: "dict[str, list[str]]") -> "dict[str, str]":
    """What each command says, side by side; nothing where it isn't installed, fails or takes too long."""
    environment = dict(os.environ, LC_ALL="C", PATH="/usr/sbin:/usr/bin:/sbin:/bin")
    started = {}
    for word, argv in commands.items():
        with contextlib.suppress(OSError):
            started[word] = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
            )
    said = dict.fromkeys(commands, "")
    for word, process in started.items():
        try:
            said[word] = process.communicate(timeout=TIMEOUT)[0].decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
    return said


def blanked(text: str) -> str:
    """A text without the passwords in it: in URLs, in `name = value`, in a CIB's pairs, in DRBD's shared secret."""
    # A URL may list several hosts, each with its own: rabbit://user:password@one,user:password@two
    text = re.sub(r"((?://|,)[^:/@,\s]*:)[^@\s,]*@", rf"\1{BLANK}@", text)
    text = re.sub(r"(?im)^(\s*stats\s+auth\s+[^\s:]+:)\S+", rf"\1{BLANK}", text)
    text = re.sub(rf"(?im)^(\s*{HIDES}\s*[=:]\s*)\S.*$", rf"\1{BLANK}", text)
    text = re.sub(r"(?i)(shared-secret\s+)(\"[^\"]*\"|[^\s;]+)", rf"\1{BLANK}", text)
    hidden = rf'(?i)(<nvpair\b[^>]*\bname="{HIDES}"[^>]*\bvalue=")[^"]*"'
    text = re.sub(hidden, rf'\1{BLANK}"', text)
    # Pacemaker's history of operations may repeat it as an attribute.
    return re.sub(rf'(?i)(\b{HIDES}=")[^"]*"', rf'\1{BLANK}"', text)


def read(path: str) -> str:
    """A file's text, empty if it can't be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(LARGEST)
    except OSError:
        return ""


def certificates(path: str) -> str:
    """The certificates in a file, and nothing of the keys beside them; empty if it can't be read."""
    return "".join(re.findall(r"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n?", read(path)))


def entries(path: str) -> "list[str]":
    """The names in a folder, none if there is no such folder."""
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def file(path: str, shown: bool) -> "dict[str, Any] | None":
    """A file's mode, owner and hash, and its text without passwords if it may be shown; None if there is none."""
    try:
        with open(path, "rb") as stream:
            content = stream.read(LARGEST)
            seen = os.fstat(stream.fileno())
    except OSError:
        return None
    return {
        "mode": stat.S_IMODE(seen.st_mode),
        "owner": owner(seen.st_uid),
        "sha256": hashlib.sha256(content).hexdigest(),
        "text": blanked(content.decode("utf-8", "replace")) if shown else None,
    }


def folder(path: str) -> "dict[str, Any] | None":
    """A folder of keys as one file: the hash is of all names and contents together."""
    names = entries(path)
    if not names:
        return None
    whole = hashlib.sha256()
    for name in names:
        found = file(os.path.join(path, name), False)
        whole.update(f"{name} {found['sha256'] if found else ''}\n".encode())
    seen = os.stat(path)
    return {"mode": stat.S_IMODE(seen.st_mode), "owner": owner(seen.st_uid), "sha256": whole.hexdigest(), "text": None}


def owner(number: int) -> str:
    """A user's name, or the number."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def users(names: "list[str]") -> "dict[str, int]":
    """The numbers of those users that there are."""
    found = {}
    for name in names:
        try:
            found[name] = pwd.getpwnam(name).pw_uid
            grp.getgrnam(name)
        except KeyError:
            pass
    return found


def units_of(text: str, asked: "list[str]") -> "dict[str, dict[str, str]]":
    """By name as it was asked for; units that don't exist are left out."""
    found = {}
    for name, block in zip(asked, text.strip().split("\n\n")):  # noqa: B905 (Python 3.10)
        seen = dict(line.partition("=")[::2] for line in block.splitlines())
        if seen.get("LoadState") not in (None, "", "not-found"):
            found[name] = {"enabled": seen.get("UnitFileState", ""), "active": seen.get("ActiveState", "")}
    return found


def agents() -> list[str]:
    """Every OCF agent, `heartbeat:IPaddr2`."""
    return [f"{provider}:{name}" for provider in entries(AGENTS) for name in entries(os.path.join(AGENTS, provider))]


def module() -> str:
    """The version of the loaded DRBD module."""
    found = re.search(r"^version:\s*(\S+)", read("/proc/drbd"), re.MULTILINE)
    return found.group(1) if found else read("/sys/module/drbd/version").strip()


def disks(dump: str, status9: str) -> "dict[str, dict[str, str]]":
    """By DRBD resource: role, disk and connection."""
    try:
        return {
            each["name"]: {
                "role": each.get("role", ""),
                "disk": each["devices"][0].get("disk-state", ""),
                "connection": each["connections"][0].get("connection-state", "")
                if each.get("connections")
                else "StandAlone",
            }
            for each in json.loads(status9)
        }
    except (ValueError, KeyError, IndexError, TypeError):
        pass
    minors: dict[str, str] = {}
    name = ""
    for line in dump.splitlines():
        resource = re.match(r"\s*resource\s+(\S+)", line)
        minor = re.search(r"\bminor\s+(\d+)", line) or re.search(r"/dev/drbd(\d+)\b", line)
        if resource:
            name = resource.group(1).strip('"')
        elif minor and name:
            minors.setdefault(minor.group(1), name)
    found = {}
    pattern = r"^\s*(\d+): cs:(\S+)(?: ro:(\w+)/\w+ ds:(\w+)/\w+)?"
    for number, connection, role, disk in re.findall(pattern, read("/proc/drbd"), re.MULTILINE):
        if number in minors and role:
            found[minors[number]] = {"role": role, "disk": disk, "connection": connection}
    return found


if __name__ == "__main__":
    main()
