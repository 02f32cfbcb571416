"""OpenStack's services: keys, stores, and what they are told about where the others are."""

import ipaddress
import re
from collections.abc import Iterator

from quorate.proof.evidence import Evidence, HostFacts, Spot
from quorate.proof.evidence.pacemaker import value
from quorate.proof.lint.addresses import floating
from quorate.proof.lint.hosts import same_everywhere
from quorate.proof.lint.resources import kept_off
from quorate.proof.lint.rule import ERROR, WARNING, Found, Hit, Unseen, on_hosts

FERNET = "/etc/keystone/fernet-keys/"
CREDENTIAL = "/etc/keystone/credential-keys/"
KEYSTONE = "/etc/keystone/keystone.conf"
GLANCE = "/etc/glance/glance-api.conf"
MOUNTS = "/proc/mounts"
_FOLDERS = ("keystone", "glance", "placement", "nova", "neutron", "cinder", "heat", "horizon")
_SHARED = re.compile(r"nfs4?|ceph|fuse\.|glusterfs|cifs|ocfs2|gfs2|lustre")
_URL = re.compile(r"^\s*(?P<key>connection|transport_url|slave_connection)\s*=\s*(?P<url>\S+)", re.MULTILINE)


def option(text: str, section: str, name: str) -> str | None:
    """An option of an oslo.config file; None if it isn't set."""
    inside, found = "DEFAULT", None
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("["):
            inside = line.strip("[]")
        elif inside == section and re.match(rf"{re.escape(name)}\s*=", line):
            found = line.partition("=")[2].strip()
    return found


def configurations(evidence: Evidence) -> Iterator[tuple[HostFacts, str, str]]:
    """Every service's configuration file: host, path, text."""
    for host in evidence.hosts.values():
        for path, file in host.files.items():
            if (
                file
                and file.text
                and path.endswith(".conf")
                and path.split("/")[2:3]
                and path.split("/")[2] in _FOLDERS
            ):
                yield host, path, file.text


def _having(evidence: Evidence, path: str) -> list[str]:
    return [host.name for host in evidence.hosts.values() if host.files.get(path) is not None]


@on_hosts("fernet-keys-differ", ERROR)
def tokens_are_good_everywhere(evidence: Evidence) -> Found:
    """The Fernet keys are the same on all nodes of Identity.

    A token that one node issued is refused by the other: every second request fails, as the balancer goes round.

    Fix: rotate on one node, and distribute from there before the next rotation.
    """
    yield from same_everywhere(evidence, FERNET, _having(evidence, KEYSTONE))


@on_hosts("credential-keys-differ", ERROR)
def credentials_are_good_everywhere(evidence: Evidence) -> Found:
    """The credential keys are the same on all nodes of Identity.

    What one node has encrypted the other can't read: EC2 and TOTP credentials fail on it.

    Fix: distribute them with the Fernet keys.
    """
    yield from same_everywhere(evidence, CREDENTIAL, _having(evidence, KEYSTONE))


@on_hosts("too-few-active-keys", ERROR)
def old_tokens_stay_good(evidence: Evidence) -> Found:
    """A Fernet key is kept as long as tokens made with it live.

    `max_active_keys` has to be at least the tokens' life divided by the time between rotations, and two more; below
    three a rotation makes tokens invalid at once.

    Fix: `[fernet_tokens] max_active_keys = 3` or more.
    """
    for host, path, text in configurations(evidence):
        most = option(text, "fernet_tokens", "max_active_keys") if path == KEYSTONE else None
        if most and most.isdigit() and int(most) < 3:
            yield Hit(Spot(host.name, 0, path), f"`max_active_keys` is {most} on {host.name}")


@on_hosts("connection-one-node", ERROR)
def services_find_each_other_after_a_failure(evidence: Evidence) -> Found:
    """Services are told floating addresses, or all nodes: never a single node's own, and never localhost.

    With one node's address in a connection string the loss of that node is the loss of the service, everywhere.

    Fix: the floating address for the database, and the full list of brokers in `transport_url`.
    """
    pacemaker = evidence.pacemaker
    moved = {str(address) for _, address in floating(pacemaker)} if pacemaker else set()
    nodes: dict[str, str] = {name: name for name in evidence.nodes}
    for member in evidence.corosync.members if evidence.corosync else ():
        nodes |= dict.fromkeys(member.addresses.values(), member.name)
    for host in evidence.hosts.values():
        nodes |= {each.partition("/")[0]: host.name for each in host.networks or ()}
    single = len(evidence.nodes) < 2
    for host, path, text in configurations(evidence):
        for match in _URL.finditer(text):
            to = hosts_of(match["url"])
            if len(to) == 1 and not single and to[0] not in moved and (to[0] in nodes or _loopback(to[0])):
                whose = nodes.get(to[0], host.name)
                yield Hit(
                    Spot(host.name, 0, path), f"`{match['key']}` of {path} leads to {to[0]}, which is {whose} alone"
                )


