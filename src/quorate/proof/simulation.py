"""Pacemaker's own scheduler, `crm_simulate`, asked about one document after the other until nothing changes any more.

Two ways lead there. `settle` has crm_simulate carry out its own transitions, always. `settle_quickly` has it only
decide, and carries out what it decided by itself (`transition`): three times as fast with a hundred resources, and it
gives up, for `settle` to be asked, as soon as there is anything in it that isn't ordinary.
"""

import copy
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from lxml import etree

from quorate.errors import QuorateError
from quorate.proof.transition import Action, Unusual, carry_out, primitive_of

PROGRAM = "crm_simulate"
ROUNDS = 12
"""How often the scheduler is asked at most until it has nothing more to do."""
TIMEOUT = 60.0
"""Seconds for one question."""

Element = etree._Element


class Unpredictable(QuorateError):
    """The scheduler can't be asked about this cluster on this machine."""


@dataclass(frozen=True)
class Running:
    """Where things run: by primitive, the nodes with an instance; and those of them that are promoted."""

    on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    promoted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def without(self, nodes: Collection[str]) -> "Running":
        """But for what ran on some nodes."""
        on, promoted = (
            {id_: tuple(node for node in found if node not in nodes) for id_, found in each.items()}
            for each in (self.on, self.promoted)
        )
        return Running(on, promoted)


class Simulation:
    """Asks the program. Use as a context: it keeps documents in a folder of its own until the end."""

    def __init__(self, program: str, source: str) -> None:
        """`source` is the name under which a person knows the CIB."""
        self._program, self._source = program, source
        self._folder = tempfile.TemporaryDirectory(prefix="quorate-")
        self._numbers = count()

    def close(self) -> None:
        """Throws the documents away."""
        self._folder.cleanup()

    def write(self, cib: Element) -> Path:
        """Keeps a CIB."""
        path = self._path()
        path.write_bytes(etree.tostring(cib))
        return path

    def decide(self, document: Path) -> Element:
        """What the scheduler would do at once, in its own words. Raises Unpredictable."""
        return self._ask(document, ["--run"])

    def is_at_rest(self, document: Path) -> bool:
        """Whether a document is taken, and leads to nothing."""
        try:
            return not any(_actions(self._transition(document)[0]))
        except Unpredictable:
            return False

    def settle(
        self, document: Path, failures: Sequence[str], *, quorate: bool
    ) -> tuple[tuple[Action, ...], Running, Path]:
        """What the cluster does after failures, given as crm_simulate's options; where things run then; and the CIB.

        Raises Unpredictable.
        """
        document = self._as_it_fails(document, failures, quorate=quorate)
        actions: list[Action] = []
        running = Running()
        for _ in range(ROUNDS):
            answer, document = self._transition(document)
            done = list(_actions(answer))
            actions += done
            running = _running(answer, "revised_cluster_status")
            if not done:
                break
        return tuple(actions), running, document

    def _as_it_fails(self, document: Path, failures: Sequence[str], *, quorate: bool) -> Path:
        """The CIB with failures in it. In a step of its own: Pacemaker 3.0 says in XML nothing of what comes after."""
        cib = etree.parse(document).getroot()
        cib.set("have-quorum", "true" if quorate else "false")
        before = self.write(cib)
        if not failures:
            return before
        after = self._path()
        self._ask(before, [*failures, "--save-input", str(after)])
        return after

    def settle_quickly(
        self, cib: Element, lost: Collection[str], failures: Sequence[str], *, quorate: bool
    ) -> tuple[tuple[Action, ...], Running] | None:
        """The same for nodes that are lost and resources that fail, if nothing unusual comes of it; else None.

        The scheduler is asked twice: what it does, and whether it has nothing more to do where that leads to.
        """
        cib = copy.deepcopy(cib)
        cib.set("have-quorum", "true" if quorate else "false")
        states = [state for state in cib.iterfind("status/node_state") if state.get("uname") in lost]
        if len(states) != len(lost):
            return None
        for state in states:  # as --node-fail does
            state.attrib.update({"in_ccm": "false", "crmd": "online", "join": "member", "expected": "member"})
        with tempfile.TemporaryDirectory(dir=self._folder.name) as folder:
            document, graph, after = (Path(folder) / name for name in ("cib.xml", "graph.xml", "after.xml"))
            document.write_bytes(etree.tostring(cib))
            extra = [*failures, "--save-input", str(after)] if failures else []
            self._ask(document, ["--run", "--quiet", "--save-graph", str(graph), *extra])
            if failures:
                cib = etree.parse(after).getroot()
            try:
                actions = carry_out(etree.parse(graph).getroot(), cib)
            except Unusual:
                return None
            document.write_bytes(etree.tostring(cib))
            answer = self._ask(document, ["--run", "--save-graph", str(graph)])
            left = etree.parse(graph).getroot().iterfind("synapse/action_set/*")
            at_rest = all(each.tag == "pseudo_event" or each.get("operation") == "notify" for each in left)
        return (actions, _running(answer, "cluster_status")) if at_rest else None

    def _transition(self, document: Path) -> tuple[Element, Path]:
        after = self._path()
        answer = self._ask(document, ["--simulate", "--save-output", str(after)])
        if not after.exists():
            raise Unpredictable(f"{PROGRAM} saved nothing", where=self._source)
        return answer, after

    def _ask(self, document: Path, options: Sequence[str]) -> Element:
        argv = [self._program, "--xml-file", str(document), *options, "--output-as=xml"]
        try:
            done = subprocess.run(argv, capture_output=True, timeout=TIMEOUT, check=False)
            answer = etree.fromstring(done.stdout)
        except (OSError, subprocess.TimeoutExpired, etree.XMLSyntaxError) as error:
            raise Unpredictable(f"{PROGRAM} gave no answer: {error}", where=self._source) from None
        status = answer.find("status")
        if done.returncode != 0 or status is None or status.get("code") != "0":
            stderr = done.stderr.decode(errors="replace")
            said = [each.text or "" for each in answer.iterfind(".//error")] + stderr.splitlines()
            why = "; ".join(line for line in said[:3] if line) or f"status {done.returncode}"
            why = why.replace(f"{document}:", "line ").replace(str(document), "the CIB")
            raise Unpredictable(f"{PROGRAM} refuses this CIB: {why}", where=self._source)
        return answer

    def _path(self) -> Path:
        return Path(self._folder.name) / f"{next(self._numbers)}.xml"


