"""`quorate check`, as a person runs it."""

import json
import shutil
import tarfile
from datetime import date
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from quorate.cli import check
from quorate.cluster.facility import Waiver
from quorate.cluster.model import Cluster
from quorate.errors import InputError
from quorate.proof.evidence import read
from quorate.proof.examination import examine, failure_of

from .known import changed, conf, three

app = typer.Typer()
check.register(app)
BY_HAND = Path(__file__).parent / "clusters/by-hand"
HAND = (
    "--cib",
    str(BY_HAND / "cib.xml"),
    "--corosync",
    str(BY_HAND / "corosync.conf"),
    "--drbd",
    str(BY_HAND / "mysql.res"),
)
TODAY = date(2026, 11, 22)
needs_scheduler = pytest.mark.skipif(not shutil.which("crm_simulate"), reason="install pacemaker-cli-utils")


def run(*arguments: str | Path, status: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    if isinstance(result.exception, Exception):
        raise result.exception
    assert result.exit_code == status, result.output
    return result.stdout


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "lab.yaml"
    path.write_text("cluster: lab\nnodes: [ctl1, ctl2, ctl3]\nservices: {database: }\n")
    return path


def test_our_own_design_is_clean(good: Path) -> None:
    said = json.loads(run("--file", good, "--output", "json"))
    assert said["findings"] == []
    assert said["nodes"] == ["ctl1", "ctl2", "ctl3"]
    assert said["times"][0]["objective"] == 30
    assert "0 errors, 0 warnings" in run("--file", good)


def test_a_cluster_that_others_built() -> None:
    said = run(*HAND, status=1)
    assert "error node-without-fencing (Fencing)" in said
    assert f"{BY_HAND / 'cib.xml'}:" in said
    assert "Fix: " in said
    assert "docs/findings.md#node-without-fencing" in said
    assert "Not looked at" in said
    assert "letmein" not in said


@needs_scheduler
def test_its_failures_are_foreseen() -> None:
    found = json.loads(run(*HAND, "--output", "json", status=1))
    codes = {each["code"] for each in found["findings"]}
    assert {"single-point-of-failure", "failure-unnoticed"} <= codes
    beta = next(each for each in found["failures"] if each["fails"] == "beta")
    assert beta["unfenceable"] == ["beta"]


def test_sarif_names_lines() -> None:
    said = json.loads(run(*HAND, "--output", "sarif", status=1))
    (whole,) = said["runs"]
    assert said["version"] == "2.1.0"
    assert {each["ruleId"] for each in whole["results"]} == {rule["id"] for rule in whole["tool"]["driver"]["rules"]}
    location = whole["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"]
    assert location["region"]["startLine"] >= 1


@needs_scheduler
def test_what_if(good: Path) -> None:
    assert "database: untouched" in run("--file", good, "--what-if", "fail:ctl3")
    said = run("--file", good, "--what-if", "fail:ctl1,ctl2")
    assert "database: down" in said
    assert "without quorum" in said
    assert "database: interrupted" in run("--file", good, "--what-if", "fail:database-mariadb")


def test_difference(good: Path, tmp_path: Path) -> None:
    slower = tmp_path / "slower.xml"
    slower.write_text((BY_HAND / "cib.xml").read_text().replace('value="ignore"', 'value="stop"'))
    said = run("--diff", BY_HAND / "cib.xml", slower)
    assert "- error quorum-ignored" in said
    assert "+ " not in said
    assert "+ error quorum-ignored" in run("--diff", slower, BY_HAND / "cib.xml", status=1)
    assert run("--diff", good, good) == "No difference in what is found or foreseen.\n"


def test_a_report(tmp_path: Path) -> None:
    path = tmp_path / "report.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("cib.xml", "corosync.conf"):
            archive.add(BY_HAND / name, f"report/alpha/{name}")
    assert "Cluster stack: alpha, beta" in run("--report", path, status=1)


def test_warnings_count_only_when_strict(tmp_path: Path) -> None:
    path = tmp_path / "c.conf"
    path.write_text((BY_HAND / "corosync.conf").read_text().replace("udpu", "knet").replace("wait_for_all: 0", ""))
    text = path.read_text().replace("secauth: off", "crypto_cipher: aes256\n    crypto_hash: sha256")
    text = text.replace("ring0_addr: 192.168.1.11", "ring0_addr: 192.168.1.11\n        ring1_addr: 10.0.0.11")
    path.write_text(text.replace("ring0_addr: beta", "ring0_addr: 192.168.1.12\n        ring1_addr: 10.0.0.12"))
    assert "obsolete-setting" in run("--corosync", path)
    run("--corosync", path, "--strict", status=1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--cib", "nothing.xml"),
        ("--cib", str(BY_HAND / "corosync.conf")),
        ("--report", str(BY_HAND / "cib.xml")),
        (*HAND, "--live", "root@x"),
        (*HAND, "--what-if", "explode:beta"),
        (*HAND, "--what-if", "fail:gamma"),
        (*HAND, "--what-if", "fail:"),
        ("--live", "-oProxyCommand=x"),
        ("--file", str(BY_HAND / "cib.xml")),
        ("--diff", "a", "b"),
    ],
)
def test_bad_input_is_said(arguments: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        run(*arguments)
    assert caught.value.exit_status == 2


def test_waivers_take_a_finding_out_until_their_day(cluster: Cluster) -> None:
    evidence = read(changed(three(cluster), conf("ring1_addr", "# ring1_addr")))

    def waiver(until: date, where: tuple[str, ...] = (), finding: str = "single-link") -> Waiver:
        return Waiver(finding=finding, where=where, because="the switch is ordered", until=until)

    def codes(*waivers: Waiver) -> tuple[list[str], list[str], str]:
        found = examine(evidence, (), today=TODAY, waivers=waivers)
        return [each.code for each in found.findings], [each.code for each, _ in found.waived], "; ".join(found.notes)

    assert codes() == (["single-link"], [], "")
    assert codes(waiver(TODAY)) == ([], ["single-link"], "")
    assert codes(waiver(TODAY, ("ctl1",))) == ([], ["single-link"], "")
    assert codes(waiver(date(2026, 11, 21)))[0] == ["single-link"]
    assert "ended on 2026-11-21" in codes(waiver(date(2026, 11, 21)))[2]
    assert codes(waiver(TODAY, ("elsewhere",)))[0] == ["single-link"]
    assert "for nothing" in codes(waiver(TODAY, finding="fencing-off"))[2]


def test_a_failure_by_name(cluster: Cluster) -> None:
    evidence = read(three(cluster))
    found = failure_of(evidence, ["ctl1", "database-volume"])
    assert found.nodes == {"ctl1"}
    assert found.resources == {"database-drbd"}
    with pytest.raises(InputError, match="neither a node nor a resource"):
        failure_of(evidence, ["ctl9"])
