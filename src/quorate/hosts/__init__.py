"""How to reach a host: SSH, strict about keys, one connection a host. Knows nothing of clusters."""

from quorate.hosts.connecting import Endpoint
from quorate.hosts.errors import (
    CommandFailed,
    CommandTimedOut,
    ConnectionLost,
    HostKeyChanged,
    HostKeyUnknown,
    KeyRefused,
    NotRoot,
    PythonMissing,
    Unreachable,
)
from quorate.hosts.ssh import Host, Hosts, Result

__all__ = [
    "CommandFailed",
    "CommandTimedOut",
    "ConnectionLost",
    "Endpoint",
    "Host",
    "HostKeyChanged",
    "HostKeyUnknown",
    "Hosts",
    "KeyRefused",
    "NotRoot",
    "PythonMissing",
    "Result",
    "Unreachable",
]
