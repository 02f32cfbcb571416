#!/usr/bin/python3 -ESs
"""Resource agent `ocf:quorate:openstack-api`: a systemd unit that must answer by HTTP, and not merely exist.

The monitor asks a path that needs no account and nothing else than the service itself. What the service stands on may
fail without its being to blame: while nobody answers there, an answer that is late isn't held against the service,
whose threads may all be waiting for it. One whose main process is stopped (SIGSTOP) has failed whatever the reason.

At depth 10 (`OCF_CHECK_LEVEL=10`) the monitor also asks what the service stands on, and warns of what doesn't answer.
It never fails for that: to start a service again doesn't mend its database.

Without a URL, for a program that only works off messages, systemd's word is all there is, and that its main process
isn't stopped.
"""

import _socket  # the C module alone: what `socket` adds costs more than all the rest of a monitor
import sys
import time

TYPE_CHECKING = False  # as in `typing`, without its import
if TYPE_CHECKING:
    from quorate.node import ocf
else:
    import ocf  # stands beside this file on a node

UNIT = ocf.Parameter("unit", "", "The systemd unit that runs the service; Type=notify if it knows how")
URL = ocf.Parameter("url", "", "Where it answers, http://ADDRESS:PORT/PATH; empty if it doesn't speak HTTP")
STATUSES = ocf.Parameter("statuses", "200", "The HTTP statuses that are right answers, with spaces between them")
ANSWER = ocf.Parameter("answer_timeout", "30", "Seconds in which the service must answer", "integer")
STANDS_ON = ocf.Parameter(
    "stands_on",
    "",
    "ADDRESS:PORT of what the service stands on, with spaces between: servers that greet who connects, as MariaDB does",
)

SOON = 2
"""Seconds of silence after which the main process is looked at; and all that is waited for before a stop."""
STOPPED = "its main process is stopped"


class Silent(Exception):
    """The service doesn't answer; `late` if it has the connection and may still be about to."""

    def __init__(self, why: str, late: bool = False) -> None:
        super().__init__(why)
        self.why, self.late = why, late


def start() -> int:
    """Starts the unit, and waits until the service answers."""
    if not silence(SOON):
        return ocf.SUCCESS
    ocf.start_unit(UNIT.value)
    deadline = time.monotonic() + ANSWER.seconds
    while why := silence(ANSWER.seconds):
        if time.monotonic() > deadline:
            raise ocf.Failed(f"started, but {why}")
        time.sleep(0.1)
    return ocf.SUCCESS


def stop() -> int:
    """Stops the unit; kills at once what hangs or has nobody listening any more, whatever the reason."""
    why = ""
    try:
        if URL.value:
            ask(SOON)
        elif main_process_is_stopped():
            why = STOPPED
    except Silent as silent:
        why = silent.why
    return ocf.stop_unit(UNIT.value, why)


def monitor() -> int:
    """Running means that it answers. systemd is only asked, if not, whether it should have."""
    if why := silence(ANSWER.seconds):
        return ocf.judge_unit(UNIT.value, why)
    if ocf.check_level() >= 10:
        for place in missing():
            ocf.warn(f"{UNIT.value} stands on {place}, where nobody answers")
    return ocf.SUCCESS


def validate() -> int:
    """Whether the parameters can be right, and the unit is there."""
    ANSWER.seconds  # noqa: B018
    if not UNIT.value:
        raise ocf.Failed("unit: there must be one", ocf.ERR_CONFIGURED)
    if not all(status.isdigit() for status in STATUSES.value.split()):
        raise ocf.Failed(f"statuses: {STATUSES.value!r} are no HTTP statuses", ocf.ERR_CONFIGURED)
    if URL.value:
        target()
    places()
    ocf.validate_unit(UNIT.value)
    return ocf.SUCCESS


def silence(patience: int) -> str:
    """Why the service doesn't answer as it should; empty if it does, or isn't to blame."""
    if not URL.value:
        return worker_silence()
    try:
        status = ask(patience)
    except Silent as silent:
        if silent.late and main_process_is_stopped():
            return STOPPED
        if silent.late and (absent := missing()):
            ocf.warn(f"{silent.why}, but neither does anybody at {' '.join(absent)}")
            return ""
        return silent.why
    return "" if status in STATUSES.value.split() else f"the service answers with the status {status}"