@on_hosts("connection-by-name", WARNING)
def services_need_no_resolver(evidence: Evidence) -> Found:
    """Connection strings hold addresses.

    A name needs a name server for every new connection: after a failure, when all connect anew, its time-outs are the
    service's.

    Fix: write the address.
    """
    for host, path, text in configurations(evidence):
        known = set((file.text or "").split()) if (file := host.files.get("/etc/hosts")) else set()
        for match in _URL.finditer(text):
            for name in hosts_of(match["url"]):
                if not _address(name) and name != "localhost" and name not in known:
                    yield Hit(Spot(host.name, 0, path), f"`{match['key']}` of {path} leads to `{name[:60]}`, a name")


@on_hosts("images-on-one-node", ERROR)
def images_are_reachable_from_every_node(evidence: Evidence) -> Found:
    """Images are kept where every node of the image service reaches them.

    On a node's own disk an image exists where it was uploaded: another node answers that it is gone.

    Fix: a store on RBD, Swift, S3 or NFS, or a replicated file system with the service on the active node.
    """
    having = [name for name in _having(evidence, GLANCE) if not _never_serves_images(evidence, name)]
    for name in having if len(having) > 1 else ():
        host = evidence.hosts[name]
        file, mounts = host.files[GLANCE], host.files.get(MOUNTS)
        folder = _folder((file.text or "") if file else "")
        if folder is None or _replicated(evidence, folder):
            continue
        if mounts is None or mounts.text is None:
            yield Unseen(f"what is mounted at {folder} on {name}")
            continue
        under = [line.split() for line in mounts.text.splitlines() if len(line.split()) > 2]
        best = max((each for each in under if _beneath(folder, each[1])), key=lambda each: len(each[1]), default=None)
        if best is None or not _SHARED.match(best[2]):
            yield Hit(Spot(name, 0, GLANCE), f"{name} keeps images in {folder}, on its own disk")


def _never_serves_images(evidence: Evidence, node: str) -> bool:
    """Whether Pacemaker runs the image service, and never on this node."""
    pacemaker = evidence.pacemaker
    primitives = pacemaker.primitives.values() if pacemaker else ()
    serving = {
        each.id for each in primitives if "glance" in f"{each.agent} {value(each.parameters, 'unit') or ''}".lower()
    }
    return bool(serving and pacemaker and serving <= kept_off(pacemaker, node))


def _folder(text: str) -> str | None:
    """Where images are kept as files; None if they aren't."""
    backends = option(text, "DEFAULT", "enabled_backends")
    if backends is None:
        kind = option(text, "glance_store", "default_store") or "file"
        section = "glance_store" if kind in ("file", "filesystem") else None
    else:
        kinds = dict(each.strip().partition(":")[::2] for each in backends.split(","))
        section = next((name for name, kind in kinds.items() if kind == "file"), None)
    return section and (option(text, section, "filesystem_store_datadir") or "/var/lib/glance/images")


def _replicated(evidence: Evidence, folder: str) -> bool:
    primitives = evidence.pacemaker.primitives.values() if evidence.pacemaker else ()
    mounted = [each.parameters.get("directory") for each in primitives if each.agent == "ocf:heartbeat:Filesystem"]
    return any(_beneath(folder, each.value) for each in mounted if each)


def _beneath(path: str, folder: str) -> bool:
    return f"{path.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")


def hosts_of(url: str) -> list[str]:
    """The hosts of a connection URL, which may list several, separated by commas."""
    rest = url.partition("://")[2].partition("/")[0]
    found = [each.rpartition("@")[2] for each in rest.split(",")]
    return [re.sub(r":\d+$", "", each).strip("[]") for each in found if each]


def _address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _loopback(text: str) -> bool:
    return text == "localhost" or (_address(text) and ipaddress.ip_address(text).is_loopback)
