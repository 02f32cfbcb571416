"""Mistakes about OpenStack, each with the rule that finds it and the cluster that it is planted in."""

from ..known import Change, each_host, file, text

MISTAKES: list[tuple[str, str, Change | list[Change]]] = [
    ("fernet-keys-differ", "three", file("ctl2", "/etc/keystone/fernet-keys/", sha256="other")),
    ("credential-keys-differ", "three", file("ctl2", "/etc/keystone/credential-keys/", sha256="other")),
    (
        "too-few-active-keys",
        "three",
        each_host(text("/etc/keystone/keystone.conf", "max_active_keys = 4", "max_active_keys = 2")),
    ),
    ("connection-one-node", "three", text("/etc/keystone/keystone.conf", "@10.20.0.20", "@10.20.0.12")("ctl1")),
    ("connection-by-name", "three", text("/etc/keystone/keystone.conf", "@10.20.0.20", "@database.example")("ctl1")),
    (
        "images-on-one-node",
        "three",
        text("/proc/mounts", "nas:/images /var/lib/glance nfs4", "tmpfs /tmp tmpfs")("ctl1"),
    ),
]
