"""What explains a failed drill, fetched from the nodes: the scheduler's inputs, whole journals, versions.

They land in `evidence/NODE/` in the drill's folder: `pe-input-*.bz2`, `journal.gz`, and `versions.json`.
"""

import asyncio
import base64
import json
import time
from pathlib import Path

from quorate import node
from quorate.design.model import Design
from quorate.errors import HostError
from quorate.hosts import Hosts

SCHEDULER = "/var/lib/pacemaker/pengine"
"""Where Pacemaker's scheduler keeps what it decided on; each DC has its own."""
MARGIN = 30.0
"""Seconds before the drill that are fetched, too: what the cluster was like, and clocks that differ."""
LIMIT = 180.0


async def collect(hosts: Hosts, design: Design, folder: Path, since: float) -> list[str]:
    """Fetches it from all nodes at once; what is missing afterwards, in sentences.

    Args:
        hosts: the way to them.
        design: which packages each has.
        folder: the drill's.
        since: when the drill began.
    """
    program = node.source("evidence")

    async def fetch(name: str) -> str:
        packages = sorted({"pacemaker", "corosync", "drbd-utils", "libc6", *design.hosts[name].packages})
        request = {"ago": time.time() - since + MARGIN, "scheduler": SCHEDULER, "packages": packages}
        try:
            answer = await (await hosts.host(name)).python(program, request, timeout=LIMIT)
        except HostError as error:
            return f"{name} could not be asked: {error.what}"
        place = folder / "evidence" / name
        place.mkdir(parents=True, mode=0o700)
        for file, content in answer["inputs"].items():
            (place / Path(file).name).write_bytes(base64.b64decode(content))
        (place / "journal.gz").write_bytes(base64.b64decode(answer["journal"]))
        versions = {"kernel": answer["kernel"], "packages": answer["packages"]}
        (place / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")
        return f"{answer['left_out']} older inputs of the scheduler stayed on {name}" if answer["left_out"] else ""

    return [line for line in await asyncio.gather(*map(fetch, design.hosts)) if line]
