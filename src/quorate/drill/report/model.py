"""report.json: what a drill measured, as a document of its own that outlives the program that wrote it.

`docs/report.md` explains it for a reader, `docs/report.schema.json` is made of these models (`quorate report schema`).
A field that is added has a default, so that older reports are still read; a reader passes over fields that it doesn't
know. What is renamed, or means something else, is a new `SCHEMA`.

Times are seconds, or seconds since the epoch, UTC, unless a field says otherwise.
"""

import enum
import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SCHEMA: Final = 3

Seconds = Annotated[float, Field(allow_inf_nan=False)]


class Result(enum.StrEnum):
    """How a drill ended."""

    KEPT = "kept"
    BROKEN = "broken"
    REFUSED = "refused"
    """It was not held: a safety rule, or the site lacks what it needs. Nothing was touched."""
    STOPPED = "stopped"
    """It did not come to a verdict: something else failed, or a person stopped it. It says nothing of the cluster."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True, populate_by_name=True)


class Gap(_Part):
    """A time without a served operation."""

    start: Seconds
    """The last answer before it."""
    end: Seconds | None
    """The first answer after it; null if there was none while the probe looked."""
    seconds: Seconds
    """If there is no end: at least this long."""


class Outage(_Part):
    """What a fault cost the clients of a service."""

    gap: Gap
    """The longest one that ends after the fault: the downtime."""
    precision: Seconds
    """Seconds by which the downtime may be wrong, either way."""
    others: list[Gap] = []
    """Further gaps after the fault, longest first."""


class Latency(_Part):
    """Of served operations, in seconds from their due time."""

    writes: int
    p50: Seconds
    p99: Seconds


class Clients(_Part):
    """What the clients of a service saw."""

    rate: Seconds
    """Operations due in a second."""
    outcomes: Mapping[str, int]
    """How many operations were `acknowledged`, `refused` and `unknown`."""
    complete: bool
    """The probe ran to its end."""
    probe_lag: Seconds
    """The most that the probe, not the service, fell behind its own schedule."""
    outage: Outage | None
    """Null if nothing was acknowledged before the fault, so that nothing can be measured."""
    latency_before: Latency | None
    latency_during: Latency | None = None
    """Of operations due between the fault and the end of the outage: what waited for it to end, above all."""
    latency_after: Latency | None
    stale: list[int] = []
    """Numbers of the operations that did not see what had been acknowledged before them."""


class Promise(_Part):
    """What the objective allows."""

    downtime: Seconds | None
    """Null for a fault that is more than one failure, for which no objective holds."""
    lost_writes: int


class Ledger(_Part):
    """What one replica held, compared with the probe's record. Lists are numbers of operations, ascending."""

    acknowledged: int
    refused: int
    unknown_found: int
    unknown_missing: int
    lost: list[int]
    """Acknowledged, and not there."""
    never_sent: list[int]
    """There, although it was refused or never sent."""
    undecided: list[int] = []
    """There, and not in a record that breaks off."""
    duplicated: list[int] = []
    """There more than once."""
    disordered: list[int] = []
    """Acknowledged, and found behind another one that the same client had sent later."""
    wrong: list[str] = []
    """In what the service contradicts itself, in sentences: a bank's total, say."""
    redelivered: int = 0
    """How many came a second time and said so, which is allowed."""


class Verify(_Part):
    """DRBD's comparison of both disks."""

    volume: str
    out_of_sync: int
    """KiB that differ."""
    seconds: Seconds


class Holding(_Part):
    """What the service held afterwards."""

    nodes: list[str]
    """Those that hold a replica; none for a service without a volume."""
    ledgers: Mapping[str, Ledger]
    """By the node that served when it was asked."""
    verify: Verify | None
    """Null if the disks were not compared."""


class Phase(_Part):
    """A step of the recovery."""

    name: str
    seconds: Seconds | None
    """Since the fault; null if it was not seen."""
    node: str = ""
    """Whose journal says so."""
    evidence: str = ""
    """The line that says so."""


class Operations(_Part):
    """Every operation of a probe: a column a field, and in each an entry an operation, in the order of their turns."""

    due: list[int]
    """When its turn was, in microseconds from the fault; negative before it."""
    latency: list[Annotated[int, Field(ge=0)]]
    """Microseconds from then until its outcome was known."""
    outcome: Annotated[str, Field(pattern="^[afru]*$")]
    """A letter each: `a` acknowledged and served, `f` acknowledged, and something else of it failed, `r` refused,
    `u` unknown."""
    reasons: Mapping[str, int] = {}
    """Why operations were not served: how many by each reason, the most frequent ones first."""

    @model_validator(mode="after")
    def _even(self) -> "Operations":
        if not len(self.due) == len(self.latency) == len(self.outcome):
            raise ValueError("the columns `due`, `latency` and `outcome` are not of one length")
        return self


