"""A drill as the command line orders it: its options, the site that it is held on, and the page of all drills."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from rich.console import Console

from quorate.cli import breaking
from quorate.cli.site import Site
from quorate.drill.audit import fencing_history
from quorate.drill.audit.fencing import BmcLog, PowerRequest
from quorate.drill.faults import POWER_LOSS, Fault
from quorate.drill.order import REPAIR_LIMIT, Drill
from quorate.drill.probes.probed import PROBES
from quorate.drill.report import drawing
from quorate.errors import InputError
from quorate.hosts import Hosts
from quorate.lab import Lab


@dataclass(frozen=True)
class Options:
    """How a drill is held."""

    probe: tuple[str, ...] = ()
    rate: str = ""
    """As it was typed."""
    thorough: bool = True
    patience: float = REPAIR_LIMIT
    guarded: bool = False


DEFAULTS = Options()


@contextlib.asynccontextmanager
async def ordered(site: Site, options: Options, fault: Fault = POWER_LOSS, on: str = "one") -> AsyncIterator[Drill]:
    """The drill, with all that the site has for it, as long as the block lasts. Raises InputError."""
    async with site.hosts() as hosts:
        if site.lab.exists():
            yield _order(site, hosts, _BmcLogs(site.lab), fault, on, options)
        else:
            async with fencing_history.followed(hosts, site.design) as history:
                yield _order(site, hosts, history, fault, on, options)


def _order(site: Site, hosts: Hosts, bmcs: BmcLog, fault: Fault, on: str, options: Options) -> Drill:
    return Drill(
        fault=fault,
        on=on,
        cluster=site.cluster,
        design=site.design,
        hosts=hosts,
        tools=breaking.tools(site, hosts),
        bmcs=bmcs,
        reports=site.folder / "drills",
        secret=lambda name: site.secrets.read(name).decode(),
        authority=site.folder / "tls/ca.pem",
        probe=options.probe,
        rates=rates(options.rate, options.probe or [name for name in site.design.services if name in PROBES]),
        thorough=options.thorough,
        patience=options.patience,
        guarded=options.guarded,
    )


def draw(site: Site, console: Console) -> None:
    """The page of all drills of this cluster, and JUnit XML."""
    drills = site.folder / "drills"
    drawing.draw([drills], drills / drawing.PAGE, drills / drawing.JUNIT)
    console.print(f"All drills of this cluster on one page: {drills / drawing.PAGE}", markup=False, soft_wrap=True)


def names(text: str) -> tuple[str, ...]:
    """Words with commas between."""
    return tuple(name for name in text.split(",") if name)


def rates(text: str, services: Sequence[str]) -> dict[str, float]:
    """What `--rate` says: by service, or one for all. Raises InputError."""
    found: dict[str, float] = {}
    for word in names(text):
        service, equals, number = word.rpartition("=")
        try:
            rate = float(number)
        except ValueError:
            rate = 0.0
        if not 0.1 <= rate <= 2000:
            raise InputError(f"`{number}` is no rate", where=f"--rate {text}", todo="0.1 to 2000 operations a second")
        found |= {service: rate} if equals else dict.fromkeys(services, rate)
    return found


class _BmcLogs:
    """What the lab's BMCs wrote down."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def requests(self, node: str) -> Sequence[PowerRequest]:
        return [PowerRequest(**request) for request in self._lab.bmc_log(node)]
