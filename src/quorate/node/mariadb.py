#!/usr/bin/python3 -ESs
"""Resource agent `ocf:quorate:mariadb`: MariaDB as a systemd unit that must answer, and not merely exist.

A server that hangs keeps its process and its socket. So the monitor asks the server itself: it connects to the local
socket and waits for the greeting with which every MariaDB connection begins. That needs no account.
"""

import socket
import struct

TYPE_CHECKING = False  # as in `typing`, without its import
if TYPE_CHECKING:
    from quorate.node import ocf
else:
    import ocf  # stands beside this file on a node

UNIT = ocf.Parameter("unit", "mariadb.service", "The systemd unit that runs the server; Type=notify")
SOCKET = ocf.Parameter("socket", "/run/mysqld/mysqld.sock", "The unix socket on which the server listens")
ANSWER = ocf.Parameter("answer_timeout", "5", "Seconds in which the server must greet", "integer")

SOON = 1
"""Seconds in which a server greets that is running before it is started."""
GREETING, ERROR = 0x0A, 0xFF
"""The first byte of the first packet: protocol version 10, or an error."""
TOO_MANY_CONNECTIONS = 1040


def start() -> int:
    """Starts the unit; systemd waits until the server itself says that it is ready."""
    if not silence(SOON):
        return ocf.SUCCESS
    ocf.start_unit(UNIT.value)
    if why := silence():
        raise ocf.Failed(f"started, but {why}")
    return ocf.SUCCESS


def stop() -> int:
    """Stops the unit. A server that doesn't even greet is killed at once.

    InnoDB recovers from a kill, and how long that takes is bounded by its log; how long a hanging server takes to
    stop isn't bounded by anything. Where systemd has nothing to stop nobody is asked: whoever listens there isn't ours.
    """
    active, loaded = ocf.unit_state(UNIT.value)
    if loaded == "not-found" or active in ("inactive", "failed"):
        return ocf.SUCCESS
    return ocf.stop_unit(UNIT.value, silence())


def monitor() -> int:
    """Running means that it greets. systemd is only asked, if not, whether it should have."""
    why = silence()
    return ocf.judge_unit(UNIT.value, why) if why else ocf.SUCCESS


def validate() -> int:
    """Whether the parameters can be right, and the unit is there."""
    ANSWER.seconds  # noqa: B018
    if not SOCKET.value.startswith("/"):
        raise ocf.Failed(f"socket: {SOCKET.value!r} is no absolute path", ocf.ERR_CONFIGURED)
    ocf.validate_unit(UNIT.value)
    return ocf.SUCCESS


def silence(patience: int = 0) -> str:
    """Why the server doesn't answer within so many seconds, or as many as it has; empty if it does."""
    patience = patience or ANSWER.seconds
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            # Not `settimeout`: a connection to a server with a full queue would fail at once instead of waiting.
            limit = struct.pack("ll", patience, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            connection.connect(SOCKET.value)
            packet = connection.recv(64)
    except BlockingIOError:
        return f"the server doesn't greet within {patience} s"
    except OSError as error:
        return f"nobody listens on {SOCKET.value} ({error.strerror})"
    # Three bytes of length, one of sequence, then the greeting; or an error with its number, low byte first.
    kind = packet[4:5]
    if kind == bytes([GREETING]):
        return ""
    if kind == bytes([ERROR]) and int.from_bytes(packet[5:7], "little") == TOO_MANY_CONNECTIONS:
        return ""  # alive, and busy: to kill it would help nobody
    return f"the server greets with {packet!r}"


if __name__ == "__main__":
    ocf.run(
        "mariadb",
        "MariaDB as a systemd unit, asked for its greeting\n"
        "Starts and stops the unit; the monitor connects to the server's socket and waits for its greeting, so that a "
        "server that hangs counts as failed.",
        [UNIT, SOCKET, ANSWER],
        [
            ocf.Action("start", start, timeout=120),
            ocf.Action("stop", stop, timeout=60),
            ocf.Action("monitor", monitor, timeout=15, interval=5),
            ocf.Action("validate-all", validate, timeout=10),
        ],
    )
