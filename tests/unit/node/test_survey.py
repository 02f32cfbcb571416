"""What a check asks a node: nothing is changed, and no password leaves it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from quorate.node import survey

PROGRAM = Path(survey.__file__)
SECRET = "letmein"


@pytest.mark.parametrize(
    "text",
    [
        f"connection = mysql+pymysql://keystone:{SECRET}@10.0.0.1/keystone",
        f"transport_url = rabbit://a:{SECRET}@h1:5671,b:{SECRET}@h2:5671//",
        f"admin_password={SECRET}",
        f"memcache_secret_key = {SECRET}",
        f"log = x\n  default_pass = {SECRET}\n",
        f"  stats auth admin:{SECRET}",
        f'net {{ cram-hmac-alg sha256; shared-secret "{SECRET}"; }}',
        f"shared-secret {SECRET};",
        f'<nvpair id="x" name="passwd" value="{SECRET}"/>',
        f'<nvpair id="fence-password" name="password" value="{SECRET}"/>',
        f'<lrm_rsc_op id="x" password="{SECRET}"/>',
    ],
)
def test_passwords_are_blanked(text: str) -> None:
    assert SECRET not in survey.blanked(text)
    assert "***" in survey.blanked(text)


@pytest.mark.parametrize(
    "text",
    [
        "bind-address = 10.0.0.1",
        "http://127.0.0.1:5000/v3",
        '<nvpair id="x" name="ip" value="10.0.0.1"/>',
        "password_script is not one, as it stands in a sentence",
        "proxy_bypass = 10.0.0.1",
        "server a 10.0.0.1:80 check, server b 10.0.0.2:80",
    ],
)
def test_what_is_no_password_stays(text: str) -> None:
    assert survey.blanked(text) == text


def test_a_key_beside_a_certificate_stays_on_its_node(tmp_path: Path) -> None:
    def block(kind: str) -> str:
        return f"-----BEGIN {kind}-----\nTUlJQg+/aa==\n-----END {kind}-----\n"

    file = tmp_path / "front.pem"
    file.write_text(block("CERTIFICATE") + block("EC PRIVATE KEY") + block("CERTIFICATE"))
    assert survey.certificates(str(file)) == block("CERTIFICATE") * 2
    assert survey.certificates(str(tmp_path / "none.pem")) == ""


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("    bind 10.0.0.1:443 ssl crt /etc/ssl/site.pem alpn h2", ["/etc/ssl/site.pem"]),
        ("ssl_options.certfile = /etc/rabbitmq/cert.pem", ["/etc/rabbitmq/cert.pem"]),
        ("    # bind :443 ssl crt /etc/ssl/old.pem", []),
        ("ssl_options.cacertfile = /etc/rabbitmq/ca.pem", []),
    ],
)
def test_configurations_name_their_certificates(line: str, path: list[str]) -> None:
    assert re.findall(survey.NAMES_CERTIFICATE, f"global\n{line}\n") == path


def test_a_password_stays_visible_as_one() -> None:
    """The rule about passwords in the CIB has to find something there."""
    assert 'value="***"' in survey.blanked(f'<nvpair id="x" name="passwd" value="{SECRET}"/>')


def test_disks_of_drbd_84(monkeypatch: pytest.MonkeyPatch) -> None:
    proc = " 0: cs:Connected ro:Secondary/Primary ds:UpToDate/UpToDate C r-----\n 1: cs:Unconfigured\n"
    monkeypatch.setattr(survey, "read", lambda path: proc if path == "/proc/drbd" else "")
    dump = "resource database {\n on a {\n  device /dev/drbd0 minor 0;\n }\n}\nresource image {\n device minor 1;\n}\n"
    assert survey.disks(dump, "") == {"database": {"role": "Secondary", "disk": "UpToDate", "connection": "Connected"}}


def test_disks_of_drbd_9() -> None:
    status = [
        {
            "name": "r0",
            "role": "Primary",
            "devices": [{"volume": 0, "minor": 0, "disk-state": "UpToDate"}],
            "connections": [{"name": "b", "connection-state": "Connecting"}],
        }
    ]
    assert survey.disks("", json.dumps(status)) == {
        "r0": {"role": "Primary", "disk": "UpToDate", "connection": "Connecting"}
    }


def test_it_only_shows() -> None:
    """The commands of the program, and that it opens files for reading alone."""
    assert [argv[0] for argv in survey.COMMANDS.values()] == [
        *("cibadmin", "drbdadm", "drbdsetup", "corosync-cfgtool", "ip", "pacemakerd")
    ]
    assert set(survey.COMMANDS["cib"]) == {"cibadmin", "--query"}
    page = (Path(__file__).parents[3] / "docs/check.md").read_text()
    assert all(" ".join(argv) in page for argv in survey.COMMANDS.values())
    assert not re.search(r'open\([^)]*"[wax+]', PROGRAM.read_text())


def test_it_answers_on_this_machine() -> None:
    """As it is run on a node: its text, with nothing of this project beside it."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM.read_text()],
        input=json.dumps({"units": ["nothing-of-this-name.service"]}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["uid"] == os.getuid()
    assert "nothing-of-this-name.service" not in answer["units"]
    assert answer["files"]["/etc/hosts"]["text"]
    assert answer["files"]["/proc/mounts"]["text"]
