"""What the rules about hosts have in common: a file on each of them, and whether it is the same everywhere."""

from collections.abc import Iterable, Iterator

from quorate.proof.evidence import Evidence, HostFacts, HostFile, Spot
from quorate.proof.lint.rule import Found, Hit, Unseen


def spot(host: HostFacts, what: str = "") -> Spot:
    """A place on a host."""
    return Spot(host.name, 0, what)


def files(
    evidence: Evidence, path: str, hosts: Iterable[str] | None = None
) -> Iterator[tuple[Spot, HostFile | Unseen]]:
    """A file on each of these hosts (all, if none are named) that has it, or that it wasn't looked for there."""
    for name in evidence.hosts if hosts is None else hosts:
        host = evidence.hosts.get(name)
        where = Spot(name, 0, path)
        if host is None or path not in host.files:
            yield where, Unseen(f"{path} on {name}")
        elif (file := host.files[path]) is not None:
            yield where, file


def same_everywhere(evidence: Evidence, path: str, hosts: Iterable[str]) -> Found:
    """That a file has one content on these hosts."""
    seen: dict[str, str] = {}
    for where, file in files(evidence, path, hosts):
        if isinstance(file, Unseen):
            yield file
        elif file.sha256:
            first = seen.setdefault(file.sha256, where.source)
            if len(seen) > 1 and first == where.source:
                yield Hit(where, f"{path} differs between {next(iter(seen.values()))} and {where.source}")
