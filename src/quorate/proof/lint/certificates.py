"""Certificates that services show their clients."""

from quorate.proof.evidence import Evidence
from quorate.proof.lint.hosts import spot
from quorate.proof.lint.rule import ERROR, WARNING, Found, Hit, Unseen, on_hosts

DAY = 86400
EARLY = 14
"""Days before the end in which it is said that it comes."""


@on_hosts("certificate-expired", ERROR)
def certificates_are_good(evidence: Evidence) -> Found:
    """No certificate that clients are shown has expired.

    Every client that looks at it refuses the connection, and no takeover helps: to a monitor on the node itself the
    service answers.

    Fix: put a new one there and reload the service; of Quorate's own CA, `quorate init` makes it and `quorate apply`
    brings it.
    """
    for host in evidence.hosts.values():
        if host.certificates is None:
            yield Unseen(f"the certificates on {host.name}")
        for path, left in (host.certificates or {}).items():
            if left < 0:
                yield Hit(spot(host, path), f"{path} on {host.name} expired {_span(-left)} ago")


@on_hosts("certificate-expires-soon", WARNING)
def certificates_stay_good(evidence: Evidence) -> Found:
    """Every certificate that clients are shown is good for another two weeks.

    From the second of its end on every client refuses the connection, and nothing in the cluster notices.

    Fix: put a new one there and reload the service; of Quorate's own CA, `quorate init` makes it and `quorate apply`
    brings it.
    """
    for host in evidence.hosts.values():
        for path, left in (host.certificates or {}).items():
            if 0 <= left < EARLY * DAY:
                yield Hit(spot(host, path), f"{path} on {host.name} expires in {_span(left)}")


def _span(seconds: float) -> str:
    days, hours = int(seconds // DAY), int(seconds // 3600)
    if days > 1:
        return f"{days} days"
    return f"{hours} hours" if hours > 1 else f"{int(seconds // 60)} minutes"
