"""`quorate init` and `quorate show`: the cluster file, and the secrets that stand beside it."""

import json
import sys

import typer

from quorate.cli import clouds
from quorate.cli.site import DEFAULT_FILE, ClusterFile, Format, Output, Site, read_file
from quorate.cluster import loading, spelling


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(init)
    app.command()(show)


def init(file: ClusterFile = DEFAULT_FILE) -> None:
    """Make the secrets and certificates that are missing, beside the cluster file; those that are there stay.

    Only certificates of Quorate's own CA are made anew, when they expire within 30 days or names have changed.
    """
    site = Site.open(file)
    made, certificates = site.make_secrets()
    print(f"{site.secrets.folder}: {len(site.secret_names())} secrets, {len(made)} of them made now")
    for name in made:
        print(f"  {name}")
    if certificates.made or certificates.renewed:
        print(f"{site.authority.folder}: certificates")
        for name in certificates.made:
            print(f"  {name}")
        for name, why in certificates.renewed.items():
            print(f"  {name} anew: {why}")
        print("`quorate apply` brings them to the hosts.")
    if clouds.write(site):
        print(f"{clouds.path(site)}: how an OpenStack client finds the site (OS_CLOUD={site.cluster.name})")
    if made_up := [name for name in made if name.startswith("bmc-")]:
        print(
            "\nThe BMCs' passwords are made up: the lab takes them as they are.\n"
            "A real BMC has its password already; put that into its file, with an editor:\n"
            f"  {site.secrets.path(made_up[0])}"
        )


def show(file: ClusterFile = DEFAULT_FILE, output: Output = Format.TEXT) -> None:
    """Print the cluster file with every default worked out, and where each value comes from."""
    loaded = loading.read(read_file(file), str(file))
    if output is Format.JSON:
        origins = {".".join(map(str, path)): origin for path, origin in loaded.origins.items()}
        print(json.dumps({"file": spelling.spell(loaded.cluster), "origins": origins}, indent=2))
    else:
        print(spelling.write(loaded.cluster, loaded.origins), end="")
    for warning in loaded.warnings:
        print(warning, file=sys.stderr)