def worker_silence() -> str:
    """Why a program without HTTP doesn't work, as far as systemd and the kernel can tell."""
    active, _ = ocf.unit_state(UNIT.value)
    if active != "active":
        return f"the unit is {active}"
    return STOPPED if main_process_is_stopped() else ""


def main_process_is_stopped() -> bool:
    """Whether the unit's main process has been halted by a signal: state T in proc_pid_stat(5)."""
    _, pid = ocf.systemctl("show", "--property=MainPID", "--value", UNIT.value)
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] == b"T"
    except (FileNotFoundError, ProcessLookupError):
        return False


def ask(patience: int) -> str:
    """The HTTP status with which the service answers.

    Raises:
        Silent: it doesn't within so many seconds.
    """
    address, port, path = target()
    request = f"GET {path} HTTP/1.0\r\nHost: {address}:{port}\r\nUser-Agent: quorate\r\n\r\n"
    deadline = time.monotonic() + patience
    connection = connected(address, port, min(patience, SOON))
    answer = b""
    try:
        connection.sendall(request.encode())
        # To its end: a service that finds the connection closed complains in its journal.
        while len(answer) < 1 << 20:
            try:
                if not (piece := connection.recv(1 << 16)):
                    break
                answer += piece
            except BlockingIOError:
                if time.monotonic() >= deadline or main_process_is_stopped():
                    raise Silent(f"the service doesn't answer within {patience} s", late=True) from None
    except OSError as error:
        raise Silent(f"the service breaks the connection off ({error.strerror})") from None
    finally:
        connection.close()
    protocol, _, rest = answer.partition(b" ")
    if not protocol.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise Silent(f"the service answers with {answer[:40]!r}")
    return rest[:3].decode()


def connected(address: str, port: int, patience: int) -> _socket.socket:
    """A connection on which nothing takes longer than so many seconds at once."""
    connection = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    # struct timeval. Not `settimeout`, which would have each call wait in poll(2) first.
    limit = patience.to_bytes(8, sys.byteorder) + bytes(8)
    connection.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, limit)
    connection.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, limit)
    try:
        connection.connect((address, port))
    except BlockingIOError:
        connection.close()
        raise Silent(f"nobody takes the connection to {address}:{port} within {patience} s", late=True) from None
    except OSError as error:
        connection.close()
        raise Silent(f"nobody listens on {address}:{port} ({error.strerror})") from None
    return connection


def missing() -> list[str]:
    """What of all that the service stands on doesn't greet. The kernel takes connections for a server that hangs."""
    absent = []
    for address, port in places():
        try:
            connection = connected(address, port, 1)
            try:
                greeting = connection.recv(1)
            finally:
                connection.close()
        except (Silent, OSError):
            greeting = b""
        if not greeting:
            absent.append(f"{address}:{port}")
    return absent


def target() -> tuple[str, int, str]:
    """The URL's parts."""
    scheme, _, rest = URL.value.partition("://")
    host, slash, path = rest.partition("/")
    if scheme != "http" or not slash:
        raise ocf.Failed(f"url: {URL.value!r} is not of the form http://ADDRESS:PORT/PATH", ocf.ERR_CONFIGURED)
    return (*place(host, "url"), f"/{path}")


def places() -> list[tuple[str, int]]:
    """What the service stands on."""
    return [place(word, "stands_on") for word in STANDS_ON.value.split()]


def place(word: str, parameter: str) -> tuple[str, int]:
    """`ADDRESS:PORT`, an IPv4 address: a monitor waits for no name server."""
    address, _, port = word.rpartition(":")
    if not port.isdigit() or address.count(".") != 3:
        raise ocf.Failed(f"{parameter}: {word!r} is no ADDRESS:PORT", ocf.ERR_CONFIGURED)
    return address, int(port)


if __name__ == "__main__":
    ocf.run(
        "openstack-api",
        "An OpenStack API as a systemd unit, asked by HTTP\n"
        "Starts and stops the unit; the monitor asks a URL for its status, so that a service that hangs counts as "
        "failed. A late answer doesn't while what the service stands on is away. At depth 10 the monitor warns of "
        "that, and never fails for it.",
        [UNIT, URL, STATUSES, ANSWER, STANDS_ON],
        [
            ocf.Action("start", start, timeout=120),
            ocf.Action("stop", stop, timeout=40),
            ocf.Action("monitor", monitor, timeout=40, interval=10),
            ocf.Action("validate-all", validate, timeout=10),
        ],
    )
