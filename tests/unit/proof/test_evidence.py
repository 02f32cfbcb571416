# ruff: noqa: E501 (XML in lines as tools write it)
"""Reading documents that others wrote: old ones, odd ones, broken ones. Never a traceback."""

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from quorate.proof.evidence import Documents, EvidenceError, Text, archive, cib, corosync, drbd, read
from quorate.proof.evidence.pacemaker import FOREVER, Pacemaker, is_true, score, seconds, value
from quorate.proof.lint.run import lint

CIBS = Path(__file__).parent.parent / "node/cibs"
BY_HAND = Path(__file__).parent / "clusters/by-hand"
LIVE = (CIBS / "whole.xml").read_text()
HAND = (BY_HAND / "cib.xml").read_text()
CONF = (BY_HAND / "corosync.conf").read_text()


def configured(resources: str = "", constraints: str = "", rest: str = "") -> Pacemaker:
    text = f"""<cib validate-with="pacemaker-1.0"><configuration><crm_config/><nodes>
      <node id="a" uname="a" type="normal"/><node id="b" uname="b"/></nodes>
      <resources>{resources}</resources><constraints>{constraints}</constraints>{rest}</configuration><status/></cib>"""
    return cib.read(Text("x", text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("30", 30), ("30s", 30), ("500ms", 0.5), ("2min", 120), ("1h", 3600), ("PT1M30S", 90), ("P1D", 86400)),
        *(("", None), ("soon", None), ("-5", None), ("P", None), (" 7 s ", 7), (None, None)),
    ],
)
def test_durations(text: str | None, expected: float | None) -> None:
    assert seconds(text) == expected


def test_scores_and_booleans() -> None:
    assert [score(each) for each in ("INFINITY", "-infinity", "+INFINITY", "100", "1000000", "x", None)] == [
        *(FOREVER, -FOREVER, FOREVER, 100, FOREVER, 0, 0)
    ]
    assert [is_true(each) for each in ("true", "ON", "1", "no", "", None)] == [True, True, True, False, False, False]


def test_templates_references_and_conditional_sets() -> None:
    pacemaker = configured("""
      <template id="t" class="ocf" provider="heartbeat" type="Dummy">
        <instance_attributes id="t-i"><nvpair id="t-i-a" name="a" value="1"/><nvpair id="t-i-b" name="b" value="1"/></instance_attributes>
        <operations id="t-ops"><op id="t-m" name="monitor" interval="10s"/></operations>
      </template>
      <primitive id="x" template="t">
        <instance_attributes id="x-i"><nvpair id="x-i-a" name="a" value="2"/></instance_attributes>
        <meta_attributes id="x-m"><rule id="r"><date_expression id="d" operation="gt" start="2020-01-01"/></rule>
          <nvpair id="x-m-p" name="priority" value="9"/></meta_attributes>
      </primitive>
      <primitive id="y" class="lsb" type="thing"><instance_attributes id-ref="x-i"/><operations id-ref="t-ops"/></primitive>
    """)
    x, y = pacemaker.primitives["x"], pacemaker.primitives["y"]
    assert x.agent == "ocf:heartbeat:Dummy"
    assert (value(x.parameters, "a"), value(x.parameters, "b"), value(y.parameters, "a")) == ("2", "1", "2")
    assert [op.interval for op in x.operations] == [op.interval for op in y.operations] == [10]
    assert x.meta["priority"].conditional
    assert not pacemaker.unknown


def test_groups_clones_bundles_and_the_nodes_that_resources_make() -> None:
    pacemaker = configured("""
      <clone id="c"><group id="g"><primitive id="p1" class="ocf" provider="x" type="y"/>
        <primitive id="p2" class="ocf" provider="x" type="y"/></group></clone>
      <master id="m"><primitive id="p3" class="ocf" provider="linbit" type="drbd"/></master>
      <bundle id="b"><podman image="i" replicas="3" promoted-max="1"/><primitive id="p4" class="ocf" provider="x" type="y"/></bundle>
      <primitive id="far" class="ocf" provider="pacemaker" type="remote"/>
      <primitive id="vm" class="ocf" provider="heartbeat" type="VirtualDomain">
        <meta_attributes id="vm-m"><nvpair id="vm-r" name="remote-node" value="guest"/></meta_attributes></primitive>
    """)
    assert pacemaker.members_of("c") == ("p1", "p2")
    assert pacemaker.primitives["p1"].within == ("g", "c")
    assert pacemaker.top("p2") == "c"
    assert [pacemaker.holders[id_].promotable for id_ in ("c", "m", "b")] == [False, True, True]
    assert {name: node.kind for name, node in pacemaker.nodes.items()} == {
        "a": "member",
        "b": "member",
        "far": "remote",
        "guest": "guest",
    }
    assert pacemaker.members == ("a", "b")


