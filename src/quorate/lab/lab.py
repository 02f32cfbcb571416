"""The whole lab: up, down, and what it looks like now. Its state is one folder; `down` leaves nothing of it."""

import contextlib
import hashlib
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Any, TypeVar

from quorate.errors import LabError
from quorate.lab import image, kernel, seed
from quorate.lab.command import run
from quorate.lab.machine import Condition, Machine
from quorate.lab.network import Namespace, bridges
from quorate.lab.process import Process
from quorate.lab.spec import DamageSpec, DropSpec, LabSpec
from quorate.lab.stranger import Stranger
from quorate.progress import Progress

T = TypeVar("T")

BOOT_SECONDS = 120
"""The longest that a machine may take from power on to its SSH daemon's answer; about 8 s are usual."""


@dataclass(frozen=True)
class MachineStatus:
    """One machine, as `lab status` shows it."""

    name: str
    condition: Condition
    address: str
    bmc: bool
    """Whether its BMC answers for it."""
    cut: tuple[str, ...]
    """The networks that it is cut off from."""
    console: tuple[str, ...]
    """The end of its console, for a machine that died."""


@dataclass(frozen=True)
class _Built:
    """What the machines run: kept with the lab, for a disk can't change the image under it."""

    linux: Path
    options: tuple[str, ...]
    image: Path


