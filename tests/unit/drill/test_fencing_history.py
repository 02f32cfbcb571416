"""Who was fenced, as Pacemaker's fencer says it."""

from datetime import UTC, datetime

import pytest

from quorate.drill.audit import fencing
from quorate.drill.audit.fencing_history import FencingHistory

HISTORY = """<pacemaker-result api-version="2.38" request="stonith_admin --history * --output-as=xml">
  <fence_history status="0">
    <fence_event action="reboot" target="ctl2" client="pacemaker-controld.512" origin="ctl1" delegate="ctl3"
      status="{status}" completed="{completed}"/>
    <fence_event action="reboot" target="ctl1" client="pacemaker-controld.512" origin="ctl1" status="pending"/>
  </fence_history>
  <status code="0" message="OK"/>
</pacemaker-result>
"""
AT = datetime(2026, 11, 23, 7, 41, 23, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "completed", ["2026-11-23 07:41:23Z", "2026-11-23 07:41:23.000000Z", "2026-11-23 08:41:23 +01:00"]
)
def test_what_is_done_is_heard_on_our_clock(completed: str) -> None:
    history = FencingHistory()
    history.hear(HISTORY.format(status="success", completed=completed), offset=10.0)
    history.hear(HISTORY.format(status="success", completed=completed), offset=10.0)
    (request,) = history.requests("ctl2")
    assert (request.time, request.client, request.action) == (AT - 10.0, "ctl3", "cycle")
    assert list(fencing.since(history, ["ctl1", "ctl2", "ctl3"], AT - 60)) == ["ctl2"]


def test_what_failed_is_no_fencing() -> None:
    history = FencingHistory()
    history.hear(HISTORY.format(status="failed", completed="2026-11-23 07:41:23Z"), offset=0.0)
    assert history.requests("ctl2") == []


def test_what_was_heard_once_is_kept() -> None:
    """A node that restarts forgets the history."""
    history = FencingHistory()
    history.hear(HISTORY.format(status="success", completed="2026-11-23 07:41:23Z"), offset=0.0)
    history.hear("<pacemaker-result><fence_history status='0'/></pacemaker-result>", offset=0.0)
    assert len(history.requests("ctl2")) == 1
