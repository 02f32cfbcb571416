"""What is broken in a lab, and given back: only what changes is touched, and a machine comes back as it was left."""

import json
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

import pytest

from quorate.errors import LabError
from quorate.lab import BmcSpec, DamageSpec, Lab, LabSpec, LinkSpec, MachineSpec, NetworkSpec
from quorate.lab.machine import Condition
from quorate.lab.network import Namespace

NOWHERE = Path("/nonexistent")


class Switchboard(Namespace):
    """A namespace that writes down what it would do."""

    def __init__(self) -> None:
        super().__init__("nowhere")
        self.done: list[tuple[str, ...]] = []

    def connect(self, spec: LabSpec, machine: str, network: str, connected: bool) -> None:
        self.done.append(("link", machine, network, "in" if connected else "out"))

    def answer(self, spec: LabSpec, machine: str, answering: bool) -> None:
        self.done.append(("bmc", machine, "answers" if answering else "silent"))

    def let_in(self, spec: LabSpec, network: str, reaching: bool) -> None:
        self.done.append(("clients", network, "in" if reaching else "out"))


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    machines = tuple(
        MachineSpec(
            name=f"ctl{number}",
            links=(LinkSpec(network="storage", address=IPv4Interface(f"10.22.0.{number}/24"), nic="storage"),),
            bmc=BmcSpec(address=IPv4Address(f"10.29.0.{number}"), user="admin", password_file=NOWHERE),
        )
        for number in (1, 2)
    )
    networks = [
        NetworkSpec(name=name, client=IPv4Interface(f"10.{n}.0.254/24")) for name, n in (("storage", 22), ("bmc", 29))
    ]
    spec = LabSpec(name="two", machines=machines, networks=(networks[0],), bmc_network=networks[1])
    lab = Lab(tmp_path / "lab")
    for machine in machines:
        (lab.folder / machine.name).mkdir(parents=True)
        (lab.folder / machine.name / "power").write_text("on")
    built = {"linux": str(NOWHERE), "options": [], "image": str(NOWHERE)}
    (lab.folder / "lab.json").write_text(json.dumps({"spec": spec.model_dump(mode="json"), "built": built}))
    lab.namespace = Switchboard()
    return lab


def done(lab: Lab) -> list[tuple[str, ...]]:
    assert isinstance(lab.namespace, Switchboard)
    taken, lab.namespace.done = lab.namespace.done, []
    return taken


def test_only_what_changes_is_touched(lab: Lab) -> None:
    assert lab.damage == DamageSpec()
    rack = DamageSpec(parts=("rack",), silent=("ctl1",), cut=(("ctl1", "storage"),), cut_off=("storage",))
    lab.suffer(rack)
    broken = [("link", "ctl1", "storage", "out"), ("bmc", "ctl1", "silent"), ("clients", "storage", "out")]
    assert (done(lab), lab.damage) == (broken, rack)

    lab.suffer(rack.model_copy(update={"parts": ("rack", "bmcs"), "silent": ("ctl1", "ctl2")}))
    assert done(lab) == [("bmc", "ctl2", "silent")]

    lab.suffer(DamageSpec(parts=("bmcs",), silent=("ctl1", "ctl2")))
    assert done(lab) == [("link", "ctl1", "storage", "in"), ("clients", "storage", "in")]

    lab.suffer(DamageSpec())
    assert done(lab) == [("bmc", "ctl1", "answers"), ("bmc", "ctl2", "answers")]
    assert lab.damage == DamageSpec()


def test_without_power_nothing_starts_a_machine(lab: Lab) -> None:
    lab.suffer(DamageSpec(parts=("feed",), powerless=("ctl1",)))
    machine = lab.machine("ctl1")
    assert (machine.condition(), machine.is_on()) == (Condition.POWERLESS, False)
    with pytest.raises(LabError, match="feed failed"):
        lab.power_on("ctl1")
    machine.switch_on()  # as its BMC does, which may have power of its own
    lab.start_if_on("ctl1")
    machine.power_on(NOWHERE, NOWHERE, ())
    assert (machine.condition(), machine.is_on()) == (Condition.POWERLESS, False)
    assert not (machine.folder / "process").exists()


def test_power_that_is_back_starts_what_was_on(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(lab, "power_on", started.append)
    (lab.folder / "ctl2/power").write_text("off")
    lab.suffer(DamageSpec(parts=("feed",), powerless=("ctl1", "ctl2")))
    lab.suffer(DamageSpec())
    assert started == ["ctl1"]
    assert lab.machine("ctl2").condition() is Condition.OFF


def test_what_was_switched_off_meanwhile_stays_off(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(lab, "power_on", started.append)
    lab.suffer(DamageSpec(parts=("ctl1",), powerless=("ctl1",)))
    lab.machine("ctl1").power_off()  # fenced, and not switched on again
    lab.suffer(DamageSpec())
    assert started == []