class Lab:
    """A lab by its folder; there may be none yet. Raises LabError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._identity = hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]
        self._scratch = Path("/dev/shm") / f"quorate-{self._identity}"  # noqa: S108  the machines' memory
        self.namespace = Namespace(f"quorate-{self._identity}")
        self.ssh_config = self.folder.parent / "ssh_config"
        self._stranger = Stranger(self.namespace, self.folder)

    def exists(self) -> bool:
        """Whether there is a lab, up or half up."""
        return self._file.exists()

    @property
    def spec(self) -> LabSpec:
        """What the lab is."""
        return LabSpec.model_validate(self._read()["spec"])

    def machine(self, name: str) -> Machine:
        """One of its machines."""
        return Machine(self.spec, name, self.folder / name, self._scratch, self.namespace)

    def machines(self) -> Iterator[Machine]:
        """All of them."""
        return (self.machine(machine.name) for machine in self.spec.machines)

    def enter(self) -> None:
        """Moves this process to where the lab's networks are."""
        _require_root()
        if not self.namespace.exists():
            raise LabError("its network is gone", where=str(self.folder), todo="run `quorate lab up`")
        self.namespace.enter()

    def up(self, spec: LabSpec, progress: Progress) -> None:
        """Brings everything to where the spec wants it, from wherever it is. Interrupted, it leaves no process behind.

        Raises LabError.
        """
        _require_root()
        begun: list[str] = []
        try:
            built = self._built(spec, progress)
            with progress.phase("Networks and disks") as say:
                self._remember(spec, built)
                self.namespace.up(spec)
                self.release()
                if parts := self.damage.parts:
                    say(f"healed: {', '.join(parts)}")
                    begun += self.damage.powerless
                    self.suffer(DamageSpec())
                for name, network in self.namespace.cut_links(spec):
                    say(f"{name}: link to {network} plugged in again")
                    self.namespace.connect(spec, name, network, True)
                self._make_keys(spec)
                for machine in self.machines():
                    machine.prepare()
            with progress.phase(f"Boot of {len(spec.machines)} machines") as say:
                for machine in self.machines():
                    if machine.condition() is not Condition.RUNNING:
                        begun.append(machine.name)
                        machine.power_on(built.linux, built.image, built.options)
                    self._start_bmc(machine.name)
                self._wait_for_ssh(say)
        except BaseException:
            for name in begun:
                self.machine(name).power_off()
                self._bmc(name).kill()
            raise

    def down(self) -> None:
        """Ends every process and removes every trace, however complete the lab was."""
        _require_root()
        for file in (*self.folder.glob("*/bmc.process"), *self.folder.glob("*/process")):
            Process(file).kill()
        self._stranger.leave()
        if self.namespace.exists():
            run("ip", "netns", "delete", self.namespace.name)
        shutil.rmtree(self._scratch, ignore_errors=True)
        self.ssh_config.unlink(missing_ok=True)
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def status(self) -> list[MachineStatus]:
        """How every machine is."""
        cut: dict[str, list[str]] = {}
        if self.namespace.exists():
            for name, network in self.namespace.cut_links(self.spec):
                cut.setdefault(name, []).append(network)
        return [
            MachineStatus(
                machine.name,
                condition := machine.condition(),
                str(self.spec.lab_address(machine.name)),
                self._bmc(machine.name).pid() is not None and machine.name not in self.damage.silent,
                tuple(cut.get(machine.name, ())),
                tuple(machine.tail()) if condition in (Condition.PANICKED, Condition.DEAD) else (),
            )
            for machine in self.machines()
        ]

    def power_on(self, name: str) -> None:
        """Switches a machine on; it starts at once. Raises LabError if nothing feeds it."""
        if self.machine(name).is_powerless():
            raise LabError(
                f"it has no power: {', '.join(self.damage.parts)} failed", where=name, todo="`quorate lab heal`"
            )
        built = _Built(**_paths(self._read()["built"]))
        self.machine(name).power_on(built.linux, built.image, built.options)

    def power_off(self, name: str) -> None:
        """Cuts a machine's power."""
        self.machine(name).power_off()

    def start_if_on(self, name: str) -> None:
        """Starts a machine whose switch is still on: what its firmware does."""
        if self.exists() and self.machine(name).is_on():
            self.power_on(name)

    def connect(self, name: str, network: str, connected: bool) -> None:
        """Plugs a machine's link to a network in, or out. Raises LabError for the lab's own link."""
        if network == "lab":
            raise LabError("the lab's own link stays: it is how everything here is reached", where=name)
        self.namespace.connect(self.spec, name, network, connected)

    def freeze(self, name: str) -> None:
        """Lets a machine stand still."""
        self.machine(name).freeze()

    def thaw(self, name: str) -> None:
        """Lets it go on."""
        self.machine(name).thaw()

    def release(self) -> None:
        """Undoes what killed drills left: machines go on, BMCs behave, frames get through, no stranger stays."""
        for machine in self.machines():
            machine.thaw()
            self.mend_bmc(machine.name)
        self.drop(())
        self.banish()

    def impersonate(self, address: IPv4Address) -> None:
        """Has a stranger, on the network that it belongs to, claim an address that is somebody else's.

        Raises LabError, if it belongs to no network, too.
        """
        for network in self.spec.networks:
            if address in network.client.network:
                own = IPv4Interface(f"{address}/{network.client.network.prefixlen}")
                return self._stranger.appear(bridges(self.spec)[network.name], own)
        raise LabError(f"{address} belongs to none of the lab's networks", where=str(self.folder))

    def banish(self) -> None:
        """Takes the stranger away; nothing if there is none."""
        self._stranger.leave()

    def spoil_bmc(self, name: str, how: str) -> None:
        """Lets a BMC fall silent (`dead`), or misbehave as `bmc.Manner` has it."""
        if how == "dead":
            self.namespace.answer(self.spec, name, False)
        else:
            self.bmc_manner_file(name).write_text(how)

    def mend_bmc(self, name: str) -> None:
        """Lets it do as it should; one that hangs on something broken stays silent."""
        self.bmc_manner_file(name).unlink(missing_ok=True)
        if name not in self.damage.silent:
            self.namespace.answer(self.spec, name, True)

    def bmc_manner_file(self, name: str) -> Path:
        """Where a BMC looks how to misbehave."""
        return self.folder / name / "bmc.manner"

    def drop(self, drops: Sequence[DropSpec]) -> None:
        """Drops these frames on the networks, and no others."""
        self.namespace.drop(self.spec, drops)

    @property
    def damage(self) -> DamageSpec:
        """What is broken now."""
        file = self._damage_file
        return DamageSpec.model_validate_json(file.read_text()) if file.exists() else DamageSpec()

    def suffer(self, damage: DamageSpec) -> None:
        """Breaks what is in `damage`, and gives back what was broken before and isn't in it. Raises LabError.

        Machines that regain their power start at once, if they were on when they lost it or were switched on since.
        """
        before, spec = self.damage, self.spec
        new = self._damage_file.with_suffix(".new")
        new.write_text(damage.model_dump_json(indent=2))
        new.rename(self._damage_file)
        for parts, broken in ((before, False), (damage, True)):
            other = before if broken else damage
            for name, network in _only(parts.cut, other.cut):
                self.connect(name, network, not broken)
            for name in _only(parts.silent, other.silent):
                self.namespace.answer(spec, name, not broken)
            for network in _only(parts.cut_off, other.cut_off):
                self.namespace.let_in(spec, network, not broken)
        for name in _only(damage.powerless, before.powerless):
            self.machine(name).lose_power()
        for name in _only(before.powerless, damage.powerless):
            if self.machine(name).regain_power():
                self.power_on(name)

    @property
    def _damage_file(self) -> Path:
        return self.folder / "damage.json"

    def bmc_log_file(self, name: str) -> Path:
        """Where a machine's BMC keeps who asked it for what."""
        return self.folder / name / "bmc.log"

    def bmc_log(self, name: str) -> list[dict[str, Any]]:
        """The requests that changed a machine's power: `time` (epoch seconds), `client` (address), `action`."""
        file = self.bmc_log_file(name)
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def ssh_argv(self, name: str, command: tuple[str, ...]) -> list[str]:
        """The plain SSH client, to run a command on a machine or a shell."""
        return ["ssh", "-F", str(self.ssh_config), "-q", name, *command]

    # What the lab remembers of itself

    @property
    def _file(self) -> Path:
        return self.folder / "lab.json"

    def _read(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self._file.read_text()))
        except FileNotFoundError:
            raise LabError("there is no lab", where=str(self.folder), todo="run `quorate lab up`") from None

    def _remember(self, spec: LabSpec, built: _Built) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for machine in spec.machines:
            (self.folder / machine.name).mkdir(exist_ok=True)
        new = self._file.with_suffix(".new")
        kept = {"linux": str(built.linux), "options": built.options, "image": str(built.image)}
        new.write_text(json.dumps({"spec": spec.model_dump(mode="json"), "built": kept}, indent=2))
        new.rename(self._file)

    def _built(self, spec: LabSpec, progress: Progress) -> _Built:
        """What the machines are to run: what they already do, or kernel and image found or built now."""
        if self.exists():
            if _shape(self.spec) != _shape(spec):
                raise LabError(
                    "the lab that is there has other machines, networks or packages",
                    where=str(self.folder),
                    todo="`quorate lab down` removes it, then `quorate lab up` makes the new one",
                )
            built = _Built(**_paths(self._read()["built"]))
            if built.image.exists() and built.linux.exists():
                return built
            raise LabError(
                f"{built.image} is gone, and the machines' disks stand on it",
                where=str(self.folder),
                todo="`quorate lab down`, then `quorate lab up`",
            )
        with progress.phase("Kernel") as say:
            found = kernel.find(say)
            say(f"User Mode Linux {found.release} from {found.suite}")
        with progress.phase("Image") as say:
            if not image.is_cached(found, spec.packages, spec.offline):
                say("building it; this happens once, and takes one to three minutes")
            path = image.build(found, spec.packages, spec.offline)
        return _Built(found.binary, found.options, path)

    def _make_keys(self, spec: LabSpec) -> None:
        key = self.folder / "ssh_key"
        if not key.exists():
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "quorate-lab", "-f", key)
        public = key.with_suffix(".pub").read_text()
        known, config = "", ""
        for machine in spec.machines:
            host_key = seed.write(spec, machine.name, self.folder / machine.name, public)
            known += f"{machine.name} {host_key}\n"
            config += f"Host {machine.name}\n  HostName {spec.lab_address(machine.name)}\n"
            config += f"  HostKeyAlias {machine.name}\n  User root\n  IdentityFile {key}\n  IdentitiesOnly yes\n"
            config += f"  UserKnownHostsFile {self.folder / 'known_hosts'}\n  StrictHostKeyChecking yes\n"
            # A machine that loses its power sends nothing more: without these, a session in it would wait for ever.
            config += "  ConnectTimeout 10\n  ServerAliveInterval 3\n  ServerAliveCountMax 3\n\n"
        (self.folder / "known_hosts").write_text(known)
        self.ssh_config.write_text(config)

    # Starting

    def _bmc(self, name: str) -> Process:
        return Process(self.folder / name / "bmc.process")

    def _start_bmc(self, name: str) -> None:
        if self._bmc(name).pid() is None:
            argv = self.namespace.argv(sys.executable, "-m", "quorate.lab.bmc", self.folder, name)
            self._bmc(name).start(argv, self.folder / name / "bmc.output")

    def _wait_for_ssh(self, say: Any) -> None:
        begun = time.monotonic()

        def wait(machine: Machine) -> None:
            self.namespace.enter()  # this thread alone
            address = str(self.spec.lab_address(machine.name))
            while not _greets(address):
                if machine.condition() is not Condition.RUNNING or time.monotonic() > begun + BOOT_SECONDS:
                    tail = "\n".join(machine.tail())
                    raise LabError(
                        f"it does not come up ({machine.condition()}); the end of its console:\n{tail}",
                        where=machine.name,
                        todo=f"`quorate lab console {machine.name}` shows all of it",
                    )
                time.sleep(0.1)
            say(f"{machine.name} answers after {time.monotonic() - begun:.1f} s")

        with ThreadPoolExecutor() as pool:
            for result in [pool.submit(wait, machine) for machine in self.machines()]:
                result.result()


def _only(these: tuple[T, ...], others: tuple[T, ...]) -> list[T]:
    return [each for each in these if each not in others]


def _greets(address: str) -> bool:
    """Whether an SSH daemon is there, not just a port."""
    with contextlib.suppress(OSError), socket.create_connection((address, 22), timeout=1) as connection:
        return connection.recv(4) == b"SSH-"
    return False


def _shape(spec: LabSpec) -> dict[str, Any]:
    """What a lab that is there can't change. It keeps its image: bare or not, it has the same packages to offer."""
    kept = spec.model_dump(exclude={"firmware_seconds", "packages", "offline"})
    return kept | {"packages": {*spec.packages, *spec.offline}}


def _paths(built: dict[str, Any]) -> dict[str, Any]:
    return {"linux": Path(built["linux"]), "image": Path(built["image"]), "options": tuple(built["options"])}


def _require_root() -> None:
    if os.geteuid():
        raise LabError(
            "the lab makes network namespaces and taps, which only root may",
            where="this machine",
            todo="run the same command as root (sudo)",
        )
