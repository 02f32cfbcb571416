"""A drill's report: `report.json` for programs, a page, tables and a timeline for people, Markdown for documents."""

from quorate.drill.report.showing import as_json, markdown, show, show_series, write

__all__ = ["as_json", "markdown", "show", "show_series", "write"]
