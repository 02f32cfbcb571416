"""Whatever the bytes: a cluster, or findings. In bounded time, and never anything else."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from quorate.cluster import spelling
from quorate.cluster.document import parse
from quorate.cluster.findings import ClusterFileError
from quorate.cluster.loading import load, read
from quorate.cluster.written import SHAPE

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("too-large", b"[" * 10_000_000),
        ("too-large", b"{a: " * 2_500_000),
        ("too-deep", b"[" * 250_000),
        ("too-deep", b"{a: " * 60_000),
        ("too-deep", b"- " * 130_000),
        ("too-deep", b"? " * 130_000),
        ("too-deep", b"".join(b" " * i + b"a:\n" for i in range(700))),
        ("too-large", b"- a\n" * 60_000),
        ("too-large", b"[" + b"a, " * 80_000 + b"]"),
        ("not-yaml", b"a: '" + b"a\n" * 130_000),
        ("wrong-type", b"a\n" * 130_000),
        ("not-yaml", b'"\\U99999999"'),
        ("alias", LAUGHS.encode()),
        ("not-yaml", b"a: &a [*a"),
        ("alias", b"a: &a [*a]"),
    ],
)
def test_bombs(code: str, text: bytes) -> None:
    begun = time.process_time()
    with pytest.raises(ClusterFileError) as caught:
        load(text, "bomb")
    assert code in [finding.code for finding in caught.value.findings]
    assert time.process_time() - begun < 2
    assert len(str(caught.value)) < 50_000


def outcome(text: bytes) -> None:
    try:
        loaded = read(text, "fuzz")
    except ClusterFileError as error:
        assert error.findings
        lines = [(finding.where.line, finding.where.column) for finding in error.findings]
        assert lines == sorted(lines)
        assert "\x1b" not in str(error)
        return
    again = spelling.write(loaded.cluster, loaded.origins)
    assert load(again.encode(), "again") == loaded.cluster


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes(text: bytes) -> None:
    outcome(text)


YAMLISH = st.text(alphabet="ab: -[]{}\n'\"&*!?|>#%,\t0\\Ux@`~", max_size=60)


@settings(max_examples=300)
@given(YAMLISH)
def test_any_yaml_like_text(text: str) -> None:
    outcome(text.encode())


KEYS = st.sampled_from(
    sorted({key for model in SHAPE.values() for key in {*model.keys(), *model.later}} | {"ctl1", "password"})
)
VALUES = st.sampled_from(
    (None, True, 0, -1, 3306, 10**30, "", "ctl1", "ctl2", "null", "30s", "0s", "1GiB", "10.20.0.11", "10.20.0.0/24")
) | st.sampled_from(
    ("255.255.255.255", "255.255.255.248/29", "::1", "drbd", "mariadb", "/dev/sdb", "ring", "\x1b[31m", "é")
)
TREES: st.SearchStrategy[Any] = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=12
)


@st.composite
def nearly_right(draw: st.DrawFn) -> dict[str, Any]:
    """A good file of which some parts are replaced by anything."""
    link = {"address": "10.20.0.5", "nic": ["no", "eno2"], "via": ["s1"]}
    node: dict[str, Any] = {"links": {"management": link}, "data": "/dev/disk/x", "rack": "r1", "power": ["r1-a"]}
    file: dict[str, Any] = {
        "cluster": "lab",
        "nodes": {"true": node, "b": None, "c": {}},
        "networks": {"management": None, "storage": {"cidr": "10.22.0.0/24", "uses": ["ring", "replication"]}},
        "services": {
            "database": {"on": ["true", "c"], "size": "3GiB", "vip": "10.20.0.77"},
            "messaging": {"replicated_by": "drbd"},
            "identity": None,
            "image": {"store": {"rbd": {"rbd_store_pool": "images"}}},
            "block-storage": {"on": ["true", "c"]},
        },
        "objectives": {"default": {"downtime": "1500ms"}},
        "facility": {
            "zones": {"north": {"cooling": {"2 of": ["x1", "x2", "x3"]}}},
            "feeds": {"f1": {"ups": "u1"}, "f2": None},
            "racks": {"r1": {"zone": "north", "pdus": {"r1-a": "f1", "r1-b": ["f1", {"all": ["f2"]}]}}},
            "switches": {"s1": {"rack": "r1", "power": ["r1-a"], "mtbf": "9y"}},
            "goals": {"much": {"1 of": ["s1"]}},
        },
        "waivers": [{"finding": "x", "where": ["s1"], "because": "so", "until": "2027-01-01"}],
    }
    for _ in range(draw(st.integers(1, 3))):
        part: Any = file
        while isinstance(inner := part[key := draw(st.sampled_from(sorted(part)))], dict) and inner:
            if draw(st.integers(0, 5)) == 0:
                break
            part = inner
        part[key] = draw(VALUES | TREES)
    return file


@settings(max_examples=300, deadline=None)
@given(TREES | nearly_right())
def test_any_structure(tree: Any) -> None:
    outcome(_yaml(tree).encode())


def _yaml(value: Any) -> str:
    """Any structure as YAML in flow style; every letter of a text as its number, to get past the first look."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_yaml(key)}: {_yaml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(letter):08x}" for letter in value) + '"'
    return json.dumps(value)


WORDS = st.text(alphabet='abnultre.-/ é"', min_size=1, max_size=6)


@given(st.dictionaries(WORDS, st.lists(WORDS) | WORDS, min_size=1))
def test_data_is_what_yaml_says_it_is(tree: dict[str, Any]) -> None:
    """Quoted text is read as any YAML parser reads it; so is what `spelling` writes without quotes."""
    text = "".join(f"{spelling._word(key)}: {_plain(value)}\n" for key, value in tree.items())
    assert parse(text.encode(), "x").data == tree == YAML(typ="safe", pure=True).load(text)


def _plain(value: list[str] | str) -> str:
    return spelling._word(value) if isinstance(value, str) else f"[{', '.join(map(spelling._word, value))}]"
