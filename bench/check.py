"""Cut sets beside a SAT solver and decision diagrams, on the same graphs; predictions: `python bench/check.py`.

Each case runs in a process of its own, so that its memory is its own; one that isn't done after LIMIT seconds is
stopped, and the table says so. python-sat and dd come with requirements-dev.txt (dd as it is packaged: in Python; its
binding to CUDD has to be compiled by hand). Times are CPU seconds of the calculation alone; of
predictions, which crm_simulate makes in processes of its own, both what the clock says and the CPU seconds of all.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from quorate.proof.cutsets import Gate, cut_sets, needs, needs_all

LIMIT = 60
"""Seconds."""

Graph = tuple[dict[str, Gate], list[str]]


def site(machines: int, services: int) -> Graph:
    """Rooms, racks, two feeds, two switches a rack; services with two or three hosts each, or with four of five."""
    gates: dict[str, Gate] = {"cool-0": needs(1, ["crac-0", "crac-1"]), "cool-1": needs(1, ["crac-2", "crac-3"])}
    racks = max(4, machines // 20)
    for feed in "ab":
        gates[f"feed-{feed}"] = needs_all(f"utility-{feed}", f"ups-{feed}")
    for rack in range(racks):
        room = rack % 2
        gates[f"rack-{rack}"] = needs_all(f"rack-{rack}:frame", f"room-{room}", f"cool-{room}")
        for side in "ab":
            gates[f"pdu-{rack}{side}"] = needs_all(f"pdu-{rack}{side}:itself", f"rack-{rack}", f"feed-{side}")
            gates[f"switch-{rack}{side}"] = needs_all(f"switch-{rack}{side}:itself", f"pdu-{rack}{side}")
    for machine in range(machines):
        rack = machine % racks
        own = [f"{what}-{machine}" for what in ("board", "disk", "memory")]
        for side in "ab":
            gates[f"supply-{machine}{side}"] = needs_all(f"psu-{machine}{side}", f"pdu-{rack}{side}")
            gates[f"link-{machine}{side}"] = needs_all(
                f"nic-{machine}{side}", f"cable-{machine}{side}", f"switch-{rack}{side}"
            )
        pairs = [needs(1, [f"{what}-{machine}a", f"{what}-{machine}b"]) for what in ("supply", "link")]
        gates[f"power-{machine}"], gates[f"net-{machine}"] = pairs
        gates[f"host-{machine}"] = needs_all(*own, f"power-{machine}", f"net-{machine}", f"rack-{rack}")
    draw = random.Random(1)
    for service in range(services):
        hosts = [f"host-{machine}" for machine in draw.sample(range(machines), (2, 3, 5, 50)[service % 4])]
        gates[f"hosts-of-{service}"] = needs((1, 2, 4, 48)[service % 4], hosts)
        database = ["service-0"] if service else []
        gates[f"service-{service}"] = needs_all(f"hosts-of-{service}", f"address-{service}", *database)
    gates["capacity"] = needs(machines - 10, [f"host-{machine}" for machine in range(machines)])
    return gates, [*(f"service-{service}" for service in range(services - 1)), "capacity"]


def adversarial(parts: int, services: int) -> Graph:
    """Nothing in series: every part is used by two gates at random, every gate has two inputs that overlap."""
    draw = random.Random(2)
    leaves = [f"part-{number}" for number in range(parts)]
    gates: dict[str, Gate] = {}
    for number in range(parts // 2):
        gates[f"pair-{number}"] = needs(1, draw.sample(leaves, 2))
    layer = list(gates)
    for service in range(services):
        for side in "abc":
            below = [*draw.sample(layer, len(layer) // 20), *draw.sample(leaves, 30)]
            gates[f"side-{service}{side}"] = needs_all(*below)
        gates[f"service-{service}"] = needs(2, [f"side-{service}{side}" for side in "abc"])
    return gates, [f"service-{service}" for service in range(services)]


GRAPHS: Mapping[str, Callable[[], Graph]] = {
    "adversarial, 60 parts": lambda: adversarial(60, 3),
    "site, 1,000 parts": lambda: site(90, 20),
    "site, 10,000 parts": lambda: site(1100, 20),
    "adversarial, 1,000 parts": lambda: adversarial(1000, 20),
    "adversarial, 10,000 parts": lambda: adversarial(10_000, 20),
}


def by_quorate(graph: Graph, order: int) -> int:
    """Ours. Counts the cuts part by part."""
    found = cut_sets(*graph, order)
    return sum(sum(found.count(top)) for top in graph[1])


def by_sat(graph: Graph, order: int) -> int:
    """A clause for each gate, at most `order` parts failed, and every cut found is forbidden with all that hold it."""
    from pysat.card import CardEnc, EncType
    from pysat.formula import IDPool
    from pysat.solvers import Solver

    gates, tops = graph
    total = 0
    for top in tops:
        pool = IDPool()
        reached, stack, clauses = set(), [top], []
        while stack:
            name = stack.pop()
            if name in reached:
                continue
            reached.add(name)
            if name in gates:
                gate = gates[name]
                children = [pool.id(child) for child in gate.children]
                stack += gate.children
                # The gate fails only if so many children do; the other direction isn't needed for least sets.
                if gate.fails_at == 1:
                    clauses.append([-pool.id(name), *children])
                elif gate.fails_at == len(children):
                    clauses += [[-pool.id(name), child] for child in children]
                else:
                    at_least = CardEnc.atleast(children, gate.fails_at, vpool=pool, encoding=EncType.seqcounter)
                    clauses += [[-pool.id(name), *clause] for clause in at_least.clauses]
        parts = [pool.id(name) for name in reached if name not in gates]
        with Solver("cadical153", bootstrap_with=[*clauses, [pool.id(top)]]) as solver:
            bounds = {}
            for size in range(1, order + 1):
                if size >= len(parts):
                    break
                bound = CardEnc.atmost(parts, size, vpool=pool, encoding=EncType.seqcounter)
                bounds[size] = pool.id(("bound", size))
                for clause in bound.clauses:
                    solver.add_clause([-bounds[size], *clause])
            for size in bounds:
                while solver.solve(assumptions=[bounds[size]]):
                    model = set(solver.get_model() or ())
                    solver.add_clause([-part for part in parts if part in model])
                    total += 1
    return total


def by_bdd(graph: Graph, order: int) -> int:
    """The whole failure function as a diagram: of its paths with few parts failed, those that hold no smaller one."""
    from dd.autoref import BDD

    gates, tops = graph
    bdd = BDD()
    total = 0
    nodes: dict[str, object] = {}
    for top in tops:
        stack = [top]
        while stack:
            name = stack[-1]
            if name in nodes:
                stack.pop()
            elif name not in gates:
                bdd.declare(name)
                nodes[name] = bdd.var(name)
            elif missing := [child for child in gates[name].children if child not in nodes]:
                stack.append(missing[0])
            else:
                gate = gates[name]
                counts = [bdd.true] + [bdd.false] * gate.fails_at
                for child in gate.children:
                    for n in range(gate.fails_at, 0, -1):
                        counts[n] |= counts[n - 1] & nodes[child]
                nodes[name] = counts[gate.fails_at]
        found: set[frozenset[str]] = set()
        paths = [(nodes[top], frozenset[str]())]
        while paths:
            node, failed = paths.pop()
            if node == bdd.true:
                found.add(failed)
            elif node != bdd.false:
                low, high = (~node.low, ~node.high) if node.negated else (node.low, node.high)
                paths.append((low, failed))
                if len(failed) < order:
                    paths.append((high, failed | {node.var}))
        total += sum(not any(cut - {part} in found for part in cut) for cut in found)
    return total


TOOLS = {"quorate": by_quorate, "python-sat": by_sat, "dd (BDD)": by_bdd}


def case(tool: str, graph: str, order: int) -> None:
    """One measurement, in this process: prints seconds, MB and the number of cuts."""
    built = GRAPHS[graph]()
    begun = time.process_time()
    cuts = TOOLS[tool](built, order)
    seconds = time.process_time() - begun
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([seconds, megabytes, cuts]))


def loading() -> None:
    """How long the thousand-node site's file takes to load, and its own check."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
    import thousand

    from quorate.cluster.loading import load
    from quorate.design import work_out
    from quorate.proof.faulttree import build

    text = thousand.text().encode()
    begun = time.process_time()
    cluster = load(text, "thousand.yaml")
    loaded = time.process_time()
    tree = build(work_out(cluster), cluster)
    built = time.process_time()
    found = cut_sets(tree.gates, tree.services, 2)
    done = time.process_time()
    parts = len({child for gate in tree.gates.values() for child in gate.children if child not in tree.gates})
    counts = sum(sum(found.count(top)) for top in tree.services)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"examples/thousand.py, {len(text):,} bytes: loading {loaded - begun:.2f} s, graph of {parts:,} parts "
        f"{built - loaded:.2f} s, {counts:,} cuts to order 2 {done - built:.3f} s; {megabytes:.0f} MB in all"
    )


