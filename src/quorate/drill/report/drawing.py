"""The page, the JUnit XML and the table of many kept drills."""

from collections.abc import Sequence
from pathlib import Path

from quorate.drill.report import junit, page, reading, table
from quorate.drill.report.reading import Found
from quorate.errors import QuorateError

PAGE, JUNIT = "report.html", "junit.xml"


def draw(sources: Sequence[Path], html: Path, xml: Path, markdown: Path | None = None) -> Found:
    """Reads what is kept in these folders and files, and writes the page and the XML, and the table if it is wanted.

    Raises:
        InputError: there is nothing, or what was named is no report.
        QuorateError: they can't be written.
    """
    found = reading.find(sources)
    _write(html, page.html(found.reports).encode())
    _write(xml, junit.xml(found.reports))
    if markdown:
        _write(markdown, table.markdown(found.reports).encode())
    return found


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise QuorateError(f"it can't be written: {error.strerror}", where=str(file)) from None
