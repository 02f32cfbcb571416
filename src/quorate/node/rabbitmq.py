#!/usr/bin/python3 -ESs
"""Resource agent `ocf:quorate:rabbitmq`: a RabbitMQ broker as a systemd unit that must answer, and not merely exist.

Three things can be true of a broker whose unit is active, and `rabbitmqctl`, which would know, takes seconds to start:

    it greets               it runs
    its port is closed,     it waits for a majority of its peers, or a person has stopped it inside its virtual
    its machine answers     machine: started, and degraded. To start it again would change nothing.
    neither answers         it hangs, and has failed

The greeting is AMQP's `Connection.Start`, for which no account is needed. The Erlang virtual machine answers where it
listens for its peers: to a byte that makes no sense it says goodbye, at once and without a line in its log.

As a clone: whoever starts joins, because brokers find each other by their configuration; and one that stops stays a
member, because it will be back. To leave for good is more than an agent may decide: on a broker that stays, a person
says `rabbitmqctl forget_cluster_node rabbit@HOST`.

No data is ever removed. Before the first start the agent marks the data's folder with the cluster's name; data that is
another's, or nobody's, is not touched, and the start is refused.
"""

import os
import socket
import struct

TYPE_CHECKING = False  # as in `typing`, without its import
if TYPE_CHECKING:
    from quorate.node import ocf
else:
    import ocf  # stands beside this file on a node

DEGRADED = 190
"""OCF 1.1: started, but not in full order. Pacemaker shows it and doesn't act."""

UNIT = ocf.Parameter("unit", "rabbitmq-server.service", "The systemd unit that runs the broker; Type=notify")
CLUSTER = ocf.Parameter("cluster", "", "Whose broker it is: the name with which its data is marked; empty: no matter")
DATA = ocf.Parameter("data", "/var/lib/rabbitmq/mnesia", "The folder of all its data")
PORT = ocf.Parameter("port", "5672", "The port on 127.0.0.1 on which the broker speaks AMQP without TLS", "integer")
PEERS_PORT = ocf.Parameter("peers_port", "25672", "The port on which its Erlang machine listens for others", "integer")
ANSWER = ocf.Parameter("answer_timeout", "5", "Seconds in which broker and machine must each answer", "integer")
PATIENCE = ocf.Parameter("patience", "10", "Seconds after which a start no longer waits for the broker", "integer")

HEADER = b"AMQP\0\0\x09\x01"
"""What a client of AMQP 0-9-1 says first (its specification, 4.2.2)."""
METHOD_FRAME, CONNECTION_START = 1, bytes([0, 10, 0, 10])
"""A frame's type, then channel and size; class 10, method 10 (4.2.3, 1.4.1)."""

UP, CLOSED, SILENT = "up", "closed", "silent"
"""What a port says: the right thing, nobody listens, nothing in time or nonsense."""


def start() -> int:
    """Starts the unit, and waits a little until the broker is ready, but not for its peers.

    A broker that waits for others has done all that it can: to call that a failure would ban it from its node. And
    while an agent starts something, Pacemaker begins nothing new: a takeover elsewhere would wait for it.
    """
    import subprocess

    if broker()[0] == UP:
        return ocf.SUCCESS
    claim()
    argv = ["systemctl", "--no-ask-password", "start", UNIT.value]
    try:
        starting = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    except FileNotFoundError:
        raise ocf.Failed("there is no systemctl on this host", ocf.ERR_INSTALLED) from None
    try:
        said, _ = starting.communicate(timeout=PATIENCE.seconds)
    except subprocess.TimeoutExpired:
        starting.kill()  # it only waits: what systemd is doing goes on
        starting.communicate()
        if machine() == SILENT:
            raise ocf.Failed(f"{UNIT.value} hangs {PATIENCE.value} s after its start") from None
        ocf.warn(f"{UNIT.value} is starting, or waits for its peers")
        return ocf.SUCCESS
    if starting.returncode != 0:
        raise ocf.Failed(f"systemctl start {UNIT.value}: {said.strip()}")
    state, why = broker()
    if state != UP:
        raise ocf.Failed(f"started, but {why}")
    return ocf.SUCCESS


def stop() -> int:
    """Stops the unit. One that hangs is killed at once: it wouldn't heed a polite signal either.

    So is one that never came to be ready: it has promised nothing to anybody, and waiting is all that it does.
    """
    active, loaded = ocf.unit_state(UNIT.value)
    if loaded == "not-found" or active in ("inactive", "failed"):
        return ocf.SUCCESS
    state, why = broker()
    if state != UP and (active == "activating" or state == SILENT or machine() != UP):
        ocf.warn(f"{why}: killing it")
        ocf.systemctl("kill", "--signal=SIGKILL", UNIT.value)
    status, said = ocf.systemctl("stop", UNIT.value)
    active, _ = ocf.unit_state(UNIT.value)
    if active not in ("inactive", "failed"):
        raise ocf.Failed(f"systemctl stop {UNIT.value} ended with {status}, the unit is still {active}: {said}")
    return ocf.SUCCESS


