"""A CIB as a healthy cluster has it: all nodes online, nothing failed, promotion scores where agents set them."""

import copy
import re
from collections.abc import Callable, Collection, Iterator, Mapping

from lxml import etree

from quorate.proof.evidence import Evidence, Pacemaker
from quorate.proof.evidence.pacemaker import Operation, Primitive, is_true, value
from quorate.proof.lint.resources import PROMOTED, monitors
from quorate.proof.transition import enter
from quorate.services.links import DEAD, PREFIX

SCHEMA = "pacemaker-3.9"
"""What Pacemaker 2.1 and 3.0 both take; a newer CIB is handed over under this name."""
FEATURES = "3.1.0"
"""Of Pacemaker 2.0. Below 3.0.13, and without any, fail counts are looked for under other names, and none is found."""
THRESHOLD = "migration-threshold"
_NEWER = re.compile(r"pacemaker-(3\.\d{2,}|[4-9]\.\d+)")

Element = etree._Element


def with_healthy_status(evidence: Evidence, pacemaker: Pacemaker) -> Element:
    """The CIB with the status of a cluster in which all is well and nothing has been started yet."""
    cib = copy.deepcopy(pacemaker.document)
    for status in cib.findall("status"):
        cib.remove(status)
    if _NEWER.fullmatch(pacemaker.schema):
        cib.set("validate-with", SCHEMA)
    for name in ("dc-uuid", "cib-last-written"):
        if name in cib.attrib:
            del cib.attrib[name]
    cib.set("crm_feature_set", FEATURES)
    cib.set("have-quorum", "1")
    _drop_unresolved(cib, pacemaker)
    _without_probes(cib)
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


def _without_probes(cib: Element) -> None:
    """Nothing runs yet, so nothing need be looked for: of 16 nodes with 100 resources that would take minutes."""
    for written in cib.findall("configuration/crm_config//nvpair[@name='enable-startup-probes']"):
        holder = written.getparent()
        assert holder is not None
        holder.remove(written)
    properties = cib.find("configuration/crm_config/cluster_property_set")
    if properties is None:
        section = cib.find("configuration/crm_config")
        if section is None:
            return
        properties = etree.SubElement(section, "cluster_property_set", {"id": "cib-bootstrap-options"})
    pair = {"id": "quorate-no-probes", "name": "enable-startup-probes", "value": "false"}
    etree.SubElement(properties, "nvpair", pair)


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


def with_everything_started(cib: Element, pacemaker: Pacemaker, answer: Element) -> Element:
    """The CIB after the actions that the scheduler has planned, as if each had gone well.

    To have crm_simulate carry them out takes it half a minute for 16 nodes with 100 resources. What is missing here, or
    wrong, it finds and does when it is asked next.
    """
    cib = copy.deepcopy(cib)
    states = {str(state.get("uname")): state for state in cib.iterfind("status/node_state")}
    for number, action in enumerate(answer.iterfind("actions/rsc_action"), start=1):
        wanted = action.get("action")
        instance = str(action.get("resource"))
        id_ = instance.partition(":")[0]
        node = states.get(str(action.get("node") or action.get("dest")))
        if wanted not in ("start", "promote") or node is None or id_ not in pacemaker.primitives:
            continue
        clone = pacemaker.clone_of(id_)
        unique = clone is not None and is_true(value(clone.meta, "globally-unique"))
        resources = node.find("lrm/lrm_resources")
        if resources is not None and action.get("blocked") != "true":
            name = instance if unique else id_
            promoted = wanted == "promote"
            where = str(node.get("uname"))
            _record(resources, name, pacemaker.primitives[id_], where, number, promoted, pacemaker.timeout)
    return cib


def _record(
    resources: Element,
    name: str,
    primitive: Primitive,
    node: str,
    number: int,
    promoted: bool,
    timeout: Callable[[Operation], float],
) -> None:
    """A resource's history on a node: it was started, perhaps promoted, and its monitors find it well."""
    words = primitive.agent.split(":")
    kind = {"id": name, "class": words[0], "type": words[-1]} | ({"provider": words[1]} if len(words) == 3 else {})
    for before in [each for each in resources if each.get("id") == name]:
        resources.remove(before)  # what was started and then promoted is promoted
    history = etree.SubElement(resources, "lrm_resource", kind)
    given = {key: pair.value for key, pair in primitive.parameters.items()}
    first = "promote" if promoted else "start"
    enter(history, name, first, node=node, call=2 * number, transition=number, code=0, parameters=given)
    for operation in monitors(primitive):
        if (operation.role.lower() in PROMOTED) is promoted:
            enter(
                history,
                name,
                "monitor",
                node=node,
                call=2 * number + 1,
                transition=number,
                code=8 if promoted else 0,
                parameters=given | {"CRM_meta_timeout": str(round(timeout(operation) * 1000))},
                interval=round(operation.interval * 1000),
            )


def without_thresholds(cib: Element, pacemaker: Pacemaker, failing: Collection[str] = ()) -> Element | None:
    """The CIB with `migration-threshold=0` for all resources but those that are about to fail; None if that is unsafe.

    Zero switches the threshold off. Nothing has failed so far, so it decides nothing; but for each resource and node
    Pacemaker 2.1 looks for failures by regular expressions, which is a third of its time.
    """
    if any((clone := pacemaker.clone_of(id_)) is not None and clone.kind == "bundle" for id_ in failing):
        return None  # what fails in a bundle counts for its container
    own = {id_: pacemaker.meta(id_, THRESHOLD) for id_ in failing}
    cib = copy.deepcopy(cib)
    configuration = cib.find("configuration")
    if configuration is None:
        return None
    for block in configuration.iter("meta_attributes"):
        written = block.findall(f"nvpair[@name='{THRESHOLD}']")
        shared = block.get("id-ref") or any(pair.get("id-ref") for pair in block.iterfind("nvpair"))
        if shared or (written and block.find("rule") is not None):
            return None
        for pair in written:
            block.remove(pair)
    defaults = configuration.find("rsc_defaults")
    if defaults is None:
        defaults = etree.SubElement(configuration, "rsc_defaults")
    _set_threshold(defaults, "0")
    for primitive in configuration.iter("primitive"):
        if (id_ := str(primitive.get("id"))) in own:
            _set_threshold(primitive, own[id_] or "INFINITY")
    return cib


def _set_threshold(holder: Element, threshold: str) -> None:
    block = etree.SubElement(holder, "meta_attributes", {"id": f"quorate-threshold-{holder.get('id', holder.tag)}"})
    etree.SubElement(block, "nvpair", {"id": f"{block.get('id')}-0", "name": THRESHOLD, "value": threshold})


def with_dead_links(cib: Element, links: Collection[tuple[str, str]]) -> Element:
    """The same moment, with what the watchers of these links, each a node and a network, say then."""
    cib = copy.deepcopy(cib)
    for node, network in links:
        for pairs in cib.iterfind(f"status/node_state[@uname='{node}']/transient_attributes/instance_attributes"):
            words = {"id": f"{pairs.get('id')}-{PREFIX}{network}", "name": PREFIX + network, "value": DEAD}
            etree.SubElement(pairs, "nvpair", words)
    return cib


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
