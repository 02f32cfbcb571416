"""What a running cluster would do: its own scheduler is asked, on one of its nodes, about the cluster as it is."""

from collections.abc import Collection

from lxml import etree

from quorate.errors import HostError
from quorate.hosts import Host
from quorate.proof.course import Step, course_of
from quorate.proof.transition import Unusual

ASK = """\
graph=$(mktemp)
trap 'rm -f "$graph"' EXIT
crm_simulate --live-check --simulate "$@" --save-graph "$graph" >/dev/null
cat "$graph"
"""
"""On a copy of the live configuration; nothing of it is carried out (crm_simulate(8))."""


async def foresee(host: Host, *, lost: Collection[str] = (), failed: Collection[str] = ()) -> tuple[Step, ...]:
    """What the cluster would do at once if something failed.

    Args:
        host: a node that doesn't fail.
        lost: the nodes that fail.
        failed: operations that fail, `RESOURCE_OPERATION_MILLISECONDS@NODE=EXITSTATUS` (0 for a start).

    Raises:
        HostError: nobody could be asked, or the answer isn't one.
    """
    options = [*(f"--node-fail={node}" for node in lost), *(f"--op-inject={each}" for each in failed)]
    said = await host.run("sh", "-euc", ASK, "sh", *options)
    try:
        return course_of(etree.fromstring(said.stdout.encode()))
    except (etree.XMLSyntaxError, Unusual) as error:
        raise HostError(f"crm_simulate wrote no graph: {error}", where=host.name) from None
