"""The dependency graph: what every service needs, down to the parts that can fail. Derived, never written by hand.

From the cluster file come the parts and what each hangs on; from the design come the services' hosts, volumes,
addresses, fence devices and constraints. What a service needs:

- the cluster has quorum: a majority of the nodes, or of them and a quorum device, is alive and on a ring;
- one of its hosts can serve; for a volume: a host with a replica that is current;
- its address can be reached, and whoever clients come through;
- the services that it stands on;
- a takeover is possible: a node that may be serving and is lost *can be fenced*. A part that takes a node and its BMC
  together makes a cluster of live nodes stand still.

The graph is about what is left after the cluster has done what it can: a node that fails and is taken over from is no
failure here (it is a takeover, for `downtime`). Where it depends on who was active, or on what failed first, the graph
takes the worst: the node that fails was active, and of two failures the more harmful came first. A replica counts as
out of date only for a failure that cuts the replication and leaves both hosts; a lost link counts as unnoticed only if
the cluster keeps the node. A node that a service has left for its dead link, and that is lost afterwards, still counts
as one that may have been serving: of pairs the graph says rather too much than too little.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Interface

from quorate.cluster.checks import STANDS_ON
from quorate.cluster.facility import Kind, Need
from quorate.cluster.model import Api, Cluster, Database, Image, Messaging, Network, Use
from quorate.design.model import Design
from quorate.proof.cutsets import cut_sets
from quorate.proof.hardware import Hardware
from quorate.proof.tree import Tree
from quorate.services import links
from quorate.services.front import ADDRESS as FRONT
from quorate.services.parts import Clone, Location, Primitive
from quorate.services.replicated_filesystem import clone_id

WATCHES = ("ocf:pacemaker:ping", "ocf:heartbeat:ethmonitor")
"""Other resource agents than ours that let Pacemaker know that a node's link is down."""


def build(design: Design, cluster: Cluster) -> Tree:
    """The graph of a cluster file and its design."""
    builder = Builder(cluster, design=design)
    tops = {name: builder.service(name) for name in cluster.services.declared()}
    tops |= {name: builder.goal(name, goal) for name, goal in cluster.facility.goals.items()}
    return Tree(
        gates=builder.gates,
        words=builder.words,
        codes=builder.codes,
        parts=builder.parts,
        tops=tops,
        members={node: builder.member(node) for node in cluster.nodes},
        active=builder.active,
        left=builder.left,
        left_out=tuple(dict.fromkeys([*builder.left_out, *_undeclared(cluster)])),
    )


