"""Every rule finds its mistake, and nothing else does; a cluster without mistakes has no findings."""

# ruff: noqa: E501 (a mistake reads best as the one line of XML that it is)
import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from quorate.cluster.model import Cluster
from quorate.proof.evidence import Documents, HostFile, Text, read
from quorate.proof.findings import all_rules
from quorate.proof.lint import reference
from quorate.proof.lint.rule import RULES

from .known import (
    Change,
    changed,
    codes,
    conf,
    drbd,
    host,
    linted,
    more,
    text,
    three,
    two,
)
from .mistakes import AMONG_OTHERS, COMPANIONS, MISTAKES, ROOMS
from .mistakes.planting import device, location, prop, qdevice


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


def test_what_never_runs_on_a_node_is_not_held_against_its_files(cluster: Cluster) -> None:
    """Packages may be everywhere, with Debian's own settings where nobody uses them (seen on the lab's ctl3)."""
    settings = "[mariadbd]\nbind-address = 127.0.0.1\n"
    for name, expected in (("ctl3", set()), ("ctl2", {"database-bind"})):
        written = _written(three(cluster), name, "/etc/mysql/mariadb.conf.d/95-more.cnf", settings)
        assert codes(written) == expected


def test_a_user_without_data_that_moves_may_have_any_number(cluster: Cluster) -> None:
    """As HAProxy's has after installations in another order (seen on the lab's nodes)."""
    for users, expected in (({"haproxy": 103, "mysql": 108}, set()), ({"mysql": 109}, {"uid-differs"})):
        assert (
            codes(host("ctl1", users=users)(host("ctl2", users={"haproxy": 104, "mysql": 108})(three(cluster))))
            == expected
        )


def test_images_of_a_named_backend_are_looked_for_where_it_keeps_them(cluster: Cluster) -> None:
    """Glance's own default folder says nothing where `enabled_backends` names another (seen on the lab's cluster)."""
    backend = "[DEFAULT]\nenabled_backends = main:file\n[main]\nfilesystem_store_datadir = {}/images\n"
    for folder, expected in (("/var/lib/mysql", set()), ("/srv", {"images-on-one-node"})):
        documents = three(cluster)
        for name in documents.hosts:
            documents = _written(documents, name, "/etc/glance/glance-api.conf", backend.format(folder))
        assert codes(documents) == expected


def _written(documents: Documents, name: str, path: str, content: str) -> Documents:
    before = documents.hosts[name]
    after = dataclasses.replace(before, files={**before.files, path: HostFile(0o644, "root", content, content)})
    return dataclasses.replace(documents, hosts={**documents.hosts, name: after})


def test_every_rule_has_a_mistake_in_the_room_of_its_name() -> None:
    for room in ROOMS:
        planted = {code for code, *_ in [*room.MISTAKES, *getattr(room, "AMONG_OTHERS", ())]}
        assert planted == {rule.code for rule in RULES.values() if rule.subject == room.__name__.rpartition(".")[2]}
    assert {code for code, *_ in [*MISTAKES, *AMONG_OTHERS]} == set(RULES)


@pytest.mark.parametrize(("code", "changes"), AMONG_OTHERS)
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
