"""Writes and removes numbered keys in a folder: JSON request on stdin, JSON answer on stdout.

Each key appears whole and at once, and is on disk before the answer: keystone reads the folder whenever it likes.
Keys are written in ascending order and before any is removed, so that a key becomes the primary (the highest number)
only when all others are there.

Request: path, owner, group; write: keys by number; remove: numbers. Answer: nothing but `{}`.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing itself is never loaded on a node
    from collections.abc import Mapping
    from typing import Any

FOLDER_MODE, KEY_MODE = 0o700, 0o400


def main() -> None:
    """Reads the request, does it."""
    change(json.load(sys.stdin))
    print("{}")


def change(request: Mapping[str, Any]) -> None:
    """Writes, then removes."""
    path = request["path"].rstrip("/")
    owner, group = pwd.getpwnam(request["owner"]).pw_uid, grp.getgrnam(request["group"]).gr_gid
    os.makedirs(path, FOLDER_MODE, exist_ok=True)
    os.chmod(path, FOLDER_MODE)
    os.chown(path, owner, group)
    for number in sorted(request["write"], key=int):
        # Beside the folder, where keystone doesn't look: it would open a half-written key.
        temporary = f"{path}.{number}.new"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(request["write"][number].encode())
            stream.flush()
            os.fchown(descriptor, owner, group)
            os.fchmod(descriptor, KEY_MODE)
            os.fsync(descriptor)
        os.replace(temporary, f"{path}/{int(number)}")
    synchronise(path)
    for number in request["remove"]:
        os.unlink(f"{path}/{int(number)}")
    synchronise(path)


def synchronise(folder: str) -> None:
    """What a folder lists is on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    main()