def primitive(name: str) -> str:
    """A resource that is monitored every ten seconds."""
    operations = f'<operations><op id="{name}-m" name="monitor" interval="10s"/></operations>'
    return f'<primitive id="{name}" class="ocf" provider="pacemaker" type="Dummy">{operations}</primitive>'


def cib(nodes: int, groups: int, clones: int) -> str:
    """A cluster in which each node has a fence device; groups of four resources, and clones that run everywhere."""
    members = "".join(f'<node id="{number}" uname="n{number}"/>' for number in range(1, nodes + 1))
    fencing = "".join(
        f'<primitive id="fence-{number}" class="stonith" type="fence_ipmilan"><instance_attributes id="f{number}">'
        f'<nvpair id="f{number}-h" name="pcmk_host_list" value="n{number}"/></instance_attributes></primitive>'
        for number in range(1, nodes + 1)
    )
    resources = "".join(
        f'<group id="g{group}">{"".join(primitive(f"r{group}-{each}") for each in range(4))}</group>'
        for group in range(groups)
    ) + "".join(f'<clone id="c{clone}">{primitive(f"s{clone}")}</clone>' for clone in range(clones))
    stays = '<meta_attributes id="d"><nvpair id="d-s" name="resource-stickiness" value="100"/></meta_attributes>'
    return (
        '<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration><crm_config/>'
        f"<nodes>{members}</nodes><resources>{fencing}{resources}</resources><constraints/>"
        f"<rsc_defaults>{stays}</rsc_defaults></configuration><status/></cib>"
    )