def test_resource_sets_rules_patterns_and_tickets() -> None:
    dummies = "".join(f'<primitive id="{name}" class="ocf" provider="x" type="y"/>' for name in ("one", "two", "three"))
    pacemaker = configured(
        dummies,
        """
      <rsc_order id="o"><resource_set id="s1"><resource_ref id="one"/><resource_ref id="two"/></resource_set>
        <resource_set id="s2" sequential="false"><resource_ref id="three"/></resource_set></rsc_order>
      <rsc_colocation id="k" score="INFINITY"><resource_set id="s3"><resource_ref id="one"/><resource_ref id="two"/></resource_set></rsc_colocation>
      <rsc_location id="l" rsc-pattern="^t" node="a" score="-INFINITY"/>
      <rsc_location id="r" rsc="one"><rule id="rr" score="-INFINITY"><expression id="e" attribute="#uname" operation="ne" value="a"/></rule></rsc_location>
      <rsc_ticket id="t" rsc="one" ticket="booth"/>
      <rsc_strange id="s"/>""",
    )
    assert [(each.first, each.then) for each in pacemaker.orders] == [("one", "two"), ("two", "three")]
    assert [(each.resource, each.other) for each in pacemaker.colocations] == [("two", "one")]
    assert pacemaker.locations[0].resources == ("two", "three")
    assert (pacemaker.locations[1].node, pacemaker.locations[1].negated) == ("a", True)
    assert pacemaker.tickets[0][:2] == ("booth", "one")
    assert pacemaker.unknown == ("the constraint <rsc_strange> on line 10",)


@pytest.mark.parametrize(
    "text", ["", "<", "hello", "<html/>", "<cib>", "\0", '<?xml version="1.0"?><!DOCTYPE a []><a/>']
)
def test_what_is_no_cib_is_said(text: str) -> None:
    with pytest.raises(EvidenceError):
        cib.read(Text("x", text))


def test_no_entity_of_a_cib_is_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("letmein")
    text = f'<!DOCTYPE cib [<!ENTITY e SYSTEM "{secret}">]><cib><configuration><crm_config>&e;</crm_config></configuration></cib>'
    assert b"letmein" not in etree.tostring(cib.read(Text("x", text)).document)


def test_corosync_works_its_times_out() -> None:
    nodes = "".join(f"node {{\n name: n{n}\n nodeid: {n}\n ring0_addr: 10.0.0.{n}\n}}\n" for n in range(1, 6))
    conf = corosync.read(Text("x", f"totem {{\n version: 2\n}}\nnodelist {{\n{nodes}}}\n"))
    assert conf.token == pytest.approx(3.0 + 3 * 0.65)
    assert conf.consensus == pytest.approx(1.2 * conf.token)
    assert conf.transport == "knet"
    assert conf.unknown == ()


def test_corosync_of_ten_years_ago() -> None:
    conf = corosync.read(
        Text(
            "x",
            "compatibility: whitetank\ntotem {\n version: 2\n secauth: on\n interface {\n  ringnumber: 0\n"
            "  bindnetaddr: 10.0.0.0\n  mcastaddr: 226.94.1.1\n  member {\n   memberaddr: 10.0.0.1\n  }\n"
            "  member {\n   memberaddr: 10.0.0.2\n  }\n }\n}\nservice {\n name: pacemaker\n ver: 0\n}\namf {\n mode: disabled\n",
        )
    )
    assert [member.name for member in conf.members] == ["10.0.0.1", "10.0.0.2"]
    assert conf.unknown == ("the section `amf` on line 21 is never closed",)
    found = {finding.code for finding in lint(read(Documents(corosync=Text("x", CONF)))).findings}
    assert {"obsolete-setting", "old-transport"} <= found


