"""What a lab shall be, as plain data: the lab's own words, so that it needs to know nothing of cluster files."""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

from pydantic import BaseModel, ConfigDict

LAB_NETWORK = IPv4Network("198.18.0.0/24")
"""The management link that no fault touches (from RFC 2544's range, which no site routes)."""


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LinkSpec(_Spec):
    """A machine's link to a network; the interface in the machine bears the name `nic`."""

    network: str
    address: IPv4Interface
    nic: str


class BmcSpec(_Spec):
    """A power switch that answers IPMI 2.0; its password is read from a file."""

    address: IPv4Address
    user: str
    password_file: Path


class MachineSpec(_Spec):
    """One machine."""

    name: str
    links: tuple[LinkSpec, ...]
    bmc: BmcSpec


class NetworkSpec(_Spec):
    """One network, and the address that this machine (the operator's and the clients' place) has on it."""

    name: str
    client: IPv4Interface


class LabSpec(_Spec):
    """A whole lab."""

    name: str
    machines: tuple[MachineSpec, ...]
    networks: tuple[NetworkSpec, ...]
    """Those that faults may touch; the BMCs' network and the lab's own come on top."""
    bmc_network: NetworkSpec
    packages: tuple[str, ...] = ()
    """Debian packages already in the image, so that three nodes need not each unpack the same ones."""
    offline: tuple[str, ...] = ()
    """Packages not installed, but to be had by apt on the machines, as from a site's mirror."""
    memory: str = "1G"
    data_bytes: int = 2 << 30
    firmware_seconds: float = 8.0
    """From power on to the kernel's start, as firmware takes it: most real servers need minutes."""

    def machine(self, name: str) -> MachineSpec:
        """The machine of that name; KeyError if there is none."""
        return {machine.name: machine for machine in self.machines}[name]

    def lab_address(self, name: str) -> IPv4Address:
        """A machine's address on the lab's own network."""
        index = [machine.name for machine in self.machines].index(name)
        return LAB_NETWORK[11 + index]


class DropSpec(_Spec):
    """Frames that a network doesn't carry, though every link is plugged in."""

    network: str
    sender: str | None = None
    """A machine; None: any, this one here included."""
    receiver: str | None = None
    protocol: str | None = None
    """`tcp` or `udp`; None: whatever it is."""
    ports: tuple[int, ...] = ()
    """Of either end; with a protocol only."""
    longer_than: int | None = None
    """Bytes of the packet in it."""


class DamageSpec(_Spec):
    """What of a lab is broken, all of it at once, and by the failure of which parts of the site."""

    parts: tuple[str, ...] = ()
    """A person's names for them; the lab knows no more of these."""
    powerless: tuple[str, ...] = ()
    """Machines without power: off whatever their switch says, and back on with the power if it says on."""
    silent: tuple[str, ...] = ()
    """Machines whose BMC can't be reached."""
    cut: tuple[tuple[str, str], ...] = ()
    """Machine and network: links without a switch."""
    cut_off: tuple[str, ...] = ()
    """Networks to which this machine, the clients' place, has lost its way."""
