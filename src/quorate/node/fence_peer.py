#!/usr/bin/python3 -ESs
"""What DRBD 8.4 asks before a node writes without its peer, and what lifts the answer again.

    fence-peer fence SECONDS      DRBD's `fence-peer` handler: may this node go on, or become primary, alone?
    fence-peer unfence SECONDS    its `unfence-peer` handler, called after a resync, and by the resource agent of a
                                  primary in sync

The answer is a constraint in the cluster's configuration, one a volume, with a fixed id, that forbids every node but
one (the holder) to be promoted. DRBD freezes writes until the answer is there (`fencing resource-and-stonith`).

The invariant: a write that only one replica has is acknowledged by no node but the holder of a constraint that a
majority of the cluster knows, and while such a write exists no other node is promoted. It follows from:

1. A node goes on alone only after the constraint in its favour was created (which fails if there is one), or renewed if
   it holds it already, and after enough other members have shown it to us that a majority knows it. A question to a
   member passes through Corosync's total order: it can't overtake the constraint. Any later partition with quorum has
   one of them in it. A node that is cut off gets no such answer and stays frozen.
2. A node that isn't primary yet is let through only with an UpToDate disk, and if its peer is surely no primary: fenced
   or shut down, or a member in good standing that isn't promoted.
3. The constraint is removed by its holder alone, and only the very one (they are numbered at random) that it had read
   before it saw its own DRBD connected and both disks UpToDate. If the connection breaks at any later moment, DRBD asks
   again, which renews the constraint under another number, and the old removal misses it. The other side's word
   wouldn't do: it may not know yet that the connection is gone. So DRBD's `after-resync-target` isn't used.

In doubt (no quorum, an answer that can't be read, a peer on its way out) it waits: a primary for as long as it takes,
as its writes are frozen and nothing is lost; a promotion until SECONDS are over, so that it fails with a reason.

A primary that is cut off mustn't even try to write the constraint: its own copy of the configuration would grow newer
by that, and might win when it comes back. So a primary first makes sure that it is still being heard.

Where one node hears both others and these don't hear each other, Corosync forms ring after ring and none lasts: whoever
is left out of one says so at once, and the node in the middle hears it. Nobody can be fenced meanwhile, as all that the
nodes tell each other waits for a ring. So a primary that has waited through several of them leaves: the others agree on
one without it, fence this node, and take over.

A primary that has had no quorum for longer than fencing takes is of no use to anybody: it acknowledges nothing, and
what uses the frozen volume can't be stopped, so that it keeps the service's address. If the others couldn't have it
fenced, or were told so and it isn't true, its clients come to it in vain. So it restarts itself at once, as a power cut
would: an orderly restart would wait for the frozen volume.

Environment (drbd.conf(5), "handlers"): DRBD_RESOURCE, DRBD_MINOR, DRBD_PEERS. The answer is the exit status.
"""

import contextlib
import os
import subprocess
import sys
import syslog
import time
import xml.etree.ElementTree as ET

PEER_OUTDATED = 4
"""The peer's data counts as outdated: it can't be promoted."""
OUTDATE_MYSELF = 6
"""The peer has newer data: this node marks its own as outdated."""
PEER_FENCED = 7
NO_ANSWER = 1
"""No status that DRBD knows: writes stay frozen, a promotion fails."""

# DRBD's connection states below the handshake.
DISCONNECTED = (
    *("StandAlone", "Disconnecting", "Unconnected", "Timeout", "BrokenPipe", "NetworkFailure"),
    *("ProtocolError", "TearDown", "WFConnection"),
)
PROC_DRBD = "/proc/drbd"
CALL_TIMEOUT = 5
"""Seconds that one call of cibadmin may take."""
POLL = 0.2
RESTLESS = 5
"""Rings that Corosync forms while a primary waits, more than any single failure and its repair bring."""
ALONE = 20
"""Seconds without quorum after which a primary restarts itself: fencing takes 2, and 10 if the BMC is slow."""
SYSRQ = "/proc/sysrq-trigger"
# The CIB says 1; the scheduler's copies of it, and maybe a later release, say true.
QUORATE = "/cib[@have-quorum='1' or @have-quorum='true']/configuration/crm_config"


class Unreadable(Exception):
    """Something that the decision needs can't be read."""


class Volume:
    """A volume's line in /proc/drbd."""

    def __init__(self, connection: str, role: str, disk: str, peer_disk: str) -> None:
        self.connection, self.role, self.disk, self.peer_disk = connection, role, disk, peer_disk


