"""Resources: that Pacemaker notices when one fails, and does the right thing then."""

from collections import Counter
from collections.abc import Iterator

from quorate.proof.evidence import Evidence, Pacemaker, Spot
from quorate.proof.evidence.pacemaker import FOREVER, Operation, Primitive, is_true, score, seconds, value
from quorate.proof.lint.fencing import is_on
from quorate.proof.lint.hosts import spot
from quorate.proof.lint.rule import ERROR, WARNING, Found, Hit, Unseen, on_hosts, on_pacemaker, setting

ROLES = frozenset({"", "started", "stopped", "promoted", "unpromoted", "master", "slave"})
PROMOTED = frozenset({"promoted", "master"})
GONE = ("ocf:openstack:", "upstart:", "heartbeat:", "nagios:")
"""Agents that current releases no longer ship or run (Pacemaker 3.0's release notes; Debian dropped openstack's)."""


def workers(pacemaker: Pacemaker) -> Iterator[Primitive]:
    """The resources that do the cluster's work: all but the fence devices."""
    return (each for each in pacemaker.primitives.values() if not each.is_fencing)


def monitors(primitive: Primitive) -> list[Operation]:
    """Its recurring monitors that are switched on."""
    return [each for each in primitive.operations if each.name == "monitor" and each.interval and each.enabled]


def defaults_spot(pacemaker: Pacemaker, name: str) -> Spot:
    """Where a resource default stands, or would."""
    pair = pacemaker.defaults.get(name)
    return pair.spot if pair else Spot(pacemaker.source, 0, f"rsc_defaults, {name}")


@on_pacemaker("obsolete-master", WARNING)
def clones_are_promotable(pacemaker: Pacemaker, _: Evidence) -> Found:
    """Nothing is configured as `<master>`.

    Pacemaker 3.0 refuses master resources, and with them the whole configuration, on the day of the upgrade.

    Fix: a clone with `promotable=true`, `promoted-max` and `promoted-node-max` (`cibadmin --upgrade` rewrites it).
    """
    for holder in pacemaker.holders.values():
        if holder.kind == "master":
            yield Hit(holder.spot, f"{holder.id} is a master resource")


@on_pacemaker("old-role-name", WARNING)
def roles_have_their_new_names(pacemaker: Pacemaker, _: Evidence) -> Found:
    """Roles are Promoted and Unpromoted.

    Master and Slave still work in Pacemaker 2.1, with a warning; the next releases may take them for nothing.

    Fix: write `Promoted` and `Unpromoted`; `promoted-max` for `master-max`.
    """
    for where, role in _roles(pacemaker):
        if role.lower() in ("master", "slave"):
            yield Hit(where, f"the role is called {role}")
    for holder in pacemaker.holders.values():
        for name in ("master-max", "master-node-max"):
            if name in holder.meta and holder.kind == "clone":
                yield Hit(
                    holder.meta[name].spot, f"`{name}` of {holder.id} is `{name.replace('master', 'promoted')}` now"
                )


@on_pacemaker("unknown-role", ERROR)
def roles_exist(pacemaker: Pacemaker, _: Evidence) -> Found:
    """Roles are spelled as Pacemaker knows them.

    A constraint or a monitor for a role that nothing ever has never counts.

    Fix: one of Started, Stopped, Promoted, Unpromoted.
    """
    for where, role in _roles(pacemaker):
        if role.lower() not in ROLES:
            yield Hit(where, f"`{role[:40]}` is no role")


def _roles(pacemaker: Pacemaker) -> Iterator[tuple[Spot, str]]:
    seen: set[tuple[Spot, str]] = set()
    for primitive in pacemaker.primitives.values():
        seen.update((op.spot, op.role) for op in primitive.operations)
    seen.update((each.spot, each.role) for each in pacemaker.locations)
    for each in pacemaker.colocations:
        seen.update(((each.spot, each.role), (each.spot, each.other_role)))
    return iter(sorted(seen))