class Service(_Part):
    """One service in a drill."""

    kept: bool
    broken: list[str]
    """Why its objective is not kept, in sentences."""
    lost: int | None
    """Acknowledged operations that some replica doesn't have; null if nobody was asked."""
    duplicated: int | None = None
    """Operations that some replica has more than once; null if nobody was asked."""
    disordered: int | None = None
    """Operations that some replica has behind one that was sent later; null if nobody was asked."""
    time_to_repair: Seconds | None = None
    """From the fault, or from the last answer if that came later, to the first answer after the downtime; null without
    one. Its mean over several drills is the MTTR."""
    service: str
    what: str
    """What its probe wrote: `rows`."""
    before: str
    """The node that served before the fault."""
    after: str | None
    """The node that served once the cluster was ready again."""
    volume: str | None
    promise: Promise
    clients: Clients
    holding: Holding
    phases: list[Phase]
    """Of its recovery."""
    writes: bool = True
    """Its probe writes what is to be found again; that of an address doesn't, and is no service."""
    operations: Operations | None = None
    """Null where a report is printed and not kept."""


class PowerRequest(_Part):
    """What a BMC was asked."""

    time: Seconds
    client: str
    """The address that it came from."""
    action: str
    """`off`, `on`, `cycle` or `reset`."""


class Reign(_Part):
    """A time during which one node was primary of a volume."""

    node: str
    start: Seconds
    end: Seconds


class Overlap(_Part):
    """Two primaries at once."""

    volume: str
    nodes: list[str]
    start: Seconds
    seconds: Seconds


class Crash(_Part):
    """Something that crashed on a node, by its journal."""

    node: str
    kind: str
    """`kernel panic`, `kernel oops`, `kernel bug`, `segmentation fault`, `out of memory` or `core dump`."""
    time: Seconds
    """Of the first line that says so."""
    evidence: str
    """That line."""
    lines: int
    """How many there are."""
    expected: bool
    """The fault does that, and did it here: it breaks nothing."""


class Holder(_Part):
    """A time during which one machine answered for an address."""

    mac: str
    start: Seconds
    end: Seconds
    answers: int


class Contest(_Part):
    """An address that two machines had at once."""

    address: str
    macs: list[str]
    start: Seconds
    seconds: Seconds
    """Between the first time and the last."""
    times: int
    expected: bool
    """The fault is that a stranger has it: it breaks nothing."""


class Audit(_Part):
    """What the journals, the BMCs and the cluster itself say."""

    phases: list[Phase]
    """Of the recovery, as far as they are common to all services."""
    fenced: Mapping[str, list[PowerRequest]]
    """By node: what its BMC was asked since the fault."""
    reigns: Mapping[str, list[Reign]]
    """By volume: who was primary, from the fault on."""
    overlaps: list[Overlap]
    journals_unread: Mapping[str, str]
    """By node: why."""
    leftovers: list[str]
    """Constraints in the cluster that the design doesn't have."""
    failures: list[str] = []
    """Actions of the cluster that failed meanwhile."""
    remains: list[str] = []
    """What else is left behind, in sentences: failed actions, counted failures, nodes in standby or maintenance."""
    crashes: list[Crash] = []
    """What must not stand in a journal."""
    holders: Mapping[str, list[Holder]] = {}
    """By address: which machine answered for it, by ARP, and when."""
    contests: list[Contest] = []
    """Addresses that two machines had at once."""
    unasked: Mapping[str, str] = {}
    """By address: why nobody was asked who has it."""


class Forecast(_Part):
    """What was predicted, written down before the fault."""

    parts: list[str] = []
    """That fail."""
    lost: list[str] = []
    """The nodes that the cluster loses."""
    fenced: list[str] = []
    """Those of them that it fences while the parts are broken."""
    quorate: bool = True
    """Whether those that are left have the majority."""
    fates: Mapping[str, str] = {}
    """By service: what becomes of it."""
    why: Mapping[str, str] = {}
    """By service: what `quorate check --what-if` says of it."""
    borne: list[str] = []
    """The services that are gone and may be: more than one part has failed, or a waiver of the cluster file says so."""
    damage: Mapping[str, list[Any]] = {}
    """What doesn't work any more: nodes, BMCs, links, networks."""


class Glimpse(_Part):
    """The cluster while the parts were broken."""

    lost: list[str] = []
    fenced: list[str] = []
    serving: Mapping[str, str | None] = {}
    """By service: the node that served it."""
    healed: Seconds | None = None
    """When healing began."""


