"""Mistakes about certificates, each with the rule that finds it and the cluster that it is planted in."""

from ..known import Change, host

FRONT = "/etc/quorate/tls/front.pem"

MISTAKES: list[tuple[str, str, Change | list[Change]]] = [
    ("certificate-expired", "three", host("ctl2", certificates={FRONT: -7200.0})),
    ("certificate-expires-soon", "three", host("ctl2", certificates={FRONT: 13 * 86400.0})),
]
