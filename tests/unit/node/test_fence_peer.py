"""Who may write alone: the decision over all its cases, and the program itself with Pacemaker's real cibadmin."""

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quorate.node import source
from quorate.node.fence_peer import (
    NO_ANSWER,
    OUTDATE_MYSELF,
    PEER_FENCED,
    PEER_OUTDATED,
    Unreadable,
    View,
    Volume,
    constraint,
    decide_fence,
    decide_unfence,
    look,
    read_volumes,
    xpath,
)

from .agents import script

ME, PEER, THIRD = "ctl1", "ctl2", "ctl3"

# /proc/drbd of 8.4.11.
PROC = """\
version: 8.4.11 (api:1/proto:86-101)
srcversion: 473968AD625BA317874A57E
 0: cs:{connection} ro:{role}/Unknown ds:{disk}/{peer_disk} C r-----
    ns:0 nr:0 dw:136 dr:1789 al:4 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0
"""

# Attributes of <node_state> as Pacemaker up to 2.1.6 and since 2.1.7 writes them.
MEMBER = (
    'in_ccm="true" crmd="online" join="member" expected="member"',
    'in_ccm="1763845201" crmd="1763845202" join="member" expected="member"',
)
FENCED = (
    'in_ccm="false" crmd="offline" join="down" expected="down"',
    'in_ccm="0" crmd="0" join="down" expected="down"',
)
LOST = (
    'in_ccm="false" crmd="offline" join="down" expected="member"',
    'in_ccm="0" crmd="0" join="down" expected="member"',
)
COMING = (
    'in_ccm="true" crmd="offline" join="down" expected="down"',
    'in_ccm="1763845301" crmd="0" join="down" expected="down"',
)
LEAVING = (
    'in_ccm="true" crmd="online" join="member" expected="down"',
    'in_ccm="1763845201" crmd="1763845202" join="member" expected="down"',
)


def document(
    states: dict[str, str],
    *,
    operations: str = "",
    constraints: str = "",
    quorum: str = "1",
    resource: str = "database",
) -> str:
    """A CIB with our volume, the nodes' states, and what happened to DRBD on the peer."""
    names = list(states)
    history = f"""<lrm id="2"><lrm_resources>
      <lrm_resource id="database-filesystem" class="ocf" provider="heartbeat" type="Filesystem">
        <lrm_rsc_op id="f" operation="start" call-id="90" rc-code="0" op-status="0" interval="0"/></lrm_resource>
      <lrm_resource id="database-drbd" class="ocf" provider="linbit" type="drbd">{operations}</lrm_resource>
      </lrm_resources></lrm>"""
    return f"""
    <cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="9" num_updates="0" admin_epoch="0"
         have-quorum="{quorum}" dc-uuid="3">
      <configuration>
        <crm_config><cluster_property_set id="cib-bootstrap-options"/></crm_config>
        <nodes>{"".join(f'<node id="{1 + names.index(name)}" uname="{name}"/>' for name in names)}</nodes>
        <resources>
          <primitive id="fence-ctl1" class="stonith" type="fence_ipmilan"/>
          <clone id="database-volume">
            <primitive id="database-drbd" class="ocf" provider="linbit" type="drbd">
              <instance_attributes id="database-drbd-parameters">
                <nvpair id="database-drbd-parameters-1" name="drbd_resource" value="{resource}"/>
              </instance_attributes>
            </primitive>
          </clone>
        </resources>
        <constraints>{constraints}</constraints>
      </configuration>
      <status>{
        "".join(
            f'<node_state id="{1 + names.index(name)}" uname="{name}" {attributes}>'
            f"{history if name == PEER else ''}</node_state>"
            for name, attributes in states.items()
            if attributes
        )
    }</status>
    </cib>"""


def operation(name: str, number: int, result: int, *, status: int = 0, interval: int = 0) -> str:
    return (
        f'<lrm_rsc_op id="o{number}-{name}" operation="{name}" call-id="{number}" rc-code="{result}"'
        f' op-status="{status}" interval="{interval}"/>'
    )