class Prediction(_Part):
    """What was predicted for a fault, and what was seen of it."""

    forecast: Forecast
    seen: Glimpse
    fates: Mapping[str, str] = {}
    """By service that was probed: what became of it."""
    differences: list[str] = []
    """What was not as predicted, in sentences; they break a drill."""


class Step(_Part):
    """A step of a recovery that Pacemaker's own scheduler predicted."""

    what: str
    """`fence`, `stop`, `demote`, `start` or `promote`."""
    resource: str
    """Empty where a node is fenced."""
    node: str
    after: list[int] = []
    """The steps that have to be through before it begins, by their place in the list."""


class Takes(_Part):
    """For how long a service was predicted to stop, by its time budget."""

    expected: Seconds
    longest: Seconds
    """If each step with a time-out takes all of it."""


class Course(_Part):
    """What Pacemaker's own scheduler predicted for the cluster as it was, and what was seen of it."""

    steps: list[Step]
    takes: Mapping[str, Takes] = {}
    """By service that stops."""
    seconds: list[Seconds | None] = []
    """By step: when it was through, since the fault; null if it was not seen."""
    downtimes: Mapping[str, Seconds] = {}
    """By service that was probed: what is certain of it, its precision taken off."""
    differences: list[str] = []
    """What was not as predicted, in sentences; they break a drill."""


class EventKind(enum.StrEnum):
    """What an event of the cluster is about."""

    FAILURE = "failure"
    FENCING = "fencing"
    QUORUM = "quorum"
    MEMBERSHIP = "membership"
    REPLICATION = "replication"
    RESOURCE = "resource"
    BOOT = "boot"


class Event(_Part):
    """Something that the cluster did, from the nodes' journals and the BMCs."""

    at: Seconds
    """Since the fault."""
    nodes: list[str]
    """Whose journals say so, the first one first."""
    kind: EventKind
    text: str
    """In a few words."""
    evidence: str
    """The first line that says so."""


class Report(_Part):
    """One drill."""

    version: Literal[3] = Field(default=SCHEMA, alias="schema")
    """3; a program should refuse one that it doesn't know."""
    made_by: str = ""
    """The program and its version."""
    run: str = ""
    """What names this drill: its folder's name."""
    cluster: str = ""
    """The cluster's name."""
    result: Result
    why: str = ""
    """Why it was refused or stopped."""
    kept: bool
    """All objectives were kept, and everything that this takes was shown."""
    broken: list[str] = []
    """Why they are not, in sentences, over all services and the cluster itself."""
    lost: int | None = None
    """Acknowledged operations that are lost, of all services together; null if one was not asked."""
    fault: str
    on: str
    """The target as it was typed."""
    nodes: list[str] = []
    """The nodes that it meant."""
    target: str | None = None
    """The service that it was aimed at, if it was at one."""
    injected: Seconds | None = None
    """When; null if it was not."""
    over: Seconds | None = None
    """When the cluster was ready again, or was no longer waited for; null if that is not known."""
    healed_after: Seconds | None = None
    """Seconds from the fault until the drill healed it; null if the cluster was left to itself."""
    time_to_ready: Seconds | None = None
    """Seconds from the fault, or from its healing, until everything was seen where the design wants it; null if it
    wasn't in time. Its mean over several drills is the cluster's MTTR."""
    fences: list[str] = []
    """The nodes that the cluster must fence for this fault."""
    may_fence: list[str] = []
    thorough: bool = True
    """Both replicas of each volume were to be asked and compared (not with `--quick`)."""
    services: Mapping[str, Service] = {}
    """By service: those that were probed."""
    audit: Audit | None = None
    """Null for a drill that was refused or stopped."""
    events: list[Event] = []
    """In the order of time, while the probes ran."""
    prediction: Prediction | None = None
    """Null for a fault for which nothing is predicted."""
    course: Course | None = None
    """Null for a fault of which the scheduler knows nothing."""
    problems: list[str] = []
    """What else went wrong on the way, in sentences."""
    seconds: Seconds = 0.0
    """The whole drill."""
    folder: str = ""
    """Where its record lay."""

    def since(self, moment: float | None) -> float | None:
        """A moment as seconds from the fault."""
        return None if moment is None or self.injected is None else moment - self.injected

    @property
    def healed(self) -> float | None:
        """When the drill healed the fault, in seconds from it; None if the cluster was left to itself."""
        if self.healed_after is not None or self.prediction is None:
            return self.healed_after
        # Older reports have nothing else; without a healing it is the moment at which all was over.
        seen = self.prediction.seen.healed
        return None if seen == self.over else self.since(seen)


def document_schema() -> str:
    """The JSON Schema of report.json, as `docs/report.schema.json` has it."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Report.model_json_schema(by_alias=True)}
    return json.dumps(schema, indent=2) + "\n"