class View:
    """What the cluster's configuration and state (the CIB) say that matters here."""

    def __init__(
        self,
        quorate: bool,
        nodes: dict[str, str],
        promoted: set[str],
        clone: str,
        holder: str | None,
        number: str | None,
    ) -> None:
        self.quorate = quorate
        self.nodes = nodes
        """By name: member, down (surely), or unsure."""
        self.promoted = promoted
        """Nodes on which the volume is primary, or may be."""
        self.clone = clone
        self.holder = holder
        """Who may be promoted, if the constraint is there; empty if it is there and isn't understood."""
        self.number = number


class Decision:
    """What to do (`hold`, `remove`, `wait`, `refuse`, `leave`), why, and the exit status that it ends in."""

    def __init__(self, what: str, why: str, status: int = NO_ANSWER) -> None:
        self.what, self.why, self.status = what, why, status


def decide_fence(me: str, peer: str, volumes: list[Volume], view: View) -> Decision:
    """May this node go on without its peer? `hold`: once it holds the constraint."""
    primary = any(volume.role == "Primary" for volume in volumes)
    standing = view.nodes.get(peer, "unsure")
    if me not in view.nodes or me == peer:
        return Decision("refuse", f"the cluster doesn't know this node as {me!r} with the peer {peer!r}")
    if view.nodes[me] != "member" or not view.quorate:
        return Decision("wait", "this node is in no partition with quorum")
    if view.holder is not None and view.holder != me:
        if primary:
            return Decision("wait", f"{view.holder or 'somebody'} holds the constraint, and this node is primary")
        return Decision("refuse", f"{view.holder or 'somebody'} holds the constraint", OUTDATE_MYSELF)
    if not volumes or any(volume.disk != "UpToDate" for volume in volumes):
        return Decision("refuse", "this node's own disk isn't UpToDate")
    if any(volume.connection not in DISCONNECTED for volume in volumes):
        return Decision("refuse", "the peer is connected again: DRBD needs no answer")
    if primary:
        return Decision("hold", f"this node is primary, and {peer} is {standing}", PEER_OUTDATED)
    if standing == "down":
        return Decision("hold", f"{peer} is fenced or shut down", PEER_FENCED)
    if standing != "member":
        return Decision("wait", f"{peer} is neither a member in good standing nor surely down")
    if peer in view.promoted:
        return Decision("refuse", f"{peer} is primary")
    return Decision("hold", f"{peer} is a member, and no primary", PEER_OUTDATED)


def decide_unfence(me: str, volumes: list[Volume], view: View) -> Decision:
    """May the constraint go? Only `volumes` that were read after the view count."""
    if view.holder is None:
        return Decision("leave", "there is no constraint", 0)
    if view.holder != me:
        return Decision("leave", f"{view.holder or 'somebody else'} holds the constraint", 0)
    for volume in volumes:
        if (volume.connection, volume.disk, volume.peer_disk) != ("Connected", "UpToDate", "UpToDate"):
            return Decision("leave", "the replicas aren't in sync", 0)
    if not volumes:
        return Decision("leave", "the volume isn't running here", 0)
    return Decision("remove", "both replicas are UpToDate", 0)


def fence_id(resource: str) -> str:
    """The constraint's id: one for each volume, so that only one node can have it."""
    return f"quorate-fence-{resource}"


def constraint(resource: str, clone: str, holder: str, number: str) -> str:
    """Nobody but the holder is promoted."""
    location = ET.Element("rsc_location", id=fence_id(resource), rsc=clone)
    rule_id = f"{fence_id(resource)}-{number}"
    rule = ET.SubElement(location, "rule", id=rule_id, role="Promoted", score="-INFINITY")
    node = {"id": f"{rule_id}-node", "attribute": "#uname", "operation": "ne", "value": holder}
    ET.SubElement(rule, "expression", node)
    return ET.tostring(location, encoding="unicode")


def look(document: str, resource: str) -> View:
    """Reads the CIB, of Pacemaker 2.0 to 3.0."""
    try:
        cib = ET.fromstring(document)  # noqa: S314  Pacemaker's own
    except ET.ParseError as error:
        raise Unreadable(f"the CIB is no XML: {error}") from None
    primitive, clone = _find_clone(cib, resource)
    holder, number = _find_holder(cib, resource)
    states = {str(state.get("uname")): state for state in cib.iterfind("status/node_state")}
    nodes = {
        str(node.get("uname")): _standing(states.get(str(node.get("uname"))))
        for node in cib.iterfind("configuration/nodes/node")
        if node.get("type", "member") == "member"
    }
    promoted = {name for name in nodes if name in states and _promoted(states[name], primitive)}
    return View(cib.get("have-quorum") in ("1", "true"), nodes, promoted, clone, holder, number)


def _find_clone(cib: ET.Element, resource: str) -> tuple[str, str]:
    for clone in cib.iterfind("configuration/resources//clone"):
        for primitive in clone.iterfind("primitive"):
            for pair in primitive.iterfind("instance_attributes/nvpair[@name='drbd_resource']"):
                if pair.get("value") == resource:
                    return str(primitive.get("id")), str(clone.get("id"))
    raise Unreadable(f"the CIB has no clone of the DRBD resource {resource}")


