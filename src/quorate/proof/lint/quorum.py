"""Quorum: that at most one part of a broken cluster goes on, and that one does."""

from quorate.proof.evidence import Corosync, Evidence, Pacemaker
from quorate.proof.evidence.pacemaker import is_true
from quorate.proof.lint.rule import ERROR, WARNING, Found, Hit, on_corosync, on_pacemaker, setting


def _on(conf: Corosync, key: str, default: int = 0) -> bool:
    return conf.quorum.number(key, default) != 0


def ignores_quorum(pacemaker: Pacemaker) -> bool:
    """Whether a part of the cluster without a majority goes on."""
    return (pacemaker.property("no-quorum-policy") or "stop").lower() == "ignore"


@on_pacemaker("quorum-ignored", ERROR)
def quorum_counts(pacemaker: Pacemaker, _: Evidence) -> Found:
    """A part of the cluster without a majority doesn't go on.

    With `no-quorum-policy=ignore` both halves of a divided cluster run everything, each against the other.

    Fix: set `no-quorum-policy=stop` (or `freeze` for shared file systems); two nodes need `two_node: 1`, not this.
    """
    if ignores_quorum(pacemaker):
        yield Hit(setting(pacemaker, "no-quorum-policy"), "`no-quorum-policy` is ignore")


@on_corosync("no-quorum-provider", ERROR)
def votes_are_counted(conf: Corosync, _: Evidence) -> Found:
    """Corosync counts votes.

    Without `provider: corosync_votequorum` every part of a divided cluster believes that it is the whole.

    Fix: write `quorum { provider: corosync_votequorum }`.
    """
    if conf.quorum.get("provider") != "corosync_votequorum":
        yield Hit(conf.at(conf.quorum, "provider"), "no quorum provider is set")


@on_corosync("two-node-missing", ERROR)
def two_nodes_survive_one(conf: Corosync, _: Evidence) -> Found:
    """Two nodes go on when one is lost.

    A majority of two is two: without `two_node` (or a quorum device) the loss of either stops both.

    Fix: write `two_node: 1`, or better, add a quorum device on a third machine.
    """
    if conf.size == 2 and not _on(conf, "two_node") and not conf.has_device:
        yield Hit(conf.at(conf.quorum, "two_node"), "two nodes without `two_node` and without a quorum device")


@on_corosync("two-node-wrong", ERROR)
def two_node_means_two(conf: Corosync, _: Evidence) -> Found:
    """`two_node` stands only where there are two nodes.

    It lets a single node be quorate. With more nodes, or beside a quorum device, that is two clusters at once.

    Fix: remove `two_node`.
    """
    if _on(conf, "two_node") and conf.size not in (0, 2):
        yield Hit(conf.at(conf.quorum, "two_node"), f"`two_node` is set, and there are {conf.size} nodes")
    elif _on(conf, "two_node") and conf.has_device:
        yield Hit(conf.at(conf.quorum, "two_node"), "`two_node` is set beside a quorum device")


@on_corosync("no-wait-for-all", ERROR)
def two_nodes_wait_for_each_other(conf: Corosync, _: Evidence) -> Found:
    """Of two nodes, none starts anything until it has seen the other once.

    Otherwise a node that was fenced boots, can't see the other, fences it, and is fenced back, for ever.

    Fix: remove `wait_for_all: 0`; `two_node` switches it on.
    """
    for key in ("two_node", "last_man_standing"):
        if _on(conf, key) and not conf.has_device and not _on(conf, "wait_for_all", default=key == "two_node"):
            yield Hit(conf.at(conf.quorum, "wait_for_all"), f"`{key}` without `wait_for_all`")


@on_corosync("device-and-tie-breaker", ERROR)
def one_thing_breaks_ties(conf: Corosync, _: Evidence) -> Found:
    """A quorum device is the only thing that breaks a tie.

    `auto_tie_breaker` and `last_man_standing` don't go with it (votequorum(5)): Corosync refuses to start, or each half
    finds a reason of its own to go on.

    Fix: remove them.
    """
    for key in ("auto_tie_breaker", "last_man_standing"):
        if _on(conf, key) and conf.has_device:
            yield Hit(conf.at(conf.quorum, key), f"`{key}` beside a quorum device")


@on_corosync("even-votes", WARNING)
def votes_are_odd(conf: Corosync, _: Evidence) -> Found:
    """The number of votes is odd.

    When an even number of nodes is divided into equal halves neither has a majority, and everything stops.

    Fix: add a quorum device (`algorithm: ffsplit`) on a machine of its own, or `auto_tie_breaker: 1`.
    """
    if conf.size >= 4 and conf.size % 2 == 0 and not conf.has_device and not _on(conf, "auto_tie_breaker"):
        yield Hit(conf.at(conf.quorum, "device"), f"{conf.size} nodes, and nothing breaks a tie between two halves")


@on_corosync("expected-votes", ERROR)
def votes_match_the_nodes(conf: Corosync, _: Evidence) -> Found:
    """`expected_votes` is the number of the nodes' votes.

    A larger number asks for a majority that may not exist; a smaller one can give it to two parts at once.

    Fix: remove `expected_votes`; Corosync counts the node list itself.
    """
    votes = sum(node.number("quorum_votes", 1) for each in conf.root.all("nodelist") for node in each.all("node"))
    expected = conf.quorum.number("expected_votes", votes)
    if votes and expected != votes and not conf.has_device:
        yield Hit(conf.at(conf.quorum, "expected_votes"), f"`expected_votes` is {expected}, the nodes have {votes}")


@on_corosync("device-on-member", ERROR)
def the_device_stands_elsewhere(conf: Corosync, _: Evidence) -> Found:
    """The quorum device runs on no node of the cluster.

    It would be lost together with the node whose loss it shall make up for.

    Fix: run `corosync-qnetd` on a third machine, in a failure domain of its own.
    """
    host = conf.device.one("net").get("host")
    for member in conf.members:
        if host and host in (member.name, *member.addresses.values()):
            yield Hit(conf.at(conf.device.one("net"), "host"), f"the quorum device is {member.name}, a member itself")


@on_corosync("device-votes", ERROR)
def the_device_has_the_right_votes(conf: Corosync, _: Evidence) -> Found:
    """A quorum device has the votes that its algorithm is made for.

    With `ffsplit` it has one, for an even number of nodes; `lms` has one less than there are nodes. With more, the loss
    of the device alone can stop the cluster; three nodes with `ffsplit` gain nothing by it.

    Fix: remove `votes`; the algorithm sets it.
    """
    if not conf.has_device:
        return
    algorithm = conf.device.one("net").get("algorithm") or "ffsplit"
    right = 1 if algorithm in ("ffsplit", "test") else max(conf.size - 1, 1)
    votes = conf.device.number("votes", right)
    if votes != right and conf.size:
        yield Hit(conf.at(conf.device, "votes"), f"the device has {votes} votes, {algorithm} wants {right}")


@on_pacemaker("no-quorum-now", ERROR)
def the_cluster_has_quorum(pacemaker: Pacemaker, _: Evidence) -> Found:
    """The cluster has quorum.

    The partition that this configuration was read from has no majority and runs nothing.

    Fix: bring the missing nodes back; `corosync-quorumtool -s` on each says what it sees.
    """
    have = pacemaker.document.get("have-quorum")
    if have is not None and pacemaker.document.find("status/node_state") is not None and not is_true(have):
        yield Hit(pacemaker.spot, "the partition that was asked has no quorum")
