"""The parts of a site's facility, broken in its twin: by `quorate lab fail`, and by drills."""

import asyncio
import dataclasses
from collections.abc import Iterable, Sequence

from quorate.cli.site import Site
from quorate.lab import DamageSpec, Lab
from quorate.proof.damage import Damage, Standing, standing


class Twin:
    """A lab as the twin of its site: what of the facility has failed in it."""

    def __init__(self, site: Site) -> None:
        self._lab: Lab = site.lab
        self.standing: Standing = standing(site.design, site.cluster)

    @property
    def failed(self) -> tuple[str, ...]:
        """The parts that have failed."""
        return self._lab.damage.parts

    def let_fail(self, parts: Iterable[str]) -> Damage:
        """These parts fail besides those that have; what all of them do together. Raises LabError."""
        return self._suffer(dict.fromkeys([*self.failed, *parts]))

    def mend(self, parts: Iterable[str] | None = None) -> Damage:
        """These parts work again, or all; what is still broken. Raises LabError."""
        healed = self.failed if parts is None else tuple(parts)
        return self._suffer(part for part in self.failed if part not in healed)

    def _suffer(self, parts: Iterable[str]) -> Damage:
        failed = tuple(parts)
        damage = self.standing.damage(failed)
        self._lab.suffer(DamageSpec(parts=failed, **dataclasses.asdict(damage)))
        return damage


class Parts:
    """The same as drills want it: `faults.Facility`."""

    def __init__(self, site: Site) -> None:
        self._twin = Twin(site)

    async def fail(self, parts: Sequence[str]) -> None:
        await asyncio.to_thread(self._twin.let_fail, parts)

    async def heal(self, parts: Sequence[str]) -> None:
        await asyncio.to_thread(self._twin.mend, parts)
