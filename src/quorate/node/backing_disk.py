#!/usr/bin/python3 -ESs
"""Resource agent `ocf:quorate:backing-disk`: the own disk beneath a DRBD volume must answer.

A disk that fails is let go by DRBD, and the peer's is used. One that hangs, from which neither an answer nor an error
comes, holds up its service for as long, and nobody else notices: the server lives, and greets. DRBD knows. /proc/drbd
(DRBD 8.4) counts what waits from above (`ap`), for the own disk (`lo`) and for the peer (`pe`), and what the own disk
has done (`dw`, `dr`). If something waits, not for the peer, and the disk gets nothing done, the monitor fails after
`patience`. Pacemaker is to fence the node then (`on-fail=fence`): a process that waits for a disk can't be killed.

DRBD's `disk-timeout` would let such a disk go. A request that comes to its end later writes into memory that is
somebody else's by then, of which drbd.conf(5) warns.
"""

import os
import time

TYPE_CHECKING = False  # as in `typing`, without its import
if TYPE_CHECKING:
    from quorate.node import ocf
else:
    import ocf  # stands beside this file on a node

MINOR = ocf.Parameter("minor", "0", "The minor number of the DRBD device", "integer")
PATIENCE = ocf.Parameter("patience", "8", "Seconds in which the disk must have done something", "integer")

DRBD = "/proc/drbd"


def start() -> int:
    """Begins to watch."""
    validate()
    note("")
    return ocf.SUCCESS


def stop() -> int:
    """Watches no longer."""
    if os.path.exists(record()):
        os.unlink(record())
    return ocf.SUCCESS


def monitor() -> int:
    """Whether the disk has done something since it was first seen to be waited for."""
    try:
        with open(record()) as file:
            noted = file.read()
    except FileNotFoundError:
        return ocf.NOT_RUNNING
    with open(DRBD) as file:
        done = stuck_at(file.read(), MINOR.value)
    if done is None:
        if noted:
            note("")
        return ocf.SUCCESS
    before, _, since = noted.partition(" since ")
    now = time.monotonic()  # what is noted goes with a reboot, as this clock does
    if before != done:
        note(f"{done} since {now}")
    elif (waited := now - float(since)) >= PATIENCE.seconds:
        raise ocf.Failed(f"the disk of DRBD minor {MINOR.value} has done nothing for {waited:.0f} s, and is waited for")
    return ocf.SUCCESS


def validate() -> int:
    """Whether the parameters can be right, and DRBD is there."""
    PATIENCE.seconds  # noqa: B018
    if not MINOR.value.isdigit():
        raise ocf.Failed(f"minor: {MINOR.value!r} is no number", ocf.ERR_CONFIGURED)
    if not os.path.exists(DRBD):
        raise ocf.Failed(f"there is no {DRBD}: the module drbd (8.4) isn't loaded", ocf.ERR_INSTALLED)
    return ocf.SUCCESS


def stuck_at(text: str, minor: str) -> "str | None":
    """What the own disk has done so far, if something waits for it and for nothing else; None if it isn't so.

    A resync or a comparison has requests on the disk all the time that count for nothing here, and I/O that is held
    back until the peer is fenced (`s` for `r` in the flags) doesn't wait for a disk.
    """
    lines = iter(text.splitlines())
    for line in lines:
        words = line.split()  # 0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----
        if len(words) > 5 and words[0] == f"{minor}:":
            count = dict(word.partition(":")[::2] for word in next(lines, "").split())
            is_busy = any(work in words[1] for work in ("Sync", "Verify")) or not words[5].startswith("r")
            is_whole = words[3].startswith("ds:UpToDate/")  # one that DRBD has let go does nothing any more
            waits = count.get("ap", "0") != "0" and count.get("lo", "0") != "0" and count.get("pe") == "0"
            return f"{count.get('dw')} {count.get('dr')}" if waits and is_whole and not is_busy else None
    return None


def note(words: str) -> None:
    """Writes down what was seen, or that nothing was."""
    folder, name = os.path.split(record())
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/.{name}", "w") as file:
        file.write(words)
    os.replace(f"{folder}/.{name}", record())


def record() -> str:
    """The file with what was seen last."""
    folder = os.environ.get("HA_RSCTMP", "/run/resource-agents")
    return f"{folder}/quorate-backing-disk-{os.environ.get('OCF_RESOURCE_INSTANCE', 'backing-disk')}"


if __name__ == "__main__":
    ocf.run(
        "backing-disk",
        "The own disk beneath a DRBD volume\n"
        "Watches, where the volume is primary, whether the disk beneath it answers. A disk that hangs holds up all "
        "that stands on the volume, and nobody else notices. Give its monitor on-fail=fence.",
        [MINOR, PATIENCE],
        [
            ocf.Action("start", start, timeout=20),
            ocf.Action("stop", stop, timeout=20),
            ocf.Action("monitor", monitor, timeout=60, interval=5),
            ocf.Action("validate-all", validate, timeout=10),
        ],
    )
