"""The shape of the cluster file as a person writes it: every key, all of them optional here.

What is missing is worked out in `defaults.py`; what fits together badly is found in `checks.py`; what can be said about
one value by itself stands in `values.py`.
"""

from typing import Annotated, TypeVar

from pydantic import BeforeValidator, Field

from quorate.cluster.findings import Path
from quorate.cluster.values import (
    Address,
    BmcUser,
    Cidr,
    Device,
    Duration,
    Images,
    Interfaces,
    LostWrites,
    Name,
    Names,
    Pair,
    Port,
    Size,
    Uses,
    word,
)
from quorate.cluster.written_base import Written
from quorate.cluster.written_facility import (
    All,
    Any,
    Cards,
    Place,
    Waivers,
    WrittenFacility,
    WrittenPart,
    WrittenPdu,
    WrittenRack,
    WrittenWaiver,
)

MOST_NODES = 32
MOST_NETWORKS = 8
"""What knet takes: KNET_MAX_LINK of libknet.h."""


class WrittenNetwork(Written):
    """One network."""

    cidr: Cidr = None
    uses: Uses = None
    vip: Address = None
    link: Annotated[str | None, BeforeValidator(word("ethernet", "infiniband"))] = None
    gateway: Any = None


class WrittenLink(Written):
    """A node's place on a network."""

    address: Address = None
    nic: Interfaces = None
    via: Any = None


class WrittenBmc(Written):
    """A node's power switch."""

    ipmi: Address = None
    user: BmcUser = None
    via: Any = None
    power: Any = None


class WrittenNode(Written):
    """One node."""

    links: dict[str, WrittenLink] = Field(default_factory=dict)
    bmc: WrittenBmc = WrittenBmc()
    data: Device = None
    rack: Place = None
    power: Any = None
    needs: All = None
    cards: Cards = None
    mtbf: Duration = None
    mttr: Duration = None


class WrittenDatabase(Written):
    """The database service."""

    engine: Annotated[str | None, BeforeValidator(word("mariadb"))] = None
    replicated_by: Annotated[str | None, BeforeValidator(word("drbd", later=("galera",)))] = None
    on: Pair = None
    size: Size = None
    vip: Address = None
    port: Port = None


class WrittenMessaging(Written):
    """The message broker."""

    engine: Annotated[str | None, BeforeValidator(word("rabbitmq"))] = None
    replicated_by: Annotated[str | None, BeforeValidator(word("quorum", "drbd"))] = None
    on: Names = None
    size: Size = None
    vip: Address = None
    port: Port = None


class WrittenIdentity(Written):
    """Identity."""

    engine: Annotated[str | None, BeforeValidator(word("keystone"))] = None
    on: Names = None


class WrittenImage(Written):
    """Image."""

    engine: Annotated[str | None, BeforeValidator(word("glance"))] = None
    on: Names = None
    store: Images = None
    size: Size = None


class WrittenPlacement(Written):
    """Placement."""

    engine: Annotated[str | None, BeforeValidator(word("placement"))] = None
    on: Names = None


class WrittenCompute(Written):
    """Compute's control plane."""

    engine: Annotated[str | None, BeforeValidator(word("nova"))] = None
    on: Names = None


class WrittenNetworkService(Written):
    """The Network service (not one of the networks that nodes are linked to)."""

    engine: Annotated[str | None, BeforeValidator(word("neutron"))] = None
    on: Names = None


class WrittenBlockStorage(Written):
    """Block storage."""

    engine: Annotated[str | None, BeforeValidator(word("cinder"))] = None
    on: Names = None


class WrittenDashboard(Written):
    """The dashboard."""

    engine: Annotated[str | None, BeforeValidator(word("horizon"))] = None
    on: Names = None


WrittenApi = (
    WrittenIdentity
    | WrittenImage
    | WrittenPlacement
    | WrittenCompute
    | WrittenNetworkService
    | WrittenBlockStorage
    | WrittenDashboard
)

T = TypeVar("T")
Declared = Annotated[T | None, BeforeValidator(lambda body: {} if body is None else body)]
"""A service that is there once its name is written, `database:` alone included."""


class WrittenServices(Written):
    """The services."""

    database: Declared[WrittenDatabase] = None
    messaging: Declared[WrittenMessaging] = None
    identity: Declared[WrittenIdentity] = None
    image: Declared[WrittenImage] = None
    placement: Declared[WrittenPlacement] = None
    compute: Declared[WrittenCompute] = None
    network: Declared[WrittenNetworkService] = None
    block_storage: Declared[WrittenBlockStorage] = Field(default=None, alias="block-storage")
    dashboard: Declared[WrittenDashboard] = None

    def apis(self) -> dict[str, WrittenApi]:
        """The services behind the front, by name, those that are declared."""
        return {key: body for key, (_, body) in zip(self.keys(), self, strict=True) if isinstance(body, WrittenApi)}


class WrittenObjective(Written):
    """What a service promises."""

    downtime: Duration = None
    lost_writes: LostWrites = None
    per_year: Duration = None


class WrittenCluster(Written):
    """The whole file. `nodes` as a list of names is made a mapping before it comes here."""

    cluster: Name = None
    nodes: Annotated[dict[str, WrittenNode], Field(max_length=MOST_NODES)] | None = None
    networks: Annotated[dict[str, WrittenNetwork], Field(max_length=MOST_NETWORKS)] | None = None
    services: WrittenServices = WrittenServices()
    objectives: dict[str, WrittenObjective] = Field(default_factory=dict)
    facility: WrittenFacility = WrittenFacility()
    waivers: Waivers = ()


SHAPE: dict[tuple[str, ...], type[Written]] = {
    (): WrittenCluster,
    ("nodes", "NODE"): WrittenNode,
    ("nodes", "NODE", "links", "NETWORK"): WrittenLink,
    ("nodes", "NODE", "bmc"): WrittenBmc,
    ("networks", "NETWORK"): WrittenNetwork,
    ("services",): WrittenServices,
    ("services", "database"): WrittenDatabase,
    ("services", "messaging"): WrittenMessaging,
    ("services", "identity"): WrittenIdentity,
    ("services", "image"): WrittenImage,
    ("services", "placement"): WrittenPlacement,
    ("services", "compute"): WrittenCompute,
    ("services", "network"): WrittenNetworkService,
    ("services", "block-storage"): WrittenBlockStorage,
    ("services", "dashboard"): WrittenDashboard,
    ("objectives", "SERVICE"): WrittenObjective,
    ("facility",): WrittenFacility,
    ("facility", "racks", "RACK"): WrittenRack,
    ("facility", "racks", "RACK", "pdus", "PDU"): WrittenPdu,
    ("facility", "KIND", "PART"): WrittenPart,
    ("waivers", "WAIVER"): WrittenWaiver,
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
