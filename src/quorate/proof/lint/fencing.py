"""Fencing: that a node which falls silent is surely off before another takes over."""

import re
from collections import Counter
from collections.abc import Iterator

from quorate.proof.evidence import Evidence, Pacemaker
from quorate.proof.evidence.pacemaker import FOREVER, Primitive, is_true, score, seconds, value
from quorate.proof.lint.rule import ERROR, WARNING, Found, Hit, on_pacemaker, setting

FOR_SHOW = frozenset({"external/ssh", "ssh", "null", "external/null", "meatware", "fence_null", "fence_dummy"})
FOR_SHOW |= {"fence_manual", "suicide"}

_ONE_TARGET = re.compile(
    r"fence_(ipmilan|ilo\d*\w*|idrac|drac\d*|imm|redfish|rsa|rsb|ipdu)|external/(ipmi|riloe|drac5)"
)
"""Agents that speak to the management board of one machine and can't say which node that is."""
_SECRET = re.compile(r"(^|[_-])(passwd|password|passphrase|secret|token|api_key|auth_key)$")
_NOT_SECRET = re.compile(r"_script$|_file$|_path$")


def devices(pacemaker: Pacemaker) -> Iterator[Primitive]:
    """The fence devices that are switched on."""
    for primitive in pacemaker.primitives.values():
        stopped = (pacemaker.meta(primitive.id, "target-role") or "").lower() == "stopped"
        if primitive.is_fencing and not stopped:
            yield primitive


def type_of(device: Primitive) -> str:
    """`fence_ipmilan` of `stonith:fence_ipmilan`."""
    return device.agent.removeprefix("stonith:")


def targets(device: Primitive) -> frozenset[str] | None:
    """The nodes that a device is configured for; None if it finds them out itself, or claims all of them."""
    listed: set[str] = set()
    for name in ("pcmk_host_list", "hostlist", "hostname"):
        listed |= set(re.split(r"[\s,;]+", value(device.parameters, name) or "")) - {""}
    for pair in re.split(r"[\s;]+", value(device.parameters, "pcmk_host_map") or ""):
        if pair:
            listed.add(re.split(r"[:=]", pair)[0])
    return frozenset(listed) or None


def is_by_disk(device: Primitive) -> bool:
    """Whether a device leaves its message on a disk that the nodes share: `external/sbd`, `fence_sbd`."""
    return "sbd" in type_of(device)


def waits_for_watchdogs(pacemaker: Pacemaker) -> bool:
    """Whether a node without quorum is counted on to switch itself off (SBD without a disk)."""
    return bool(seconds((pacemaker.property("stonith-watchdog-timeout") or "0").lstrip("-")))


def watchdog_fences(pacemaker: Pacemaker) -> bool:
    """Whether it is, and the nodes have a watchdog that does it."""
    return waits_for_watchdogs(pacemaker) and is_true(pacemaker.property("have-watchdog"), default=True)


def is_on(pacemaker: Pacemaker) -> bool:
    """Whether Pacemaker fences at all."""
    return is_true(value(pacemaker.properties, "stonith-enabled", "stonith_enabled"), default=True)


@on_pacemaker("fencing-off", ERROR)
def fencing_is_on(pacemaker: Pacemaker, _: Evidence) -> Found:
    """Fencing is switched on.

    A node that no longer answers may still write. Without fencing Pacemaker believes that it is dead and starts its
    services elsewhere: two primaries, and data that can't be put together again.

    Fix: configure a fence device for each node, then set `stonith-enabled=true`.
    """
    if not is_on(pacemaker):
        yield Hit(setting(pacemaker, "stonith-enabled"), "`stonith-enabled` is false: no node is ever fenced")


@on_pacemaker("node-without-fencing", ERROR)
def every_node_can_be_fenced(pacemaker: Pacemaker, evidence: Evidence) -> Found:
    """Every node has a fence device.

    When a node without one falls silent, Pacemaker waits for a fencing that nobody can do, and every resource that
    ran there stays down, although the other nodes are well.

    Fix: add a fence device whose `pcmk_host_list` names the node.
    """
    if not is_on(pacemaker) or watchdog_fences(pacemaker):
        return
    usable = [each for each in devices(pacemaker) if type_of(each) not in FOR_SHOW]
    covered = [targets(each) for each in usable]
    ids = {each.id for each in usable}
    leveled = {level.target for level in pacemaker.levels if set(level.devices) <= ids}
    names = dict.fromkeys((*evidence.nodes, *(node.name for node in pacemaker.nodes.values() if node.kind != "guest")))
    for name in names:
        if name not in leveled and not any(each is None or name in each for each in covered):
            node = pacemaker.nodes.get(name)
            yield Hit(node.spot if node else pacemaker.spot, f"{name} has no fence device that is switched on")


