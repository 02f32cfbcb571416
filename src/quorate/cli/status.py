"""`quorate status`: what is true of the cluster right now."""

import asyncio
import dataclasses
import json

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from quorate.cli.site import DEFAULT_FILE, ClusterFile, Format, Output, Site
from quorate.design.model import Design, ServiceDesign
from quorate.live import NodeState, Replica, State, read, unmet
from quorate.services.parts import Clone


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(status)


def status(file: ClusterFile = DEFAULT_FILE, output: Output = Format.TEXT) -> None:
    """Show nodes, quorum, links, fencing, services, replication and failures; exit status 0 only if all is well."""
    site = Site.open(file).enter()

    async def look() -> State:
        async with site.hosts() as hosts:
            return await read(hosts, site.design)

    state = asyncio.run(look())
    missing = unmet(site.design, state)
    if output is Format.JSON:
        print(json.dumps({"ready": not missing, "missing": missing, **dataclasses.asdict(state)}, indent=2))
    else:
        show(site.design, state, missing)
    raise typer.Exit(1 if missing else 0)


def show(design: Design, state: State, missing: list[str]) -> None:
    """The state as tables."""
    console = Console(highlight=False)
    quorum = "[green]quorum[/green]" if state.quorate else "[red]no quorum[/red]"
    console.print(f"Cluster [bold]{escape(design.cluster)}[/bold]: {quorum}, coordinator {state.dc or 'none'}\n")

    nodes = Table("Node", "State", "Links to the others", "Fenced by", box=None)
    for node in state.nodes.values():
        nodes.add_row(
            node.name,
            _node(node),
            _links(state, node.name),
            _good(state.fencing[node.name], " on " in state.fencing[node.name]),
        )
    console.print(nodes)

    services = Table("Service", "Active on", "Instances on", "Address", "Replicas", box=None)
    for service in design.services.values():
        sides = state.replicas.get(service.volume or "", {})
        replicas = ", ".join(f"{host} {_replica(side)}" for host, side in sides.items()) or "-"
        instances = _instances(service, design, state)
        # What clients reach at any of its instances is active on all of them.
        places = instances.get(service.active_resource, (state.active.get(service.name) or "nowhere",))
        started = {node for nodes in instances.values() for node in nodes}
        services.add_row(
            service.name,
            _good(", ".join(places) or "nowhere", places not in ((), ("nowhere",))),
            ", ".join(node for node in design.hosts if node in started) or "-",
            f"{service.address}:{service.port}",
            replicas,
        )
    console.print()
    console.print(services)

    console.print()
    for line in missing:
        console.print(f"[red]✗[/red] {escape(line)}")
    if not missing:
        console.print("[green]✓[/green] All is well: any one failure can be survived.")


def _instances(service: ServiceDesign, design: Design, state: State) -> dict[str, tuple[str, ...]]:
    """Of the service's clones that have no roles, by their primitive: where they are started."""
    return {
        clone.primitive.id: state.started(clone.primitive.id)
        for clone in design.resources
        if isinstance(clone, Clone) and clone.id in service.resources and clone.meta.get("promotable") != "true"
    }


def _node(node: NodeState) -> str:
    if not node.reachable:
        return _good("unreachable", False) + (" (unclean)" if node.unclean else "")
    if node.unclean:
        return _good("unclean", False)
    if node.standby:
        return _good("standby", False)
    return _good("online" if node.online else "offline", node.online)


def _links(state: State, name: str) -> str:
    """A mark for each link to each peer, in the order of the links' numbers."""
    peers = state.links.get(name, {})
    marks = {peer: "".join("[green]●[/green]" if up else "[red]○[/red]" for up in ups) for peer, ups in peers.items()}
    return "  ".join(f"{escape(peer)} {mark or '-'}" for peer, mark in marks.items()) or "-"


def _replica(side: Replica) -> str:
    if side.connection == "Unconfigured":
        return _good("down", False)
    done = "" if side.percent_synced is None else f" {side.percent_synced:.0f} %"
    well = side.disk == "UpToDate" and side.connection == "Connected"
    return _good(
        f"{side.role} {side.disk}{'' if side.connection == 'Connected' else f' {side.connection}'}{done}", well
    )


def _good(text: str, well: bool) -> str:
    return f"[{'green' if well else 'red'}]{escape(text)}[/]"
