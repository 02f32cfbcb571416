"""RabbitMQ: that its nodes know each other, and that a queue which says it is replicated is."""

import re

from quorate.proof.evidence import Evidence, Pacemaker
from quorate.proof.lint.hosts import files, same_everywhere
from quorate.proof.lint.rule import ERROR, WARNING, Found, Hit, Unseen, on_hosts, on_pacemaker

COOKIE = "/var/lib/rabbitmq/.erlang.cookie"
CONF = "/etc/rabbitmq/rabbitmq.conf"
HOSTS = "/etc/hosts"
ERLANG_HOSTS = "/etc/rabbitmq/erl_inetrc"
"""Erlang's own table of hosts, asked before any name server (inet_cfg of ERTS)."""


def _setting(text: str, name: str) -> str | None:
    found = re.findall(rf"^\s*{re.escape(name)}\s*=\s*(\S+)", text, re.MULTILINE)
    return found[-1] if found else None


def _peers(text: str) -> list[str]:
    return re.findall(r"^\s*cluster_formation\.classic_config\.nodes\.\S+\s*=\s*\S+?@(\S+)", text, re.MULTILINE)


def _brokers(evidence: Evidence) -> list[str]:
    return [host.name for host in evidence.hosts.values() if host.files.get(CONF) or host.files.get(COOKIE)]


@on_hosts("cookie-differs", ERROR)
def brokers_share_a_cookie(evidence: Evidence) -> Found:
    """RabbitMQ's nodes have the same Erlang cookie.

    A node with another one is refused by the others: it comes back from its next restart alone.

    Fix: copy /var/lib/rabbitmq/.erlang.cookie (0400, rabbitmq) to all nodes, then restart them one by one.
    """
    brokers = _brokers(evidence)
    if len(brokers) > 1:
        yield from same_everywhere(evidence, COOKIE, brokers)


@on_hosts("cookie-mode", ERROR)
def the_cookie_is_private(evidence: Evidence) -> Found:
    """The Erlang cookie is readable by RabbitMQ alone.

    Whoever has it runs any code in the broker; and Erlang refuses to start with a cookie that others can read.

    Fix: `chmod 0400 /var/lib/rabbitmq/.erlang.cookie`.
    """
    for name in _brokers(evidence):
        for where, file in files(evidence, COOKIE, [name]):
            if not isinstance(file, Unseen) and file.mode & 0o077:
                yield Hit(where, f"{COOKIE} is {file.mode:04o} on {name}")


@on_hosts("messaging-partitions", ERROR)
def divided_brokers_pause(evidence: Evidence) -> Found:
    """Of a divided RabbitMQ cluster the smaller part pauses.

    With `ignore`, the default, or `autoheal` both parts take messages, and one part's are thrown away afterwards. With
    two nodes `pause_minority` stops both: there have to be three.

    Fix: three nodes, and `cluster_partition_handling = pause_minority`.
    """
    for name in _brokers(evidence):
        for where, file in files(evidence, CONF, [name]):
            if isinstance(file, Unseen) or file.text is None:
                yield Unseen(f"{CONF} on {name}")
                continue
            size = len(_peers(file.text))
            handling = _setting(file.text, "cluster_partition_handling") or "ignore"
            if size >= 3 and not handling.startswith("pause"):
                yield Hit(where, f"{name} has `cluster_partition_handling = {handling}`, with {size} nodes")
            elif size == 2:
                yield Hit(where, f"RabbitMQ's cluster has two nodes, and `cluster_partition_handling = {handling}`")


@on_hosts("messaging-names", ERROR)
def brokers_find_each_other(evidence: Evidence) -> Found:
    """RabbitMQ's nodes find each other without a name server.

    Erlang looks names up whenever it connects: without an answer a node that restarts finds nobody.

    Fix: all nodes' names in /etc/hosts.
    """
    for name in _brokers(evidence):
        for _, file in files(evidence, CONF, [name]):
            peers = _peers(file.text or "") if not isinstance(file, Unseen) else []
            erlang = evidence.hosts[name].files.get(ERLANG_HOSTS)
            own = set(re.findall(r'"([^"]+)"', (erlang.text or "") if erlang else ""))
            missing = [peer for peer in peers if peer not in own]
            for where, names in files(evidence, HOSTS, [name]) if missing else ():
                if isinstance(names, Unseen):
                    yield names
                    continue
                known = set(re.sub(r"#.*", "", names.text or "").split())
                for peer in missing:
                    if peer not in known:
                        yield Hit(where, f"{name} has no address for {peer} in {HOSTS}")


@on_pacemaker("mirrored-queues", ERROR)
def queues_are_quorum_queues(pacemaker: Pacemaker, _: Evidence) -> Found:
    """No policy asks for mirrored queues.

    RabbitMQ 4 has none: the policy is ignored, and every classic queue is on one node only.

    Fix: quorum queues (`rabbit_quorum_queue = true` in the services), and the policy removed.
    """
    for primitive in pacemaker.primitives.values():
        for name in ("set_policy", "policy_file"):
            if (pair := primitive.parameters.get(name)) and "ha-" in pair.value:
                yield Hit(pair.spot, f"{primitive.id} sets the policy `{pair.value[:60]}`")


@on_hosts("messaging-config-differs", WARNING)
def brokers_are_configured_alike(evidence: Evidence) -> Found:
    """RabbitMQ's settings are the same on all its nodes, but for its own address.

    A limit or a policy that one node lacks shows itself when that node is the one left.

    Fix: copy the configuration from a node that is right.
    """
    seen: dict[str, str] = {}
    for name in _brokers(evidence):
        for where, file in files(evidence, CONF, [name]):
            if not isinstance(file, Unseen) and file.text is not None:
                # What is a node's own: its addresses, its certificate, its name.
                plain = re.sub(r"\b\d+\.\d+\.\d+\.\d+\b|[\w./-]*\.(pem|key|crt)\b|^\s*nodename.*$", "", file.text)
                first = seen.setdefault(plain, name)
                if len(seen) > 1 and first == name:
                    yield Hit(where, f"{CONF} differs between {next(iter(seen.values()))} and {name}")