def test_drbd_with_common_settings_volumes_and_connections() -> None:
    found = drbd.read(
        (
            Text("g", 'global { usage-count no; }\ncommon { net { protocol A; } handlers { fence-peer "/x; y"; } }'),
            Text(
                "r",
                """resource "r0" {
  net { protocol C; fencing resource-and-stonith; }   # a comment
  volume 0 { device minor 1; disk /dev/x; meta-disk internal; }
  on a { node-id 0; address ipv4 10.0.0.1:7788; }
  on b { node-id 1; address 10.0.0.2:7788; }
  connection { host c address 10.0.0.3:7788; host d address 10.0.0.4:7788; net { allow-two-primaries; } }
}""",
            ),
        )
    ).resources["r0"]
    assert found.value("protocol") == "C"
    assert found.value("fence-peer") == "/x; y"
    assert found.value("allow-two-primaries") == "yes"
    assert (found.settings["fencing"].section, found.settings["fencing"].spot.line) == ("net", 2)
    assert found.hosts == {"a": "10.0.0.1:7788", "b": "10.0.0.2:7788", "c": "10.0.0.3:7788", "d": "10.0.0.4:7788"}


def packed(files: dict[str, str]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:bz2") as whole:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            whole.addfile(info, io.BytesIO(text.encode()))
    return stream.getvalue()


def test_a_crm_report() -> None:
    content = packed(
        {"crm/alpha/cib.xml": HAND, "crm/alpha/corosync.conf": CONF, "crm/beta/cib.xml": "<cib/>", "crm/x": "y"}
    )
    documents = archive.read(content, "r.tar.bz2")
    assert documents.cib
    assert documents.cib.source == "r.tar.bz2:crm/alpha/cib.xml"
    assert read(documents).nodes == ("alpha", "beta")


@pytest.mark.parametrize("content", [b"", b"hello", packed({"a": "b"}), packed({"cib.xml": HAND})[:200]])
def test_what_is_no_report_is_said(content: bytes) -> None:
    with pytest.raises(EvidenceError):
        archive.read(content, "x")


def judged(documents: Documents) -> None:
    """Whatever is in the documents: findings, or an EvidenceError."""
    try:
        evidence = read(documents)
    except EvidenceError:
        return
    lint(evidence)


@settings(max_examples=200)
@given(st.sampled_from((LIVE, HAND)), st.data())
def test_mutated_cibs(text: str, data: st.DataObject) -> None:
    """Attributes changed, taken away and given another's value, elements removed, moved and repeated."""
    root = etree.fromstring(text.encode())
    elements = list(root.iter(etree.Element))
    for _ in range(data.draw(st.integers(1, 8))):
        element = data.draw(st.sampled_from(elements))
        parent = element.getparent()
        match data.draw(st.sampled_from(("value", "drop", "remove", "move", "repeat", "tag"))):
            case "value" if element.attrib:
                name = data.draw(st.sampled_from(sorted(element.attrib)))
                odd = (
                    "",
                    "0",
                    "-1",
                    "INFINITY",
                    "true",
                    "nobody",
                    "1s",
                    "PT",
                    "99999999999999",
                    "é[",
                    "ctl1",
                    "Promoted",
                )
                element.set(name, data.draw(st.sampled_from(odd)))
            case "drop" if element.attrib:
                del element.attrib[data.draw(st.sampled_from(sorted(element.attrib)))]
            case "remove" if parent is not None:
                parent.remove(element)
            case "move" if parent is not None:
                target = data.draw(st.sampled_from(elements))
                if element not in target.iterancestors() and element is not target:
                    target.append(element)
            case "repeat" if parent is not None:
                parent.append(etree.fromstring(etree.tostring(element)))
            case "tag":
                element.tag = data.draw(
                    st.sampled_from(("clone", "group", "primitive", "rule", "x", "nvpair", "rsc_order"))
                )
    judged(Documents(cib=Text("x", etree.tostring(root, encoding="unicode")), corosync=Text("y", CONF)))


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from([*CONF.splitlines(), "}", "{", "node {", "token: x", ":", "ring7_addr: ::1", "é"]), max_size=60
    )
)
def test_shuffled_corosync_conf(lines: list[str]) -> None:
    judged(Documents(cib=Text("x", HAND), corosync=Text("y", "\n".join(lines))))


@settings(max_examples=200)
@given(st.text(alphabet='{};"# \nresourcenetondiska1:', max_size=120))
def test_any_drbd_text(text: str) -> None:
    judged(Documents(cib=Text("x", HAND), drbd=(Text("y", "resource mysql {" + text),)))


@given(st.text() | st.binary().map(lambda content: content.decode(errors="replace")))
def test_any_text(text: str) -> None:
    judged(Documents(cib=Text("x", text)))
    judged(Documents(corosync=Text("x", text), drbd=(Text("y", text),)))