def predictions(which: str) -> None:
    """How long it takes to foresee every node, every resource and every pair of nodes of a cluster."""
    from quorate.proof import services
    from quorate.proof.evidence import Documents, Text, designed, read
    from quorate.proof.scheduler import Scheduler

    if which == "16":
        evidence = read(Documents(cib=Text("cib.xml", cib(nodes=16, groups=20, clones=20))))
        assert evidence.pacemaker
        found = services.of_cluster(evidence.pacemaker)
    else:
        from quorate.cluster.loading import load
        from quorate.design import work_out

        path = Path(__file__).parents[1] / "examples" / which
        cluster = load(path.read_bytes(), str(path))
        design = work_out(cluster)
        evidence = read(designed.documents(design, cluster))
        assert evidence.pacemaker
        found = services.of_design(design, evidence.pacemaker)
    begun, before = time.monotonic(), _cpu()
    with Scheduler(evidence, found) as scheduler:
        failures = [*scheduler.single_failures(), *scheduler.double_failures()]
        foreseen = scheduler.predict_all(failures)
        assert not scheduler.unpredicted
    seconds, cpu = time.monotonic() - begun, _cpu() - before
    resources = sum(not each.is_fencing for each in evidence.pacemaker.primitives.values())
    print(
        f"predictions, {len(evidence.nodes)} nodes, {resources} resources: {len(foreseen)} failures "
        f"in {seconds:.1f} s, {cpu:.1f} CPU seconds; load {os.getloadavg()[0]:.1f}"
    )


def _cpu() -> float:
    """CPU seconds of this process and of all that it has started and that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--case", nargs=3, metavar=("TOOL", "GRAPH", "ORDER"), help=argparse.SUPPRESS)
    parser.add_argument("--loading", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--predictions", metavar="WHICH", help="alone: 16, or the name of an example")
    parser.add_argument("--only", choices=TOOLS, help="this tool alone")
    parser.add_argument("--limit", type=int, default=LIMIT, help="seconds for a case (%(default)s)")
    options = parser.parse_args()
    if options.case:
        case(options.case[0], options.case[1], int(options.case[2]))
        return
    if options.loading:
        loading()
        return
    if options.predictions:
        predictions(options.predictions)
        return
    print(f"{'graph':28}{'order':>6}  {'tool':12}{'seconds':>10}{'MB':>8}{'cuts':>12}")
    for graph in GRAPHS:
        for order in (1, 2) if graph.endswith(" 10,000 parts") else (2, 3):
            for tool in TOOLS if options.only is None else (options.only,):
                command = [sys.executable, __file__, "--case", tool, graph, str(order)]
                try:
                    ended = subprocess.run(command, capture_output=True, text=True, timeout=options.limit)
                    if ended.returncode:
                        cells = f"  {ended.stderr.strip().splitlines()[-1][:60]}"
                    else:
                        seconds, megabytes, cuts = json.loads(ended.stdout)
                        cells = f"{seconds:10.3f}{megabytes:8.0f}{cuts:12,}"
                except subprocess.TimeoutExpired:
                    cells = f"{'> ' + str(options.limit):>10}{'stopped':>20}"
                print(f"{graph:28}{order:>6}  {tool:12}{cells}", flush=True)
    subprocess.run([sys.executable, __file__, "--loading"], check=True)
    for which in ("openstack.yaml", "16"):
        subprocess.run([sys.executable, __file__, "--predictions", which], check=True)


if __name__ == "__main__":
    main()
