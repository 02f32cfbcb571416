"""What explains a failed drill, as one node has it: JSON request on stdin, JSON answer on stdout. It changes nothing.

The scheduler's inputs are what Pacemaker decided on, each a whole CIB: `crm_simulate --xml-file` decides it again.

Request:
    ago: seconds back from now that are of interest
    scheduler: the folder of the scheduler's inputs
    packages: names

Answer:
    inputs: by file name, base64 of the file as it is (bzip2); the newest first if there are too many
    left_out: how many are not among them
    journal: base64 of gzip of the whole journal of that time
    packages: versions by name
    kernel: its release
"""

import base64
import gzip
import json
import os
import subprocess
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST = 4 << 20
"""Bytes of inputs; one has some tens of KiB."""
TIMEOUT = 90


def inputs(folder: str, since: float) -> "tuple[dict[str, str], int]":
    """The files that were written since then, and how many are too many."""
    try:
        found = sorted((entry.stat().st_mtime, entry.name, entry.stat().st_size) for entry in os.scandir(folder))
    except OSError:
        return {}, 0
    new = [(name, size) for written, name, size in reversed(found) if written >= since and name.endswith(".bz2")]
    taken, total = {}, 0
    for name, size in new:
        total += size
        if total > MOST:
            break
        with open(os.path.join(folder, name), "rb") as file:
            taken[name] = base64.b64encode(file.read()).decode()
    return taken, len(new) - len(taken)


def said(argv: "list[str]") -> bytes:
    """What a command says; nothing if it isn't there, or is too slow."""
    try:
        return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=TIMEOUT).stdout
    except (OSError, subprocess.TimeoutExpired):
        return b""


def main(request: "dict[str, Any]") -> "dict[str, Any]":
    """The answer."""
    since = time.time() - request["ago"]
    taken, left_out = inputs(request["scheduler"], since)
    journal = said(["journalctl", "--no-pager", "--quiet", "--output=short-precise", f"--since=@{int(since)}"])
    packages = said(["dpkg-query", "--show", "--showformat=${Package} ${Version}\\n", *request["packages"]])
    return {
        "inputs": taken,
        "left_out": left_out,
        "journal": base64.b64encode(gzip.compress(journal, 6)).decode(),
        "packages": dict(line.split(" ", 1) for line in packages.decode().splitlines() if not line.endswith(" ")),
        "kernel": os.uname().release,
    }


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
