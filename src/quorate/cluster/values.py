"""The values that a person writes: what can be said about each by itself, as pydantic types.

A bad one raises `wrong(...)`, which `loading.py` turns into a finding. None stands for what wasn't written.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from quorate.cluster import units
from quorate.cluster.findings import quoted, suggestion
from quorate.cluster.model import Store, Use

SMALLEST_VOLUME = 512 << 20
"""Bytes. Of a database's 96 MiB are the redo log alone (MariaDB's innodb_log_file_size)."""


def wrong(code: str, what: str, todo: str = "", means: str = "") -> PydanticCustomError:
    """A finding about one value, in pydantic's clothes."""
    return PydanticCustomError("quorate", "{what}", {"code": code, "what": what, "todo": todo, "means": means})


def kind(value: object) -> str:
    """What a value is, in a person's words."""
    names = {dict: "a mapping", list: "a list", bool: "true or false", int: "a number", type(None): "nothing"}
    return names.get(type(value), "text")


def text(value: object, example: str) -> str:
    """A value that must be text. Raises what becomes a finding."""
    if value is None:
        raise wrong("no-value", "the value is missing", f"Write one (`{example}`), or leave the line out.")
    if not isinstance(value, str):
        raise wrong("wrong-type", f"this is {kind(value)} and must be text", f"For example `{example}`.")
    return value


def _address(value: object) -> IPv4Address:
    written = text(value, "10.20.0.11")
    if _ipv6(written):
        raise wrong("ipv6", "IPv6 isn't supported yet", "Use the IPv4 address.")
    try:
        address = IPv4Address(written)
    except ValueError:
        raise wrong("bad-address", f"{quoted(written)} is not an IPv4 address", "For example `10.20.0.11`.") from None
    if (
        address.is_loopback
        or address.is_multicast
        or address.is_unspecified
        or address == IPv4Address("255.255.255.255")
    ):
        raise wrong("bad-address", f"{address} can't be the address of one host")
    return address


def _network(value: object) -> IPv4Network:
    written = text(value, "10.20.0.0/24")
    if _ipv6(written):
        raise wrong("ipv6", "IPv6 isn't supported yet", "Use the IPv4 network.")
    try:
        network = IPv4Network(written, strict=False)
    except ValueError:
        raise wrong("bad-network", f"{quoted(written)} is not an IPv4 network", "For example `10.20.0.0/24`.") from None
    if str(network) != written:
        raise wrong("bad-network", f"{quoted(written)} is not a network as it stands", f"Did you mean `{network}`?")
    if network.is_loopback or network.is_multicast or not 8 <= network.prefixlen <= 29:
        todo = "A /8 to a /29 can hold a cluster's nodes."
        raise wrong("bad-network", f"{network} can't be a network of cluster nodes", todo)
    return network


def _ipv6(text: str) -> bool:
    return text.count(":") > 1


def _duration(value: object) -> timedelta:
    example = "30s"
    written = text(value, example) if not isinstance(value, int) or isinstance(value, bool) else str(value)
    try:
        duration = units.duration(written)
    except ValueError:
        todo = f"A number and its unit ({', '.join(units.DURATIONS)}): `{example}`."
        raise wrong("bad-unit", f"{quoted(written)} is not a duration", todo) from None
    if not duration:
        raise wrong(
            "impossible-objective",
            "no takeover takes no time at all",
            f"Write what clients can bear, `{example}`.",
        )
    return duration


def _size(value: object) -> int:
    written = text(value, "2GiB") if not isinstance(value, int) or isinstance(value, bool) else str(value)
    try:
        size = units.size(written)
    except ValueError:
        todo = f"A number and its unit ({', '.join(units.SIZES)}): `2GiB`."
        raise wrong("bad-unit", f"{quoted(written)} is not a size", todo) from None
    if size < SMALLEST_VOLUME:
        raise wrong("bad-size", f"{quoted(written)} is too small for a volume", "At least `512MiB`.")
    if size > 1 << 50:
        raise wrong("bad-size", f"{quoted(written)} is more than DRBD can replicate", "At most `1024TiB`.")
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
    written = text(value, "/dev/disk/by-id/...")
    if not re.fullmatch(r"/dev(/[\w.:+@=,-]+)+", written, re.ASCII) or ".." in written.split("/"):
        todo = "Its path beneath `/dev`, best one of `/dev/disk/by-id`."
        raise wrong("bad-device", f"{quoted(written)} is not the path of a block device", todo)
    return written


def _interfaces(value: object) -> tuple[str, ...]:
    """One interface, or those of a bond."""
    names = value if isinstance(value, list) and value else [value]
    for name in names:
        written = text(name, "eno1")
        if not re.fullmatch(r"[\w.-]{1,15}", written, re.ASCII) or written in (".", ".."):  # IFNAMSIZ of if.h
            what = f"{quoted(written)} is not the name of a network interface"
            raise wrong("bad-nic", what, "For example `eno1`, or `[eno1, eno2]` for a bond.")
    if len(set(names)) < len(names):
        raise wrong("bad-nic", "an interface is in the bond twice", "List each once.")
    return tuple(names)


