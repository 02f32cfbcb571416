"""A fault of the clients' network: somebody else has the address at which they reach a service.

Nobody can keep them from it. What is owed is that nothing comes of it but errors, and that it is over soon after the
stranger has gone: neighbours remember who said last that an address is theirs (RFC 826, "Packet Reception").
"""

from quorate.drill.faults.fault import Fault, Tools
from quorate.drill.targets import Target

LASTS = 40.0


async def _claim(tools: Tools, target: Target) -> None:
    assert tools.network
    await tools.network.impersonate(target.address)


async def _leave(tools: Tools, _target: Target) -> None:
    assert tools.network
    await tools.network.banish()


STRANGER = Fault(
    name="stranger",
    needs=("network",),
    telling="a machine that nobody knows claims the address of {service}, and refuses its clients",
    inject=_claim,
    heal=_leave,
    of_service=True,
    wants="address",
    lasts=LASTS,
    unmasked=True,
    usual=("active:*",),
)
