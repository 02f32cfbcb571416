"""What the nodes' journals say, on one clock: lines as journalctl(1) prints them, and clocks that somebody sets."""

import asyncio
import json
from typing import cast

import pytest

from quorate.drill.audit import journals
from quorate.drill.audit.journals import Clock, Entry, parse
from quorate.hosts import Host, Hosts, Result

BOOT = "7e4f70fdc6a24beb9bfad56e8a1d187e"
BEGAN = 1795417956.0
"""This machine's time when the node's monotonic clock began."""
AHEAD = 0.5
"""Seconds by which the node's wall clock is ahead."""
CLOCK = Clock(AHEAD, 0.001, boot=BOOT, began=BEGAN)


def line(
    uptime: float, step: float = 0.0, *, boot: str = BOOT, way: float = 0.0, sent_step: float | None = None
) -> str:
    """What was received so long after the boot began, by a wall clock that was off by a step."""
    wall = BEGAN + AHEAD + uptime
    return json.dumps(
        {
            "__REALTIME_TIMESTAMP": str(round((wall + step) * 1e6)),
            "_SOURCE_REALTIME_TIMESTAMP": str(round((wall - way + (step if sent_step is None else sent_step)) * 1e6)),
            "__MONOTONIC_TIMESTAMP": str(round(uptime * 1e6)),
            "_BOOT_ID": boot,
            "SYSLOG_IDENTIFIER": "kernel",
            "MESSAGE": f"after {uptime:g} s",
        }
    )


def times(*lines: str, clock: Clock = CLOCK) -> list[float]:
    return [round(entry.time - BEGAN, 3) for entry in parse("\n".join(lines), "ctl1", clock)]


def test_lines_as_journalctl_prints_them() -> None:
    text = (
        '{"_SOURCE_REALTIME_TIMESTAMP":"1795384132248658","__REALTIME_TIMESTAMP":"1795384132252413",'
        '"SYSLOG_IDENTIFIER":"corosync","MESSAGE":"  [KNET  ] pmtud: Global data MTU changed to: 1397"}\n'
        '{"__REALTIME_TIMESTAMP":"1795384132300000","SYSLOG_IDENTIFIER":"kernel","MESSAGE":[100,114,98,100,255]}\n'
        '{"__REALTIME_TIMESTAMP":"1795384132400000","MESSAGE":null}\n'
    )
    assert parse(text, "ctl2", Clock(0.5, 0.001)) == [
        Entry("ctl2", 1795384131.748658, "corosync", "[KNET  ] pmtud: Global data MTU changed to: 1397"),
        Entry("ctl2", 1795384131.8, "kernel", "drbd\ufffd"),
        Entry("ctl2", 1795384131.9, "", ""),
    ]


@pytest.mark.parametrize("step", [300.0, -300.0])
def test_a_clock_that_is_set_doesn_t_move_what_was_written(step: float) -> None:
    assert times(line(10), line(20, step), line(30)) == [10, 20, 30]


@pytest.mark.parametrize("before", [-300.0, 300.0])
def test_a_step_on_the_way_from_the_sender_to_the_journal_is_no_way(before: float) -> None:
    assert times(line(20, 0.0, way=0.2, sent_step=0.0), line(30, 0.0, sent_step=before)) == [19.8, 30]


def test_earlier_boots_have_their_wall_clock() -> None:
    assert times(line(20, 5.0, boot="another")) == [25]
    assert times(line(20, 5.0), clock=Clock(AHEAD, 0.001)) == [25]  # nobody knows which boot runs


class Node(Host):
    """A node whose clock was set back by five minutes 10 s ago, and then put right."""

    def __init__(self, now: float) -> None:
        self.name, self._now, self.asked = "ctl1", now, ""

    async def run(self, *argv: str, **_how: object) -> Result:
        uptime = self._now - BEGAN
        match argv[0]:
            case "date":
                return Result(0, f"{self._now + AHEAD}\n", "", 0.0)
            case "python3":
                return Result(0, f"{BOOT} {BEGAN + AHEAD}\n", "", 0.0)
        since = float(next(word for word in argv if word.startswith("--since")).removeprefix("--since=@"))
        lines = [line(uptime - 400), line(uptime - 5, -300.0), line(uptime - 2)]
        read = [each for each in lines if int(json.loads(each)["__REALTIME_TIMESTAMP"]) / 1e6 >= since]
        return Result(0, "\n".join(read), "", 0.0)


def test_what_was_written_while_a_clock_was_back_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    now = BEGAN + 1000.0
    monkeypatch.setattr("quorate.drill.audit.journals.time.time", lambda: now)

    class OneNode(Hosts):
        def __init__(self) -> None:
            super().__init__([])

        async def host(self, name: str) -> Host:
            return Node(now)

    read = asyncio.run(journals.collect(cast(Hosts, OneNode()), ["ctl1"], now - 60))
    assert [round(entry.time - now) for entry in read.entries] == [-5, -2]
    assert read.unread == {}
