"""What packages' scripts find in place of some programs while they are installed, run for real."""

import re
import subprocess
from pathlib import Path

import pytest

from quorate.converge import marks, packages
from quorate.converge.plan import differing
from quorate.converge.step import Phase

from .settled import STEPS, spoilt


@pytest.mark.parametrize(
    ("command", "done"),
    [
        ("py3compile -p python3-alembic", ""),
        ("py3compile -p keystone /usr/share/keystone", "py3compile -p keystone /usr/share/keystone\n"),
        ("py3compile -p python3-prometheus-client -V 3.8-", "py3compile -p python3-prometheus-client -V 3.8-\n"),
        ("update-ca-certificates --hooksdir ", ""),
        ("update-ca-certificates --fresh", "update-ca-certificates --fresh\n"),
        ("update-ca-certificates", "update-ca-certificates \n"),
        ("systemctl --system daemon-reload", ""),
        ("systemctl daemon-reload", ""),
        ("systemctl start dbus.socket", "systemctl start dbus.socket\n"),
        ("systemctl try-restart dbus.service", "systemctl daemon-reload\nsystemctl try-restart dbus.service\n"),
    ],
)
def test_only_what_is_done_at_the_end_for_all_is_put_off(tmp_path: Path, command: str, done: str) -> None:
    name, *arguments = command.split(" ")
    real, log = tmp_path / "real", tmp_path / "log"
    real.mkdir()
    log.touch()
    (real / name).write_text(f'#!/bin/sh\necho "${{0##*/}} $*" >> {log}\nexit 3\n')
    stand_in = tmp_path / name
    stand_in.write_text(re.sub("/usr/s?bin/", f"{real}/", packages.STAND_INS[name].decode()))
    for program in (real / name, stand_in):
        program.chmod(0o755)
    status = subprocess.run([stand_in, *arguments], check=False).returncode
    assert log.read_text() == done
    assert status == (3 if done else 0), "what the real program says is what the script hears"


def test_an_installation_that_was_cut_short_is_ended() -> None:
    view = spoilt("ctl2", pending=frozenset({marks.INSTALLING}))
    [planned] = differing(STEPS, view, Phase.PACKAGES)
    assert (planned.step.host, planned.why) == ("ctl2", "they were installed in part")
