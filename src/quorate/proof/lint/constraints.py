"""Constraints: that resources run where what they need is, after it, and wherever they may."""

from quorate.proof.evidence import Evidence, Pacemaker
from quorate.proof.evidence.pacemaker import FOREVER, Colocation, Order, Primitive, value
from quorate.proof.lint.resources import PROMOTED
from quorate.proof.lint.rule import ERROR, WARNING, Found, Hit, on_pacemaker

ADDRESSES = ("ocf:heartbeat:IPaddr2", "ocf:heartbeat:IPaddr", "ocf:heartbeat:IPv6addr", "ocf:heartbeat:SendArp")
"""What may run before the data is there: clients are then refused at once instead of running into time-outs."""
_HANDLERS = ("drbd-fence-by-handler-", "quorate-fence-")


def mandatory(pacemaker: Pacemaker) -> list[Order]:
    """The orders that always count."""
    return [each for each in pacemaker.orders if each.kind.lower() in ("mandatory", "serialize") and each.then]


def _promotable(pacemaker: Pacemaker, id_: str) -> bool:
    around = [id_, *(pacemaker.primitives[id_].within if id_ in pacemaker.primitives else ())]
    return any(each in pacemaker.holders and pacemaker.holders[each].promotable for each in around)


@on_pacemaker("constraint-unresolved", ERROR)
def constraints_name_what_is_there(pacemaker: Pacemaker, _: Evidence) -> Found:
    """Every constraint names resources that exist.

    What the constraint was to keep together or apart is as if never said; and Pacemaker's tools refuse every later
    change of a configuration that doesn't validate.

    Fix: correct the name, or remove the constraint.
    """
    for name, where in pacemaker.references:
        if not pacemaker.has(name):
            yield Hit(where, f"there is no resource {name}")


@on_pacemaker("location-unknown-node", WARNING)
def locations_name_nodes(pacemaker: Pacemaker, evidence: Evidence) -> Found:
    """Every location constraint names a node that exists.

    A misspelled node, or one that is gone, is neither liked nor avoided.

    Fix: correct the name, or remove the constraint.
    """
    nodes = {*pacemaker.nodes, *evidence.nodes}
    bundles = tuple(f"{each.id}-" for each in pacemaker.holders.values() if each.kind == "bundle")
    for each in pacemaker.locations:
        strange = each.node and each.node not in nodes and not (bundles and each.node.startswith(bundles))
        if nodes and strange:
            yield Hit(each.spot, f"{each.id} names {each.node}, which is no node of this cluster")


@on_pacemaker("colocation-without-role", ERROR)
def followers_follow_the_primary(pacemaker: Pacemaker, _: Evidence) -> Found:
    """What needs the primary is colocated with the promoted role, not with any instance.

    Without the role a file system may be put beside the secondary, where it can't be mounted: the start fails, and
    after enough failures runs nowhere.

    Fix: `with-rsc-role="Promoted"` (`colocation x inf: fs ms_drbd:Promoted`).
    """
    for each in pacemaker.colocations:
        follower = pacemaker.members_of(each.resource)[:1]
        is_drbd = any(pacemaker.primitives[id_].agent == "ocf:linbit:drbd" for id_ in pacemaker.members_of(each.other))
        if is_drbd and _promotable(pacemaker, each.other) and each.score > 0 and not each.other_role and follower:
            yield Hit(each.spot, f"{each.resource} goes with {each.other} in whatever role")


@on_pacemaker("order-not-after-promotion", ERROR)
def followers_wait_for_the_promotion(pacemaker: Pacemaker, _: Evidence) -> Found:
    """What needs the primary starts after the promotion, not after the start.

    DRBD is started long before it is promoted; a mount in between fails for want of a writable device.

    Fix: `first-action="promote" then-action="start"` (`order x inf: ms_drbd:promote fs:start`).
    """
    for each in mandatory(pacemaker):
        is_drbd = any(pacemaker.primitives[id_].agent == "ocf:linbit:drbd" for id_ in pacemaker.members_of(each.first))
        early = each.first_action != "promote" and each.then_action == "start"
        if is_drbd and early and _promotable(pacemaker, each.first):
            yield Hit(each.spot, f"{each.then} waits for the start of {each.first}, not for its promotion")


