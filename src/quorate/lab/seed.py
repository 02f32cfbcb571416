"""What makes a machine this one and no other, as a tar file that it unpacks at every start: name, links, keys."""

import io
import tarfile
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

from quorate.lab.command import run
from quorate.lab.spec import LAB_NETWORK, LabSpec, LinkSpec


def links_of(spec: LabSpec, name: str) -> tuple[LinkSpec, ...]:
    """All of a machine's links: the lab's own first, then the cluster's, then that to the BMCs' network."""
    machine = spec.machine(name)
    own = _link("lab", "lab", spec.lab_address(name), LAB_NETWORK)
    # A node's own address among the BMCs: the upper half of the network, so that it can't be a BMC's.
    number = 128 + [machine.name for machine in spec.machines].index(name)
    network = spec.bmc_network.client.network
    to_bmcs = _link(spec.bmc_network.name, "bmc", network[number], network)
    return (own, *machine.links, to_bmcs)


def mac(spec: LabSpec, name: str, link: int) -> str:
    """The hardware address of a machine's link; locally administered."""
    return f"02:51:00:00:{[machine.name for machine in spec.machines].index(name):02x}:{link:02x}"


def write(spec: LabSpec, name: str, folder: Path, public_key: str) -> str:
    """Writes `seed.tar` into the machine's folder, and its host key once; returns the public host key."""
    host_key = folder / "ssh_host_ed25519_key"
    if not host_key.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", host_key)
    public_host_key = host_key.with_suffix(".pub").read_text()
    files: dict[str, tuple[str, int]] = {
        "etc/hostname": (f"{name}\n", 0o644),
        "etc/hosts": (f"127.0.0.1 localhost\n127.0.1.1 {name}\n", 0o644),
        "etc/ssh/ssh_host_ed25519_key": (host_key.read_text(), 0o600),
        "etc/ssh/ssh_host_ed25519_key.pub": (public_host_key, 0o644),
        "root/.ssh/authorized_keys": (public_key, 0o600),
    }
    for number, link in enumerate(links_of(spec, name)):
        match = f"[Match]\nMACAddress={mac(spec, name, number)}\n\n"
        files[f"etc/systemd/network/10-{link.nic}.link"] = (f"{match}[Link]\nName={link.nic}\n", 0o644)
        files[f"etc/systemd/network/10-{link.nic}.network"] = (
            f"{match}[Network]\nAddress={link.address}\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n",
            0o644,
        )
    with tarfile.open(folder / "seed.tar", "w") as tar:
        for path, (text, mode) in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(text.encode()), mode
            tar.addfile(entry, io.BytesIO(text.encode()))
    (folder / "seed.tar").chmod(0o600)
    return public_host_key.strip()


def _link(network: str, nic: str, address: IPv4Address, cidr: IPv4Network) -> LinkSpec:
    return LinkSpec(network=network, nic=nic, address=IPv4Interface((address, cidr.prefixlen)))