@on_pacemaker("fence-device-stopped", WARNING)
def no_device_is_switched_off(pacemaker: Pacemaker, _: Evidence) -> Found:
    """No fence device is switched off.

    A fence device with `target-role=Stopped` isn't monitored only, it is not used at all.

    Fix: `crm resource start DEVICE` or `pcs resource enable DEVICE`; or remove the device.
    """
    for primitive in pacemaker.primitives.values():
        if primitive.is_fencing and (value(primitive.meta, "target-role") or "").lower() == "stopped":
            yield Hit(primitive.meta["target-role"].spot, f"the fence device {primitive.id} is switched off")


@on_pacemaker("fence-for-show", ERROR)
def devices_really_fence(pacemaker: Pacemaker, _: Evidence) -> Found:
    """Every fence device really takes a node's power or its disks away.

    Agents made for tests (`external/ssh`, `fence_dummy`, `null`, `meatware`) need the help of the very node that
    hangs, or of a person, or do nothing and report success: then two primaries are only a hang away.

    Fix: use the BMC (`fence_ipmilan`, `fence_redfish`), the PDU, the hypervisor, or SBD.
    """
    for device in devices(pacemaker):
        if type_of(device) in FOR_SHOW:
            yield Hit(device.spot, f"{device.id} uses {type_of(device)}, which can't fence a node that hangs")


@on_pacemaker("fence-targets-unclear", WARNING)
def devices_say_whom_they_fence(pacemaker: Pacemaker, _: Evidence) -> Found:
    """A device that belongs to one machine says to which.

    The agents for management boards can't tell which node they belong to. Without `pcmk_host_list` Pacemaker takes the
    device for able to fence any node: the wrong machine is switched off, and the fencing counts as done.

    Fix: set `pcmk_host_list` to the node's name.
    """
    for device in devices(pacemaker):
        if targets(device) is None and _ONE_TARGET.fullmatch(type_of(device)):
            yield Hit(device.spot, f"{device.id} ({type_of(device)}) has no `pcmk_host_list`")


@on_pacemaker("fence-unknown-node", WARNING)
def devices_name_nodes(pacemaker: Pacemaker, evidence: Evidence) -> Found:
    """What a fence device names are nodes of the cluster.

    A misspelled name leaves a node without its device, or a device without a node.

    Fix: write the name as `crm_node --list` has it.
    """
    nodes = {*pacemaker.nodes, *evidence.nodes}
    for device in devices(pacemaker):
        for name in sorted((targets(device) or frozenset()) - nodes) if nodes else ():
            yield Hit(device.spot, f"{device.id} shall fence {name}, which is no node of this cluster")


@on_pacemaker("fence-same-address", ERROR)
def devices_are_different(pacemaker: Pacemaker, _: Evidence) -> Found:
    """Two nodes aren't fenced through one management board.

    Two devices with the same address and no outlet (`plug`, `port`) switch off the same machine, whichever node
    is meant.

    Fix: give each device the address of its own node's board.
    """
    seen: dict[str, Primitive] = {}
    for device in devices(pacemaker):
        address = value(device.parameters, "ip", "ipaddr", "ipport") if _ONE_TARGET.fullmatch(type_of(device)) else None
        if not address or value(device.parameters, "plug", "port", "ipport", "systems_uri"):
            continue
        first = seen.setdefault(address, device)
        if first is not device and targets(first) != targets(device):
            yield Hit(device.spot, f"{device.id} and {first.id} have the same address, {address}")


@on_pacemaker("fenced-by-itself", WARNING)
def no_device_runs_on_its_target(pacemaker: Pacemaker, _: Evidence) -> Found:
    """No fence device runs on the node that it fences.

    Its monitor then tests a way that is never used: whether the *others* reach the node's board stays unknown until
    it is needed.

    Fix: a location constraint with `-INFINITY` for the device on its own node.
    """
    for device in devices(pacemaker):
        named = targets(device)
        if named is None or len(named) != 1 or device.within:
            continue
        (target,) = named
        mine = [each for each in pacemaker.locations if device.id in each.resources]
        kept_off = any(
            each.score == -FOREVER and (each.node == target) is not each.negated and each.node for each in mine
        )
        elsewhere = not is_true(pacemaker.property("symmetric-cluster"), default=True) and not any(
            each.node == target and each.score >= 0 for each in mine
        )
        if not kept_off and not elsewhere and target in pacemaker.nodes:
            yield Hit(device.spot, f"{device.id} may run on {target}, the node that it fences")


@on_pacemaker("fence-race", ERROR)
def two_nodes_do_not_kill_each_other(pacemaker: Pacemaker, evidence: Evidence) -> Found:
    """Of two nodes that lose sight of each other, one is given a head start.

    Both keep quorum and fence each other at the same moment: both go off, and the service with them, because of one
    cable.

    Fix: `priority-fencing-delay` with a `priority` above 0 on what must survive, or `pcmk_delay_base` on one device.
    """
    if len(evidence.nodes) != 2 or not is_on(pacemaker) or (evidence.corosync and evidence.corosync.has_device):
        return
    delays = [
        value(device.parameters, name) or ""
        for device in devices(pacemaker)
        for name in ("pcmk_delay_max", "pcmk_delay_base", "delay")
    ]
    # A delay may be one for all targets, or `node:delay` for each.
    delayed = any(":" in delay or seconds(delay) for delay in delays)
    if delayed or any(is_by_disk(device) for device in devices(pacemaker)):
        return
    names = [*pacemaker.primitives, *pacemaker.holders]
    prioritised = any(score(pacemaker.meta(name, "priority")) > 0 for name in names)
    if not seconds(pacemaker.property("priority-fencing-delay")):
        yield Hit(setting(pacemaker, "priority-fencing-delay"), "two nodes, and no delay in the fencing of either")
    elif not prioritised:
        yield Hit(
            setting(pacemaker, "priority-fencing-delay"),
            "`priority-fencing-delay` is set, and no resource has a `priority` above 0: it delays nothing",
            "Set `priority=1` on the resource that must survive, or as a default of all.",
        )