def _find_holder(cib: ET.Element, resource: str) -> tuple[str | None, str | None]:
    wanted = fence_id(resource)
    for location in cib.iterfind("configuration/constraints/rsc_location"):
        if location.get("id") == wanted:
            rule = location.find("rule")
            node = location.find("rule/expression[@attribute='#uname'][@operation='ne']")
            if rule is None or node is None:
                return "", None
            return node.get("value", ""), rule.get("id", "").removeprefix(f"{wanted}-")
    return None, None


def _standing(state: ET.Element | None) -> str:
    """A node as Pacemaker's scheduler would see it (its lib/pengine/unpack.c), in three words.

    `in_ccm` and `crmd` are true/false and online/offline up to feature set 3.17; since 3.18 (Pacemaker 2.1.7) they are
    the time since when, or 0.
    """
    if state is None or state.get("in_ccm") is None:
        return "unsure"
    member, online = (state.get(name, "0") not in ("0", "false", "offline") for name in ("in_ccm", "crmd"))
    expected, join = state.get("expected"), state.get("join")
    if member and online and expected == join == "member":
        return "member"
    if not member and not online and expected == "down":
        return "down"
    return "unsure"


def _promoted(state: ET.Element, primitive: str) -> bool:
    """Whether the last thing that happened to the resource on a node makes it primary there, or may have."""
    latest, outcome = -1, False
    for history in state.iterfind("lrm/lrm_resources/lrm_resource"):
        if history.get("id", "").partition(":")[0] != primitive:
            continue
        for operation in history.iterfind("lrm_rsc_op"):
            name, result = operation.get("operation"), operation.get("rc-code")
            if name == "promote" and operation.get("op-status") == "-1":
                return True  # under way; it has no number before it has a result
            number = int(operation.get("call-id", "-1"))
            if number > latest:
                latest = number
                outcome = name == "promote" or (name == "demote" and result != "0") or result in ("8", "9")
    return outcome


def read_volumes(text: str, minors: list[str]) -> list[Volume]:
    """The volumes of these minors in /proc/drbd: ` 0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r--`."""
    volumes = []
    for line in text.splitlines():
        minor, _, rest = line.strip().partition(": ")
        if minor in minors and rest.startswith("cs:"):
            words = dict(word.split(":", 1) for word in rest.split() if ":" in word)
            disks = words.get("ds", "/").split("/")
            role = words.get("ro", "/").split("/")[0]
            volumes.append(Volume(words["cs"], role, disks[0], disks[1]))
    return volumes