# The decision

ALONE = [Volume("WFConnection", "Secondary", "UpToDate", "DUnknown")]


def test_whoever_goes_on_alone_was_allowed_to() -> None:
    """The invariant's second half, over every combination of what can be seen."""
    held = 0
    for role, disk, connection, quorate, mine, peers, promoted, holder in itertools.product(
        ("Primary", "Secondary"),
        ("UpToDate", "Consistent", "Outdated", "Inconsistent", "Diskless", "Failed"),
        ("WFConnection", "StandAlone", "Connected", "SyncSource"),
        (True, False),
        ("member", "unsure", "down"),
        ("member", "unsure", "down"),
        (True, False),
        (None, ME, PEER, THIRD, ""),
    ):
        nodes = {ME: mine, PEER: peers, THIRD: "member"}
        number = None if holder is None else "1"
        view = View(quorate, nodes, {PEER} if promoted else set(), "database-volume", holder, number)
        decision = decide_fence(ME, PEER, [Volume(connection, role, disk, "DUnknown")], view)
        if decision.what == "hold":
            held += 1
            assert quorate
            assert mine == "member"
            assert disk == "UpToDate"
            assert holder in (None, ME)
            assert connection in ("WFConnection", "StandAlone")
            if role != "Primary":
                assert peers == "down" or (peers == "member" and not promoted)
            assert decision.status == (PEER_FENCED if peers == "down" and role != "Primary" else PEER_OUTDATED)
        else:
            assert decision.status in (NO_ANSWER, OUTDATE_MYSELF)
        if decision.status == OUTDATE_MYSELF:
            assert decision.what == "refuse"
            assert role != "Primary"
            assert holder not in (None, ME)
    assert held == 2 * 2 * (3 * 2 + 3)  # holders and connections, times: primaries, and the two ways for others


@pytest.mark.parametrize("release", [0, 1], ids=["pacemaker-2.1.6", "pacemaker-2.1.7"])
@pytest.mark.parametrize(
    ("state", "operations", "what", "status"),
    [
        (FENCED, "", "hold", PEER_FENCED),
        (LOST, operation("promote", 20, 0), "wait", NO_ANSWER),
        (COMING, "", "wait", NO_ANSWER),
        (LEAVING, operation("promote", 20, 0), "wait", NO_ANSWER),
        (MEMBER, "", "hold", PEER_OUTDATED),
        (MEMBER, operation("monitor", 18, 0, interval=30000), "hold", PEER_OUTDATED),
        (MEMBER, operation("promote", 20, 0), "refuse", NO_ANSWER),
        (MEMBER, operation("promote", 20, 0) + operation("monitor", 22, 8, interval=10000), "refuse", NO_ANSWER),
        (MEMBER, operation("promote", 20, 1), "refuse", NO_ANSWER),
        (MEMBER, operation("demote", 30, 0) + operation("promote", 20, 0), "hold", PEER_OUTDATED),
        (MEMBER, operation("demote", 30, 1) + operation("promote", 20, 0), "refuse", NO_ANSWER),
        (MEMBER, operation("demote", 30, 0) + operation("promote", -1, 193, status=-1), "refuse", NO_ANSWER),
    ],
)
def test_a_promotion_by_what_the_peer_is(
    release: int, state: tuple[str, str], operations: str, what: str, status: int
) -> None:
    states = {ME: MEMBER[release], PEER: state[release], THIRD: MEMBER[release]}
    view = look(document(states, operations=operations), "database")
    decision = decide_fence(ME, PEER, ALONE, view)
    assert (decision.what, decision.status) == (what, status), decision.why


