"""Every rule finds its mistake, and nothing else does; a cluster without mistakes has no findings."""

# ruff: noqa: E501 (a mistake reads best as the one line of XML that it is)
import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from quorate.cluster.model import Cluster
from quorate.proof.evidence import Documents, HostFile, Text, read
from quorate.proof.evidence.documents import DiskState, UnitState
from quorate.proof.findings import all_rules
from quorate.proof.lint import reference
from quorate.proof.lint.rule import RULES

from .known import (
    Change,
    changed,
    cib,
    codes,
    conf,
    drbd,
    each_host,
    file,
    host,
    linted,
    more,
    text,
    three,
    two,
)

DUMMY = '<primitive id="{id}" class="ocf" provider="heartbeat" type="{type}">{inner}<operations>{ops}</operations></primitive>'
MONITOR = '<op id="{id}-m" name="monitor" interval="10s" timeout="20s"/>'
TIMES = (
    '<op id="{id}-0" name="start" interval="0" timeout="60s"/><op id="{id}-1" name="stop" interval="0" timeout="60s"/>'
)
MONITORED = 'id="database-mariadb-monitor-5s" name="monitor" interval="5s"'


def primitive(id_: str, type_: str = "IPaddr2", inner: str = "", ops: str = MONITOR + TIMES) -> str:
    return DUMMY.format(id=id_, type=type_, inner=inner, ops=ops.format(id=id_))


def parameters(id_: str, **pairs: str) -> str:
    inner = "".join(f'<nvpair id="{id_}-{name}" name="{name}" value="{value}"/>' for name, value in pairs.items())
    return f'<instance_attributes id="{id_}-p">{inner}</instance_attributes>'


def device(name: str, value: str) -> Change:
    """One more parameter of ctl1's fence device."""
    pair = f'<nvpair id="added-{name}" name="{name}" value="{value}"/>'
    anchor = '<instance_attributes id="fence-ctl1-parameters">'
    return cib(anchor, anchor + pair)


def prop(name: str, value: str) -> Change:
    anchor = '<nvpair id="quorate-stonith-action"'
    return cib(anchor, f'<nvpair id="added-{name}" name="{name}" value="{value}"/>{anchor}')


def without(*lines: str) -> Change:
    def change(documents: Documents) -> Documents:
        assert documents.cib
        kept = [line for line in documents.cib.content.splitlines() if not any(each in line for each in lines)]
        assert len(kept) < len(documents.cib.content.splitlines())
        return dataclasses.replace(documents, cib=Text("cib.xml", "\n".join(kept)))

    return change


def location(id_: str, rsc: str, node: str, score: str) -> Change:
    return more("constraints", f'<rsc_location id="{id_}" rsc="{rsc}" node="{node}" score="{score}"/>')


NODE4 = "    node {\n        name: ctl4\n        nodeid: 4\n        ring0_addr: 10.20.0.14\n        ring1_addr: 10.22.0.14\n    }\n"
FOUR = conf("nodelist {\n", "nodelist {\n" + NODE4)
DEVICE = "    device {{\n        model: net\n        {votes}\n        net {{\n            host: {host}\n            algorithm: {how}\n        }}\n    }}\n"
ADDRESS = primitive("other-address", inner=parameters("other-address", ip="{ip}", cidr_netmask="24"))


def qdevice(host: str = "10.20.0.99", how: str = "lms", votes: str = "") -> Change:
    section = DEVICE.format(host=host, how=how, votes=votes)
    return conf("provider: corosync_votequorum\n", "provider: corosync_votequorum\n" + section)


def address(ip: str, monitor: str = "10s") -> Change:
    return more("resources", ADDRESS.replace("{ip}", ip).replace('interval="10s"', f'interval="{monitor}"'))


