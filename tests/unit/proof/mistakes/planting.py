"""Ways to plant a mistake, beside those of `known`."""

# ruff: noqa: E501 (a mistake reads best as the one line of XML that it is)
import dataclasses

from quorate.proof.evidence import Documents, Text

from ..known import Change, cib, conf, more

DUMMY = '<primitive id="{id}" class="ocf" provider="heartbeat" type="{type}">{inner}<operations>{ops}</operations></primitive>'
MONITOR = '<op id="{id}-m" name="monitor" interval="10s" timeout="20s"/>'
TIMES = (
    '<op id="{id}-0" name="start" interval="0" timeout="60s"/><op id="{id}-1" name="stop" interval="0" timeout="60s"/>'
)
MONITORED = 'id="database-mariadb-monitor-5s" name="monitor" interval="5s"'


def primitive(id_: str, type_: str = "IPaddr2", inner: str = "", ops: str = MONITOR + TIMES) -> str:
    return DUMMY.format(id=id_, type=type_, inner=inner, ops=ops.format(id=id_))


def parameters(id_: str, **pairs: str) -> str:
    inner = "".join(f'<nvpair id="{id_}-{name}" name="{name}" value="{value}"/>' for name, value in pairs.items())
    return f'<instance_attributes id="{id_}-p">{inner}</instance_attributes>'


def device(name: str, value: str) -> Change:
    """One more parameter of ctl1's fence device."""
    pair = f'<nvpair id="added-{name}" name="{name}" value="{value}"/>'
    anchor = '<instance_attributes id="fence-ctl1-parameters">'
    return cib(anchor, anchor + pair)


def prop(name: str, value: str) -> Change:
    anchor = '<nvpair id="quorate-stonith-action"'
    return cib(anchor, f'<nvpair id="added-{name}" name="{name}" value="{value}"/>{anchor}')


def without(*lines: str) -> Change:
    def change(documents: Documents) -> Documents:
        assert documents.cib
        kept = [line for line in documents.cib.content.splitlines() if not any(each in line for each in lines)]
        assert len(kept) < len(documents.cib.content.splitlines())
        return dataclasses.replace(documents, cib=Text("cib.xml", "\n".join(kept)))

    return change


def location(id_: str, rsc: str, node: str, score: str) -> Change:
    return more("constraints", f'<rsc_location id="{id_}" rsc="{rsc}" node="{node}" score="{score}"/>')


NODE4 = "    node {\n        name: ctl4\n        nodeid: 4\n        ring0_addr: 10.20.0.14\n        ring1_addr: 10.22.0.14\n    }\n"
FOUR = conf("nodelist {\n", "nodelist {\n" + NODE4)
DEVICE = "    device {{\n        model: net\n        {votes}\n        net {{\n            host: {host}\n            algorithm: {how}\n        }}\n    }}\n"
ADDRESS = primitive("other-address", inner=parameters("other-address", ip="{ip}", cidr_netmask="24"))


def qdevice(host: str = "10.20.0.99", how: str = "lms", votes: str = "") -> Change:
    section = DEVICE.format(host=host, how=how, votes=votes)
    return conf("provider: corosync_votequorum\n", "provider: corosync_votequorum\n" + section)


def address(ip: str, monitor: str = "10s") -> Change:
    return more("resources", ADDRESS.replace("{ip}", ip).replace('interval="10s"', f'interval="{monitor}"'))