@on_pacemaker("no-monitor", WARNING)
def every_resource_is_monitored(pacemaker: Pacemaker, _: Evidence) -> Found:
    """Every resource has a recurring monitor.

    Pacemaker learns of a failure from monitors alone. Without one it believes for ever what the start had said.

    Fix: add `op monitor interval=10s timeout=...`.
    """
    for primitive in workers(pacemaker):
        if not monitors(primitive):
            off = any(each.name == "monitor" and not each.enabled for each in primitive.operations)
            yield Hit(primitive.spot, f"{primitive.id} {'has its monitor switched off' if off else 'has no monitor'}")


@on_pacemaker("no-promoted-monitor", ERROR)
def promoted_instances_are_monitored(pacemaker: Pacemaker, _: Evidence) -> Found:
    """A promotable clone is monitored in both roles.

    A monitor without a role, or for Unpromoted, isn't run on the promoted instance: the one that clients use may fail
    unnoticed.

    Fix: a second monitor with `role=Promoted` and another interval.
    """
    for primitive in workers(pacemaker):
        clone = pacemaker.clone_of(primitive.id)
        roles = {each.role.lower() for each in monitors(primitive)}
        if clone and clone.promotable and clone.kind != "bundle" and roles and not roles & PROMOTED:
            yield Hit(primitive.spot, f"{primitive.id} has no monitor for its promoted instance")


@on_pacemaker("same-interval", ERROR)
def monitors_have_different_intervals(pacemaker: Pacemaker, _: Evidence) -> Found:
    """Two monitors of one resource have different intervals.

    An operation's identity is its name and its interval: of two with the same, Pacemaker runs one.

    Fix: make one of them a second longer.
    """
    for primitive in pacemaker.primitives.values():
        counted = Counter(each.interval for each in monitors(primitive))
        for each in monitors(primitive):
            if counted.pop(each.interval, 1) > 1:
                yield Hit(each.spot, f"{primitive.id} has two monitors every {each.interval:g} s")


@on_pacemaker("on-fail-ignored", WARNING)
def failures_have_consequences(pacemaker: Pacemaker, _: Evidence) -> Found:
    """The failure of an operation leads to something.

    With `on-fail=ignore` a failed resource counts as well; with `block` it is left as it is until a person comes; a
    failed stop that blocks keeps a service from being taken over, where fencing would have let it.

    Fix: remove `on-fail`: a failed monitor is then a restart, a failed stop a fencing.
    """
    for primitive in workers(pacemaker):
        for each in primitive.operations:
            if each.on_fail in ("ignore", "block") and is_on(pacemaker):
                yield Hit(each.spot, f"`on-fail={each.on_fail}` for {each.name} of {primitive.id}")


@on_pacemaker("no-stickiness", WARNING)
def resources_stay(pacemaker: Pacemaker, _: Evidence) -> Found:
    """A resource stays where it runs when a node comes back.

    With stickiness 0 Pacemaker moves services about whenever a node joins: a second outage for nothing, each time.

    Fix: set the resource default `resource-stickiness` above 0 (and above the preferences for single nodes).
    """
    for primitive in workers(pacemaker):
        if pacemaker.clone_of(primitive.id) or pacemaker.is_conditional("resource-stickiness"):
            continue
        if score(pacemaker.meta(primitive.id, "resource-stickiness")) <= 0:
            yield Hit(defaults_spot(pacemaker, "resource-stickiness"), "resources have no stickiness")
            return