MISTAKES: list[tuple[str, str, Change | list[Change]]] = [
    ("fencing-off", "three", cib('name="stonith-enabled" value="true"', 'name="stonith-enabled" value="false"')),
    ("node-without-fencing", "three", cib('name="pcmk_host_list" value="ctl1"', 'name="pcmk_host_list" value="ctl2"')),
    ("fence-for-show", "three", more("resources", '<primitive id="x" class="stonith" type="external/ssh"/>')),
    ("fence-targets-unclear", "three", cib('name="pcmk_host_list" value="ctl1"', 'name="nothing" value="ctl1"')),
    (
        "fence-unknown-node",
        "three",
        cib('name="pcmk_host_list" value="ctl1"', 'name="pcmk_host_list" value="ctl1 ctl9"'),
    ),
    ("fence-same-address", "three", cib('name="ip" value="10.29.0.11"', 'name="ip" value="10.29.0.12"')),
    ("fenced-by-itself", "three", without('id="fence-ctl1-not-on-ctl1"')),
    ("fence-race", "two", without('name="priority-fencing-delay"')),
    ("fence-race", "two", cib('name="priority" value="1"', 'name="priority" value="0"')),
    (
        "fence-cycle",
        "three",
        cib('id="fence-ctl1-parameters-method" name="method" value="onoff"', 'id="m" name="method" value="cycle"'),
    ),
    (
        "fence-level-unknown-device",
        "three",
        cib(
            "</configuration>",
            '<fencing-topology><fencing-level id="l" target="ctl1" index="1" devices="pdu"/></fencing-topology></configuration>',
        ),
    ),
    (
        "startup-fencing-off",
        "three",
        cib('name="startup-fencing" value="true"', 'name="startup-fencing" value="false"'),
    ),
    ("watchdog-two-nodes", "two", prop("stonith-watchdog-timeout", "-1")),
    ("password-in-cib", "three", device("password", "letmein")),
    ("quorum-ignored", "three", cib('name="no-quorum-policy" value="stop"', 'name="no-quorum-policy" value="ignore"')),
    ("no-quorum-provider", "three", conf("provider: corosync_votequorum", "# nothing")),
    ("two-node-missing", "two", conf("two_node: 1", "two_node: 0")),
    ("two-node-wrong", "three", conf("corosync_votequorum", "corosync_votequorum\n    two_node: 1")),
    ("no-wait-for-all", "two", conf("two_node: 1", "two_node: 1\n    wait_for_all: 0")),
    (
        "device-and-tie-breaker",
        "three",
        [conf("corosync_votequorum\n", "corosync_votequorum\n    auto_tie_breaker: 1\n"), qdevice()],
    ),
    ("expected-votes", "three", conf("corosync_votequorum", "corosync_votequorum\n    expected_votes: 5")),
    ("device-on-member", "three", qdevice(host="10.20.0.13")),
    ("device-votes", "three", qdevice(votes="votes: 7")),
    ("single-link", "three", conf("ring1_addr", "# ring1_addr")),
    ("links-incomplete", "three", conf("ring1_addr: 10.22.0.12", "# ring1")),
    ("obsolete-setting", "three", conf("version: 2", "version: 2\n    rrp_mode: passive")),
    ("old-transport", "three", conf("transport: knet", "transport: udpu")),
    ("unencrypted", "three", conf("crypto_cipher: aes256", "crypto_cipher: none")),
    ("token-short", "three", [conf("token: 1000", "token: 400"), conf("consensus: 1200", "consensus: 600")]),
    ("consensus-short", "three", conf("consensus: 1200", "consensus: 1100")),
    ("same-node-twice", "three", conf("nodeid: 3", "nodeid: 2")),
    ("members-differ", "three", more("nodes", '<node id="9" uname="old"/>')),
    ("authkey-mode", "three", file("ctl1", "/etc/corosync/authkey", mode=0o644)),
    ("authkey-differs", "three", file("ctl1", "/etc/corosync/authkey", sha256="other")),
    ("corosync-conf-differs", "three", file("ctl2", "/etc/corosync/corosync.conf", sha256="other")),
    ("link-down", "three", host("ctl1", links={"ctl2": (True, False), "ctl3": (True, True)})),
    ("unknown-role", "three", cib('with-rsc-role="Promoted"', 'with-rsc-role="Promotd"')),
    ("old-role-name", "three", cib('with-rsc-role="Promoted"', 'with-rsc-role="Master"')),
    ("no-monitor", "three", cib(MONITORED, MONITORED + ' enabled="false"')),
    (
        "no-promoted-monitor",
        "three",
        cib('interval="20s" timeout="60s" role="Promoted"', 'interval="20s" timeout="60s" role="Started"'),
    ),
    (
        "same-interval",
        "three",
        cib('interval="30s" timeout="60s" role="Unpromoted"', 'interval="20s" timeout="60s" role="Unpromoted"'),
    ),
    ("on-fail-ignored", "three", cib(MONITORED, MONITORED + ' on-fail="ignore"')),
    ("no-stickiness", "three", cib('name="resource-stickiness" value="200"', 'name="resource-stickiness" value="0"')),
    ("fails-back", "three", location("home", "database-mariadb", "ctl1", "1000")),
    (
        "endless-restarts",
        "three",
        cib('name="migration-threshold" value="3"', 'name="migration-threshold" value="INFINITY"'),
    ),
    ("failures-never-expire", "three", without('name="failure-timeout"')),
    (
        "failure-timeout-short",
        "three",
        cib('name="failure-timeout" value="300s"', 'name="failure-timeout" value="100s"'),
    ),
    (
        "start-failure-loops",
        "three",
        [
            prop("start-failure-is-fatal", "false"),
            cib('name="migration-threshold" value="3"', 'name="migration-threshold" value="INFINITY"'),
        ],
    ),
    ("maintenance-left-on", "three", prop("maintenance-mode", "true")),
    (
        "standby-left-on",
        "three",
        cib(
            '<node id="3" uname="ctl3"/>',
            '<node id="3" uname="ctl3"><instance_attributes id="s"><nvpair id="s-s" name="standby" value="on"/></instance_attributes></node>',
        ),
    ),
    (
        "resource-stopped",
        "three",
        cib(
            'type="mariadb">',
            'type="mariadb"><meta_attributes id="t"><nvpair id="t-t" name="target-role" value="Stopped"/></meta_attributes>',
        ),
    ),
    (
        "fence-device-stopped",
        "three",
        [
            more(
                "resources",
                '<primitive id="pdu" class="stonith" type="fence_apc"><meta_attributes id="t"><nvpair id="t-t" name="target-role" value="Stopped"/></meta_attributes></primitive>',
            ),
        ],
    ),
    (
        "asymmetric-no-location",
        "three",
        [prop("symmetric-cluster", "false")]
        + [location(f"l{n}", f"fence-ctl{n}", f"ctl{n % 3 + 1}", "0") for n in (1, 2, 3)],
    ),
    ("drbd-clone", "three", cib('name="promoted-max" value="1"', 'name="promoted-max" value="2"')),
    (
        "drbd-without-notify",
        "three",
        cib('name="ignore_missing_notifications" value="true"', 'name="ignore_missing_notifications" value="false"'),
    ),
    (
        "agent-obsolete",
        "three",
        more(
            "resources",
            '<primitive id="x" class="upstart" type="x"><operations><op id="x-m" name="monitor" interval="10s"/></operations></primitive>',
        ),
    ),
    (
        "agent-missing",
        "three",
        host("ctl2", agents=frozenset({"linbit:drbd", "heartbeat:Filesystem", "heartbeat:IPaddr2"})),
    ),
    (
        "constraint-unresolved",
        "three",
        more("constraints", '<rsc_order id="o" first="database-mariadb" then="nothing"/>'),
    ),
    ("location-unknown-node", "three", location("l", "database-mariadb", "ctl9", "-INFINITY")),
    (
        "colocation-without-role",
        "three",
        cib(
            'rsc="database-filesystem" with-rsc="database-volume" with-rsc-role="Promoted"',
            'rsc="database-filesystem" with-rsc="database-volume"',
        ),
    ),
    ("order-not-after-promotion", "three", cib('first-action="promote"', 'first-action="start"')),
    ("colocation-without-order", "three", without('id="database-filesystem-after-promotion"')),
    ("order-without-colocation", "three", without('id="database-mariadb-with-primary"')),
    (
        "order-loop",
        "three",
        more("constraints", '<rsc_order id="o" first="database-mariadb" then="database-address"/>'),
    ),
    (
        "leftover-constraint",
        "three",
        location("cli-ban-database-mariadb-on-ctl1", "database-mariadb", "ctl1", "-INFINITY"),
    ),
    (
        "replica-fenced-off",
        "three",
        more(
            "constraints",
            '<rsc_location id="drbd-fence-by-handler-r0" rsc="database-volume"><rule id="r" role="Promoted" score="-INFINITY">'
            '<expression id="e" attribute="#uname" operation="ne" value="ctl1"/></rule></rsc_location>',
        ),
    ),
    ("one-node-only", "three", location("l", "database-mariadb", "ctl1", "-INFINITY")),
    ("drbd-protocol", "three", drbd("protocol       C", "protocol A")),
    ("drbd-two-primaries", "three", drbd("protocol       C;", "protocol C; allow-two-primaries;")),
    ("drbd-discards", "three", drbd("after-sb-1pri  disconnect", "after-sb-1pri discard-secondary")),
    ("drbd-fencing", "three", drbd("resource-and-stonith", "resource-only")),
    (
        "drbd-fencing-section",
        "three",
        [
            drbd("fencing        resource-and-stonith;", ""),
            drbd("protocol       C;", "protocol C; fencing resource-and-stonith;"),
        ],
    ),
    ("drbd-no-handler", "three", drbd("unfence-peer ", "# ")),
    ("drbd-flushes-off", "three", drbd("on-io-error    detach;", "on-io-error detach; disk-flushes no;")),
    ("drbd-io-error", "three", drbd("detach", "pass_on")),
    ("drbd-not-verified", "three", drbd("verify-alg     crc32c;", "")),
    (
        "drbd-unresolved",
        "three",
        [cib('name="drbd_resource" value="database"', 'name="drbd_resource" value="databse"')],
    ),
    (
        "drbd-not-up-to-date",
        "three",
        host("ctl2", disks={"database": DiskState("Secondary", "Inconsistent", "SyncTarget")}),
    ),
    (
        "promote-shorter-than-handler",
        "three",
        cib('name="promote" interval="0s" timeout="90s"', 'name="promote" interval="0s" timeout="60s"'),
    ),
    (
        "default-timeout",
        "three",
        cib('<op id="database-filesystem-stop-0s" name="stop" interval="0s" timeout="60s"/>', ""),
    ),
    ("fence-timeout-short", "three", device("delay", "45")),
    ("address-invalid", "three", address("10.20.0.999")),
    ("address-twice", "three", address("10.20.0.20")),
    ("address-of-node", "three", address("10.20.0.12")),
    ("address-off-network", "three", address("172.16.0.5")),
    ("address-monitor-slow", "three", address("10.20.0.77", monitor="300s")),
    ("unit-enabled", "three", host("ctl1", units={"mariadb.service": UnitState("enabled")})),
    ("cluster-not-enabled", "three", host("ctl1", units={"pacemaker.service": UnitState("disabled")})),
    ("version-differs", "three", host("ctl1", packages={"drbd-utils": "9.28.0-1"})),
    ("uid-differs", "three", host("ctl1", users={"mysql": 999})),
    ("clock-differs", "three", host("ctl1", clock=-3.0)),
    (
        "database-not-durable",
        "three",
        [
            text("/etc/mysql/mariadb.conf.d/90-quorate.cnf", "at-trx-commit = 1", "at-trx-commit = 2")(name)
            for name in ("ctl1", "ctl2")
        ],
    ),
    (
        "binlog-not-synced",
        "three",
        [
            text("/etc/mysql/mariadb.conf.d/90-quorate.cnf", "skip-name-resolve", "log-bin")(name)
            for name in ("ctl1", "ctl2")
        ],
    ),
    (
        "database-bind",
        "three",
        [
            text(
                "/etc/mysql/mariadb.conf.d/90-quorate.cnf",
                "bind-address                   = 10.20.0.20",
                "bind-address = 127.0.0.1",
            )(name)
            for name in ("ctl1", "ctl2")
        ],
    ),
    (
        "database-config-differs",
        "three",
        text(
            "/etc/mysql/mariadb.conf.d/90-quorate.cnf", "max-connections                = 500", "max-connections = 50"
        )("ctl2"),
    ),
    ("cookie-differs", "three", file("ctl1", "/var/lib/rabbitmq/.erlang.cookie", sha256="other")),
    ("cookie-mode", "three", file("ctl1", "/var/lib/rabbitmq/.erlang.cookie", mode=0o444)),
    ("messaging-partitions", "three", each_host(text("/etc/rabbitmq/rabbitmq.conf", "pause_minority", "autoheal"))),
    ("messaging-names", "three", text("/etc/hosts", "10.20.0.12 ctl2", "")("ctl3")),
    (
        "messaging-config-differs",
        "three",
        text(
            "/etc/rabbitmq/rabbitmq.conf", "pause_minority", "pause_minority\nvm_memory_high_watermark.relative = 0.1"
        )("ctl3"),
    ),
    (
        "mirrored-queues",
        "three",
        more(
            "resources",
            primitive(
                "mq", "rabbitmq-cluster", parameters("mq", set_policy="ha-all .* {&quot;ha-mode&quot;:&quot;all&quot;}")
            ),
        ),
    ),
    ("fernet-keys-differ", "three", file("ctl2", "/etc/keystone/fernet-keys/", sha256="other")),
    ("credential-keys-differ", "three", file("ctl2", "/etc/keystone/credential-keys/", sha256="other")),
    (
        "too-few-active-keys",
        "three",
        each_host(text("/etc/keystone/keystone.conf", "max_active_keys = 4", "max_active_keys = 2")),
    ),
    ("connection-one-node", "three", text("/etc/keystone/keystone.conf", "@10.20.0.20", "@10.20.0.12")("ctl1")),
    ("connection-by-name", "three", text("/etc/keystone/keystone.conf", "@10.20.0.20", "@database.example")("ctl1")),
    (
        "images-on-one-node",
        "three",
        text("/proc/mounts", "nas:/images /var/lib/glance nfs4", "tmpfs /tmp tmpfs")("ctl1"),
    ),
]
COMPANIONS = {
    "node-without-fencing": {"fenced-by-itself"},  # the device is now another node's, and may run there
    "members-differ": {"node-without-fencing"},
    "start-failure-loops": {"endless-restarts"},
    "order-not-after-promotion": {"colocation-without-order"},
    "unknown-role": {"colocation-without-order", "order-without-colocation"},
    "mirrored-queues": {"agent-missing"},
}
"""What else is true of a cluster with such a mistake."""


