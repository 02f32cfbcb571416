"""Waiting for a condition of the outside world that nothing announces."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from quorate.errors import HostError


async def until(condition: Callable[[], Awaitable[bool]], seconds: float, every: float = 0.5) -> bool:
    """Asks until the answer is yes; False if it never was. A host that doesn't answer is a no."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if await condition():
                return True
        except HostError:
            pass
        await asyncio.sleep(every)
    return False