@on_pacemaker("colocation-without-order", ERROR)
def followers_are_ordered(pacemaker: Pacemaker, _: Evidence) -> Found:
    """What is colocated with a primary is ordered after its promotion.

    Colocation says where, not when: both are started at once, and the one that needs the other fails.

    Fix: add an order, `promote` of the clone and then `start` of what follows.
    """
    after = _after(pacemaker)
    for each in pacemaker.colocations:
        to_primary = each.other_role.lower() in PROMOTED and _promotable(pacemaker, each.other)
        if each.score != FOREVER or not to_primary:
            continue
        early = [id_ for id_ in _needing(pacemaker, each) if not _reaches(after, id_, each.other, pacemaker)]
        if early:
            yield Hit(each.spot, f"{early[0]} runs with the primary of {each.other}, and doesn't wait for it")


def _needing(pacemaker: Pacemaker, each: Colocation) -> list[str]:
    return [
        id_
        for id_ in pacemaker.members_of(each.resource)
        if pacemaker.primitives[id_].agent not in ADDRESSES and not pacemaker.primitives[id_].is_fencing
    ]


@on_pacemaker("order-without-colocation", WARNING)
def what_is_ordered_is_together(pacemaker: Pacemaker, _: Evidence) -> Found:
    """What starts after a file system or a primary also runs beside it.

    An order alone lets Pacemaker mount on one node and start the service on the other.

    Fix: add a colocation with a score of INFINITY, or put both into a group.
    """
    together = _together(pacemaker)
    for each in mandatory(pacemaker):
        if each.first_action not in ("start", "promote") or each.then_action != "start":
            continue
        needed = [pacemaker.primitives[id_] for id_ in pacemaker.members_of(each.first)]
        later = [pacemaker.primitives[id_] for id_ in pacemaker.members_of(each.then)]
        if not any(_local(one) for one in needed) or not later or any(one.is_fencing for one in later):
            continue
        if pacemaker.clone_of(later[0].id) and pacemaker.clone_of(needed[0].id):
            continue  # instances of interleaved clones meet on every node
        if not any(_root(together, one.id) == _root(together, other.id) for one in needed for other in later):
            yield Hit(each.spot, f"{each.then} waits for {each.first}, and needn't run on the same node")


def _local(primitive: Primitive) -> bool:
    """Whether only its own node can use it."""
    return primitive.agent in ("ocf:linbit:drbd", "ocf:heartbeat:Filesystem", "ocf:heartbeat:LVM-activate")


@on_pacemaker("order-loop", ERROR)
def orders_have_a_beginning(pacemaker: Pacemaker, _: Evidence) -> Found:
    """No resource waits for itself.

    A ring of orders is never begun: Pacemaker starts none of them, or breaks the ring where it likes.

    Fix: remove one order of the ring.
    """
    edges: dict[tuple[str, str], dict[tuple[str, str], Order]] = {}
    for each in mandatory(pacemaker):
        edges.setdefault((each.first, each.first_action), {})[(each.then, each.then_action)] = each
    done: set[tuple[str, str]] = set()
    for start in edges:
        path: list[tuple[str, str]] = []
        todo: list[tuple[tuple[str, str], int]] = [(start, 0)]
        while todo:
            at, depth = todo.pop()
            del path[depth:]
            if at in path:
                ring = [name for name, _ in path[path.index(at) :]]
                yield Hit(edges[path[-1]][at].spot, f"a ring of orders: {', '.join([*ring, ring[0]])}")
                return
            if at in done:
                continue
            path.append(at)
            if at not in edges:
                done.add(at)
            todo += [(after, depth + 1) for after in edges.get(at, ())]
        done.add(start)


@on_pacemaker("leftover-constraint", WARNING)
def no_command_left_a_constraint(pacemaker: Pacemaker, _: Evidence) -> Found:
    """No constraint is left over from a `move` or a `ban`.

    `crm resource move` and `pcs resource move` write a constraint that outlives the occasion: a resource that may never
    run on a node again, or always goes back to one.

    Fix: `crm resource clear NAME` or `pcs resource clear NAME`.
    """
    for each in pacemaker.locations:
        if each.id.startswith(("cli-ban-", "cli-prefer-", "cli-standby-")):
            what = "keeps" if each.id.startswith("cli-ban-") else "holds"
            node = f" {'off' if what == 'keeps' else 'to'} {each.node}" if each.node else ""
            yield Hit(each.spot, f"{each.id} still {what} {', '.join(each.resources)}{node}")