@pytest.mark.parametrize(("code", "base", "change"), MISTAKES, ids=[f"{code}-{base}" for code, base, _ in MISTAKES])
def test_a_planted_mistake_is_found_and_nothing_else(
    code: str, base: str, change: Change | list[Change], cluster: Cluster
) -> None:
    good = {"three": three, "two": two}[base](cluster)
    bad = changed(good, *(change if isinstance(change, list) else [change]))
    found = codes(bad)
    assert code in found
    assert found - {code} <= COMPANIONS.get(code, set())


@pytest.mark.parametrize("base", [three, two])
def test_nothing_is_found_in_what_is_right_and_nothing_is_left_unseen(base: Change, cluster: Cluster) -> None:
    result = linted(base(cluster))  # type: ignore[arg-type]
    assert [f"{each.code}: {each.what}" for each in result.findings] == []
    assert result.unseen == {}


def test_every_rule_has_a_mistake() -> None:
    elsewhere = {"even-votes", "no-node-list", "no-quorum-now", "ring-address-by-name", "links-one-network"}
    elsewhere |= {"ring-only-on-replication", "obsolete-master", "watchdog-timeout-short", "fence-race"}
    elsewhere |= {"drbd-handler-version", "drbd-handler-outdated"}
    assert {code for code, _, _ in MISTAKES} | elsewhere == set(RULES)


