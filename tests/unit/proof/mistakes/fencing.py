"""Mistakes about fencing, each with the rule that finds it and the cluster that it is planted in."""

# ruff: noqa: E501 (a mistake reads best as the one line of XML that it is)

from ..known import Change, cib, more
from .planting import device, without

MISTAKES: list[tuple[str, str, Change | list[Change]]] = [
    ("fencing-off", "three", cib('name="stonith-enabled" value="true"', 'name="stonith-enabled" value="false"')),
    ("node-without-fencing", "three", cib('name="pcmk_host_list" value="ctl1"', 'name="pcmk_host_list" value="ctl2"')),
    ("fence-for-show", "three", more("resources", '<primitive id="x" class="stonith" type="external/ssh"/>')),
    ("fence-targets-unclear", "three", cib('name="pcmk_host_list" value="ctl1"', 'name="nothing" value="ctl1"')),
    (
        "fence-unknown-node",
        "three",
        cib('name="pcmk_host_list" value="ctl1"', 'name="pcmk_host_list" value="ctl1 ctl9"'),
    ),
    ("fence-same-address", "three", cib('name="ip" value="10.29.0.11"', 'name="ip" value="10.29.0.12"')),
    ("fenced-by-itself", "three", without('id="fence-ctl1-not-on-ctl1"')),
    ("fence-race", "two", without('name="priority-fencing-delay"')),
    ("fence-race", "two", cib('name="priority" value="1"', 'name="priority" value="0"')),
    (
        "fence-cycle",
        "three",
        cib('id="fence-ctl1-parameters-method" name="method" value="onoff"', 'id="m" name="method" value="cycle"'),
    ),
    (
        "dead-node-not-fenced",
        "three",
        cib('name="disable_timeout" value="false"', 'name="disable_timeout" value="true"'),
    ),
    ("dead-node-not-fenced", "three", without('name="disable_timeout"')),
    ("dead-node-not-fenced", "three", cib('name="power_timeout" value="5"', 'name="power_timeout" value="60"')),
    (
        "fence-level-unknown-device",
        "three",
        cib(
            "</configuration>",
            '<fencing-topology><fencing-level id="l" target="ctl1" index="1" devices="pdu"/></fencing-topology></configuration>',
        ),
    ),
    (
        "startup-fencing-off",
        "three",
        cib('name="startup-fencing" value="true"', 'name="startup-fencing" value="false"'),
    ),
    ("password-in-cib", "three", device("password", "letmein")),
    (
        "fence-device-stopped",
        "three",
        [
            more(
                "resources",
                '<primitive id="pdu" class="stonith" type="fence_apc"><meta_attributes id="t"><nvpair id="t-t" name="target-role" value="Stopped"/></meta_attributes></primitive>',
            ),
        ],
    ),
]
