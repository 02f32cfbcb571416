"""Tries accounts at the services of this node: JSON request on stdin, JSON answer on stdout. Changes nothing.

Only the service itself can say whether a password is the right one: each keeps a form of it that is made to be slow to
try, and nobody else is told. A log-in at Identity costs its process a quarter of a second for that.

Request: a list of accounts, each with service ("identity" or "messaging"), name and password.
Answer: a list in the same order: true, it is let in; false, it is refused; null, the service doesn't say.
"""

from __future__ import annotations

import json
import socket
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing itself is never loaded on a node
    from collections.abc import Mapping
    from typing import Any

IDENTITY = ("127.0.0.1", 5000)
MESSAGING = ("127.0.0.1", 5672)
TIMEOUT = 5.0  # a service that is only just starting takes a connection, and says nothing yet

HEADER = b"AMQP\0\0\x09\x01"
START, START_OK, TUNE, CLOSE = (10, 10), (10, 11), (10, 30), (10, 50)
"""Classes and methods of AMQP 0-9-1 (its specification, 1.4)."""
ACCESS_REFUSED = 403


def main() -> None:
    """Reads the request, tries one account after the other."""
    print(json.dumps([lets_in(each) for each in json.load(sys.stdin)]))


def lets_in(account: Mapping[str, Any]) -> bool | None:
    """Whether the service takes the password; None if it can't be asked, or says something else."""
    ask = {"identity": identity, "messaging": messaging}[account["service"]]
    try:
        return ask(account["name"], account["password"])
    except (OSError, ValueError, struct.error):
        return None


def identity(name: str, password: str) -> bool | None:
    """A token without a scope, which needs no role. By hand: the library takes longer to load than all of this."""
    user = {"name": name, "domain": {"id": "default"}, "password": password}
    body = json.dumps({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}).encode()
    head = f"POST /v3/auth/tokens HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(IDENTITY, TIMEOUT) as connection, connection.makefile("rb") as answer:
        connection.sendall(head.encode() + body)
        status = int(answer.readline()[9:12])  # after `HTTP/1.1 `
        answer.read()
    return {201: True, 401: False}.get(status)


def messaging(name: str, password: str) -> bool | None:
    """A connection that goes as far as the log-in: then the broker names its limits, or says 403."""
    # A broker tells only a client that says it will understand why it closes the connection.
    capability = text("authentication_failure_close", 1) + b"t\x01"
    capabilities = text("capabilities", 1) + b"F" + struct.pack(">L", len(capability)) + capability
    properties = struct.pack(">L", len(capabilities)) + capabilities
    log_in = properties + text("PLAIN", 1) + text(f"\0{name}\0{password}", 4) + text("en_US", 1)
    with socket.create_connection(MESSAGING, TIMEOUT) as connection, connection.makefile("rb") as answer:
        connection.sendall(HEADER)
        if method(frame(answer))[0] != START:
            return None
        payload = struct.pack(">HH", *START_OK) + log_in
        connection.sendall(struct.pack(">BHL", 1, 0, len(payload)) + payload + b"\xce")
        said, arguments = method(frame(answer))
    if said == TUNE:
        return True
    refused = said == CLOSE and struct.unpack_from(">H", arguments)[0] == ACCESS_REFUSED
    return False if refused else None


def frame(stream: Any) -> bytes:
    """The payload of the next frame (AMQP 0-9-1, 4.2.3)."""
    _, _, size = struct.unpack(">BHL", stream.read(7))
    return bytes(stream.read(size + 1)[:-1])


def method(payload: bytes) -> tuple[tuple[int, int], bytes]:
    """A method's class and number, and its arguments."""
    of, number = struct.unpack_from(">HH", payload)
    return (of, number), payload[4:]


def text(value: str, width: int) -> bytes:
    """A string after its length, which takes so many bytes."""
    content = value.encode()
    return len(content).to_bytes(width, "big") + content


if __name__ == "__main__":
    main()