LINKS = cib('<clone id="links-clone">', '<master id="links-clone">')


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        # Mistakes that are several at once.
        ("even-votes", [FOUR]),
        ("no-node-list", [conf("nodelist", "nodes")]),
        ("ring-address-by-name", [conf("ring0_addr: 10.20.0.12", "ring0_addr: ctl2")]),
        ("links-one-network", [conf("10.22.0.", "10.20.0.2")]),
        ("ring-only-on-replication", [conf("ring0_addr", "# ring0_addr"), conf("ring1_addr", "ring0_addr")]),
        (
            "drbd-handler-version",
            [drbd('"/usr/lib/quorate/fence-peer fence 60"', '"/usr/lib/drbd/crm-fence-peer.9.sh"')],
        ),
        (
            "drbd-handler-outdated",
            [
                drbd('"/usr/lib/quorate/fence-peer fence 60"', '"/usr/lib/drbd/crm-fence-peer.sh"'),
                cib("<cib ", '<cib crm_feature_set="3.19.0" '),
            ],
        ),
        (
            "no-quorum-now",
            [
                cib("<cib ", '<cib have-quorum="0" '),
                cib("<status/>", '<status><node_state id="1" uname="ctl1"/></status>'),
            ],
        ),
        (
            "watchdog-timeout-short",
            [
                prop("stonith-watchdog-timeout", "9s"),
                host("ctl1", files={"/etc/default/sbd": HostFile(0o644, "root", "x", "SBD_WATCHDOG_TIMEOUT=5")}),
            ],
        ),
        (
            "obsolete-master",
            [cib('<clone id="database-volume">', '<master id="database-volume">'), cib("</clone>", "</master>"), LINKS],
        ),
    ],
)
def test_a_mistake_among_others_is_found(code: str, changes: list[Change], cluster: Cluster) -> None:
    good = three(cluster)
    assert code not in codes(good)
    assert code in codes(changed(good, *changes))