@pytest.mark.parametrize(
    ("moment", "me", "peer", "what", "status"),
    [
        # Power cut of the primary ctl2: lost, not fenced yet.
        ("ctl2-lost", "ctl1", "ctl2", "wait", NO_ANSWER),
        # Another cut: ctl1 was fenced, and ctl2, promoted since, holds the constraint.
        ("ctl1-fenced", "ctl2", "ctl1", "hold", PEER_FENCED),
        ("ctl1-fenced", "ctl1", "ctl2", "wait", NO_ANSWER),
        # All is well, ctl1 is primary, and somebody on ctl2 breaks the connection and promotes by hand.
        ("whole", "ctl2", "ctl1", "refuse", NO_ANSWER),
        ("whole", "ctl1", "ctl2", "hold", PEER_OUTDATED),
    ],
)
def test_moments_of_a_real_cluster(moment: str, me: str, peer: str, what: str, status: int) -> None:
    """CIBs of Pacemaker 3.0.0 on lab nodes, as its scheduler saved them."""
    view = look((Path(__file__).parent / f"cibs/{moment}.xml").read_text(), "database")
    decision = decide_fence(me, peer, ALONE, view)
    assert (decision.what, decision.status) == (what, status), decision.why


def test_a_peer_never_seen_may_be_alive() -> None:
    view = look(document({ME: MEMBER[1], PEER: "", THIRD: MEMBER[1]}), "database")
    assert decide_fence(ME, PEER, ALONE, view).what == "wait"


def test_the_holder_is_read_back() -> None:
    states = {ME: MEMBER[1], PEER: MEMBER[1], THIRD: MEMBER[1]}
    view = look(document(states, constraints=constraint("database", "database-volume", PEER, "0a1b")), "database")
    assert (view.holder, view.number, view.clone) == (PEER, "0a1b", "database-volume")
    assert decide_fence(ME, PEER, ALONE, view).status == OUTDATE_MYSELF


def test_a_constraint_that_is_not_understood_stops_everybody() -> None:
    states = {ME: MEMBER[1], PEER: FENCED[1], THIRD: MEMBER[1]}
    strange = '<rsc_location id="quorate-fence-database" rsc="database-volume" node="ctl2" score="-INFINITY"/>'
    view = look(document(states, constraints=strange), "database")
    assert decide_fence(ME, PEER, ALONE, view).what == "refuse"
    assert decide_unfence(ME, [Volume("Connected", "Primary", "UpToDate", "UpToDate")], view).what == "leave"


@pytest.mark.parametrize("text", ["", "<cib", "<cib/>", document({ME: MEMBER[1]}, resource="other")])
def test_a_cib_that_says_nothing_decides_nothing(text: str) -> None:
    with pytest.raises(Unreadable):
        look(text, "database")


def test_only_its_holder_lifts_it_and_only_in_sync() -> None:
    removed = set()
    for connection, disk, peer_disk, holder in itertools.product(
        ("Connected", "SyncSource", "PausedSyncS", "WFConnection"),
        ("UpToDate", "Consistent", "Inconsistent"),
        ("UpToDate", "Inconsistent", "Outdated", "DUnknown"),
        (None, ME, PEER, ""),
    ):
        view = View(True, {}, set(), "database-volume", holder, "1")
        decision = decide_unfence(ME, [Volume(connection, "Primary", disk, peer_disk)], view)
        if decision.what == "remove":
            removed.add((connection, disk, peer_disk, holder))
    assert removed == {("Connected", "UpToDate", "UpToDate", ME)}
    assert decide_unfence(ME, [], View(True, {}, set(), "database-volume", ME, "1")).what == "leave"


def test_proc_drbd() -> None:
    text = PROC.format(connection="Connected", role="Primary", disk="UpToDate", peer_disk="Inconsistent")
    (volume,) = read_volumes(text, ["0"])
    assert vars(volume) == {
        "connection": "Connected",
        "role": "Primary",
        "disk": "UpToDate",
        "peer_disk": "Inconsistent",
    }
    assert read_volumes(text, ["1"]) == []
    assert read_volumes(" 0: cs:Unconfigured\n", ["0"])[0].disk == ""


# The program, with Pacemaker's own cibadmin on a file instead of a cluster

