"""From a design to its steps, and from a look at the hosts to the plan: the steps that differ, in order."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from quorate.cluster.keyring import KeyRing
from quorate.cluster.model import Cluster
from quorate.converge import brokers, databases, identity, obstacles, restarts, users
from quorate.converge.cluster import BeginConfiguration, Configure, FormCluster, ReloadCorosync, StartDaemons, TryAgain
from quorate.converge.databases import Migrate
from quorate.converge.files import write
from quorate.converge.keys import WriteKeys
from quorate.converge.packages import InstallPackages, InstallPython
from quorate.converge.replication import Adjust, Initialise
from quorate.converge.step import Phase, Step, View
from quorate.converge.units import DAEMONS, SetUnits, StartUnits
from quorate.converge.volumes import CreateGroup, CreateMetadata, CreateVolume, Zero
from quorate.design.model import Design, HostDesign
from quorate.hosts.inspection import Request
from quorate.services.parts import Clone


@dataclass(frozen=True)
class Planned:
    """A step that differs, and why."""

    step: Step
    why: str


def steps(design: Design, secret: Callable[[str], bytes]) -> tuple[Step, ...]:
    """Every step of a design, on each host in the order in which they have to be done."""
    names = tuple(design.hosts)
    return (
        *users.steps(design.volumes),
        *(step for host in design.hosts.values() for step in _of_host(design, host, secret)),
        *(Initialise(volume) for volume in design.volumes),
        BeginConfiguration(design),
        ReloadCorosync(names),
        FormCluster(names),
        Configure(design),
        *(
            TryAgain(host, volume.name, resource.id)
            for volume in design.volumes
            for resource in design.resources
            for host in volume.hosts
            if isinstance(resource, Clone) and resource.primitive.parameters.get("drbd_resource") == volume.name
        ),
        *_of_databases(design, secret),
        *([brokers.set_password(design.services["messaging"].hosts, secret)] if "messaging" in design.services else []),
        *restarts.steps(design),
    )


def _of_databases(design: Design, secret: Callable[[str], bytes]) -> Iterator[Step]:
    """What stands in the SQL service: schemas, and Identity's content."""
    if not design.schemas:
        return
    yield databases.create(design.schemas, design.services["database"].hosts, secret)
    migrations = databases.migrations(design.schemas)
    yield from migrations
    if "identity" in design.services:
        of_identity = next(
            each for each in migrations if isinstance(each, Migrate) and each.schema.name == databases.IDENTITY
        )
        yield identity.bootstrap(of_identity.host, of_identity.schema, secret)
        yield identity.register(design.endpoints, design.accounts, design.services["identity"].hosts, secret)


def _of_host(design: Design, host: HostDesign, secret: Callable[[str], bytes]) -> Iterator[Step]:
    yield InstallPython(host.name)
    yield InstallPackages(host.name, host.packages, tuple(unit.name for unit in host.units))
    yield from (write(host.name, file, secret) for file in host.files)
    for repository in design.keys:
        if host.name in repository.hosts:
            yield WriteKeys(host.name, repository, KeyRing.parse(secret(repository.secret)))
    yield SetUnits(host.name, host.units)
    if by_systemd := [unit.name for unit in host.units if unit.enabled and unit.name not in DAEMONS]:
        yield StartUnits(host.name, {unit: restarts.files_of(unit, host.name, design) for unit in by_systemd})
    own = tuple(volume for volume in design.volumes if host.name in volume.hosts)
    for device in dict.fromkeys(volume.backing[host.name] for volume in own):
        yield CreateGroup(design.cluster, host.name, device)
    for volume in own:
        yield CreateVolume(host.name, volume)
        yield Zero(host.name, volume)
        yield CreateMetadata(host.name, volume)
    if own:
        yield Adjust(host.name, own)
    yield StartDaemons(host.name)


def asks(cluster: Cluster, all_steps: Iterable[Step]) -> dict[str, Request]:
    """What one look has to bring so that every step and every obstacle can be judged."""
    requests = obstacles.asks(cluster)
    for step in all_steps:
        for host, request in step.asks().items():
            requests[host] |= request
    return requests


def differing(all_steps: Sequence[Step], view: View, phase: Phase | None = None) -> list[Planned]:
    """The steps that differ, of one phase or of all in their order; of a host that couldn't be looked at, the first."""
    return [
        Planned(step, why)
        for each in ([phase] if phase else Phase)
        for step in all_steps
        if step.phase is each
        and (each is Phase.PYTHON or step.host is None or view[step.host].python)
        and (why := step.differs(view)) is not None
    ]
