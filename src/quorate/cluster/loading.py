"""From the bytes of a cluster file to a `Cluster`, or to everything that is wrong with the file.

The way: text -> plain data with places (`document`) -> what is written (`written`) -> worked out (`defaults`)
-> checked (`checks`). A value with a finding is taken out and the rest goes on, so that a person sees all findings
at once, and none that only follows from another.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from quorate.cluster import checks
from quorate.cluster.defaults import work_out
from quorate.cluster.document import Document, parse
from quorate.cluster.findings import Finding, Path, Problem, Severity, quoted, suggestion
from quorate.cluster.model import Cluster
from quorate.cluster.values import kind
from quorate.cluster.written import MOST_NETWORKS, MOST_NODES, WrittenCluster, model_at

_FENCING = frozenset({"bmc", "bmcs", "ipmi", "fencing", "fence", "stonith"})
_SECRETS = frozenset({"password", "passwd", "secret", "token", "authkey"})


@dataclass(frozen=True)
class Loaded:
    """A good cluster file."""

    cluster: Cluster
    origins: Mapping[Path, str]
    """For every value of the worked-out file: `line 3`, or `default: ` and why."""
    warnings: tuple[Finding, ...]
    places: Document
    """The file itself, by which values are found in it."""

    def line(self, path: Path) -> int:
        """The line, from 1, of a key, or of the nearest thing around it that is written."""
        return self.places.key_place(path)[0] + 1


def load(text: bytes, source: str) -> Cluster:
    """The cluster that a file declares; `source` is its name in findings. Raises ClusterFileError with all findings."""
    return read(text, source).cluster


def read(text: bytes, source: str) -> Loaded:
    """As `load`, with where every value came from. Raises ClusterFileError with all findings."""
    document = parse(text, source)
    if not isinstance(document.data, dict):
        todo = "A cluster file begins with `cluster: NAME`."
        what = f"a cluster file is a mapping, and this is {kind(document.data)}"
        document.find(Problem("wrong-type", (), what, todo=todo))
        raise document.fail()
    _nodes_as_mapping(document)
    _pdus_as_mappings(document)
    written = _validated(document)
    cluster, worked = work_out(written)
    file = checks.File(written, cluster, worked)
    ground = list(checks.ground(file))
    for problem in worked.problems:
        document.find(problem)
    document.broken |= worked.unknown
    for problem in ground:
        document.find(problem)
    document.broken |= {problem.path for problem in ground}
    for problem in checks.problems(file):
        document.find(problem)
    if any(finding.severity is Severity.ERROR for finding in document.findings):
        raise document.fail()
    origins = {
        path: f"default: {origin}" if isinstance(origin, str) else f"line {document.value_place(origin)[0] + 1}"
        for path, origin in worked.origins.items()
    }
    return Loaded(cluster, origins, tuple(document.findings), document)


def _nodes_as_mapping(document: Document) -> None:
    """Makes `nodes: [a, b]` the same as `nodes: {a: , b: }`, each node standing where its name does."""
    names = document.data.get("nodes")
    if not isinstance(names, list):
        return
    nodes: dict[str, None] = {}
    for index, name in enumerate(names):
        path: Path = ("nodes", index)
        if not isinstance(name, str):
            todo = "Either names, `[ctl1, ctl2]`, or a mapping, `ctl1: {...}`, without `-`."
            what = f"this is {kind(name)} and must be the name of a node"
            document.find(Problem("wrong-type", path, what, todo=todo))
            document.broken.add(("nodes",))
        elif name in nodes:
            document.find(Problem("duplicate-node", path, f"{quoted(name)} is listed a second time"))
        else:
            nodes[name] = None
            document.keys[("nodes", name)] = document.values[path]
    document.data["nodes"] = nodes


def _pdus_as_mappings(document: Document) -> None:
    """Makes `pdus: {n1-a: feed-a}` the same as `pdus: {n1-a: {power: feed-a}}`, everything at its place."""
    facility = document.data.get("facility")
    racks = facility.get("racks") if isinstance(facility, dict) else None
    for rack, body in racks.items() if isinstance(racks, dict) else ():
        pdus = body.get("pdus") if isinstance(body, dict) else None
        if not isinstance(pdus, dict):
            continue
        for pdu, power in pdus.items():
            if not isinstance(power, str | list):
                continue
            path: Path = ("facility", "racks", rack, "pdus", pdu)
            pdus[pdu] = {"power": power}
            document.values[(*path, "power")] = document.values[path]
            for index in range(len(power)) if isinstance(power, list) else ():
                document.values[(*path, "power", index)] = document.values[(*path, index)]


def _validated(document: Document) -> WrittenCluster:
    """What is written, without the values that got a finding on the way."""
    try:
        return WrittenCluster.model_validate(document.data)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            document.find(_problem(details))
            _take_out(document, details)
    return WrittenCluster.model_validate(document.data)


def _take_out(document: Document, error: ErrorDetails) -> None:
    *above, key = error["loc"]
    holder = document.data
    for step in above:
        holder = holder[step]
    if error["type"] == "model_type":
        holder[key] = None  # the name stays declared
    else:
        del holder[key]
    document.broken.add(error["loc"])


def _problem(error: ErrorDetails) -> Problem:
    """A pydantic error in the words of a finding."""
    path, context = error["loc"], error.get("ctx", {})
    match error["type"]:
        case "quorate":
            return Problem(context["code"], path, context["what"], context["means"], context["todo"])
        case "extra_forbidden":
            return _unknown_key(path)
        case "too_long":
            limit = {"nodes": MOST_NODES, "networks": MOST_NETWORKS}[str(path[0])]
            what = f"a cluster has at most {limit} {path[0]}"
            return Problem("too-many", path, what, at_key=True)
        case _:  # model_type, dict_type
            what = f"this is {kind(error['input'])} and must be a mapping"
            return Problem("wrong-type", path, what, todo=f"Write `{path[-1]}: {{key: value}}`, or leave it out.")


def _unknown_key(path: Path) -> Problem:
    *above, key = path
    model = model_at(tuple(above))
    where = f"under `{'.'.join(map(str, above))}`" if above else "in a cluster file"
    if key in model.later:
        todo = "It is part of what the cluster file will say; leave it out for now."
        return Problem("not-yet", path, f"{quoted(key)} isn't built yet", todo=todo, at_key=True)
    if key in _SECRETS:
        means = "A cluster file is copied, mailed and committed; secrets stand in a folder beside it."
        return Problem(
            "secret-in-file", path, f"{quoted(key)} doesn't belong here", means, "See `quorate init`.", at_key=True
        )
    if key in _FENCING and not above:
        what = f"{quoted(key)} stands outside every node, so it would fence nobody"
        todo = "Write it under its node: `nodes: {ctl1: {bmc: {ipmi: ADDRESS}}}`."
        return Problem("fences-nobody", path, what, todo=todo, at_key=True)
    todo = suggestion(str(key), model.keys())
    return Problem("unknown-key", path, f"{quoted(key)} isn't known {where}", todo=todo, at_key=True)
