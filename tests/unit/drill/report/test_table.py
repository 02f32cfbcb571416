"""The table of many drills, for a document."""

from quorate.drill.report import table
from quorate.drill.report.model import Report, Result

from .conftest import changed


def test_a_row_for_each_kind_and_service_that_writes(real: list[Report], unheld: list[Report]) -> None:
    *lines, empty, sums = table.markdown([*real, *unheld]).splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines[2:]]
    assert {tuple(row[:2]) for row in rows} >= {(f"`{real[0].fault}`", real[0].on), ("`kill`", "ctl1:x")}
    services = {name for report in real for name, part in report.services.items() if part.writes}
    assert {row[3].partition(":")[0] for row in rows if len(row) > 3} == services
    assert ["`kill`", "ctl1:x", "refused"] in [[cell for cell in row if cell.strip()] for row in rows]
    assert empty == ""
    assert sums.startswith(f"{sum(report.kept for report in real)} of {len(real)} drills kept; ")


def test_several_of_a_kind_are_a_distribution(real: list[Report]) -> None:
    first = next(report for report in real if report.kept and "database" in report.services)
    runs = [changed(first, "database", seconds) for seconds in (12.0, 8.0, 9.25)]
    (row,) = (line for line in table.markdown(runs).splitlines() if "database" in line)
    assert "| 3 |" in row
    assert "| 9.2 (8.0 to 12.0) |" in row


def test_what_was_not_kept_or_not_looked_for_is_seen(real: list[Report]) -> None:
    first = next(report for report in real if report.kept and "database" in report.services)
    broken = changed(first, "database", 44.0, kept=False, lost=None).model_copy(
        update={"kept": False, "result": Result.BROKEN}
    )
    text = table.markdown([first, broken])
    (row,) = (line for line in text.splitlines() if "database:" in line)
    assert " to 44.0)** | " in row
    assert "| not looked for |" in row
    assert "1 of 2 drills kept; " in text
    assert "in 1 of them not everything was looked for" in text