@dataclass
class Builder(Hardware):
    """The upper half: quorum, fencing and services, over what they run on."""

    design: Design = field(kw_only=True)
    active: dict[str, tuple[str, ...]] = field(default_factory=dict)
    left: dict[tuple[str, str], str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def quorum(self) -> str:
        """A majority of the votes."""
        if "quorum" in self.gates:
            return "quorum"
        members = [self.member(node) for node in self.cluster.nodes]
        device = self.cluster.facility.quorum_device
        words, code = "no majority is left", "quorum-together"
        if device is None:
            return self.gate("quorum", words, members, _majority_of(len(members)), code=code)
        away = self.need("quorum device", device.needs)
        if device.algorithm == "ffsplit":
            voters = [*members, away]
            return self.gate("quorum", words, voters, _majority_of(len(voters)), code=code)
        # With `lms` the device's votes and one node's are a majority; without it, all nodes' are needed.
        any_one = self.gate("any member", "a node is lost to the cluster", members)
        every = self.gate("every member", "all nodes are lost to the cluster", members, len(members))
        alone = self.gate("quorum without device", "no device, and not all nodes", [away, any_one], 2)
        return self.gate("quorum", words, [alone, every], code=code)

    def stuck(self, name: str) -> str:
        """A node that is lost and can't be fenced: nothing that it may run is started elsewhere."""
        if (gate := f"stuck {name}") in self.gates:
            return gate
        words = f"{name} is lost and can't be fenced, so nothing of it may be started elsewhere"
        member = self.member(name)
        if not any(_fences(resource, name) for resource in self.design.resources if isinstance(resource, Primitive)):
            return self.gate(gate, words, [member], code="no-fencing")
        return self.gate(gate, words, [member, self.bmc(name)], 2, code="fencing-together")

    # Services

    def service(self, name: str) -> str:
        """A service of the cluster file with everything that it needs."""
        if (gate := f"service {name}") in self.gates:
            return gate
        service = self.cluster.services.declared()[name]
        declared = self.cluster.services.declared()
        children = [self.quorum()]
        children += [self.service(other) for other in STANDS_ON.get(name, ()) if other in declared]
        match service:
            case Database(on=on, vip=vip):
                children += [*self.pair(name, on, self._network_of(vip)), *self._gateway(self._network_of(vip))]
            case Messaging(replicated_by="drbd", on=on, vip=vip):
                assert vip, "the defaults give it one"
                children += [*self.pair(name, on, self._network_of(vip)), *self._gateway(self._network_of(vip))]
            case Messaging(on=on):
                children.append(self.brokers(name, on))
            case Image(store=store, on=on) if store.kind == "drbd":
                children += [*self.pair(name, on, self.cluster.networks_for(Use.SSH)[0]), self.front()]
            case Api(on=on):
                children += [self.instances(name, on), self.front()]
                if isinstance(service, Image):
                    self.left_out.append(f"the {service.store.kind} store of {name}")
        return self.gate(gate, f"{name} is gone", children)

    def goal(self, name: str, goal: Need) -> str:
        """What else has to go on."""
        return self.gate(f"goal {name}", f"{name} isn't kept", [self.need(name, goal)])

    def _network_of(self, address: IPv4Interface) -> Network:
        return next(network for network in self.cluster.networks.values() if address.ip in network.cidr)

    def _gateway(self, network: Network) -> list[str]:
        return [self.need(f"gateway of {network.name}", network.gateway)] if network.gateway else []

    def pair(self, name: str, on: Sequence[str], network: Network) -> Iterator[str]:
        """A volume on two hosts, one of which serves what is on it, on a network."""
        self.active[name] = tuple(on)
        hosts = []
        for node in on:
            disk = self.leaf(f"{node}:disk", Kind.DISK, ("nodes", node, "data"), node=node)
            children = [self.member(node), disk, self.link(node, network.name)]
            hosts.append(self.gate(f"host {name} {node}", f"{node} can't serve {name}", children))
        replication = self.cluster.networks_for(Use.REPLICATION)[0].name
        links = [self.link(node, replication) for node in on]
        cut = self.gate(f"replication {name}", f"{name} isn't replicated", links)
        stale = self.alone(f"stale {name}", f"a replica of {name} is out of date", cut, hosts)
        yield self.gate(
            f"replicas {name}", f"no host has a current replica of {name}", [*hosts, stale], 2, code="replicas-together"
        )
        yield from self.takeover(name, clone_id(name), on, network)
        for node in on:
            words = f"{name} can't leave {node}, as the other replica misses what is written there"
            kept = self.both(f"kept {name} {node}", words, self.link(node, network.name), cut)
            yield self.alone(f"stranded {name} {node}", words, kept, [self.member(node)], code="replicas-together")

    def takeover(self, name: str, resource: str, hosts: Sequence[str], network: Network) -> Iterator[str]:
        """What keeps a service from being started elsewhere: its node can't be fenced, or its loss isn't noticed."""
        agents = {each.primitive.agent if isinstance(each, Clone) else each.agent for each in self.design.resources}
        watched = resource in links.watched(self.design.constraints).get(network.name, ())
        for node in hosts:
            yield self.stuck(node)
            words = f"{node} has lost {network.name}, is a member still, and keeps what it serves there"
            link, member = self.link(node, network.name), self.member(node)
            leaves = [member]
            if not agents.intersection(WATCHES):
                lost = self.both(f"lost {node} {network.name}", words, link, self.unheard(node, network))
                cut = lost if watched else link
                yield self.alone(f"unnoticed {node} {network.name}", words, cut, [member], code="link-unwatched")
            if watched:
                leaves.append(link)
            self.left[name, node] = self.gate(f"left {name} {node}", f"{name} leaves {node}", leaves)

    def both(self, name: str, words: str, one: str, other: str) -> str:
        """Two failures at once."""
        return name if name in self.gates else self.gate(name, words, [one, other], 2)

    def unheard(self, node: str, network: Network) -> str:
        """Fewer than two others are left on a network to hear each other: nobody knows whose link is dead."""
        if (gate := f"unheard {node} {network.name}") in self.gates:
            return gate
        others = []
        for other in self.cluster.nodes.values():
            if other.name != node and network.name in other.links:
                answers = [self.alive(other.name), self.link(other.name, network.name)]
                words = f"{other.name} answers nobody on {network.name}"
                others.append(self.gate(f"answers {other.name} {network.name}", words, answers))
        words = f"of the others no two hear each other on {network.name}"
        return self.gate(gate, words, others, max(len(others) - 1, 1))

    def brokers(self, name: str, on: Sequence[str]) -> str:
        """A majority of brokers that reach each other."""
        self.active[name] = ()
        hosts = [self._instance(name, node) for node in on]
        words = f"{name} has no majority of its brokers"
        return self.gate(f"brokers {name}", words, hosts, len(hosts) - len(hosts) // 2, code="replicas-together")

    def instances(self, name: str, on: Sequence[str]) -> str:
        """Any one of the hosts, behind the front."""
        self.active[name] = ()
        hosts = [self._instance(name, node) for node in on]
        words = f"{name} runs nowhere"
        return self.gate(f"instances {name}", words, hosts, len(hosts), code="replicas-together")

    def _instance(self, name: str, node: str) -> str:
        internal = self.cluster.networks_for(Use.SSH)[0].name
        children = [self.member(node), self.link(node, internal)]
        return self.gate(f"instance {name} {node}", f"{name} on {node} isn't reached", children)

    def front(self) -> str:
        """The address behind which the APIs are, with a balancer, on any node that may have it."""
        if "front" in self.gates:
            return "front"
        network = self.cluster.networks_for(Use.API)[0]
        elsewhere = {
            constraint.node
            for constraint in self.design.constraints
            if isinstance(constraint, Location) and constraint.resource == FRONT
            if constraint.score == "-INFINITY"
        }
        nodes = [node for node in self.cluster.nodes if node not in elsewhere]
        self.active["front"] = tuple(nodes)
        hosts = [
            self.gate(
                f"host front {node}", f"{node} can't be the front", [self.member(node), self.link(node, network.name)]
            )
            for node in nodes
        ]
        nowhere = self.gate("hosts of the front", "no node can be the front", hosts, len(hosts), "replicas-together")
        children = [nowhere, *self.takeover("front", FRONT, nodes, network), *self._gateway(network)]
        return self.gate("front", "the front is gone", children)

    def alone(self, name: str, words: str, gate: str, but_not: Sequence[str], code: str = "") -> str:
        """The failures of one gate, of one or two parts, that leave some other gates as they were."""
        if name in self.gates:
            return name
        tree = Tree(self.gates, {}, {}, self.parts, {}, {}, {}, {}, ())
        found = cut_sets(self.gates, [gate, *but_not], 2)
        children = []
        for number, cut in enumerate(found.merged(gate)):
            members = [found.classes[i] for i in cut]
            down = tree.failing([parts[0] for parts in members])
            if down.isdisjoint(but_not):
                one_of = [
                    parts[0] if len(parts) == 1 else self.gate(f"{name}: {number}.{index}", self.words[gate], parts)
                    for index, parts in enumerate(members)
                ]
                children.append(
                    one_of[0]
                    if len(one_of) == 1
                    else self.gate(f"{name}: {number}", self.words[gate], one_of, len(one_of))
                )
        return self.gate(name, words, children, code=code)


def _majority_of(votes: int) -> int:
    """How many votes may be lost before the rest is no majority; with so many it isn't any more."""
    return votes - votes // 2


def _fences(resource: Primitive, node: str) -> bool:
    """Whether a resource is a fence device for a node."""
    hosts = resource.parameters.get("pcmk_host_list", node).split()
    return resource.agent.startswith("stonith:") and node in hosts


def _undeclared(cluster: Cluster) -> Iterator[str]:
    """What the file doesn't say, in sentences."""
    nodes = list(cluster.nodes.values())
    for what, missing in {
        "what feeds {}": [node.name for node in nodes if not node.power],
        "where {} stand": [node.name for node in nodes if not node.rack],
        "which switches the BMCs of {} are plugged into": [node.name for node in nodes if not node.bmc.via],
    }.items():
        if missing:
            yield what.format(", ".join(missing))
    for network in cluster.networks.values():
        if any(not node.links[network.name].via for node in nodes):
            yield f"what the network {network.name} is made of (`via` of its links)"
    for part in cluster.facility.of_kind(Kind.SWITCH, Kind.ROUTER):
        if "power" not in part.needs:
            yield f"what feeds {part.kind} {part.name}"
    for part in cluster.facility.of_kind(Kind.PDU):
        if "power" not in part.needs:
            yield f"what feeds {part.kind} {part.name}"
    if nodes and any(node.bmc.via for node in nodes):
        yield "how the nodes reach the BMCs' switches"
    yield "two rings that fail at different nodes at once"
    yield "software faults: Pacemaker's answer to those is predicted apart"
