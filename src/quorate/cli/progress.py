"""Progress on a terminal: a spinner while a phase lasts, then its seconds. Elsewhere plain lines."""

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape

from quorate.progress import Progress, Say


def progress() -> Progress:
    """The progress for where standard error goes; standard output is left to results."""
    console = Console(stderr=True, highlight=False)
    return _Terminal(console) if console.is_terminal else _Lines(console)


class _Terminal:
    def __init__(self, console: Console) -> None:
        self._console = console

    @contextlib.contextmanager
    def phase(self, title: str) -> Iterator[Say]:
        begun = time.monotonic()
        with self._console.status(f"{escape(title)} …", spinner="dots") as status:

            def say(line: str) -> None:
                status.update(f"{escape(title)}: {escape(line)}")
                self._console.print(f"    [dim]{escape(line)}[/dim]")

            try:
                yield say
            except BaseException:
                self._console.print(f"[red]✗[/red] {escape(title)}  [dim]{time.monotonic() - begun:.1f} s[/dim]")
                raise
        self._console.print(f"[green]✓[/green] {escape(title)}  [dim]{time.monotonic() - begun:.1f} s[/dim]")


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console

    @contextlib.contextmanager
    def phase(self, title: str) -> Iterator[Say]:
        begun = time.monotonic()
        self._print(f"{title} ...")
        try:
            yield lambda line: self._print(f"    {line}")
        except BaseException:
            self._print(f"{title}: failed after {time.monotonic() - begun:.1f} s")
            raise
        self._print(f"{title}: {time.monotonic() - begun:.1f} s")

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)