def _actions(answer: Element) -> Iterable[Action]:
    for each in answer.iterfind("transition/*"):
        operation = str(each.get("op") or each.get("task") or "")
        resource = primitive_of(str(each.get("resource") or ""))
        if each.tag == "fencing_action":
            yield Action("fence", "", str(each.get("target")))
        elif each.tag == "rsc_action" and operation != "notify":
            yield Action(operation, resource, str(each.get("node")))
        elif each.tag == "cluster_action":
            yield Action(operation, "", str(each.get("node")))


def _running(answer: Element, status: str) -> Running:
    on: dict[str, list[str]] = {}
    promoted: dict[str, list[str]] = {}
    for resource in answer.iterfind(f"{status}/resources//resource"):
        id_ = primitive_of(str(resource.get("id")))
        nodes = [str(node.get("name")) for node in resource.iterfind("node")]
        good = resource.get("active") == "true" and resource.get("orphaned") != "true"
        if good and resource.get("role") in ("Started", "Promoted", "Unpromoted", "Master", "Slave"):
            on.setdefault(id_, []).extend(nodes)
            if resource.get("role") in ("Promoted", "Master"):
                promoted.setdefault(id_, []).extend(nodes)
    return Running({id_: tuple(each) for id_, each in on.items()}, {id_: tuple(each) for id_, each in promoted.items()})
