"""Takes the place of a service that hangs: its clients are connected, and get no answer, or always the same one.

Words: `silent` or `errors`, then systemd units. The sockets on which the units' processes listen are taken over as
they are (pidfd_getfd(2)) before these processes are killed: for a client nothing is closed, and whoever starts the
service anew finds its addresses taken, until this program ends.

Runs as a service of type `notify`, which so has started once it has taken over; it fails where nobody listens. A
drill hands its text to `python3 -I -S -c` under systemd-run(1), which ends it after its time.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import selectors
import socket
import subprocess
import sys

PIDFD_GETFD = 438
"""The number of the system call, on all architectures alike (pidfd_getfd(2)); C libraries have no function for it."""
CGROUPS = pathlib.Path("/sys/fs/cgroup")
MOST = 512
"""Connections that are held at once; then the oldest is let go."""
ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def main() -> None:
    """Takes over, and stays until somebody ends it."""
    how, *units = sys.argv[1:]
    taken = {inode: one for unit in units for pid in processes(unit) for inode, one in listening(pid).items()}
    if not taken:
        sys.exit(f"nobody listens for {' '.join(units)}")
    subprocess.run(["systemctl", "kill", "--kill-whom=all", "--signal=SIGKILL", "--", *units], check=True)
    notify("READY=1")
    receive(list(taken.values()), ERROR if how == "errors" else b"")


def processes(unit: str) -> list[int]:
    """All processes of a unit, those in cgroups of their own beneath it, too."""
    show = ["systemctl", "show", "--property=ControlGroup", "--value", "--", unit]
    group = subprocess.run(show, check=True, capture_output=True, text=True).stdout.strip()
    if not group:
        return []
    found = CGROUPS.joinpath(group.lstrip("/")).rglob("cgroup.procs")
    return [int(pid) for file in found for pid in file.read_text().split()]


def listening(pid: int) -> dict[int, socket.socket]:
    """Our own descriptors of the sockets on which a process listens, by inode."""
    found: dict[int, socket.socket] = {}
    try:
        process = os.pidfd_open(pid)
        entries = list(pathlib.Path(f"/proc/{pid}/fd").iterdir())
    except (ProcessLookupError, FileNotFoundError):  # it has ended meanwhile
        return found
    for entry in entries:
        with contextlib.suppress(OSError):  # it has been closed meanwhile
            if not str(entry.readlink()).startswith("socket:"):
                continue
            ours = socket.socket(fileno=take(process, int(entry.name)))
            if ours.type == socket.SOCK_STREAM and ours.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                found[os.fstat(ours.fileno()).st_ino] = ours
    os.close(process)
    return found


def take(process: int, descriptor: int) -> int:
    """A duplicate of another process's descriptor."""
    ours = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, process, descriptor, 0)
    if ours < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return int(ours)


def notify(state: str) -> None:
    """Tells systemd, sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            connection.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            connection.send(state.encode())


def receive(listeners: list[socket.socket], answer: bytes) -> None:
    """Takes every connection. With an answer, each that says something gets it; without, nobody gets any."""
    waiting = selectors.DefaultSelector()
    _bound = [keep(listener) for listener in listeners if listener.family == socket.AF_INET]
    held: list[socket.socket] = []
    for listener in listeners:
        listener.setblocking(False)
        waiting.register(listener, selectors.EVENT_READ, None)
    while True:
        for key, _ in waiting.select():
            with contextlib.suppress(OSError):
                if key.data is None:
                    held.append(key.fileobj.accept()[0])  # type: ignore[union-attr]
                    if answer:
                        waiting.register(held[-1], selectors.EVENT_READ, held[-1])
                    if len(held) > MOST:
                        release(held[0], held, waiting)
                else:
                    connection = key.data
                    try:
                        if connection.recv(1 << 16):
                            connection.sendall(answer)
                    finally:
                        release(connection, held, waiting)


def keep(listener: socket.socket) -> socket.socket:
    """Lets nobody listen beside it, as a second HAProxy could (SO_REUSEPORT in socket(7)).

    The kernel remembers of a port that all its sockets share it, until one is bound there that doesn't: this one.
    """
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
    guard = socket.socket()
    with contextlib.suppress(OSError):
        guard.bind(("127.255.255.254", listener.getsockname()[1]))
    return guard


def release(connection: socket.socket, held: list[socket.socket], waiting: selectors.BaseSelector) -> None:
    """Ends a connection."""
    with contextlib.suppress(KeyError):
        waiting.unregister(connection)
    held.remove(connection)
    connection.close()


if __name__ == "__main__":
    main()
