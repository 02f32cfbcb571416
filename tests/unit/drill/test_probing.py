"""The probe's process from the drill's side: whatever ends the drill, no process and no password stay behind."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from quorate.drill.clients import probing
from quorate.drill.clients.probing import Probing
from quorate.drill.probes.sql import Config
from quorate.errors import QuorateError

from .conftest import Server


def running(config: Config, folder: Path) -> AbstractAsyncContextManager[Probing]:
    return probing.running("database", "quorate.drill.probes.sql", config, folder)


def test_steady_and_stop(config: Config, tmp_path: Path) -> None:
    async def drill() -> None:
        async with running(config, tmp_path) as probe:
            assert (tmp_path / "database.json").stat().st_mode & 0o777 == 0o600
            assert await probe.steady(0.5, time.time(), 10)
            record = await probe.stop()
        assert record.complete and len(record.writes) > 50

    asyncio.run(drill())
    assert not (tmp_path / "database.json").exists()
    assert config.password not in (tmp_path / "record").read_text() + (tmp_path / "database.log").read_text()


def test_a_service_that_refuses_is_not_steady(config: Config, tmp_path: Path, mariadb: Server) -> None:
    async def drill() -> str:
        async with running(config, tmp_path) as probe:
            assert not await probe.steady(0.3, time.time(), 2)
            return probe.last_trouble()

    mariadb.sql("REVOKE INSERT ON drill.* FROM probe@'127.0.0.1'; GRANT SELECT ON drill.* TO probe@'127.0.0.1'")
    assert "INSERT command denied" in asyncio.run(drill())


def test_a_drill_that_is_interrupted_ends_its_probe(config: Config, tmp_path: Path) -> None:
    async def drill() -> None:
        async with running(config, tmp_path) as probe:
            assert await probe.steady(0.3, time.time(), 10)
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(drill())
    assert not (tmp_path / "database.json").exists()
    assert '"end"' in (tmp_path / "record").read_text(), "it had the time to close its record"


def test_a_probe_that_dies_is_an_error(config: Config, tmp_path: Path) -> None:
    (tmp_path / "record").touch()  # a record that is there already is never appended to

    async def drill() -> None:
        async with running(config, tmp_path) as probe:
            await probe.steady(0.3, time.time(), 10)

    with pytest.raises(QuorateError, match="ended by itself"):
        asyncio.run(drill())
    assert "FileExistsError" in (tmp_path / "database.log").read_text()
