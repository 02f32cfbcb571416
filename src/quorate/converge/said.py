"""What the cluster's own tools said on the hosts, as far as a step has to understand it."""

from lxml import etree

from quorate.converge.step import View
from quorate.hosts import Hosts
from quorate.hosts.inspection import Request, Seen, look_at

ASK = Request(cluster=frozenset({"crm_mon", "cib"}))
NO_BLANKS = etree.XMLParser(remove_blank_text=True, resolve_entities=False)


def document(seen: Seen, word: str) -> etree._Element | None:
    """The XML of one of the tools; None if it said nothing, or not that."""
    found = seen.said.get(word)
    if found is None or found.status != 0:
        return None
    try:
        return etree.fromstring(found.stdout.encode(), NO_BLANKS)
    except etree.XMLSyntaxError:
        return None


def coordinator(view: View) -> str | None:
    """The host whose word counts: the coordinator (DC) of the partition with quorum; None if there is none."""
    for host, seen in view.items():
        monitor = document(seen, "crm_mon")
        current = monitor.find("summary/current_dc") if monitor is not None else None
        if current is not None and current.get("with_quorum") == "true":
            name = str(current.get("name"))
            return name if name in view and document(view[name], "cib") is not None else host
    return None


def online(view: View) -> frozenset[str]:
    """The nodes that Pacemaker's coordinator counts as online."""
    host = coordinator(view)
    monitor = document(view[host], "crm_mon") if host else None
    nodes = monitor.iterfind("nodes/node") if monitor is not None else ()
    return frozenset(
        str(node.get("name")) for node in nodes if node.get("online") == "true" and node.get("pending") != "true"
    )


def drbd_resources(seen: Seen) -> frozenset[str]:
    """The DRBD resources that the host's CIB has Pacemaker manage."""
    cib = document(seen, "cib")
    if cib is None:
        return frozenset()
    return frozenset(str(pair.get("value")) for pair in cib.iterfind(".//resources//nvpair[@name='drbd_resource']"))


def started(seen: Seen, primitive: str) -> frozenset[str]:
    """The nodes on which a resource, or an instance of it, is started and well, as Pacemaker says on this host."""
    monitor = document(seen, "crm_mon")
    instances = monitor.iterfind("resources//resource") if monitor is not None else ()
    return frozenset(
        str(node.get("name"))
        for each in instances
        if str(each.get("id")).partition(":")[0] == primitive
        and each.get("role") in ("Started", "Promoted")
        and each.get("failed") != "true"
        for node in each.iterfind("node")
    )


async def ask(hosts: Hosts, name: str) -> Seen:
    """What Pacemaker says on a host now. Raises HostError."""
    return await look_at(hosts, name, ASK)
