"""A probe's process from the drill's side: start it, wait for what it sees, stop it."""

import asyncio
import contextlib
import dataclasses
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from quorate.drill.clients import outage
from quorate.drill.clients.load import Config
from quorate.drill.clients.record import Reader, Record, Write
from quorate.errors import QuorateError

LOOK_EVERY = 0.1
"""Seconds between two looks at the record."""


class Probing:
    """A probe at work."""

    def __init__(self, service: str, config: Config, process: asyncio.subprocess.Process) -> None:
        self.service = service
        self._config, self._process = config, process
        self._reader = Reader(Path(config.output))
        self._recent: list[Write] = []

    async def steady(self, seconds: float, since: float, timeout: float) -> bool:
        """Waits for `seconds` in a row, all after `since`, in which every operation was served.

        Returns:
            False if that did not come within `timeout` seconds.

        Raises:
            QuorateError: the probe has ended by itself.
        """
        deadline = time.monotonic() + timeout
        while True:
            if self._process.returncode is not None:
                raise QuorateError(
                    f"the probe of {self.service} ended by itself, with status {self._process.returncode}",
                    where=self._config.output,
                    todo=f"its last words are in {self.service}.log beside its record",
                )
            now = time.time()
            self._recent = [w for w in (*self._recent, *self._reader.more()) if w.ended > now - seconds - 1]
            if now > since + seconds and outage.steady(self._recent, now, seconds, self._config.rate):
                return True
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(LOOK_EVERY)

    def last_trouble(self) -> str:
        """Why the latest operation that was not served wasn't."""
        return next((write.detail for write in reversed(self._recent) if write.detail), "")

    async def stop(self) -> Record:
        """Ends it, waits for its last outcomes, and reads its whole record."""
        await _end(self._process, 3 * self._config.timeout + 5)
        return self._reader.record()


@contextlib.asynccontextmanager
async def running(service: str, module: str, config: Config, folder: Path) -> AsyncIterator[Probing]:
    """Runs a service's probe; it ends with the block, or with this process, whatever ends that."""
    file = folder / f"{service}.json"
    file.touch(mode=0o600, exist_ok=False)
    file.write_text(json.dumps(dataclasses.asdict(config)))
    with (folder / f"{service}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            str(file),
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
        )
    try:
        yield Probing(service, config, process)
    finally:
        file.unlink()  # it has the password
        await _end(process, 1)


async def _end(process: asyncio.subprocess.Process, patience: float) -> None:
    assert process.stdin
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), patience)
    except TimeoutError:
        process.kill()
        await process.wait()
