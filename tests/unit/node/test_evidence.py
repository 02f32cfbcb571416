"""What a node hands out after a failed drill: the scheduler's inputs since then, its journal, its versions."""

import base64
import bz2
import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from quorate.node import evidence

PROGRAM = Path(evidence.__file__)


def ask(scheduler: Path) -> dict[str, Any]:
    request = {"ago": 100.0, "scheduler": str(scheduler), "packages": ["libc6", "no-such-package"]}
    said = subprocess.run(
        [sys.executable, "-I", "-S", str(PROGRAM)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(said.stdout)
    return answer


def put(folder: Path, name: str, age: float, content: bytes = b"<cib/>") -> None:
    (folder / name).write_bytes(bz2.compress(content))
    os.utime(folder / name, (time.time() - age, time.time() - age))


def test_the_inputs_since_then_come_as_they_are(tmp_path: Path) -> None:
    put(tmp_path, "pe-input-1.bz2", 1000)
    put(tmp_path, "pe-input-2.bz2", 50, b"<cib epoch='2'/>")
    put(tmp_path, "pe-warn-0.bz2", 10)
    (tmp_path / "pe-input.last").write_text("3")
    answer = ask(tmp_path)
    assert set(answer["inputs"]) == {"pe-input-2.bz2", "pe-warn-0.bz2"}
    assert bz2.decompress(base64.b64decode(answer["inputs"]["pe-input-2.bz2"])) == b"<cib epoch='2'/>"
    assert answer["left_out"] == 0
    assert isinstance(gzip.decompress(base64.b64decode(answer["journal"])), bytes)
    assert answer["kernel"] == os.uname().release


def test_the_newest_come_if_there_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        put(tmp_path, f"pe-input-{number}.bz2", 50 - number)
    size = (tmp_path / "pe-input-0.bz2").stat().st_size
    monkeypatch.setattr(evidence, "MOST", 2 * size)
    taken, left_out = evidence.inputs(str(tmp_path), time.time() - 100)
    assert (set(taken), left_out) == ({"pe-input-4.bz2", "pe-input-3.bz2"}, 3)


def test_a_node_without_a_scheduler_has_no_inputs(tmp_path: Path) -> None:
    assert ask(tmp_path / "nothing")["inputs"] == {}