@on_pacemaker("fails-back", WARNING)
def preferences_are_weaker_than_stickiness(pacemaker: Pacemaker, _: Evidence) -> Found:
    """No preference for a node is stronger than stickiness.

    The service moves home by itself as soon as its favourite node is back: a second outage, at a time that nobody
    chose, to a node that has just failed.

    Fix: a preference below `resource-stickiness`, or none.
    """
    for each in pacemaker.locations:
        if each.rule or each.score <= 0 or each.id.startswith(("cli-", "drbd-fence-", "quorate-fence-")):
            continue
        for id_ in each.resources:
            members = [pacemaker.primitives[name] for name in pacemaker.members_of(id_)]
            symmetric = is_true(pacemaker.property("symmetric-cluster"), default=True)
            if not members or all(member.is_fencing for member in members):
                continue
            others = [
                other.score for other in pacemaker.locations if id_ in other.resources and other.node != each.node
            ]
            elsewhere = max([score for score in others if score > -FOREVER], default=0.0 if symmetric else -FOREVER)
            stickiness = score(pacemaker.meta(members[0].id, "resource-stickiness"))
            clone = pacemaker.clone_of(members[0].id)
            if clone and each.role.lower() not in PROMOTED:
                continue
            if elsewhere > -FOREVER and each.score - elsewhere > stickiness * max(len(members), 1):
                yield Hit(
                    each.spot, f"{id_} prefers {each.node} by {_say(each.score)}, its stickiness is {_say(stickiness)}"
                )


def _say(number: float) -> str:
    return "INFINITY" if number == FOREVER else "-INFINITY" if number == -FOREVER else f"{number:g}"


@on_pacemaker("endless-restarts", WARNING)
def repeated_failures_move_a_resource(pacemaker: Pacemaker, _: Evidence) -> Found:
    """After a few failures on one node a resource goes to another.

    With the default `migration-threshold` of INFINITY a service that fails its monitor again and again is restarted on
    the same sick node for ever.

    Fix: set the resource default `migration-threshold` to 3, with a `failure-timeout`.
    """
    if pacemaker.is_conditional("migration-threshold"):
        return
    for primitive in workers(pacemaker):
        threshold = score(pacemaker.meta(primitive.id, "migration-threshold"), FOREVER)
        if threshold in (0, FOREVER) and len(pacemaker.members) > 1:
            yield Hit(defaults_spot(pacemaker, "migration-threshold"), "`migration-threshold` is not limited")
            return


@on_pacemaker("failures-never-expire", WARNING)
def failures_expire(pacemaker: Pacemaker, _: Evidence) -> Found:
    """Failures are forgotten after a while.

    With a `migration-threshold` and no `failure-timeout` a node that failed three times in a year is barred until
    somebody runs `cleanup`: the next failure of the other has nowhere to go.

    Fix: set the resource default `failure-timeout`, 300s for example.
    """
    if pacemaker.is_conditional("failure-timeout"):
        return
    for primitive in workers(pacemaker):
        threshold = score(pacemaker.meta(primitive.id, "migration-threshold"), FOREVER)
        if 0 < threshold < FOREVER and not seconds(pacemaker.meta(primitive.id, "failure-timeout")):
            yield Hit(defaults_spot(pacemaker, "failure-timeout"), "failures count for ever")
            return


@on_pacemaker("failure-timeout-short", ERROR)
def failures_outlast_operations(pacemaker: Pacemaker, _: Evidence) -> Found:
    """A failure is remembered longer than the longest operation takes.

    Otherwise a failure has expired before the action that answers it is over: it is never counted to the threshold,
    and the resource is tried where it can't run, again and again.

    Fix: a `failure-timeout` above the longest time-out of the resource's operations.
    """
    for primitive in workers(pacemaker):
        kept = seconds(pacemaker.meta(primitive.id, "failure-timeout"))
        longest = max(primitive.operations, key=pacemaker.timeout, default=None)
        if kept and longest and kept <= pacemaker.timeout(longest):
            what = f"failures of {primitive.id} expire after {kept:g} s, its {longest.name} may take"
            yield Hit(longest.spot, f"{what} {pacemaker.timeout(longest):g} s")


@on_pacemaker("start-failure-loops", ERROR)
def failed_starts_move_a_resource(pacemaker: Pacemaker, _: Evidence) -> Found:
    """A resource that can't start on a node is tried on another.

    `start-failure-is-fatal=false` without a `migration-threshold` tries the same start on the same node for ever.

    Fix: remove `start-failure-is-fatal`, or set `migration-threshold` and `failure-timeout`.
    """
    if is_true(pacemaker.property("start-failure-is-fatal"), default=True):
        return
    for primitive in workers(pacemaker):
        if score(pacemaker.meta(primitive.id, "migration-threshold"), FOREVER) == FOREVER:
            yield Hit(setting(pacemaker, "start-failure-is-fatal"), f"{primitive.id} would be started there for ever")
            return


