"""Glance's entry: it lets requests in only while the store is mounted. Glance itself is stood in for."""

import importlib
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

MOUNTED = "/proc"
"""What is mounted everywhere."""


class Glance:
    """Counts how often its stores are opened."""

    CONF, RESERVED_STORES = object(), {"os_glance_tasks_store": "file"}

    def __init__(self) -> None:
        self.opened = 0

    def init_app(self) -> Callable[..., Iterable[bytes]]:
        return lambda _environ, start: (start("200 OK", []), [b"an image"])[1]

    def create_multi_stores(self, conf: object, reserved_stores: object) -> None:
        assert (conf, reserved_stores) == (self.CONF, self.RESERVED_STORES)
        self.opened += 1


@pytest.fixture
def glance() -> Glance:
    return Glance()


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch, glance: Glance) -> ModuleType:
    monkeypatch.setenv("QUORATE_IMAGE_STORE", MOUNTED)
    for name in ("glance", "glance.common", "glance.common.wsgi_app", "glance_store"):
        monkeypatch.setitem(sys.modules, name, glance)
    monkeypatch.delitem(sys.modules, "quorate.node.image_api", raising=False)
    return importlib.import_module("quorate.node.image_api")


def ask(entry: ModuleType) -> tuple[str, bytes]:
    said = SimpleNamespace(status="")

    def start(status: str, _headers: Any) -> None:
        said.status = status

    body = b"".join(entry.application({}, start))
    return said.status, body


def test_it_serves_while_the_store_is_mounted_and_opens_it_once(entry: ModuleType, glance: Glance) -> None:
    assert glance.opened == 0, "not at its start: the store may be elsewhere"
    assert ask(entry) == ("200 OK", b"an image")
    assert ask(entry) == ("200 OK", b"an image")
    assert glance.opened == 1


def test_a_store_that_went_away_is_opened_anew_when_it_is_back(
    entry: ModuleType, glance: Glance, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ask(entry)
    (tmp_path / "images").mkdir()
    monkeypatch.setattr(entry, "STORE", str(tmp_path))  # a folder, with nothing mounted on it
    assert ask(entry) == ("503 Service Unavailable", b"The image store is not mounted on this node.\n")
    assert glance.opened == 1
    monkeypatch.setattr(entry, "STORE", MOUNTED)
    assert ask(entry)[0] == "200 OK"
    assert glance.opened == 2


def test_what_is_mounted_is_a_mount_point_and_not_what_is_beneath_or_above_one(entry: ModuleType) -> None:
    assert entry.is_mounted("/proc")
    assert not entry.is_mounted("/proc/self")
    assert not entry.is_mounted("/pro")
    assert not entry.is_mounted("proc")
