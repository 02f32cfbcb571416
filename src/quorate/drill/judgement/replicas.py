"""Both replicas: the planned switch-over that makes the other one serve, and DRBD's own comparison of the two disks."""

import re
import time
from dataclasses import dataclass

from quorate import live
from quorate.design.model import Design
from quorate.drill.waiting import until
from quorate.errors import QuorateError
from quorate.hosts import Host, Hosts
from quorate.services.parts import Clone, Volume

SWITCH_OVER_SECONDS = 120
VERIFY_SECONDS = 1800


@dataclass(frozen=True)
class Verify:
    """What `drbdadm verify` found."""

    volume: str
    out_of_sync: int
    """KiB that differ."""
    seconds: float


async def switch_over(hosts: Hosts, design: Design, service: str, to: str) -> None:
    """Moves a service to its other node, as for maintenance, and leaves no constraint behind.

    Raises:
        QuorateError: it did not arrive there in time.
    """
    resource, role = _what_to_move(design, service)
    via = await hosts.host(to)
    await via.run("crm_resource", "--resource", resource, "--move", "--node", to, *role)

    async def arrived() -> bool:
        return (await live.read(hosts, design)).active.get(service) == to

    try:
        if not await until(arrived, SWITCH_OVER_SECONDS):
            raise QuorateError(
                f"{service} did not move to {to} within {SWITCH_OVER_SECONDS} s",
                where=to,
                todo="`quorate status` says what is wrong",
            )
    finally:
        await via.run("crm_resource", "--resource", resource, "--clear")


async def verify(host: Host, volume: Volume) -> Verify:
    """Lets DRBD read both disks and compare their checksums, block by block.

    Raises:
        QuorateError: it was not through in time, or broke off.
    """
    begun = time.monotonic()
    since = (await host.run("date", "+%s")).stdout.strip()
    await host.run("drbdadm", "verify", volume.name)

    async def through() -> bool:
        return not (await _connection(host, volume))["cs"].startswith("Verify")

    if not await until(through, VERIFY_SECONDS):
        raise QuorateError(f"`drbdadm verify` was not through after {VERIFY_SECONDS} s", where=host.name)
    log = (await host.run("journalctl", "--dmesg", f"--since=@{since}", "--output=cat", "--quiet")).stdout
    if not re.search(rf"drbd{volume.minor}: Online verify +done", log):
        raise QuorateError(f"`drbdadm verify {volume.name}` broke off", where=host.name)
    return Verify(volume.name, int((await _connection(host, volume))["oos"]), time.monotonic() - begun)


def movable(design: Design, service: str) -> bool:
    """Whether the role of a service is one resource's place, so that a planned switch-over means something."""
    inside = {resource.primitive.id for resource in design.resources if isinstance(resource, Clone)}
    return design.services[service].active_resource not in inside


def _what_to_move(design: Design, service: str) -> tuple[str, tuple[str, ...]]:
    """The promotable clone that the service follows, or else what clients talk to."""
    own = design.services[service]
    for resource in design.resources:
        if isinstance(resource, Clone) and resource.id in own.resources and resource.meta.get("promotable") == "true":
            return resource.id, ("--promoted",)
    return own.active_resource, ()


async def _connection(host: Host, volume: Volume) -> dict[str, str]:
    """The `key:value` words of a volume in /proc/drbd, DRBD 8.4: cs, ro, ds, oos ..."""
    text = (await host.run("cat", "/proc/drbd")).stdout
    return parse_proc_drbd(text, volume.minor)


def parse_proc_drbd(text: str, minor: int) -> dict[str, str]:
    """See `_connection`."""
    of_minor = re.search(rf"^ *{minor}: (.*(?:\n {{4}}.*)*)", text, re.MULTILINE)
    return dict(re.findall(r"\b([a-z]+):(\S+)", of_minor[1])) if of_minor else {}
