"""What a drill expects of the cluster: who is lost, who may and who must be fenced, and what is predicted."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from quorate.drill.audit import fencing
from quorate.drill.audit.audit import Blow
from quorate.drill.faults import Fencing
from quorate.drill.judgement.forecast import Fate, Forecast, Glimpse, Prediction, fates, foretell
from quorate.drill.judgement.verdict import Served
from quorate.drill.order import Drill
from quorate.drill.targets import Target
from quorate.live.state import State


def foretold(drill: Drill, target: Target, state: State) -> Forecast | None:
    """What the graph says of the nodes that are lost; nothing if nobody is left who could do something about it."""
    lost = drill.fault.loses(target, tuple(drill.design.hosts))
    if not drill.fault.predicted or not spared(drill, lost):
        return None
    parts = (*lost, *(f"{node}:bmc" for node in lost)) if drill.fault.with_bmcs else lost
    return foretell(drill.cluster, drill.design, parts, state.active, today=datetime.now(UTC).date())


def lost_nodes(drill: Drill, target: Target, forecast: Forecast | None) -> tuple[str, ...]:
    """The nodes that the cluster loses."""
    return forecast.lost if forecast else drill.fault.loses(target, tuple(drill.design.hosts))


def spared(drill: Drill, lost: Collection[str]) -> bool:
    """Whether those that aren't lost have the majority."""
    return 2 * (len(drill.design.hosts) - len(lost)) > len(drill.design.hosts)


def promised(service: str, blow: Blow, forecast: Forecast | None) -> bool:
    """Whether the objective for downtime holds: it is for one failure, and what a waiver bears is no part of it."""
    if forecast and forecast.fates.get(service) is Fate.GONE:
        return service not in forecast.borne
    return blow.spared and len(blow.target.parts) < 2


def allowed(drill: Drill, service: str) -> float:
    """The longest that clients of a service may be without answers, in seconds."""
    objective = drill.cluster.objectives[service].downtime.total_seconds()
    return objective + (drill.fault.lasts if drill.fault.unmasked else 0.0)


def moved(drill: Drill, before: State, after: State) -> list[str]:
    """What the cluster has moved though that helped nobody, each a sentence."""
    if not drill.fault.unmasked and not drill.fault.still:
        return []
    return [
        f"{name} has moved from {node} to {after.active.get(name)}, and nothing called for it"
        for name, node in before.active.items()
        if after.active.get(name) != node
    ]


def must_fence(drill: Drill, blow: Blow, forecast: Forecast | None) -> tuple[str, ...]:
    """The nodes that the cluster must fence for it."""
    if forecast:
        return forecast.fenced
    return blow.lost if blow.spared and drill.fault.fencing is Fencing.NEEDED else ()


def may_fence(drill: Drill, blow: Blow) -> tuple[str, ...]:
    """The nodes that the cluster may fence for it."""
    if not blow.spared or drill.fault.fencing is Fencing.ANYBODY:
        return tuple(drill.design.hosts)
    return blow.target.nodes if drill.fault.fencing is Fencing.ALLOWED else blow.lost


def prediction(
    drill: Drill,
    forecast: Forecast | None,
    seen: Glimpse | None,
    blow: Blow,
    states: tuple[State, State],
    services: Mapping[str, Served],
) -> Prediction | None:
    """What was predicted beside what was seen, of the cluster before and after it; None if nothing was predicted."""
    if forecast is None:
        return None
    if seen is None:  # the cluster got over it by itself: who was lost and is back was fenced
        fenced = tuple(fencing.since(drill.bmcs, list(drill.design.hosts), blow.injected))
        seen = Glimpse(lost=fenced, fenced=fenced, serving=states[1].active, healed=blow.over)
    outages = {name: part.clients.outage for name, part in services.items() if name in forecast.fates}
    return Prediction(forecast, seen, fates(forecast, outages, states[0].active, seen))