def monitor() -> int:
    """Running means that it greets. Others are only asked, if not, why it doesn't."""
    state, why = broker()
    if state == UP:
        return ocf.SUCCESS
    active, loaded = ocf.unit_state(UNIT.value)
    if loaded == "not-found" or active in ("inactive", "failed"):
        return ocf.NOT_RUNNING
    if state == CLOSED:
        of_machine = machine()
        if active == "activating" and of_machine != SILENT:
            raise ocf.Failed("the broker is starting: it waits for a majority of its peers", DEGRADED)
        if of_machine == UP:
            raise ocf.Failed("the broker is stopped within its machine, or paused: it takes no clients", DEGRADED)
        why += ", and its Erlang machine doesn't answer"
    raise ocf.Failed(f"the unit is {active}, but {why}")


def validate() -> int:
    """Whether the parameters can be right, and the unit is there."""
    for number in (ANSWER, PATIENCE):
        number.seconds  # noqa: B018
    for port in (PORT, PEERS_PORT):
        if not (port.value.isdecimal() and 0 < int(port.value) < 65536):
            raise ocf.Failed(f"{port.name}: {port.value!r} is no port", ocf.ERR_CONFIGURED)
    if not DATA.value.startswith("/"):
        raise ocf.Failed(f"data: {DATA.value!r} is no absolute path", ocf.ERR_CONFIGURED)
    _, loaded = ocf.unit_state(UNIT.value)
    if loaded != "loaded":
        raise ocf.Failed(f"the unit {UNIT.value} is {loaded}", ocf.ERR_INSTALLED)
    return ocf.SUCCESS


def claim() -> None:
    """Marks data that is ours, or will be; refuses what isn't."""
    if not CLUSTER.value:
        return
    mark = os.path.join(DATA.value, "cluster")
    try:
        with open(mark, encoding="utf-8") as file:
            whose = file.read().strip()
        names = []
    except FileNotFoundError:
        whose = ""
        try:
            names = [name for name in os.listdir(DATA.value) if name != "lost+found" and not name.startswith(".")]
        except FileNotFoundError:
            raise ocf.Failed(f"{DATA.value} isn't there", ocf.ERR_INSTALLED) from None
    if whose == CLUSTER.value:
        return
    if whose or names:
        other = f"the cluster {whose!r}" if whose else "a cluster that Quorate didn't make"
        raise ocf.Failed(
            f"{DATA.value} has data of {other}, not of {CLUSTER.value!r}; if nobody needs it, move it away",
            ocf.ERR_INSTALLED,
        )
    new = os.path.join(DATA.value, ".cluster.new")
    with open(new, "w", encoding="utf-8") as file:
        file.write(f"{CLUSTER.value}\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, mark)


def broker() -> "tuple[str, str]":
    """What the broker says to a client, and why that is not right."""
    where = f"127.0.0.1:{PORT.value}"
    try:
        answer = ask("127.0.0.1", int(PORT.value), HEADER, 11)
    except ConnectionRefusedError:
        return CLOSED, f"nobody listens on {where}"
    except BlockingIOError:
        return SILENT, f"the broker doesn't greet within {ANSWER.value} s"
    except OSError as error:
        return SILENT, f"the broker breaks off its greeting ({error.strerror})"
    if answer[:1] == bytes([METHOD_FRAME]) and answer[7:] == CONNECTION_START:
        return UP, ""
    return SILENT, f"the broker greets with {answer!r}"


def machine() -> str:
    """Whether the Erlang machine answers where it listens for its peers."""
    port = int(PEERS_PORT.value)
    address = listener(port)
    if not address:
        return CLOSED
    try:
        ask(address, port, b"\0\1x", 1)
    except ConnectionRefusedError:
        return CLOSED
    except ConnectionResetError:
        return UP  # a goodbye, too
    except OSError:
        return SILENT
    return UP


def listener(port: int) -> str:
    """The IPv4 address on which somebody listens on a port of this host, whichever it is; proc(5), /proc/net/tcp."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table.readlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, _, listens = local.partition(":")
            if state == "0A" and int(listens, 16) == port:
                return socket.inet_ntoa(struct.pack("=I", int(address, 16)))
    return ""


def ask(address: str, port: int, words: bytes, size: int) -> bytes:
    """Connects, says something, and takes so many bytes of the answer; fewer, if the other side closes."""
    with socket.socket() as connection:
        # Not `settimeout`: with it the connection doesn't wait for the whole answer.
        patience = struct.pack("ll", ANSWER.seconds, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        connection.connect((address, port))
        connection.sendall(words)
        return connection.recv(size, socket.MSG_WAITALL)


if __name__ == "__main__":
    ocf.run(
        "rabbitmq",
        "A RabbitMQ broker as a systemd unit, asked for its greeting\n"
        "Starts and stops the unit; the monitor waits for AMQP's greeting, so that a broker that hangs counts as "
        "failed, and one that waits for its peers as degraded. A clone's brokers join each other by their "
        "configuration; data of another cluster is refused, and none is ever removed.",
        [UNIT, CLUSTER, DATA, PORT, PEERS_PORT, ANSWER, PATIENCE],
        [
            ocf.Action("start", start, timeout=180),
            ocf.Action("stop", stop, timeout=60),
            ocf.Action("monitor", monitor, timeout=20, interval=5),
            ocf.Action("validate-all", validate, timeout=10),
        ],
    )