@on_pacemaker("replica-fenced-off", ERROR)
def no_replica_is_fenced_off(pacemaker: Pacemaker, _: Evidence) -> Found:
    """No fence-peer handler's constraint stands.

    DRBD keeps a replica that it takes for outdated from being promoted. While the constraint stands there is one copy
    of the data that counts, and no takeover. It goes after a resync; if it stays, the handler for that has failed.

    Fix: `drbdadm status` on both nodes; once both are UpToDate and connected, delete the constraint.
    """
    for each in pacemaker.locations:
        if each.id.startswith(_HANDLERS):
            only = f" but {each.node}" if each.negated and each.node else ""
            yield Hit(each.spot, f"{each.id} keeps {', '.join(each.resources)} from being promoted{only}")


@on_pacemaker("one-node-only", ERROR)
def every_resource_has_two_places(pacemaker: Pacemaker, evidence: Evidence) -> Found:
    """Every resource may run on two nodes or more.

    One that constraints keep off all nodes but one isn't taken over by anything.

    Fix: allow it on a second node.
    """
    nodes = evidence.nodes or pacemaker.members
    symmetric = value(pacemaker.properties, "symmetric-cluster") in (None, "true", "yes", "1", "on")
    if len(nodes) < 2:
        return
    for id_ in dict.fromkeys(pacemaker.top(each) for each in pacemaker.primitives):
        inner = {id_, *pacemaker.members_of(id_)}
        members = [pacemaker.primitives[each] for each in pacemaker.members_of(id_)]
        if not members or any(each.is_fencing or each.agent == "ocf:pacemaker:remote" for each in members):
            continue
        mine = [each for each in pacemaker.locations if inner & set(each.resources) and not each.rule and each.node]
        mine = [each for each in mine if not each.id.startswith("cli-")]
        banned = {each.node for each in mine if each.score == -FOREVER}
        liked = {each.node for each in mine if each.score > -FOREVER}
        places = (set(nodes) | set(pacemaker.nodes)) - banned if symmetric else liked - banned
        if len(places) == 1 and mine:
            yield Hit(mine[0].spot, f"{id_} may run on {', '.join(places)} alone")


def _after(pacemaker: Pacemaker) -> dict[str, set[str]]:
    """By id: what it directly waits for; members of a group wait for the one before them."""
    found: dict[str, set[str]] = {}
    for each in mandatory(pacemaker):
        if each.then_action in ("start", "promote"):
            found.setdefault(each.then, set()).add(each.first if each.first_action == "promote" else f"{each.first}!")
    for holder in pacemaker.holders.values():
        previous = ""
        for child in holder.children if holder.kind == "group" else ():
            found.setdefault(child, set()).add(f"{holder.id}<")
            if previous:
                found[child].add(f"{previous}!")
            previous = child
    return found


def _reaches(after: dict[str, set[str]], id_: str, goal: str, pacemaker: Pacemaker) -> bool:
    """Whether one waits, directly or not, for the promotion of the other."""
    goals = {goal, *pacemaker.members_of(goal)}
    goals |= {holder for each in pacemaker.members_of(goal) for holder in pacemaker.primitives[each].within}
    todo, seen = [id_, *pacemaker.primitives[id_].within], set()
    while todo:
        each = todo.pop()
        if each in seen:
            continue
        seen.add(each)
        for before in after.get(each, ()):
            if before in goals:
                return True
            name = before.rstrip("!<")
            if before.endswith("<"):  # a group waits before its first member does
                todo.append(name)
            elif name not in goals:
                todo += [name, *pacemaker.members_of(name)[-1:]]
    return False


def _together(pacemaker: Pacemaker) -> dict[str, str]:
    """A forest of what must run on one node."""
    parent: dict[str, str] = {}
    for each in pacemaker.colocations:
        if each.score == FOREVER:
            _join(parent, each.resource, each.other)
    for holder in pacemaker.holders.values():
        for child in holder.children:
            _join(parent, child, holder.id)
    return parent


def _root(parent: dict[str, str], id_: str) -> str:
    while parent.get(id_, id_) != id_:
        id_ = parent[id_]
    return id_


def _join(parent: dict[str, str], one: str, other: str) -> None:
    parent[_root(parent, one)] = _root(parent, other)