def cibadmin(*arguments: str) -> str:
    """What cibadmin says; raises `Unreadable` if it fails."""
    try:
        done = subprocess.run(
            ["cibadmin", "--timeout", str(CALL_TIMEOUT), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * CALL_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unreadable(f"cibadmin: {error}") from None
    if done.returncode != 0:
        raise Unreadable(f"cibadmin {arguments[0]} failed with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def xpath(resource: str, number: str) -> str:
    """Finds the constraint under one number, and no other."""
    return f"//rsc_location[@id='{fence_id(resource)}'][rule/@id='{fence_id(resource)}-{number}']"


def hold(resource: str, me: str, view: View) -> str:
    """Creates the constraint, or renews it; raises `Unreadable` if it is no longer as the view says. Its number."""
    number = os.urandom(4).hex()
    wanted = constraint(resource, view.clone, me, number)
    if view.number is None:
        cibadmin("--create", "--scope", "constraints", "--xml-text", wanted)
    else:
        cibadmin("--replace", "--xpath", xpath(resource, view.number), "--xml-text", wanted)
    return number


def majority(query: str, me: str, peer: str, view: View) -> None:
    """Makes sure that, with this node, a majority's CIBs have what an XPath finds; raises `Unreadable` else."""
    known = 1
    for witness in sorted(view.nodes, key=lambda name: name == peer):  # the peer last: it is why we are asked
        if 2 * known > len(view.nodes):
            return
        if witness != me and view.nodes[witness] == "member":
            try:
                cibadmin("--query", "--node", witness, "--xpath", query)
                known += 1
            except Unreadable as error:
                say(f"{witness} doesn't confirm {query}: {error}")
    if 2 * known <= len(view.nodes):
        raise Unreadable(f"only {known} of {len(view.nodes)} nodes have {query}")


def fence(resource: str, me: str, peer: str, minors: list[str], patience: float) -> int:
    """Waits for a decision and carries it out; the exit status."""
    begun, settled = time.monotonic(), rings()
    alone = None  # since when this node knows that it has no quorum
    said = mine = ""
    while True:
        primary = False
        try:
            volumes = volumes_now(minors)
            primary = any(volume.role == "Primary" for volume in volumes)
            view = look(cibadmin("--query"), resource)
            decision = decide_fence(me, peer, volumes, view)
            alone = None if view.quorate else alone or time.monotonic()
            if decision.what == "hold":
                if primary:
                    majority(QUORATE, me, peer, view)
                if not mine or view.number != mine:
                    mine = hold(resource, me, view)
                majority(xpath(resource, mine), me, peer, view)
        except Unreadable as error:
            decision = Decision("wait", str(error))
        if decision.what != "wait":
            say(f"{resource}: {decision.what}: {decision.why} (status {decision.status})")
            return decision.status
        if decision.why != said:
            say(f"{resource}: waiting: {decision.why}")
            said = decision.why
        if primary and alone and time.monotonic() - alone > ALONE:
            say(f"{resource}: without quorum for {ALONE} s, and nobody has fenced this node: it restarts itself")
            restart()
        if primary and rings() >= settled + RESTLESS:
            if not one_lasts():
                say(f"{resource}: {RESTLESS} rings since, and none lasts: leaving, so that the others agree on one")
                leave()
            settled = rings()
        if not primary and time.monotonic() - begun > patience:
            say(f"{resource}: refused after {patience:.0f} s: {decision.why}")
            return NO_ANSWER
        time.sleep(POLL)


def one_lasts() -> bool:
    """Whether this ring is still there when another one could be: nobody knows how old it is."""
    before = rings()
    time.sleep(2 * corosync("runtime.config.totem.consensus") / 1000)  # milliseconds, corosync.conf(5)
    return rings() == before


def rings() -> int:
    """How many rings Corosync has formed here with this node in it."""
    return corosync("stats.srp.operational_entered", "-m", "stats")


def corosync(key: str, *options: str) -> int:
    """A number of Corosync's, cmap_keys(7); 0 if it doesn't say."""
    ask = ["corosync-cmapctl", *options, "-g", key]
    try:
        done = subprocess.run(ask, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=CALL_TIMEOUT)
        return int(done.stdout.rpartition("=")[2])
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return 0


def leave() -> None:
    """Ends Corosync as a crash would: an orderly end waits for Pacemaker, which waits for the frozen volume."""
    subprocess.run(["systemctl", "kill", "--signal=SIGKILL", "corosync.service"], stdin=subprocess.DEVNULL)


def restart() -> None:
    """Restarts this node without a word to anybody, proc(5), "sysrq-trigger"; the journal may be written before."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # its disk may be what is wrong
        subprocess.run(["journalctl", "--sync"], stdin=subprocess.DEVNULL, timeout=CALL_TIMEOUT)
    with open(SYSRQ, "w", encoding="ascii") as trigger:
        trigger.write("b")


def unfence(resource: str, me: str, minors: list[str]) -> int:
    """Removes the constraint if it may go; the exit status.

    In a process of its own: DRBD's worker waits for a handler after a resync, and writes wait for the worker.
    """
    if os.fork():
        return 0
    try:
        view = look(cibadmin("--query"), resource)
        decision = decide_unfence(me, volumes_now(minors), view)
        if decision.what == "remove" and view.number is not None:
            cibadmin("--delete", "--xpath", xpath(resource, view.number))
            say(f"{resource}: constraint removed: {decision.why}")
    except Unreadable as error:
        say(f"{resource}: constraint left as it is: {error}")
        return NO_ANSWER
    return decision.status


def volumes_now(minors: list[str]) -> list[Volume]:
    """The volumes as DRBD has them. Not by drbdsetup: DRBD holds its lock while it waits for us."""
    try:
        with open(PROC_DRBD, encoding="ascii") as proc:
            return read_volumes(proc.read(), minors)
    except OSError as error:
        raise Unreadable(f"{PROC_DRBD}: {error.strerror}") from None


def say(words: str) -> None:
    """To the journal; DRBD shows nothing of what a handler writes."""
    syslog.syslog(syslog.LOG_NOTICE, words)


def main() -> int:
    """Reads DRBD's environment and answers."""
    syslog.openlog("quorate-fence-peer", syslog.LOG_PID, syslog.LOG_DAEMON)
    try:
        wish, patience = sys.argv[1], float(sys.argv[2])
        resource, minors = os.environ["DRBD_RESOURCE"], os.environ["DRBD_MINOR"].split()
        me = os.uname().nodename
        if wish == "unfence":
            return unfence(resource, me, minors)
        (peer,) = os.environ["DRBD_PEERS"].split()
        return fence(resource, me, peer, minors, patience)
    except (LookupError, ValueError) as error:
        say(f"called in a way that isn't understood: {error!r}")
        return NO_ANSWER


if __name__ == "__main__":
    sys.exit(main())