def test_two_nodes_with_a_quorum_device_need_no_two_node(cluster: Cluster) -> None:
    documents = changed(two(cluster), conf("two_node: 1", "two_node: 0"), qdevice(how="ffsplit"))
    assert codes(documents) == set()


@pytest.mark.parametrize(
    "right",
    [
        # What looks like a mistake and is none.
        prop("no-quorum-policy", "freeze"),
        device("passwd_script", "/etc/bmc/password"),
        device("password", "lrm://"),
        location("avoid", "database-mariadb", "ctl3", "-INFINITY"),
        location("prefer", "database-mariadb", "ctl1", "100"),
        more("tags", '<tag id="all"><obj_ref id="database-mariadb"/></tag>'),
        more("constraints", '<rsc_location id="tagged" rsc="quorate" node="ctl3" score="-10"/>'),
        conf("token: 1000", "token: 1000\n    # rrp_mode: active"),
        drbd("after-sb-0pri  disconnect", "after-sb-0pri discard-zero-changes"),
        text("/etc/mysql/mariadb.conf.d/90-quorate.cnf", "skip-name-resolve", "[client]\nbind-address=x")("ctl1"),
    ],
)
def test_what_is_right_is_left_alone(right: Change, cluster: Cluster) -> None:
    assert codes(changed(three(cluster), right)) <= {"database-config-differs"}


