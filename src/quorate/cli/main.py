"""The command line: parses, calls, presents. Only here does an error become a message and an exit status."""

import sys

import typer
from rich.console import Console
from rich.markup import escape

from quorate import __version__
from quorate.cli import check, cluster, converge, demo, drill, keys, lab, report, status
from quorate.errors import QuorateError

app = typer.Typer(
    help="One cluster file in, a highly available control plane out, and the evidence that it works.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
INTERRUPTED = 130

for area in (cluster, check, converge, status, drill, demo):
    area.register(app)
app.add_typer(lab.app, name="lab")
app.add_typer(keys.app, name="keys")
app.add_typer(report.app, name="report")


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def main() -> None:
    """Runs a command; exit status 2 for bad input, 1 for failure, 130 when interrupted."""
    try:
        app()
    except QuorateError as error:
        show(error)
        sys.exit(error.exit_status)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:  # typer's own answer to Ctrl-C; it says nothing
            print("Interrupted. What had begun elsewhere may still end; run it again to carry on.", file=sys.stderr)
        raise


def show(error: QuorateError) -> None:
    """Prints an error as its four sentences."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"[red]Error:[/red] {escape(str(error))}")
    if error.means:
        console.print(f"  This means: {escape(error.means)}")
    if error.todo:
        console.print(f"  To do: {escape(error.todo)}")