def _bmc_user(value: object) -> str:
    written = text(value, "admin")
    if not re.fullmatch(r"[\w.@+-]{1,16}", written, re.ASCII):  # IPMI 2.0: 16 bytes
        raise wrong("bad-user", f"{quoted(written)} is not the name of a BMC's user", "At most 16 letters and digits.")
    return written


def _pair(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise wrong("wrong-type", "this must be a list of node names", "For example `[ctl1, ctl2]`.")
    if len(value) != 2 or value[0] == value[1]:
        count = len(set(value))
        what = "a DRBD pair is two different nodes, not " + ("the same one twice" if count < len(value) else str(count))
        means = "With one there is no replica to take over; DRBD 8.4 replicates to exactly one other."
        raise wrong("drbd-pair", what, "For example `[ctl1, ctl2]`.", means)
    return tuple(value)


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise wrong("wrong-type", "this must be a list of node names", "For example `[ctl1, ctl2, ctl3]`.")
    if not value or len(set(value)) < len(value):
        what = "a node is listed twice" if value else "the service would run nowhere"
        raise wrong("bad-placement", what, "List each node once.")
    return tuple(value)


STORES = ("nfs", "rbd", "s3", "swift")
"""Where Glance can keep images besides a volume of ours; their options are Glance's own."""


def _store(value: object) -> Store:
    if value == "drbd":
        return Store(kind="drbd")
    todo = f"Write `drbd`, or one of {', '.join(STORES)} with its options: `{{rbd: {{rbd_store_pool: images}}}}`."
    if not isinstance(value, dict) or len(value) != 1:
        raise wrong("bad-store", f"this is {kind(value)} and must be `drbd` or one store with its options", todo)
    ((name, options),) = value.items()
    if name not in STORES:
        raise wrong("unknown-word", f"{quoted(name)} isn't a store for images", suggestion(name, ["drbd", *STORES]))
    if not isinstance(options, dict) or not all(isinstance(option, str) for option in options.values()):
        raise wrong("bad-store", f"the options of {name} must be a mapping from names to text", todo)
    for option, given in options.items():
        if not re.fullmatch(r"[a-z0-9_]+", option) or not given.isprintable():
            raise wrong(
                "bad-store", f"{quoted(option)} can't be an option of Glance", "Glance's documentation has them."
            )
        if re.search("password|secret|_key$", option):
            means = "A cluster file is copied, mailed and committed."
            todo = "Put it into a file that Glance reads besides: /etc/glance/glance-api.conf.d/, by hand."
            raise wrong("secret-in-file", f"{quoted(option)} is a secret and doesn't belong here", todo, means)
    if name == "nfs":
        _export(options)
    return Store(kind=name, options=options)


def _export(options: Mapping[str, str]) -> None:
    """What is mounted, and how: nfs(5)."""
    if not re.fullmatch(r"[^\s:/]+:/\S*|\[[0-9a-fA-F:]+\]:/\S*", options.get("export", "")):
        todo = "Write `export: SERVER:/PATH`, as exports(5) has it on the server."
        raise wrong("bad-store", "nfs needs the option `export`: what is to be mounted", todo)
    if re.search(r"\b(nfs)?vers=[23]\b", options.get("mount_options", "")):
        means = "Older versions need a port mapper on every node, which listens for everybody."
        raise wrong("bad-store", "images are on NFS 4 or newer", "Write `nfsvers=4.2` in `mount_options`.", means)


def _name(value: object) -> str:
    return text(str(value) if type(value) is int else value, "lab")


def _uses(value: object) -> frozenset[Use]:
    if not isinstance(value, list):
        raise wrong("wrong-type", f"this is {kind(value)} and must be a list", "For example `[ssh, ring]`.")
    for word in value:
        if word not in list(Use):
            raise wrong("unknown-word", f"{quoted(word)} isn't a use of a network", suggestion(str(word), Use))
    return frozenset(map(Use, value))


def word(*words: str, later: tuple[str, ...] = ()) -> Callable[[object], str]:
    def check(value: object) -> str:
        written = text(value, words[0])
        if written in later:
            raise wrong("not-yet", f"{quoted(written)} isn't built yet", f"For now: `{'`, `'.join(words)}`.")
        if written not in words:
            raise wrong("unknown-word", f"{quoted(written)} isn't known here", suggestion(written, words))
        return written

    return check


Address = Annotated[IPv4Address | None, BeforeValidator(_address)]
Cidr = Annotated[IPv4Network | None, BeforeValidator(_network)]
Duration = Annotated[timedelta | None, BeforeValidator(_duration)]
Size = Annotated[int | None, BeforeValidator(_size)]
Port = Annotated[int | None, BeforeValidator(_port)]
LostWrites = Annotated[int | None, BeforeValidator(_lost_writes)]
Device = Annotated[str | None, BeforeValidator(_device)]
Interfaces = Annotated[tuple[str, ...] | None, BeforeValidator(_interfaces)]
BmcUser = Annotated[str | None, BeforeValidator(_bmc_user)]
Pair = Annotated[tuple[str, ...] | None, BeforeValidator(_pair)]
Name = Annotated[str | None, BeforeValidator(_name)]
Uses = Annotated[frozenset[Use] | None, BeforeValidator(_uses)]
Names = Annotated[tuple[str, ...] | None, BeforeValidator(_names)]
Images = Annotated[Store | None, BeforeValidator(_store)]
