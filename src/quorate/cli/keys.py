"""`quorate keys`: the keys that Identity makes its tokens and encrypts credentials with, on all hosts."""

import asyncio
import json
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from quorate.cli.converge import only_one
from quorate.cli.progress import progress
from quorate.cli.site import DEFAULT_FILE, ClusterFile, Format, Output, Site
from quorate.cluster.keyring import STAGED, KeyRing, fingerprint
from quorate.converge import keys, rotation
from quorate.errors import InputError
from quorate.hosts import Hosts
from quorate.hosts.inspection import KeysSeen
from quorate.progress import Progress, Silent
from quorate.services.parts import KeyRepository

app = typer.Typer(help="Identity's keys: compare them on all hosts, rotate them.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(help="Repositories; without any, all.", metavar="[NAME]...")]


@app.command()
def show(file: ClusterFile = DEFAULT_FILE, output: Output = Format.TEXT) -> None:
    """Compare the keys of all hosts by their hash; exit status 0 only if they are the operator's everywhere."""
    site = Site.open(file).enter()
    repositories = _chosen(site, None)

    async def look() -> list[dict[str, KeysSeen | None]]:
        async with site.hosts() as hosts:
            return [await rotation.seen(hosts, repository) for repository in repositories]

    found = [
        _compared(repository, _ring(site, repository), view)
        for repository, view in zip(repositories, asyncio.run(look()), strict=True)
    ]
    if output is Format.JSON:
        print(json.dumps(found, indent=2))
    else:
        console = Console(highlight=False)
        for each in found:
            console.print(_table(each))
    whole = all(standing == keys.Standing.EQUAL.value for each in found for standing in each["hosts"].values())
    raise typer.Exit(0 if whole else 1)


@app.command()
def rotate(names: Names = None, file: ClusterFile = DEFAULT_FILE, output: Output = Format.TEXT) -> None:
    """Make the staged key the primary and stage a new one, so that every host can read every token all the time."""
    site = Site.open(file)
    repositories = _chosen(site, names)
    shown = Silent() if output is Format.JSON else progress()

    async def turn() -> list[dict[str, Any]]:
        async with site.enter().hosts() as hosts:
            return [await _rotated(site, hosts, repository, shown) for repository in repositories]

    with only_one(site):
        done = asyncio.run(turn())
    if output is Format.JSON:
        print(json.dumps(done, indent=2))
        return
    for each in done:
        what = "an interrupted rotation was ended" if each["resumed"] else "rotated"
        print(f"{each['name']}: {what}; key {each['primary']} is the primary on {', '.join(each['hosts'])}")


async def _rotated(site: Site, hosts: Hosts, repository: KeyRepository, shown: Progress) -> dict[str, Any]:
    def save(ring: KeyRing) -> None:
        site.secrets.replace(repository.secret, ring.render())

    with shown.phase(f"Rotate {repository.name}") as say:
        done = await rotation.rotate(hosts, repository, _ring(site, repository), save, time.time(), say)
    return {
        "name": repository.name,
        "resumed": done.resumed,
        "primary": done.ring.primary,
        "removed": list(done.removed),
        "hosts": list(repository.hosts),
    }


def _chosen(site: Site, names: list[str] | None) -> list[KeyRepository]:
    known = {repository.name: repository for repository in site.design.keys}
    for name in names or ():
        if name not in known:
            todo = f"name one of: {', '.join(known)}" if known else "the cluster file has no service with keys"
            raise InputError(f"there is no key repository `{name}`", where=str(site.path), todo=todo)
    return [known[name] for name in names or known]


def _ring(site: Site, repository: KeyRepository) -> KeyRing:
    return KeyRing.parse(site.secrets.read(repository.secret))


def _compared(repository: KeyRepository, ring: KeyRing, view: dict[str, KeysSeen | None]) -> dict[str, Any]:
    """One repository on all hosts: each key, by number and hash, with the hosts that have it."""
    hosts = {name: {n: key.sha256 for n, key in found.keys.items()} if found else {} for name, found in view.items()}
    wanted = ring.hashes()
    pairs = sorted({*wanted.items(), *(pair for held in hosts.values() for pair in held.items())})
    return {
        "name": repository.name,
        "path": repository.path,
        "keys": [
            {
                "number": number,
                "use": _use(number, ring),
                "hash": fingerprint(sha256),
                "operator": wanted.get(number) == sha256,
                "hosts": [name for name, held in hosts.items() if held.get(number) == sha256],
            }
            for number, sha256 in pairs
        ],
        "hosts": {name: keys.standing(ring, found).value for name, found in view.items()},
    }


def _use(number: int, ring: KeyRing) -> str:
    if number == STAGED:
        return "staged"
    return "primary" if number == ring.primary else "reads"


def _table(found: dict[str, Any]) -> Table:
    table = Table("Key", "Use", "SHA-256", "Operator", "Hosts", box=None, title=f"{found['name']}: {found['path']}")
    for key in found["keys"]:
        operator = "yes" if key["operator"] else "[red]no[/red]"
        everywhere = len(key["hosts"]) == len(found["hosts"])
        hosts = ", ".join(key["hosts"]) or "none"
        shown = hosts if everywhere and key["operator"] else f"[red]{hosts}[/red]"
        table.add_row(str(key["number"]), key["use"], key["hash"], operator, shown)
    return table
