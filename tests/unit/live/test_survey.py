"""From the nodes' answers to the documents of a check."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quorate.cluster.authority import LEAF_LIFE, Authority
from quorate.cluster.certificates import Names
from quorate.live.survey import _documents, _links, _own_name
from quorate.proof.evidence import Text, corosync, read
from quorate.proof.lint.run import lint

BY_HAND = Path(__file__).parent.parent / "proof/clusters/by-hand"
CONF = (BY_HAND / "corosync.conf").read_text()


def answer(name: str, **more: Any) -> dict[str, Any]:
    """A node as `node/survey.py` tells of it."""
    conf = {"mode": 0o644, "owner": "root", "sha256": "a", "text": CONF}
    key = {"mode": 0o400, "owner": "root", "sha256": "k", "text": None}
    said: dict[str, Any] = {
        "uid": 0,
        "hostname": name,
        "time": 0.0,
        "files": {"/etc/corosync/corosync.conf": conf, "/etc/corosync/authkey": key},
        "units": {"pacemaker.service": {"enabled": "enabled", "active": "active"}},
        "packages": {"pacemaker": "2.1.8-1", "drbd-utils": "9.22.0-1"},
        "users": {"mysql": 108},
        "certificates": {},
        "agents": ["heartbeat:IPaddr2"],
        "networks": ["127.0.0.1/8", f"192.168.1.{11 if name == 'alpha' else 12}/24", "::1/128"],
        "module": "8.4.11",
        "disks": {"mysql": {"role": "Primary", "disk": "UpToDate", "connection": "Connected"}},
        "pacemaker": "2.1.8",
        "links": "",
        "cib": (BY_HAND / "cib.xml").read_text(),
        "drbd": (BY_HAND / "mysql.res").read_text(),
    }
    return json.loads(json.dumps({**said, **more}))  # type: ignore[no-any-return]


def codes(**beta: Any) -> set[str]:
    answers = {"alpha": (answer("alpha"), (0.0, 0.1)), "beta": (answer("beta", **beta), (beta.pop("clock", 0.0), 0.1))}
    return {finding.code for finding in lint(read(_documents(answers, "alpha", []))).findings}


def test_what_only_hosts_can_tell_is_found() -> None:
    whole = codes()
    assert "agent-missing" in whole
    assert not whole & {"authkey-differs", "authkey-mode", "corosync-conf-differs", "clock-differs", "uid-differs"}
    conf = {"mode": 0o644, "owner": "root", "sha256": "b", "text": CONF}
    key = {"mode": 0o644, "owner": "root", "sha256": "l", "text": None}
    files = {"/etc/corosync/corosync.conf": conf, "/etc/corosync/authkey": key}
    assert codes(files=files) - whole == {"authkey-differs", "authkey-mode", "corosync-conf-differs"}
    assert codes(users={"mysql": 27}) - whole == {"uid-differs"}
    assert codes(disks={}) - whole == {"drbd-not-up-to-date"}
    assert codes(units={"mysql.service": {"enabled": "enabled", "active": "inactive"}}) - whole == {"unit-enabled"}


def test_a_clock_that_is_ahead() -> None:
    answers = {"alpha": (answer("alpha"), (0.0, 0.1)), "beta": (answer("beta"), (5.0, 0.1))}
    found = lint(read(_documents(answers, "alpha", []))).findings
    assert "beta is 5.0 s ahead of alpha" in next(each.what for each in found if each.code == "clock-differs")


@pytest.mark.parametrize(
    ("days", "code"), [(-1, {"certificate-expired"}), (5, {"certificate-expires-soon"}), (90, set())]
)
def test_certificates_are_judged_by_the_clock_of_who_asks(days: int, code: set[str], tmp_path: Path) -> None:
    now = datetime.now(UTC)
    folder = tmp_path / "tls"
    Authority(folder, {"front": Names(())}, now - LEAF_LIFE + timedelta(days=days)).settle()
    pem = {"/etc/quorate/tls/front.pem": (folder / "front.pem").read_text().partition("-----BEGIN PRIVATE")[0]}
    # The node believes that it is next year.
    ahead = timedelta(days=365).total_seconds()
    said = answer("alpha", certificates=pem | {"/strange.pem": "x"}, time=now.timestamp() + ahead)
    found = lint(read(_documents({"alpha": (said, (ahead, 0.1))}, "alpha", []))).findings
    assert {each.code for each in found if each.subject == "certificates"} == code


def test_without_pacemaker_the_rest_is_looked_at() -> None:
    notes: list[str] = []
    documents = _documents({"alpha": (answer("alpha", cib=""), (0.0, 0.1))}, "alpha", notes)
    assert documents.cib is None
    assert documents.notes == ("Pacemaker answers on no node: there is no CIB",)
    assert read(documents).nodes == ("alpha", "beta")


def test_a_node_is_known_by_its_name_or_its_address() -> None:
    conf = corosync.read(Text("x", CONF))
    assert _own_name(conf, answer("beta.example")) == "beta"
    assert _own_name(conf, answer("strange", networks=["192.168.1.11/24"])) == "alpha"
    assert _own_name(conf, answer("strange", networks=[])) == "strange"


def test_links() -> None:
    said = """Local node ID 1, transport knet
nodeid: 2 reachable
   LINK: 0 udp (10.0.0.1->10.0.0.2) enabled connected mtu: 1397
   LINK: 1 udp (10.1.0.1->10.1.0.2) enabled disconnected mtu: 1397
"""
    assert _links(said, {"2": "beta"}) == {"beta": (True, False)}
    assert _links("", {}) is None
