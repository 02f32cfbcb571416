"""The lab's networks: one namespace, in it a bridge a network and a tap a link. Nothing outside is touched.

A link is cut as by pulling its cable out of the switch: its tap leaves the bridge. Neither end is told. A BMC falls
silent, and clients are cut off, by losing the address that they have on the bridge. Some frames are dropped, and others
are not, by rules for the bridges.
"""

import ctypes
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from quorate.errors import LabError
from quorate.lab.command import run
from quorate.lab.seed import links_of
from quorate.lab.spec import LAB_NETWORK, DropSpec, LabSpec, NetworkSpec

_CLONE_NEWNET = 0x40000000  # setns(2)


class Namespace:
    """A network namespace by name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = Path("/run/netns") / name

    def exists(self) -> bool:
        """Whether the namespace is there."""
        return self.path.exists()

    def enter(self) -> None:
        """Moves this process into the namespace; call it before any thread is started. Raises LabError."""
        with self.path.open() as file:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(file.fileno(), _CLONE_NEWNET):
                raise LabError(f"setns: {os.strerror(ctypes.get_errno())}", where=str(self.path))

    def argv(self, *command: str | Path) -> list[str | Path]:
        """The command, to be run inside."""
        return ["nsenter", f"--net={self.path}", *command]

    def up(self, spec: LabSpec) -> None:
        """Makes what is missing of the namespace, its bridges and taps; leaves cut links cut."""
        if not self.exists():
            run("ip", "netns", "add", self.name)
            self._ip("link", "set", "lo", "up")
        present = self._masters()
        clients = {network.name: network.client for network in _networks(spec)}
        for number, (network, bridge) in enumerate(bridges(spec).items()):
            if bridge not in present:
                # Left to itself a bridge takes its lowest port's, and another one when that port leaves.
                own = ("address", f"02:51:01:00:00:{number:02x}")
                self._ip("link", "add", bridge, *own, "type", "bridge", "forward_delay", "0", "stp_state", "0")
                address = clients.get(network, f"{LAB_NETWORK[1]}/{LAB_NETWORK.prefixlen}")
                self._ip("address", "add", str(address), "dev", bridge)
                self._ip("link", "set", bridge, "up")
        for machine in spec.machines:
            self.answer(spec, machine.name, True)
            for number, link in enumerate(links_of(spec, machine.name)):
                name = tap(spec, machine.name, number)
                if name not in present:
                    self._ip("tuntap", "add", name, "mode", "tap")
                    self._ip("link", "set", name, "master", bridges(spec)[link.network], "up")

    def connect(self, spec: LabSpec, machine: str, network: str, connected: bool) -> None:
        """Plugs a machine's link to a network in, or out."""
        number = _link_number(spec, machine, network)
        master = ("master", bridges(spec)[network]) if connected else ("nomaster",)
        self._ip("link", "set", tap(spec, machine, number), *master)

    def answer(self, spec: LabSpec, machine: str, answering: bool) -> None:
        """Lets a machine's BMC be reached, or not. Its address is the lab's, so that it answers while that is off."""
        address = f"{spec.machine(machine).bmc.address}/{spec.bmc_network.client.network.prefixlen}"
        self._have(bridges(spec)[spec.bmc_network.name], address, answering)

    def let_in(self, spec: LabSpec, network: str, reaching: bool) -> None:
        """Lets this machine reach a network, or not."""
        client = next(each.client for each in _networks(spec) if each.name == network)
        self._have(bridges(spec)[network], str(client), reaching)

    def drop(self, spec: LabSpec, drops: Sequence[DropSpec]) -> None:
        """Makes the bridges drop these frames and no others, all at one moment: nft(8), a file is one transaction."""
        if not drops and shutil.which("nft") is None:
            return  # so nothing was ever dropped
        run(*self.argv("nft", "--file", "-"), input=ruleset(spec, drops))

    def _have(self, interface: str, address: str, having: bool) -> None:
        if having:
            self._ip("address", "replace", address, "dev", interface)
        elif address in self._ip("address", "show", "dev", interface).split():
            self._ip("address", "delete", address, "dev", interface)

    def cut_links(self, spec: LabSpec) -> list[tuple[str, str]]:
        """The links that are cut, as (machine, network)."""
        masters = self._masters()
        return [
            (machine.name, link.network)
            for machine in spec.machines
            for number, link in enumerate(links_of(spec, machine.name))
            if masters.get(tap(spec, machine.name, number), "") == ""
        ]

    def _masters(self) -> dict[str, str]:
        """Every interface in the namespace with the bridge that it is plugged into, or an empty string."""
        return {link["ifname"]: link.get("master", "") for link in json.loads(self._ip("-json", "link", "show"))}

    def _ip(self, *words: str) -> str:
        return run("ip", "-netns", self.name, *words)


def ruleset(spec: LabSpec, drops: Sequence[DropSpec]) -> str:
    """What nftables has to know, in place of what it did. Pure.

    Between two machines frames are forwarded; what this machine sends or hears is output and input (nft(8), "bridge").
    """
    chains: dict[str, list[str]] = {"forward": [], "input": [], "output": []}
    for drop in drops:
        ends = ""
        if drop.sender:
            ends += f'iifname "{tap(spec, drop.sender, _link_number(spec, drop.sender, drop.network))}" '
        if drop.receiver:
            ends += f'oifname "{tap(spec, drop.receiver, _link_number(spec, drop.receiver, drop.network))}" '
        hooks = ["forward"]
        hooks += ["input"] if not drop.receiver else []
        hooks += ["output"] if not drop.sender else []
        for hook in hooks:
            chains[hook] += [f"{ends}{match}drop" for match in _matches(drop)]
    bodies = "".join(
        f"  chain {name} {{\n    type filter hook {name} priority 0; policy accept;\n"
        + "".join(f"    {rule}\n" for rule in rules)
        + "  }\n"
        for name, rules in chains.items()
    )
    # Deleting what isn't there is an error, declaring what is there isn't.
    return f"table bridge lab\ndelete table bridge lab\ntable bridge lab {{\n{bodies}}}\n"


def _matches(drop: DropSpec) -> Iterator[str]:
    long = f"meta length > {drop.longer_than} " if drop.longer_than else ""
    if not drop.protocol:
        yield long
        return
    ports = ", ".join(map(str, drop.ports))
    for end in ("sport", "dport"):
        yield f"{long}ether type ip ip protocol {drop.protocol} {drop.protocol} {end} {{ {ports} }} "


def _networks(spec: LabSpec) -> tuple[NetworkSpec, ...]:
    return (*spec.networks, spec.bmc_network)


def bridges(spec: LabSpec) -> dict[str, str]:
    """By network, the name of its bridge; short, for an interface's name has at most 15 characters."""
    names = ["lab", *(network.name for network in spec.networks), spec.bmc_network.name]
    return {name: f"net{number}" for number, name in enumerate(names)}


def tap(spec: LabSpec, machine: str, link: int) -> str:
    """The tap at the lab's end of a machine's link."""
    return f"m{[machine.name for machine in spec.machines].index(machine)}l{link}"


def _link_number(spec: LabSpec, machine: str, network: str) -> int:
    for number, link in enumerate(links_of(spec, machine)):
        if link.network == network:
            return number
    raise KeyError(network)
