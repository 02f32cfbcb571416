"""Faults of certificates and keys. No cluster can keep them from clients, and none may make them worse.

What is spoiled is mounted over what is there, so that nothing on a disk is changed: a restart of the node heals it.
"""

import asyncio

from quorate.drill.faults.fault import Fault, Tools
from quorate.drill.targets import Target
from quorate.services import front

LASTS = 40.0
MARGIN = 60.0
"""Seconds after which a node restores by itself what nobody has restored."""
CERTIFICATE_TIMER, KEYS_TIMER = "certificate", "keys"

EXPIRED = "/run/quorate-drill-certificate.pem"
SHOW = 'mount --bind -- "$1" "$2"; systemctl reload "$3"'
"""$1 the expired certificate, $2 where HAProxy reads its own, $3 HAProxy's unit."""
HIDE = """
while grep -qF " $2 " /proc/self/mountinfo; do umount -l -- "$2" || break; reload=yes; done
rm -f -- "$1"
[ -z "$reload" ] || systemctl reload "$3"
"""

OTHERS = "/run/quorate-drill-keys"
CHANGE = f"""
grep -qF " $1 " /proc/self/mountinfo && exit
rm -rf {OTHERS}
mkdir -m 0700 {OTHERS}
for key in "$1"/*; do
    other={OTHERS}/${{key##*/}}
    head -c 32 /dev/urandom | base64 | tr +/ -_ | tr -d '\\n' > "$other"
    chmod --reference="$key" -- "$other"
    chown --reference="$key" -- "$other"
done
chown --reference="$1" {OTHERS}
mount --bind -- {OTHERS} "$1"
"""
"""$1 the folder of keys. As many others, each 32 random bytes in URL-safe base64, as Fernet wants them."""
CHANGE_BACK = f"""
while grep -qF " $1 " /proc/self/mountinfo; do umount -l -- "$1" || break; done
rm -rf {OTHERS}
"""


async def _let_expire(tools: Tools, target: Target) -> None:
    assert tools.commands and tools.certificates
    words = (EXPIRED, target.certificate, front.UNIT)
    for node in target.nodes:
        await tools.commands.run_later(node, CERTIFICATE_TIMER, LASTS + MARGIN, *_hide(target))
        await tools.certificates.put_expired(node, EXPIRED)
        await tools.commands.run(node, "sh", "-ec", SHOW, "sh", *words)


async def _renew(tools: Tools, target: Target) -> None:
    assert tools.commands
    for node in target.nodes:
        await tools.commands.undo(node, CERTIFICATE_TIMER, *_hide(target))


def _hide(target: Target) -> tuple[str, ...]:
    return ("sh", "-c", HIDE, "sh", EXPIRED, target.certificate, front.UNIT)


async def _change(tools: Tools, target: Target) -> None:
    assert tools.commands
    commands = tools.commands

    async def on(node: str) -> None:
        await commands.run_later(node, KEYS_TIMER, LASTS + MARGIN, "sh", "-c", CHANGE_BACK, "sh", target.keys)
        await commands.run(node, "sh", "-ec", CHANGE, "sh", target.keys)

    await asyncio.gather(*(on(node) for node in target.nodes))


async def _change_back(tools: Tools, target: Target) -> None:
    assert tools.commands
    for node in target.nodes:
        await tools.commands.undo(node, KEYS_TIMER, "sh", "-c", CHANGE_BACK, "sh", target.keys)


CERTIFICATE_EXPIRED = Fault(
    name="certificate-expired",
    needs=("commands", "certificates"),
    telling="the certificate with which {target} serves {service} has expired",
    inject=_let_expire,
    heal=_renew,
    of_service=True,
    wants="certificate",
    lasts=LASTS,
    unmasked=True,
    finding="certificate-expired",
    usual=("active:*",),
)
FERNET_KEYS_DIFFER = Fault(
    name="fernet-keys-differ",
    needs=("commands",),
    telling="the keys with which {target} makes and reads tokens are none that the other nodes have",
    inject=_change,
    heal=_change_back,
    of_service=True,
    wants="keys",
    lasts=LASTS,
    unmasked=True,
    finding="fernet-keys-differ",
    usual=("active:*",),
)

FAULTS = (CERTIFICATE_EXPIRED, FERNET_KEYS_DIFFER)