Handler = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def handler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Handler]:
    """The handler as DRBD calls it; this machine is the node that asks."""
    if not shutil.which("cibadmin"):
        pytest.skip("no cibadmin on this machine: install pacemaker-cli-utils")
    me = os.uname().nodename
    program = tmp_path / "fence-peer"
    text = source("fence_peer").replace('"/proc/drbd"', f'"{tmp_path}/proc"').replace("ALONE = 20", "ALONE = 1")
    program.write_text(text.replace('"/proc/sysrq-trigger"', f'"{tmp_path}/sysrq"'))
    cib = tmp_path / "cib.xml"

    def run(
        wish: str, *, proc: str = "", cib_file: Path = cib, patience: str = "1", **states: str
    ) -> subprocess.CompletedProcess[str]:
        (tmp_path / "proc").write_text(proc)
        if states:
            cib.write_text(document({me: MEMBER[0], **states}))
        environment = {
            "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
            "CIB_file": str(cib_file),
            "DRBD_RESOURCE": "database",
            "DRBD_MINOR": "0",
            "DRBD_PEERS": PEER,
        }
        argv = [sys.executable, "-ESs", str(program), wish, patience]
        return subprocess.run(argv, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=30)

    yield run


def proc(role: str = "Secondary", connection: str = "WFConnection", peer_disk: str = "DUnknown") -> str:
    return PROC.format(connection=connection, role=role, disk="UpToDate", peer_disk=peer_disk)


def numbered(tmp_path: Path) -> tuple[str | None, str | None]:
    view = look((tmp_path / "cib.xml").read_text(), "database")
    return view.holder, view.number


def test_a_takeover_holds_the_constraint(handler: Handler, tmp_path: Path) -> None:
    fenced = handler("fence", proc=proc(), ctl2=FENCED[0], ctl3=MEMBER[0])
    assert (fenced.returncode, fenced.stderr) == (PEER_FENCED, "")
    assert numbered(tmp_path)[0] == os.uname().nodename


def test_a_primary_goes_on_whatever_became_of_its_peer(handler: Handler, tmp_path: Path) -> None:
    fenced = handler("fence", proc=proc("Primary"), ctl2=LOST[0], ctl3=MEMBER[0])
    assert (fenced.returncode, fenced.stderr) == (PEER_OUTDATED, "")
    assert numbered(tmp_path)[0] == os.uname().nodename


def test_to_ask_again_renews_it_and_an_old_removal_misses(handler: Handler, tmp_path: Path) -> None:
    assert handler("fence", proc=proc("Primary"), ctl2=MEMBER[0], ctl3=MEMBER[0]).returncode == PEER_OUTDATED
    holder, first = numbered(tmp_path)
    assert handler("fence", proc=proc("Primary")).returncode == PEER_OUTDATED
    holder_again, second = numbered(tmp_path)
    assert holder_again == holder
    assert second != first
    for number, left in ((first, (holder, second)), (second, (None, None))):
        delete = ["cibadmin", "--delete", "--xpath", xpath("database", str(number))]
        subprocess.run(delete, env=os.environ | {"CIB_file": str(tmp_path / "cib.xml")}, check=True, timeout=30)
        assert numbered(tmp_path) == left


def test_it_is_lifted_once_both_are_in_sync(handler: Handler, tmp_path: Path) -> None:
    handler("fence", proc=proc("Primary"), ctl2=MEMBER[0], ctl3=MEMBER[0])
    assert handler("unfence", proc=proc("Primary", "SyncSource", "Inconsistent")).returncode == 0
    assert numbered(tmp_path)[0] == os.uname().nodename
    assert handler("unfence", proc=proc("Primary", "Connected", "UpToDate")).returncode == 0
    assert numbered(tmp_path) == (None, None)


def test_without_a_majority_that_has_it_nobody_goes_on(handler: Handler) -> None:
    assert handler("fence", proc=proc(), ctl2=FENCED[0], ctl3=LOST[0]).returncode == NO_ANSWER


