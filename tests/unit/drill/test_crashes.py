"""What counts as a crash in a journal, and what a fault is forgiven. Lines are from journals, not made up."""

import pytest

from quorate.drill.audit.crashes import Kind, crashes, kind
from quorate.drill.audit.journals import Entry
from quorate.drill.faults import FAULTS

PANIC = Entry("ctl1", 12.0, "kernel", "Kernel panic - not syncing: sysrq triggered crash")
OOM = Entry("ctl1", 13.0, "kernel", "Out of memory: Killed process 4711 (mariadbd) total-vm:1402384kB, anon-rss:0kB")


@pytest.mark.parametrize(
    ("source", "message", "expected"),
    [
        ("kernel", PANIC.message, Kind.PANIC),
        ("kernel", OOM.message, Kind.MEMORY),
        ("kernel", "mariadbd invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE), order=0", Kind.MEMORY),
        ("kernel", "beam.smp[812]: segfault at 10 ip 000055d0c8 error 4 in beam.smp", Kind.SEGFAULT),
        ("kernel", "traps: mariadbd[7] general protection fault ip:7f3 sp:7ffd error:0 in libc.so.6", Kind.SEGFAULT),
        ("kernel", "BUG: kernel NULL pointer dereference, address: 0000000000000008", Kind.BUG),
        ("kernel", "Oops: 0000 [#1] PREEMPT SMP NOPTI", Kind.OOPS),
        ("kernel", "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [stress:1203]", None),
        ("kernel", "rcu: INFO: rcu_sched self-detected stall on CPU", None),
        ("kernel", "drbd database/0 drbd0: role( Secondary -> Primary )", None),
        ("systemd", "mariadb.service: Main process exited, code=dumped, status=6/ABRT", Kind.CORE),
        ("systemd", "mariadb.service: Main process exited, code=killed, status=9/KILL", None),
        ("systemd-coredump", "Process 812 (beam.smp) of user 104 dumped core.", Kind.CORE),
        ("pacemakerd", "pacemaker-attrd[512] terminated with signal 11 (SEGV) and dumped core", Kind.CORE),
        ("pacemakerd", "pacemaker-attrd[512] terminated with signal 9 (Killed)", None),
    ],
)  # fmt: skip
def test_what_is_a_crash(source: str, message: str, expected: Kind | None) -> None:
    assert kind(Entry("ctl1", 0.0, source, message)) is expected


def test_a_fault_is_forgiven_what_it_makes_itself_where_it_was_done() -> None:
    (found,) = crashes([PANIC], 10.0, ("ctl1",), FAULTS["panic"].crashes)
    assert found.expected
    (elsewhere,) = crashes([PANIC], 10.0, ("ctl2",), FAULTS["panic"].crashes)
    assert not elsewhere.expected
    kinds = [each.expected for each in crashes([PANIC, OOM], 10.0, ("ctl1",), FAULTS["memory-exhausted"].crashes)]
    assert kinds == [False, True]


def test_every_kind_that_a_fault_names_is_one() -> None:
    assert {made for fault in FAULTS.values() for made in fault.crashes} <= set(Kind)


def test_what_was_written_before_is_no_drills_and_many_lines_are_one_crash() -> None:
    again = [OOM, Entry("ctl1", 14.0, "kernel", OOM.message), Entry("ctl1", 2.0, "kernel", OOM.message)]
    (found,) = crashes(again, 10.0, (), ())
    assert (found.time, found.lines, found.expected) == (13.0, 2, False)