@on_pacemaker("maintenance-left-on", ERROR)
def nothing_is_in_maintenance(pacemaker: Pacemaker, _: Evidence) -> Found:
    """Nothing is in maintenance.

    In maintenance Pacemaker watches, at most, and does nothing: no restart, no takeover, no fencing for it.

    Fix: `crm configure property maintenance-mode=false`, `crm node ready NODE`, or `is-managed` removed.
    """
    if is_true(pacemaker.property("maintenance-mode")):
        yield Hit(setting(pacemaker, "maintenance-mode"), "the whole cluster is in maintenance")
    for node in pacemaker.nodes.values():
        if (pair := node.attributes.get("maintenance")) and is_true(pair.value):
            yield Hit(pair.spot, f"{node.name} is in maintenance")
    for each in pacemaker.resources:
        if (pair := each.meta.get("maintenance")) and is_true(pair.value):
            yield Hit(pair.spot, f"{each.id} is in maintenance")
        if (pair := each.meta.get("is-managed")) and not is_true(pair.value, default=True):
            yield Hit(pair.spot, f"{each.id} is not managed")
    if (pair := pacemaker.defaults.get("is-managed")) and not is_true(pair.value, default=True):
        yield Hit(pair.spot, "no resource is managed by default")


@on_pacemaker("standby-left-on", WARNING)
def no_node_stands_by(pacemaker: Pacemaker, _: Evidence) -> Found:
    """No node is in standby.

    A node in standby votes, and runs nothing: the redundancy that it stands for isn't there.

    Fix: `crm node online NODE` or `pcs node unstandby NODE`.
    """
    for node in pacemaker.nodes.values():
        if (pair := node.attributes.get("standby")) and is_true(pair.value):
            yield Hit(pair.spot, f"{node.name} is in standby")


@on_pacemaker("resource-stopped", WARNING)
def nothing_is_stopped_by_hand(pacemaker: Pacemaker, _: Evidence) -> Found:
    """No resource is stopped by hand.

    `target-role=Stopped` is what a person wrote who meant to come back. `Unpromoted` keeps a clone without a primary.

    Fix: `crm resource start NAME` or `pcs resource enable NAME`; or delete the resource.
    """
    for each in pacemaker.resources:
        pair = each.meta.get("target-role")
        fencing = isinstance(each, Primitive) and each.is_fencing
        if pair and not fencing and pair.value.lower() in ("stopped", "unpromoted", "slave"):
            yield Hit(pair.spot, f"{each.id} has `target-role={pair.value}`")


@on_pacemaker("asymmetric-no-location", ERROR)
def every_resource_may_run_somewhere(pacemaker: Pacemaker, _: Evidence) -> Found:
    """In an asymmetric cluster every resource is allowed on some node.

    With `symmetric-cluster=false` a resource runs only where a location constraint lets it: one that has none never
    starts, and its fence device never fences.

    Fix: a location constraint with a score of 0 or more for each node that may run it.
    """
    if is_true(pacemaker.property("symmetric-cluster"), default=True):
        return
    allowed = {name for each in pacemaker.locations if each.score > -FOREVER for name in each.resources}
    follows = {each.resource for each in pacemaker.colocations if each.score == FOREVER}
    tops = dict.fromkeys(pacemaker.top(id_) for id_ in pacemaker.primitives)
    for id_ in tops:
        inner = {id_, *pacemaker.members_of(id_)}
        if not inner & (allowed | follows):
            where = (pacemaker.primitives.get(id_) or pacemaker.holders[id_]).spot
            yield Hit(where, f"{id_} is allowed on no node")


