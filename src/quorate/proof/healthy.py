"""A CIB as a healthy cluster has it: all nodes online, nothing failed, promotion scores where agents set them."""

import copy
import re
from collections.abc import Iterator, Mapping

from lxml import etree

from quorate.proof.evidence import Evidence, Pacemaker
from quorate.proof.evidence.pacemaker import value

SCHEMA = "pacemaker-3.9"
"""What Pacemaker 2.1 and 3.0 both take; a newer CIB is handed over under this name."""
_NEWER = re.compile(r"pacemaker-(3\.\d{2,}|[4-9]\.\d+)")

Element = etree._Element


def with_healthy_status(evidence: Evidence, pacemaker: Pacemaker) -> Element:
    """The CIB with the status of a cluster in which all is well and nothing has been started yet."""
    cib = copy.deepcopy(pacemaker.document)
    for status in cib.findall("status"):
        cib.remove(status)
    if _NEWER.fullmatch(pacemaker.schema):
        cib.set("validate-with", SCHEMA)
    for name in ("crm_feature_set", "dc-uuid", "cib-last-written"):
        if name in cib.attrib:
            del cib.attrib[name]
    cib.set("have-quorum", "1")
    _drop_unresolved(cib, pacemaker)
    for name in ("admin_epoch", "epoch", "num_updates"):
        cib.set(name, cib.get(name) or "0")
    nodes = cib.find("configuration/nodes")
    if nodes is None:
        nodes = etree.Element("nodes")
        configuration = cib.find("configuration")
        assert configuration is not None, "the reader makes one"
        configuration.insert(1, nodes)
    ids = {str(node.get("uname")): str(node.get("id")) for node in nodes.iterfind("node")}
    for number, name in enumerate((name for name in evidence.nodes if name not in ids), start=1001):
        ids[name] = str(number)
        etree.SubElement(nodes, "node", {"id": ids[name], "uname": name})
    status = etree.SubElement(cib, "status")
    attributes = _transient(pacemaker)
    for name, node_id in ids.items():
        if name in pacemaker.nodes and pacemaker.nodes[name].kind != "member":
            continue
        state = {
            "id": node_id,
            "uname": name,
            "in_ccm": "true",
            "crmd": "online",
            "join": "member",
            "expected": "member",
        }
        _add_state(status, state, attributes)
    for name in _bundled_nodes(pacemaker):
        _add_state(status, {"id": name, "uname": name, "remote_node": "true", "in_ccm": "true"}, attributes)
    return cib


def _add_state(status: Element, state: Mapping[str, str], attributes: Mapping[str, str]) -> None:
    """A node that is up and has run nothing yet, with what agents would have set on it."""
    node_state = etree.SubElement(status, "node_state", dict(state))
    transient = etree.SubElement(node_state, "transient_attributes", {"id": state["id"]})
    pairs = etree.SubElement(transient, "instance_attributes", {"id": f"status-{state['id']}"})
    for attribute, text in attributes.items():
        pair = {"id": f"status-{state['id']}-{len(pairs)}", "name": attribute, "value": text}
        etree.SubElement(pairs, "nvpair", pair)
    etree.SubElement(etree.SubElement(node_state, "lrm", {"id": state["id"]}), "lrm_resources")


def _bundled_nodes(pacemaker: Pacemaker) -> Iterator[str]:
    """The guest nodes that promotable bundles make: `galera-bundle-0`, and so on."""
    for holder in pacemaker.holders.values():
        if holder.kind == "bundle" and holder.promotable and holder.children:
            replicas = holder.attributes.get("replicas") or holder.attributes.get("promoted-max") or "1"
            yield from (f"{holder.id}-{number}" for number in range(int(replicas) if replicas.isdigit() else 1))


def _drop_unresolved(cib: Element, pacemaker: Pacemaker) -> None:
    """Takes out constraints on what isn't there: they count for nothing, and the schema refuses them."""
    for constraint in cib.findall("configuration/constraints/*"):
        names = [constraint.get(each) for each in ("rsc", "with-rsc", "first", "then")]
        names += [ref.get("id") for ref in constraint.iterfind("resource_set/resource_ref")]
        holder = constraint.getparent()
        if holder is not None and any(name and not pacemaker.has(name) for name in names):
            holder.remove(constraint)


def _transient(pacemaker: Pacemaker) -> dict[str, str]:
    """What agents would have set on a healthy node: promotion scores, and the reach of ping resources."""
    found: dict[str, str] = {}
    for primitive in pacemaker.primitives.values():
        clone = pacemaker.clone_of(primitive.id)
        if clone and clone.promotable:
            found[f"master-{primitive.id}"] = "10000"
        if primitive.agent in ("ocf:pacemaker:ping", "ocf:pacemaker:pingd"):
            hosts = len((value(primitive.parameters, "host_list") or "one").split())
            multiplier = value(primitive.parameters, "multiplier") or "1"
            reached = hosts * int(multiplier) if multiplier.isdigit() else hosts
            found[value(primitive.parameters, "name") or "pingd"] = str(reached)
    return found
