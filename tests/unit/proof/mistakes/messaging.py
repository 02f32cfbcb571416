"""Mistakes about messaging, each with the rule that finds it and the cluster that it is planted in."""

from ..known import Change, each_host, file, more, text
from .planting import parameters, primitive

MISTAKES: list[tuple[str, str, Change | list[Change]]] = [
    ("cookie-differs", "three", file("ctl1", "/var/lib/rabbitmq/.erlang.cookie", sha256="other")),
    ("cookie-mode", "three", file("ctl1", "/var/lib/rabbitmq/.erlang.cookie", mode=0o444)),
    ("messaging-partitions", "three", each_host(text("/etc/rabbitmq/rabbitmq.conf", "pause_minority", "autoheal"))),
    ("messaging-names", "three", text("/etc/hosts", "10.20.0.12 ctl2", "")("ctl3")),
    (
        "messaging-config-differs",
        "three",
        text(
            "/etc/rabbitmq/rabbitmq.conf", "pause_minority", "pause_minority\nvm_memory_high_watermark.relative = 0.1"
        )("ctl3"),
    ),
    (
        "mirrored-queues",
        "three",
        more(
            "resources",
            primitive(
                "mq", "rabbitmq-cluster", parameters("mq", set_policy="ha-all .* {&quot;ha-mode&quot;:&quot;all&quot;}")
            ),
        ),
    ),
]