def test_the_peers_constraint_outdates_this_node(handler: Handler, tmp_path: Path) -> None:
    states = {os.uname().nodename: MEMBER[0], PEER: FENCED[0], THIRD: MEMBER[0]}
    text = document(states, constraints=constraint("database", "database-volume", PEER, "aa"))
    (tmp_path / "cib.xml").write_text(text)
    assert handler("fence", proc=proc()).returncode == OUTDATE_MYSELF
    assert numbered(tmp_path) == (PEER, "aa")


def test_what_cannot_be_read_is_no_answer(handler: Handler, tmp_path: Path) -> None:
    assert handler("fence", proc=proc(), cib_file=tmp_path / "none").returncode == NO_ANSWER
    assert handler("fence", proc="", ctl2=FENCED[0], ctl3=MEMBER[0]).returncode == NO_ANSWER
    assert handler("fence", patience="soon").returncode == NO_ANSWER


def test_it_waits_until_the_peer_is_fenced(handler: Handler, tmp_path: Path) -> None:
    lost = document({os.uname().nodename: MEMBER[0], PEER: LOST[0], THIRD: MEMBER[0]})
    (tmp_path / "cib.xml").write_text(lost)
    fence = subprocess.Popen(
        ["sh", "-c", 'sleep 0.7; sed "s/$1/$2/" cib.xml >new; mv new cib.xml', "fence", LOST[0], FENCED[0]],
        cwd=tmp_path,
    )
    assert handler("fence", proc=proc(), patience="20").returncode == PEER_FENCED
    assert fence.wait() == 0


CMAPCTL = """#!/bin/sh
echo "$*" >>asked
n=$(wc -l <asked)
[ "$n" -lt 20 ] || mv later cib.xml
case "$*" in
    *consensus) echo "runtime.config.totem.consensus (u32) = 50" ;;
    *) echo "stats.srp.operational_entered (u64) = $(({rings}))" ;;
esac
"""
"""Says how many rings there were; and after a while things mend."""


@pytest.mark.parametrize(
    ("rings", "left"),
    [("n", 2), ("0", 0), ("n > 1 ? 7 : 0", 0)],
    ids=["one after another", "none", "one that lasts, after others"],
)
def test_a_primary_leaves_a_ring_that_never_settles(handler: Handler, tmp_path: Path, rings: str, left: int) -> None:
    """Nobody confirms that there is quorum, until the other node is reached again."""
    me = os.uname().nodename
    (tmp_path / "later").write_text(document({me: MEMBER[0], PEER: LOST[0], THIRD: MEMBER[0]}))
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin/corosync-cmapctl", CMAPCTL.format(rings=rings))
    script(tmp_path / "bin/systemctl", '#!/bin/sh\necho "$*" >>left\n')
    fenced = handler("fence", proc=proc("Primary"), ctl2=LOST[0], ctl3=LOST[0])
    assert fenced.returncode == PEER_OUTDATED, fenced.stderr
    calls = (tmp_path / "left").read_text().splitlines() if left else []
    assert calls == left * ["kill --signal=SIGKILL corosync.service"]
    assert (tmp_path / "left").exists() == bool(left)


@pytest.mark.parametrize(("role", "restarts"), [("Primary", True), ("Secondary", False)])
def test_a_primary_that_nobody_fences_restarts_itself(
    handler: Handler, tmp_path: Path, role: str, restarts: bool
) -> None:
    """Without quorum, for longer than fencing takes: then what it serves isn't served anywhere else, or twice."""
    me = os.uname().nodename
    alone = document({me: MEMBER[0], PEER: LOST[0], THIRD: LOST[0]}, quorum="0")
    (tmp_path / "cib.xml").write_text(alone)
    (tmp_path / "later").write_text(document({me: MEMBER[0], PEER: FENCED[0], THIRD: MEMBER[0]}))
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin/journalctl", "#!/bin/sh\nmv later cib.xml\n")  # here the handler is still there afterwards
    fenced = handler("fence", proc=proc(role), patience="3")
    assert (tmp_path / "sysrq").exists() == restarts
    assert fenced.returncode == (PEER_OUTDATED if restarts else NO_ANSWER)