def test_what_nobody_brought_is_said(cluster: Cluster) -> None:
    documents = dataclasses.replace(three(cluster), hosts={}, corosync=None, drbd=())
    result = linted(documents)
    assert not result.findings
    assert {"corosync.conf", "DRBD's resource files", "the hosts themselves"} <= set(result.unseen)
    assert "single-link" in result.unseen["corosync.conf"]
    assert set(linted(Documents()).unseen) == {
        *("corosync.conf", "DRBD's resource files", "the hosts themselves", "Pacemaker's configuration (CIB)")
    }


def test_a_finding_names_its_line_and_its_fix(cluster: Cluster) -> None:
    documents = changed(three(cluster), conf("rypto_cipher: aes256", "rypto_cipher: none"))
    (finding,) = linted(documents).findings
    assert documents.corosync
    lines = documents.corosync.content.splitlines()
    assert lines[finding.where.line - 1].strip() == "crypto_cipher: none"
    assert finding.means
    assert "aes256" in finding.todo
    assert finding.link == "docs/findings.md#unencrypted"


def test_the_documentation_is_the_rules_own() -> None:
    page = Path(__file__).parents[3] / "docs/findings.md"
    assert page.read_text() == reference.page(all_rules()), "python -m quorate.proof.findings > docs/findings.md"


def test_the_documentation_has_one_order_whatever_is_imported_first() -> None:
    program = "import quorate.proof.lint.timeouts\nfrom quorate.proof.findings import all_rules\nprint(*(rule.code for rule in all_rules()))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.split() == [rule.code for rule in all_rules()]


def test_a_cluster_set_up_by_hand() -> None:
    folder = Path(__file__).parent / "clusters/by-hand"
    cib_, conf_, drbd_ = (Text(name, (folder / name).read_text()) for name in ("cib.xml", "corosync.conf", "mysql.res"))
    found = codes(Documents(cib=cib_, corosync=conf_, drbd=(drbd_,)))
    assert found >= {
        *("node-without-fencing", "fence-race", "no-promoted-monitor", "constraint-unresolved", "single-link"),
        *("order-not-after-promotion", "ring-only-on-replication", "unencrypted", "drbd-discards", "drbd-fencing"),
        *("quorum-ignored", "no-wait-for-all", "password-in-cib", "obsolete-master", "leftover-constraint"),
        *("obsolete-setting", "old-transport", "ring-address-by-name", "default-timeout", "failures-never-expire"),
    }
    assert read(Documents(cib=cib_, corosync=conf_)).name == "stack"
