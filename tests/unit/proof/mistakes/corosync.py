"""Mistakes about corosync.conf, each with the rule that finds it and the cluster that it is planted in."""

from ..known import Change, conf, file, host, more

MISTAKES: list[tuple[str, str, Change | list[Change]]] = [
    ("single-link", "three", conf("ring1_addr", "# ring1_addr")),
    ("links-incomplete", "three", conf("ring1_addr: 10.22.0.12", "# ring1")),
    ("obsolete-setting", "three", conf("version: 2", "version: 2\n    rrp_mode: passive")),
    ("old-transport", "three", conf("transport: knet", "transport: udpu")),
    ("unencrypted", "three", conf("crypto_cipher: aes256", "crypto_cipher: none")),
    ("token-short", "three", [conf("token: 1000", "token: 400"), conf("consensus: 1200", "consensus: 600")]),
    ("consensus-short", "three", conf("consensus: 1200", "consensus: 1100")),
    ("same-node-twice", "three", conf("nodeid: 3", "nodeid: 2")),
    ("members-differ", "three", more("nodes", '<node id="9" uname="old"/>')),
    ("authkey-mode", "three", file("ctl1", "/etc/corosync/authkey", mode=0o644)),
    ("authkey-differs", "three", file("ctl1", "/etc/corosync/authkey", sha256="other")),
    ("corosync-conf-differs", "three", file("ctl2", "/etc/corosync/corosync.conf", sha256="other")),
    ("link-down", "three", host("ctl1", links={"ctl2": (True, False), "ctl3": (True, True)})),
]
AMONG_OTHERS: list[tuple[str, list[Change]]] = [
    ("no-node-list", [conf("nodelist", "nodes")]),
    ("ring-address-by-name", [conf("ring0_addr: 10.20.0.12", "ring0_addr: ctl2")]),
    ("links-one-network", [conf("10.22.0.", "10.20.0.2")]),
    ("ring-only-on-replication", [conf("ring0_addr", "# ring0_addr"), conf("ring1_addr", "ring0_addr")]),
]
"""Mistakes that are several at once, or bring others with them."""
