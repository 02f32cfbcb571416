"""`quorate lab`: real nodes on this machine."""

import dataclasses
import enum
import json
import os
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from quorate.cli import clouds
from quorate.cli.facility import Twin
from quorate.cli.progress import progress
from quorate.cli.site import DEFAULT_FILE, ClusterFile, Format, Output, Site, read_file
from quorate.cluster.model import Cluster
from quorate.cluster.twin import twin
from quorate.design.model import Design
from quorate.errors import InputError
from quorate.lab import BmcSpec, Lab, LabSpec, LinkSpec, MachineSpec, NetworkSpec
from quorate.lab.machine import Condition
from quorate.proof.damage import Damage

app = typer.Typer(help="Real nodes on this machine, to break them.", no_args_is_help=True)

NodeArgument = Annotated[str, typer.Argument(help="A node of the cluster file.", metavar="NODE")]


class Power(enum.StrEnum):
    """What can be done to a machine's power."""

    ON = "on"
    OFF = "off"
    RESET = "reset"


class LinkAction(enum.StrEnum):
    """What can be done to a machine's link."""

    CUT = "cut"
    HEAL = "heal"


@app.command()
def up(
    file: ClusterFile = DEFAULT_FILE,
    bare: Annotated[bool, typer.Option("--bare", help="Nothing but Debian and sshd on the nodes.")] = False,
    site: Annotated[
        Path | None, typer.Option("--as", metavar="FILE", help="A real site's cluster file, to make a twin of it.")
    ] = None,
) -> None:
    """Start the site's twin, or bring it back to where the cluster file wants it."""
    bring_up(Site.open(_twin_of(site) if site else file), bare=bare)


def _twin_of(path: Path) -> Path:
    """The cluster file of a site's twin: its own if the lab can have all of it, else one that is written beside it."""
    made = twin(read_file(path), str(path))
    if not made.changes:
        return path
    beside = path.with_suffix(".twin.yaml")
    try:
        beside.write_text(made.text)
    except OSError as error:
        raise InputError(f"the twin's cluster file can't be written: {error.strerror}", where=str(beside)) from None
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"The twin of {path} is {beside}; name that one from now on (--file). What differs:", markup=False)
    for change in made.changes:
        console.print(f"  {change}", markup=False)
    return beside


def bring_up(site: Site, *, bare: bool = False) -> None:
    """Makes the secrets and certificates that are missing and starts the lab. Raises LabError."""
    site.make_secrets()
    clouds.write(site)
    site.lab.up(spec_of(site, bare=bare), progress())


@app.command()
def down(file: ClusterFile = DEFAULT_FILE) -> None:
    """End the lab and remove every trace of it; the image stays in the cache."""
    # Not Site.open: a lab must go down even when its cluster file has been broken or removed since.
    lab = Lab(file.with_suffix(".quorate").absolute() / "lab")
    with progress().phase("Lab down"):
        lab.down()


@app.command()
def status(file: ClusterFile = DEFAULT_FILE, output: Output = Format.TEXT) -> None:
    """Show every machine; exit status 1 unless all run."""
    site = Site.open(file)
    machines = site.lab.status()
    if output is Format.JSON:
        print(json.dumps([dataclasses.asdict(machine) for machine in machines], indent=2))
    else:
        console = Console()
        table = Table("Machine", "Power and system", "Address", "BMC", "Cut off from", box=None)
        for machine in machines:
            colour = "green" if machine.condition is Condition.RUNNING else "red"
            bmc = "answers" if machine.bmc else "[red]dead[/red]"
            condition = f"[{colour}]{machine.condition}[/{colour}]"
            table.add_row(machine.name, condition, machine.address, bmc, ", ".join(machine.cut) or "-")
        console.print(table)
        if failed := site.lab.damage.parts:
            console.print(f"\nFailed: {', '.join(failed)}; `quorate lab heal` gives them back.", markup=False)
        for machine in machines:
            if machine.console:
                console.print(f"\nThe end of {machine.name}'s console:", markup=False)
                console.print("\n".join(machine.console), markup=False, highlight=False)
    raise typer.Exit(0 if all(machine.condition is Condition.RUNNING for machine in machines) else 1)


@app.command(context_settings={"ignore_unknown_options": True})
def ssh(
    node: NodeArgument,
    command: Annotated[list[str] | None, typer.Argument(help="A command; without one, a shell.")] = None,
    file: ClusterFile = DEFAULT_FILE,
) -> None:
    """Run a command on a machine, or a shell."""
    site = _with_node(file, node).enter()
    os.execvp("ssh", site.lab.ssh_argv(node, tuple(command or ())))


@app.command(context_settings={"ignore_unknown_options": True})
def run(
    command: Annotated[list[str], typer.Argument(help="A command of this machine, and its arguments.")],
    file: ClusterFile = DEFAULT_FILE,
) -> None:
    """Run a command of this machine in the lab's network, where OpenStack clients find the site."""
    site = Site.open(file)
    site.lab.enter()
    try:
        os.execvpe(command[0], command, {**os.environ, **clouds.environment(site)})
    except OSError as error:
        raise InputError(f"it can't be run: {error.strerror}", where=command[0]) from None


