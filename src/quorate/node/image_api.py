"""Glance as a WSGI application that serves where its store is mounted, and says 503 elsewhere.

It runs on every host of the volume at all times. To start Glance takes longer than all the rest of a takeover; to look
at a store that has just been mounted takes milliseconds. HAProxy sends requests where the answer isn't 503.

An image never ends up beneath the mount point: a request is let in only while the store is mounted, and should the
store go away in the middle of one, the folder beneath is root's, and Glance may not write there.

Glance looks once whether it may write to its store, and remembers the answer (glance_store's `configure`). So each
process opens the stores anew with the first request that finds them mounted.
"""

import os
import threading
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

STORE = os.environ["QUORATE_IMAGE_STORE"]
"""The mount point."""

glance = import_module("glance.common.wsgi_app")
"""Glance's own entry: made once in uWSGI's master process, and shared by those that serve."""
serve: Callable[..., Iterable[bytes]] = glance.init_app()

_lock = threading.Lock()
_opened = False


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """One request."""
    if not is_open():
        answer = b"The image store is not mounted on this node.\n"
        start_response("503 Service Unavailable", [("Content-Type", "text/plain"), ("Retry-After", "2")])
        return [answer]
    return serve(environ, start_response)


def is_open() -> bool:
    """Whether the store is mounted, and this process has opened it since."""
    global _opened
    with _lock:
        if not is_mounted(STORE):
            _opened = False
        elif not _opened:
            stores = import_module("glance_store")
            stores.create_multi_stores(glance.CONF, reserved_stores=glance.RESERVED_STORES)
            _opened = True
        return _opened


def is_mounted(folder: str) -> bool:
    """Asked of the kernel's table (proc(5), mountinfo): to look at the folder itself may take forever, because that
    would wait for an NFS server that is away.
    """
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        return any(line.split()[4] == folder for line in table)