@on_pacemaker("fence-cycle", WARNING)
def power_is_switched_off_first(pacemaker: Pacemaker, _: Evidence) -> Found:
    """A node is switched off and seen off, then on.

    With `method=cycle` the agent reports success before the machine is off, or though it never was (fence_ipmilan(8)).

    Fix: set `method=onoff`.
    """
    for device in devices(pacemaker):
        if (pair := device.parameters.get("method")) and pair.value == "cycle":
            yield Hit(pair.spot, f"{device.id} has `method=cycle`")


@on_pacemaker("dead-node-not-fenced", ERROR)
def nobody_waits_for_a_dead_machine(pacemaker: Pacemaker, _: Evidence) -> Found:
    """A node that can't be switched on again counts as fenced, too.

    To reboot a node is to switch it off, then on. Under Pacemaker 2.0 and later the agents look for the "on" without
    end (`disable_timeout` is true there), until `pcmk_reboot_timeout` ends them and the whole counts as failed. A node
    whose power supply or board is dead never comes on: it is off, and nobody takes over.

    Fix: `disable_timeout=false`, and a `power_timeout` of some seconds well below `pcmk_reboot_timeout`; or
    `pcmk_reboot_action=off`, and a person who switches nodes on.
    """
    general = seconds(pacemaker.property("stonith-timeout")) or 60.0
    ways = Counter(level.target for level in pacemaker.levels)
    reboots = (pacemaker.property("stonith-action") or "reboot").lower() == "reboot"
    for device in devices(pacemaker) if reboots else ():
        if not (type_of(device).startswith("fence_") and _ONE_TARGET.fullmatch(type_of(device))):
            continue
        if (value(device.parameters, "pcmk_reboot_action") or "reboot") != "reboot":
            continue
        named = targets(device)
        if value(device.parameters, "method") == "cycle" or (named and all(ways[each] > 1 for each in named)):
            continue  # it looks for nothing, or there is another way when this one fails
        limit = seconds(value(device.parameters, "pcmk_reboot_timeout")) or general
        looks = seconds(value(device.parameters, "power_timeout") or "20") or FOREVER
        if is_true(value(device.parameters, "disable_timeout"), default=True):
            yield Hit(device.spot, f"{device.id} ({type_of(device)}) waits without end for a node to come on")
        elif looks >= limit:
            yield Hit(device.spot, f"{device.id} waits {looks:g} s for a node to come on, and may take {limit:g} s")


@on_pacemaker("fence-level-unknown-device", ERROR)
def levels_name_devices(pacemaker: Pacemaker, _: Evidence) -> Found:
    """Every level of the fencing topology names devices that exist.

    A level with a missing device always fails; a node for which no other level is left can't be fenced.

    Fix: correct the device's name in the topology, or remove the level.
    """
    for level in pacemaker.levels:
        for device in level.devices:
            found = pacemaker.primitives.get(device)
            if device != "watchdog" and not (found and found.is_fencing):
                yield Hit(level.spot, f"the level for {level.target} names {device}, which is no fence device")


@on_pacemaker("startup-fencing-off", ERROR)
def unseen_nodes_are_fenced(pacemaker: Pacemaker, _: Evidence) -> Found:
    """A node that was never seen is fenced before its resources start elsewhere.

    With `startup-fencing=false` a cluster that starts without one node believes that it runs nothing.

    Fix: remove `startup-fencing`; true is the default.
    """
    if not is_true(pacemaker.property("startup-fencing"), default=True):
        yield Hit(setting(pacemaker, "startup-fencing"), "`startup-fencing` is false")


@on_pacemaker("password-in-cib", WARNING)
def no_password_in_the_cib(pacemaker: Pacemaker, _: Evidence) -> Found:
    """No password stands in the CIB.

    Every member of the group `haclient` reads it there, `crm report` and backups carry it away, and most agents hand
    it on as an argument that every process of the host can see.

    Fix: put it into a file that root alone reads, and name it with `password_script` or the agent's own option.
    """
    for primitive in pacemaker.primitives.values():
        for name, pair in primitive.parameters.items():
            hidden = pair.value.startswith("lrm://") or not pair.value
            if _SECRET.search(name.lower()) and not _NOT_SECRET.search(name.lower()) and not hidden:
                yield Hit(pair.spot, f"`{name}` of {primitive.id} is a password in the open")
