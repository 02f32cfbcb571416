"""`quorate init` and `quorate show`: the cluster file, and the secrets that stand beside it."""

import json
import sys

import typer

from quorate.cli.site import DEFAULT_FILE, ClusterFile, Format, Output, Site, read_file
from quorate.cluster import loading, spelling
from quorate.design import secret_names


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(init)
    app.command()(show)


def init(file: ClusterFile = DEFAULT_FILE) -> None:
    """Make the secrets that are missing, beside the cluster file; those that are there stay as they are."""
    site = Site.open(file)
    names = sorted(secret_names(site.cluster))
    made = site.secrets.create(names)
    print(f"{site.secrets.folder}: {len(names)} secrets, {len(made)} of them made now")
    for name in made:
        print(f"  {name}")
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
