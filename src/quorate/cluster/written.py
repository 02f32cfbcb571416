"""The shape of the cluster file as a person writes it: every key, all of them optional here.

What is missing is worked out in `defaults.py`; what fits together badly is found in `checks.py`. Here stands only what
can be said about one value by itself. A bad value raises `wrong(...)`, which `loading.py` turns into a finding.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from quorate.cluster import units
from quorate.cluster.findings import Path, quoted, suggestion
from quorate.cluster.model import Use

MOST_NODES = 32
MOST_NETWORKS = 8
"""What knet takes: KNET_MAX_LINK of libknet.h."""
SMALLEST_DATABASE = 512 << 20
"""Bytes. Of these 96 MiB are the redo log alone (MariaDB's innodb_log_file_size)."""


def wrong(code: str, what: str, todo: str = "", means: str = "") -> PydanticCustomError:
    """A finding about one value, in pydantic's clothes."""
    return PydanticCustomError("quorate", "{what}", {"code": code, "what": what, "todo": todo, "means": means})


def kind(value: object) -> str:
    """What a value is, in a person's words."""
    names = {dict: "a mapping", list: "a list", bool: "true or false", int: "a number", type(None): "nothing"}
    return names.get(type(value), "text")


def _text(value: object, example: str) -> str:
    if value is None:
        raise wrong("no-value", "the value is missing", f"Write one (`{example}`), or leave the line out.")
    if not isinstance(value, str):
        raise wrong("wrong-type", f"this is {kind(value)} and must be text", f"For example `{example}`.")
    return value


def _address(value: object) -> IPv4Address:
    text = _text(value, "10.20.0.11")
    if _ipv6(text):
        raise wrong("ipv6", "IPv6 isn't supported yet", "Use the IPv4 address.")
    try:
        address = IPv4Address(text)
    except ValueError:
        raise wrong("bad-address", f"{quoted(text)} is not an IPv4 address", "For example `10.20.0.11`.") from None
    if (
        address.is_loopback
        or address.is_multicast
        or address.is_unspecified
        or address == IPv4Address("255.255.255.255")
    ):
        raise wrong("bad-address", f"{address} can't be the address of one host")
    return address


def _network(value: object) -> IPv4Network:
    text = _text(value, "10.20.0.0/24")
    if _ipv6(text):
        raise wrong("ipv6", "IPv6 isn't supported yet", "Use the IPv4 network.")
    try:
        network = IPv4Network(text, strict=False)
    except ValueError:
        raise wrong("bad-network", f"{quoted(text)} is not an IPv4 network", "For example `10.20.0.0/24`.") from None
    if str(network) != text:
        raise wrong("bad-network", f"{quoted(text)} is not a network as it stands", f"Did you mean `{network}`?")
    if network.is_loopback or network.is_multicast or not 8 <= network.prefixlen <= 29:
        todo = "A /8 to a /29 can hold a cluster's nodes."
        raise wrong("bad-network", f"{network} can't be a network of cluster nodes", todo)
    return network


def _ipv6(text: str) -> bool:
    return text.count(":") > 1


def _duration(value: object) -> timedelta:
    example = "30s"
    text = _text(value, example) if not isinstance(value, int) or isinstance(value, bool) else str(value)
    try:
        duration = units.duration(text)
    except ValueError:
        todo = f"A number and its unit ({', '.join(units.DURATIONS)}): `{example}`."
        raise wrong("bad-unit", f"{quoted(text)} is not a duration", todo) from None
    if not duration:
        raise wrong(
            "impossible-objective",
            "no takeover takes no time at all",
            f"Write what clients can bear, `{example}`.",
        )
    return duration


def _size(value: object) -> int:
    text = _text(value, "2GiB") if not isinstance(value, int) or isinstance(value, bool) else str(value)
    try:
        size = units.size(text)
    except ValueError:
        todo = f"A number and its unit ({', '.join(units.SIZES)}): `2GiB`."
        raise wrong("bad-unit", f"{quoted(text)} is not a size", todo) from None
    if size < SMALLEST_DATABASE:
        raise wrong("bad-size", f"{quoted(text)} is too small for a database", "At least `512MiB`.")
    if size > 1 << 50:
        raise wrong("bad-size", f"{quoted(text)} is more than DRBD can replicate", "At most `1024TiB`.")
    return size


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong("wrong-type", f"this is {kind(value)} and must be a whole number")
    return value


def _port(value: object) -> int:
    port = _whole(value)
    if not 1024 <= port <= 65535:
        raise wrong("bad-port", f"{port} can't be the port of a service that isn't root", "1024 to 65535.")
    return port


def _lost_writes(value: object) -> int:
    count = _whole(value)
    if count < 0:
        raise wrong("impossible-objective", "fewer than no writes can't be lost", "Write `0`.")
    return count


def _device(value: object) -> str:
    text = _text(value, "/dev/disk/by-id/...")
    if not re.fullmatch(r"/dev(/[\w.:+@=,-]+)+", text, re.ASCII) or ".." in text.split("/"):
        todo = "Its path beneath `/dev`, best one of `/dev/disk/by-id`."
        raise wrong("bad-device", f"{quoted(text)} is not the path of a block device", todo)
    return text


def _interface(value: object) -> str:
    if isinstance(value, list):
        todo = "Make the bond yourself and write its name."
        raise wrong("not-yet", "a link over several interfaces isn't built yet", todo)
    text = _text(value, "eno1")
    if not re.fullmatch(r"[\w.-]{1,15}", text, re.ASCII) or text in (".", ".."):  # IFNAMSIZ of if.h
        raise wrong("bad-nic", f"{quoted(text)} is not the name of a network interface", "For example `eno1`.")
    return text


def _bmc_user(value: object) -> str:
    text = _text(value, "admin")
    if not re.fullmatch(r"[\w.@+-]{1,16}", text, re.ASCII):  # IPMI 2.0: 16 bytes
        raise wrong("bad-user", f"{quoted(text)} is not the name of a BMC's user", "At most 16 letters and digits.")
    return text


def _pair(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise wrong("wrong-type", "this must be a list of node names", "For example `[ctl1, ctl2]`.")
    if len(value) != 2 or value[0] == value[1]:
        count = len(set(value))
        what = "a DRBD pair is two different nodes, not " + ("the same one twice" if count < len(value) else str(count))
        means = "With one there is no replica to take over; DRBD 8.4 replicates to exactly one other."
        raise wrong("drbd-pair", what, "For example `[ctl1, ctl2]`.", means)
    return tuple(value)


def _name(value: object) -> str:
    return _text(str(value) if type(value) is int else value, "lab")


def _uses(value: object) -> frozenset[Use]:
    if not isinstance(value, list):
        raise wrong("wrong-type", f"this is {kind(value)} and must be a list", "For example `[ssh, ring]`.")
    for word in value:
        if word not in list(Use):
            raise wrong("unknown-word", f"{quoted(word)} isn't a use of a network", suggestion(str(word), Use))
    return frozenset(map(Use, value))


def _word(*words: str, later: tuple[str, ...] = ()) -> Callable[[object], str]:
    def check(value: object) -> str:
        text = _text(value, words[0])
        if text in later:
            raise wrong("not-yet", f"{quoted(text)} isn't built yet", f"For now: `{'`, `'.join(words)}`.")
        if text not in words:
            raise wrong("unknown-word", f"{quoted(text)} isn't known here", suggestion(text, words))
        return text

    return check


Address = Annotated[IPv4Address | None, BeforeValidator(_address)]
Cidr = Annotated[IPv4Network | None, BeforeValidator(_network)]
Duration = Annotated[timedelta | None, BeforeValidator(_duration)]
Size = Annotated[int | None, BeforeValidator(_size)]
Port = Annotated[int | None, BeforeValidator(_port)]
LostWrites = Annotated[int | None, BeforeValidator(_lost_writes)]
Device = Annotated[str | None, BeforeValidator(_device)]
Interface = Annotated[str | None, BeforeValidator(_interface)]
BmcUser = Annotated[str | None, BeforeValidator(_bmc_user)]
Pair = Annotated[tuple[str, ...] | None, BeforeValidator(_pair)]
Name = Annotated[str | None, BeforeValidator(_name)]
Uses = Annotated[frozenset[Use] | None, BeforeValidator(_uses)]
Engine = Annotated[str | None, BeforeValidator(_word("mariadb"))]
Replication = Annotated[str | None, BeforeValidator(_word("drbd", later=("galera",)))]


class Written(BaseModel):
    """Strict: a value has the right type or is refused, and an unknown key is an error. `null` is an empty mapping."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    later: ClassVar[frozenset[str]] = frozenset()
    """Keys of the cluster file's intended shape that aren't built yet."""

    @model_validator(mode="before")
    @classmethod
    def _null_is_empty(cls, data: Any) -> Any:
        return {} if data is None else data


class WrittenNetwork(Written):
    """One network."""

    later = frozenset({"link", "vip", "gateway"})

    cidr: Cidr = None
    uses: Uses = None


class WrittenLink(Written):
    """A node's place on a network."""

    later = frozenset({"via"})

    address: Address = None
    nic: Interface = None


class WrittenBmc(Written):
    """A node's power switch."""

    later = frozenset({"via", "power"})

    ipmi: Address = None
    user: BmcUser = None


class WrittenNode(Written):
    """One node."""

    later = frozenset({"rack", "power"})

    links: dict[str, WrittenLink] = {}
    bmc: WrittenBmc = WrittenBmc()
    data: Device = None


class WrittenDatabase(Written):
    """The database service."""

    engine: Engine = None
    replicated_by: Replication = None
    on: Pair = None
    size: Size = None
    vip: Address = None
    port: Port = None


class WrittenServices(Written):
    """The services."""

    later = frozenset({"messaging", "identity", "image"})

    database: Annotated[WrittenDatabase | None, BeforeValidator(lambda body: {} if body is None else body)] = None


class WrittenObjective(Written):
    """What a service promises."""

    later = frozenset({"per_year"})

    downtime: Duration = None
    lost_writes: LostWrites = None


class WrittenCluster(Written):
    """The whole file. `nodes` as a list of names is made a mapping before it comes here."""

    later = frozenset({"facility", "waivers"})

    cluster: Name = None
    nodes: Annotated[dict[str, WrittenNode], Field(max_length=MOST_NODES)] | None = None
    networks: Annotated[dict[str, WrittenNetwork], Field(max_length=MOST_NETWORKS)] | None = None
    services: WrittenServices = WrittenServices()
    objectives: dict[str, WrittenObjective] = {}


SHAPE: dict[tuple[str, ...], type[Written]] = {
    (): WrittenCluster,
    ("nodes", "NODE"): WrittenNode,
    ("nodes", "NODE", "links", "NETWORK"): WrittenLink,
    ("nodes", "NODE", "bmc"): WrittenBmc,
    ("networks", "NETWORK"): WrittenNetwork,
    ("services",): WrittenServices,
    ("services", "database"): WrittenDatabase,
    ("objectives", "SERVICE"): WrittenObjective,
}
"""Every mapping of the file with keys of its own; in capitals what a person names."""


def model_at(path: Path) -> type[Written]:
    """The model of the mapping that stands at a path of the file."""
    return next(
        model
        for pattern, model in SHAPE.items()
        if len(pattern) == len(path)
        and all(word == key or word.isupper() for word, key in zip(pattern, path, strict=True))
    )
