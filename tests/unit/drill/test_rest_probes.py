"""The probes of HTTP services against a real HTTPS server: what they write down must be what happened."""

import asyncio
import dataclasses
import json
import stat
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from quorate.design.model import ServiceDesign
from quorate.drill.clients import ledger, probing
from quorate.drill.clients.ledger import Ledger
from quorate.drill.clients.probe import Place, Probe
from quorate.drill.clients.probing import Probing
from quorate.drill.clients.record import Outcome, Record
from quorate.drill.probes import identity, image
from quorate.drill.probes.probed import PROBES
from quorate.errors import HostError
from quorate.hosts import Host

from .openstack_server import PAGE, PASSWORD, Server, issue

RATE = 20.0
SERVICES = ("identity", "image", "placement")
WRITE = {"identity": "POST /v3/groups", "image": "PUT /v2/images", "placement": "PUT /traits"}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return issue(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(certificates: tuple[Path, Path]) -> Iterator[Server]:
    server = Server(certificates[1])
    yield server
    server.stop()


@pytest.fixture
def place(server: Server, certificates: tuple[Path, Path], tmp_path: Path) -> Callable[[str], Place]:
    async def nobody() -> Host:
        raise AssertionError("these probes go through the front only")

    def of(name: str) -> Place:
        services = {
            each: ServiceDesign(each, IPv4Address("127.0.0.1"), server.port, (), (), "front-address", None)
            for each in (*SERVICES, "dashboard")
        }
        secrets = {"identity-admin": PASSWORD}
        return Place(
            services[name], "quorate_drill_1", tmp_path, nobody, secrets.__getitem__, certificates[0], services
        )

    return of


Happens = Callable[[Probing], Awaitable[None]]


def drilled(probe: Probe, place: Place, happens: Happens, timeout: float = 2.0) -> tuple[Record, Ledger]:
    """What is written down, and what is found again, when something happens under load."""

    async def drill() -> tuple[Record, Ledger]:
        await probe.prepare()
        # However busy the machine is: what isn't sent for want of room says nothing about the server.
        config = dataclasses.replace(probe.config(RATE), timeout=timeout, in_flight=1000)
        async with probing.running(place.service.name, probe.module, config, place.folder) as running:
            assert await running.steady(0.3, time.time(), 15), running.last_trouble()
            await happens(running)
            record = await running.stop()
        found = ledger.compare(record, await probe.found())
        await probe.withdraw()
        return record, found

    return asyncio.run(drill())


def outcomes(record: Record) -> Counter[Outcome]:
    return Counter(write.outcome for write in record.writes)


async def until(running: Probing, happened: Callable[[Record], bool]) -> None:
    async with asyncio.timeout(30):
        while not happened(running._reader.record()):  # noqa: ASYNC110  (another process writes it)
            await asyncio.sleep(0.02)


async def nothing(_: Probing) -> None:
    pass


def until_seen(server: Server, kind: str, trouble: str, outcome: Outcome) -> Happens:
    """Makes one kind of request fail until the probe has written such an outcome down, then lets it serve again."""

    async def happens(running: Probing) -> None:
        server.cloud.trouble[kind] = trouble
        await until(running, lambda record: outcome in outcomes(record))
        server.cloud.trouble.clear()
        server.cloud.released.set()
        assert await running.steady(0.3, time.time(), 15), running.last_trouble()

    return happens


@pytest.mark.parametrize("name", SERVICES)
def test_steady_service(name: str, place: Callable[[str], Place], server: Server) -> None:
    here = place(name)
    probe = PROBES[name](here)
    record, found = drilled(probe, here, nothing)
    assert record.complete
    assert outcomes(record) == {Outcome.ACKNOWLEDGED: len(record.writes)}
    assert found.sound and found.acknowledged == len(record.writes) > PAGE, "more than a page of the list"
    asyncio.run(probe.erase())
    cloud = server.cloud
    assert not (cloud.groups or cloud.images or cloud.domains or cloud.traits)
    assert PASSWORD not in here.record.read_text() + (here.folder / f"{name}.log").read_text()


@pytest.mark.parametrize(
    ("name", "trouble", "outcome"),
    [
        ("identity", "403", Outcome.REFUSED),
        ("identity", "409", Outcome.UNKNOWN),
        ("identity", "503", Outcome.UNKNOWN),
        ("identity", "drop", Outcome.UNKNOWN),
        ("identity", "drop-after", Outcome.UNKNOWN),
        ("identity", "hang", Outcome.UNKNOWN),
        ("image", "413", Outcome.REFUSED),
        ("image", "drop-after", Outcome.UNKNOWN),
        ("placement", "409", Outcome.UNKNOWN),
        ("placement", "drop-after", Outcome.UNKNOWN),
    ],
)
def test_what_becomes_of_a_write(
    name: str, trouble: str, outcome: Outcome, place: Callable[[str], Place], server: Server
) -> None:
    here = place(name)
    record, found = drilled(PROBES[name](here), here, until_seen(server, WRITE[name], trouble, outcome))
    # A busy machine may keep one from being sent at all; that one says nothing about the trouble.
    assert {write.outcome for write in record.writes if write.sent is not None} == {Outcome.ACKNOWLEDGED, outcome}
    assert found.sound
    if trouble == "drop-after":
        assert found.unknown_found and not found.unknown_missing


@pytest.mark.parametrize(("name", "step"), [("identity", "POST /v3/auth/tokens"), ("image", "POST /v2/images")])
def test_what_fails_before_the_write_is_refused(
    name: str, step: str, place: Callable[[str], Place], server: Server
) -> None:
    here = place(name)
    record, found = drilled(PROBES[name](here), here, until_seen(server, step, "drop", Outcome.REFUSED))
    assert Outcome.UNKNOWN not in outcomes(record)
    assert found.sound
    assert all(write.sent is None for write in record.writes if write.outcome is Outcome.REFUSED)


@pytest.mark.parametrize("name", SERVICES)
def test_a_server_that_is_gone_refuses(name: str, place: Callable[[str], Place], server: Server) -> None:
    async def happens(running: Probing) -> None:
        server.stop()
        await until(running, lambda record: Outcome.REFUSED in outcomes(record))
        server.start()
        assert await running.steady(0.3, time.time(), 15), running.last_trouble()

    here = place(name)
    record, found = drilled(PROBES[name](here), here, happens)
    assert found.sound
    refused = [write for write in record.writes if write.outcome is Outcome.REFUSED]
    assert all("was not sent" in write.detail for write in refused)


@pytest.mark.parametrize("name", SERVICES)
def test_planted_losses_are_found(name: str, place: Callable[[str], Place], server: Server) -> None:
    async def happens(_: Probing) -> None:
        cloud = server.cloud
        with cloud.lock:
            cloud.groups = [group for group in cloud.groups if group[1] != "3"]
            by_name = {image["name"]: id_ for id_, image in cloud.images.items()}
            cloud.traits = {each for each in cloud.traits if not each.endswith("_3")}
            if name == "image":
                cloud.data[by_name["3"]] = image.content(4)
                del cloud.data[by_name["5"]]
        if name == "identity":
            (domain,) = cloud.domains
            cloud.groups.append((domain, "999999"))

    here = place(name)
    _, found = drilled(PROBES[name](here), here, happens)
    assert found.lost == ((3, 5) if name == "image" else (3,))
    assert found.never_sent == ((999999,) if name == "identity" else ())


def test_an_image_that_is_not_read_back_is_acknowledged_and_not_served(
    place: Callable[[str], Place], server: Server
) -> None:
    here = place("image")

    async def happens(running: Probing) -> None:
        server.cloud.trouble["GET /v2/images/"] = "404"
        assert not await running.steady(0.3, time.time(), 1)
        assert "not read back" in running.last_trouble()
        server.cloud.trouble.clear()

    record, found = drilled(PROBES["image"](here), here, happens)
    assert outcomes(record) == {Outcome.ACKNOWLEDGED: len(record.writes)}
    assert not all(write.served for write in record.writes)
    assert found.sound


def test_a_token_that_is_refused_is_renewed(place: Callable[[str], Place], server: Server) -> None:
    async def happens(running: Probing) -> None:
        server.cloud.tokens.clear()
        await until(running, lambda record: Outcome.REFUSED in outcomes(record))
        assert await running.steady(0.3, time.time(), 15), running.last_trouble()

    here = place("image")
    record, found = drilled(PROBES["image"](here), here, happens)
    assert found.sound and Outcome.UNKNOWN not in outcomes(record)


def test_another_certificate_is_not_spoken_to(place: Callable[[str], Place], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = dataclasses.replace(place("identity"), authority=issue(tmp_path / "other")[0])
    with pytest.raises(HostError, match="CERTIFICATE_VERIFY_FAILED"):
        asyncio.run(identity.Identity(other).prepare())


def test_no_more_are_under_way_than_may_be(place: Callable[[str], Place], server: Server) -> None:
    here = place("identity")
    probe = identity.Identity(here)

    async def drill() -> Record:
        await probe.prepare()
        config = dataclasses.replace(probe.config(RATE), timeout=2.0, in_flight=5)
        async with probing.running("identity", probe.module, config, here.folder) as running:
            assert await running.steady(0.3, time.time(), 15)
            server.cloud.trouble[WRITE["identity"]] = "hang"
            await until(running, lambda record: any("under way" in write.detail for write in record.writes))
            server.cloud.released.set()
            server.cloud.trouble.clear()
            return await running.stop()

    record = asyncio.run(drill())
    assert outcomes(record)[Outcome.UNKNOWN] <= 5
    assert ledger.compare(record, asyncio.run(probe.found())).sound


DASHBOARD_LOGIN = "POST /auth/login/"


def test_each_session_of_the_dashboard_is_found_again(place: Callable[[str], Place], server: Server) -> None:
    here = place("dashboard")
    probe = PROBES["dashboard"](here)
    record, found = drilled(probe, here, nothing)
    assert outcomes(record) == {Outcome.ACKNOWLEDGED: len(record.writes)}
    assert found.sound and found.acknowledged == len(record.writes) == len(server.cloud.sessions)
    assert list(here.folder.glob("*.sessions")) == [], "whoever has a cookie is the administrator"
    written = here.record.read_text() + (here.folder / "dashboard.log").read_text()
    assert not [secret for secret in (PASSWORD, *server.cloud.sessions) if secret in written]


def test_a_session_that_is_good_no_more_is_lost(place: Callable[[str], Place], server: Server) -> None:
    modes: list[int] = []
    here = place("dashboard")

    async def happens(running: Probing) -> None:
        await until(running, lambda record: outcomes(record)[Outcome.ACKNOWLEDGED] >= 5)
        (kept,) = here.folder.glob("*.sessions")
        modes.append(stat.S_IMODE(kept.stat().st_mode))
        cookies = dict(map(json.loads, kept.read_text().splitlines()))
        del server.cloud.sessions[cookies[2]]

    _, found = drilled(PROBES["dashboard"](here), here, happens)
    assert found.lost == (2,)
    assert modes == [0o600]


@pytest.mark.parametrize(
    ("kind", "trouble", "outcome"),
    [
        ("GET /auth/login/", "503", Outcome.REFUSED),
        ("GET /auth/login/", "drop", Outcome.REFUSED),
        (DASHBOARD_LOGIN, "503", Outcome.UNKNOWN),
        (DASHBOARD_LOGIN, "200", Outcome.UNKNOWN),
        (DASHBOARD_LOGIN, "drop-after", Outcome.UNKNOWN),
    ],
)
def test_what_becomes_of_a_log_in(
    kind: str, trouble: str, outcome: Outcome, place: Callable[[str], Place], server: Server
) -> None:
    here = place("dashboard")
    record, found = drilled(PROBES["dashboard"](here), here, until_seen(server, kind, trouble, outcome))
    sent = {write.outcome for write in record.writes if write.sent is not None}
    assert sent == ({Outcome.ACKNOWLEDGED} if outcome is Outcome.REFUSED else {Outcome.ACKNOWLEDGED, outcome})
    assert found.sound


@pytest.mark.parametrize("trouble", ["503", "500"])
def test_a_dashboard_that_fails_keeps_no_session(trouble: str, place: Callable[[str], Place], server: Server) -> None:
    """A page that isn't shown proves nothing good: neither a redirection to the form nor an error does."""
    here = place("dashboard")

    async def happens(_: Probing) -> None:
        server.cloud.trouble["GET /identity/"] = trouble

    record, found = drilled(PROBES["dashboard"](here), here, happens)
    assert len(found.lost) == len(record.writes) > 0