@app.command()
def console(
    node: NodeArgument,
    follow: Annotated[bool, typer.Option("--follow", "-F", help="Go on with what comes.")] = False,
    file: ClusterFile = DEFAULT_FILE,
) -> None:
    """Show what a machine's kernel and systemd have printed."""
    path = _with_node(file, node).lab.machine(node).console
    options = ["-n", "+1", *(["-F"] if follow else [])]
    os.execvp("tail", ["tail", *options, str(path)])


@app.command()
def power(action: Power, node: NodeArgument, file: ClusterFile = DEFAULT_FILE) -> None:
    """Switch a machine on, cut its power, or both."""
    lab = _with_node(file, node).lab
    if action is not Power.ON:
        lab.power_off(node)
    if action is not Power.OFF:
        lab.power_on(node)


@app.command()
def link(
    action: LinkAction,
    node: NodeArgument,
    network: Annotated[str, typer.Argument(help="A network of the cluster file, or `bmc`.", metavar="NETWORK")],
    file: ClusterFile = DEFAULT_FILE,
) -> None:
    """Cut a machine's link to a network, as by pulling the cable, or heal it."""
    site = _with_node(file, node)
    known = [*site.cluster.nodes[node].links, "bmc"]
    if network not in known:
        raise InputError(f"{node} has no link to `{network}`", where=str(file), todo=f"name one of: {', '.join(known)}")
    site.lab.connect(node, network, action is LinkAction.HEAL)


@app.command()
def fail(
    parts: Annotated[list[str], typer.Argument(help="Parts of the facility, or nodes.", metavar="PART...")],
    file: ClusterFile = DEFAULT_FILE,
) -> None:
    """Break a feed, a rack, a switch, a BMC ..., and everything that hangs on it alone."""
    site = Site.open(file)
    twin_ = Twin(site)
    names = twin_.standing.parts(parts, where="lab fail")
    _tell(f"{' and '.join(names)} failed", twin_.let_fail(names), "everything that hangs on it has another")


@app.command()
def heal(
    parts: Annotated[list[str] | None, typer.Argument(help="Parts that failed.", show_default="all")] = None,
    file: ClusterFile = DEFAULT_FILE,
) -> None:
    """Give parts of the facility back; machines that were on when they lost their power start again."""
    site = Site.open(file)
    twin_ = Twin(site)
    if not parts:
        site.lab.release()
    for part in parts or ():
        if part not in twin_.failed:
            failed = ", ".join(twin_.failed)
            raise InputError(f"`{part}` has not failed", where="lab heal", todo=failed and f"name one of: {failed}")
    left = twin_.mend(parts)
    if twin_.failed:
        _tell(f"without {' and '.join(twin_.failed)} still", left, "everything that hangs on it has another")
    else:
        print("everything works again")


def _tell(what: str, damage: Damage, nothing: str) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{what}: {'; '.join(damage.sentences()) or nothing}", markup=False)


def _with_node(file: ClusterFile, node: str) -> Site:
    site = Site.open(file)
    if node not in site.cluster.nodes:
        raise InputError(
            f"`{node}` is not a node of the cluster file",
            where=str(file),
            todo=f"name one of: {', '.join(site.cluster.nodes)}",
        )
    return site


def spec_of(site: Site, *, bare: bool = False) -> LabSpec:
    """The site's twin, in the lab's own words."""
    cluster = site.cluster
    packages = tuple(sorted({package for host in site.design.hosts.values() for package in host.packages}))
    machines = tuple(
        MachineSpec(
            name=node.name,
            links=tuple(
                LinkSpec(network=name, address=link.address, nic=link.nic or name) for name, link in node.links.items()
            ),
            bmc=BmcSpec(
                address=node.bmc.ipmi, user=node.bmc.user, password_file=site.folder / "secrets" / f"bmc-{node.name}"
            ),
        )
        for node in cluster.nodes.values()
    )
    first_bmc = next(iter(cluster.nodes.values())).bmc.ipmi
    return LabSpec(
        name=cluster.name,
        machines=machines,
        networks=tuple(
            NetworkSpec(name=network.name, client=_client_address(cluster, site.design, network.name))
            for network in cluster.networks.values()
        ),
        bmc_network=NetworkSpec(name="bmc", client=IPv4Interface(f"{IPv4Interface(f'{first_bmc}/24').network[-2]}/24")),
        packages=() if bare else packages,
        offline=packages if bare else (),
        memory="1G" if list(cluster.services.declared()) == ["database"] else "2G",
        # The label's partition table and LVM's own take less than that; the file is sparse.
        data_bytes=sum(volume.size for volume in site.design.volumes) + (1 << 30),
    )


def _client_address(cluster: Cluster, design: Design, network: str) -> IPv4Interface:
    """Where the operator and the clients stand on a network: the highest address that nobody has."""
    cidr = cluster.networks[network].cidr
    taken = {node.address_on(network) for node in cluster.nodes.values() if network in node.links}
    taken |= {service.address for service in design.services.values()}
    free = next(address for address in reversed(list(cidr.hosts())) if address not in taken)
    return IPv4Interface((free, cidr.prefixlen))