@on_pacemaker("drbd-clone", ERROR)
def drbd_is_a_pair_with_one_primary(pacemaker: Pacemaker, _: Evidence) -> Found:
    """A DRBD resource is a promotable clone with one primary, one instance a node.

    Two promoted instances under a file system that isn't made for it destroy it; without `promotable` nothing is ever
    promoted; a second instance on one node has no disk.

    Fix: `promotable=true promoted-max=1 promoted-node-max=1 clone-node-max=1`, `clone-max` the number of replicas.
    """
    for primitive in workers(pacemaker):
        if primitive.agent != "ocf:linbit:drbd":
            continue
        clone = pacemaker.clone_of(primitive.id)
        if clone is None or not clone.promotable:
            yield Hit(primitive.spot, f"{primitive.id} is in no promotable clone")
            continue
        for names, most in ((("promoted-max", "master-max"), 1), (("clone-node-max",), 1)):
            if score(value(clone.meta, *names), 1) > most:
                found = next(clone.meta[name] for name in names if name in clone.meta)
                yield Hit(found.spot, f"`{names[0]}` of {clone.id} is {found.value}")
        size = value(clone.meta, "clone-max")
        if score(size, len(pacemaker.members)) < 2:
            yield Hit(clone.spot, f"`clone-max` of {clone.id} is {size or len(pacemaker.members)}: there is no replica")


@on_pacemaker("drbd-without-notify", ERROR)
def drbd_hears_of_its_peer(pacemaker: Pacemaker, _: Evidence) -> Found:
    """DRBD's agent is told of its peer's changes, or told to do without.

    Without `notify=true` the agent refuses to work, or sees the peer's stop too late, unless
    `ignore_missing_notifications` says that this is meant.

    Fix: `notify=true` on the clone.
    """
    for primitive in workers(pacemaker):
        clone = pacemaker.clone_of(primitive.id)
        ignored = is_true(value(primitive.parameters, "ignore_missing_notifications"))
        if primitive.agent == "ocf:linbit:drbd" and clone and not ignored and not is_true(value(clone.meta, "notify")):
            yield Hit(clone.spot, f"{clone.id} has no `notify=true`")


@on_pacemaker("agent-obsolete", WARNING)
def agents_are_still_shipped(pacemaker: Pacemaker, _: Evidence) -> Found:
    """No resource uses an agent that current releases have dropped.

    The service can't start any more after the next upgrade of the host.

    Fix: an `ocf:` agent, or `systemd:UNIT`.
    """
    for primitive in workers(pacemaker):
        if primitive.agent.startswith(GONE):
            yield Hit(primitive.spot, f"{primitive.id} uses {primitive.agent}")


@on_hosts("agent-missing", ERROR)
def agents_are_installed(evidence: Evidence) -> Found:
    """Every agent is installed on every node that may need it.

    A takeover ends there: `not installed` is a failure that Pacemaker doesn't try twice.

    Fix: install the package that has the agent, on all nodes.
    """
    pacemaker = evidence.pacemaker
    if pacemaker is None:
        return
    for name in evidence.nodes:
        host = evidence.hosts.get(name)
        if host is None or host.agents is None:
            yield Unseen(f"the agents that are installed on {name}")
            continue
        never = kept_off(pacemaker, name)
        for primitive in workers(pacemaker):
            kind, _, agent = primitive.agent.partition(":")
            if kind == "ocf" and primitive.id not in never and agent not in host.agents and agent != "pacemaker:remote":
                yield Hit(spot(host), f"{primitive.agent}, which {primitive.id} needs, isn't installed on {name}")


def kept_off(pacemaker: Pacemaker, node: str) -> frozenset[str]:
    """The primitives that never run on a node: by a constraint, or with what never runs there."""
    never = {
        id_
        for each in pacemaker.locations
        if each.node == node and not each.negated and each.score == -FOREVER
        for id_ in each.resources
    }
    with_others = [each for each in pacemaker.colocations if each.score == FOREVER]
    while True:
        never |= {each.id for each in pacemaker.primitives.values() if never & {each.id, *each.within}}
        never |= {id_ for each in pacemaker.primitives.values() if each.id in never for id_ in each.within[-1:]}
        further = {each.resource for each in with_others if each.other in never} - never
        if not further:
            return frozenset(never & pacemaker.primitives.keys())
        never |= further
