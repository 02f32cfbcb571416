"""A drill's report: `report.json` for programs, a page, tables and a timeline for people, JUnit XML for CI servers.

`model` is the document, `building` makes it of a verdict, `reading` reads it again; `page`, `junit`, `showing` present
it, `history` and `comparing` put several side by side. docs/report.md explains it for those who read it.
"""

from quorate.drill.report.building import as_json, write, write_unheld
from quorate.drill.report.showing import show, show_series

__all__ = ["as_json", "show", "show_series", "write", "write_unheld"]
