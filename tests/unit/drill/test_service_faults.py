"""Faults of services: what is done on the node, what ends it there, and to which services it can be done."""

import asyncio
import base64
import subprocess
from pathlib import Path

import pytest

from quorate.cluster.loading import load
from quorate.design import Design, work_out
from quorate.drill import targets
from quorate.drill.faults import FAULTS, Tools, configuration, keys, processes
from quorate.drill.sequences import campaign
from quorate.drill.targets import Target
from quorate.errors import HostError, Refused

LAB = Path(__file__).parents[3] / "examples/lab.yaml"


@pytest.fixture(scope="module")
def design() -> Design:
    return work_out(load(LAB.read_bytes(), str(LAB)))


class Commands:
    """Notes what is run; nothing is reached from the word `broken` on."""

    def __init__(self, broken: str = "") -> None:
        self.done: list[str] = []
        self._broken = broken

    def _note(self, *words: str) -> None:
        self.done.append(" ".join(words))
        if self._broken and self._broken in words:
            raise HostError("no answer")

    async def run(self, node: str, *argv: str) -> None:
        self._note("run", *argv)

    async def run_later(self, node: str, name: str, seconds: float, *argv: str) -> None:
        self._note("later", name, *argv)

    async def undo(self, node: str, name: str, *argv: str) -> None:
        self._note("undo", name, *argv)

    async def signal(self, node: str, unit: str, signal: str) -> None:
        self._note("signal", signal, unit)

    async def put_expired(self, node: str, path: str) -> None:
        self._note("put", path)


def hold(name: str, target: Target, commands: Commands, *, heal: bool = False) -> list[str]:
    fault = FAULTS[name]
    tools = Tools(commands=commands, processes=commands, certificates=commands)

    async def do() -> None:
        await (fault.heal if heal else fault.inject)(tools, target)

    asyncio.run(do())
    return commands.done


@pytest.mark.parametrize("name", ["kill-loop", "mute", "errors"])
def test_what_runs_on_the_node_ends_there_by_itself(name: str, design: Design) -> None:
    (begun,) = hold(name, targets.on_first_host("identity", design), Commands())
    assert begun.startswith("run systemd-run ")
    assert "--property=RuntimeMaxSec=40 " in begun
    assert begun.endswith(" keystone.service")


@pytest.mark.parametrize("name", ["freeze-awhile", "broken-configuration", "certificate-expired", "fernet-keys-differ"])
def test_the_timer_is_set_first_and_does_what_the_drill_would(name: str, design: Design) -> None:
    target = targets.on_first_host("identity", design)
    (first, *others) = hold(name, target, Commands())
    healing = hold(name, target, Commands(), heal=True)[0]
    assert others
    assert first.removeprefix("later ") == healing.removeprefix("undo ")


@pytest.mark.parametrize("name", ["kill-loop", "mute", "errors", "broken-configuration"])
def test_the_cluster_is_told_to_forget_it_even_if_the_rest_of_the_healing_fails(name: str, design: Design) -> None:
    done = hold(name, targets.on_first_host("identity", design), Commands(broken="stop"), heal=True)
    assert done[-1] == "run crm_resource --cleanup --resource identity-api --node ctl1"


@pytest.mark.parametrize(
    ("service", "web", "files"),
    [
        ("database", False, {"/etc/mysql/mariadb.conf.d/90-quorate.cnf"}),
        ("messaging", False, {"/etc/rabbitmq/rabbitmq.conf", "/etc/rabbitmq/rabbitmq-env.conf"}),
        ("identity", True, {"/etc/keystone/keystone.conf"}),
        ("image", True, {"/etc/glance/glance-api.conf"}),
        ("haproxy.service", True, {"/etc/quorate/haproxy.cfg"}),
        ("memcached.service", False, set()),
    ],
)
def test_what_a_service_is(service: str, web: bool, files: set[str], design: Design) -> None:
    if service in design.services:
        target = targets.on_first_host(service, design)
    else:
        aim = targets.parse(f"ctl1:{service}", design)
        target = targets.resolve(aim, design, None)  # type: ignore[arg-type]  # a node by name needs no state
    assert (target.web, {*target.configuration}) == (web, files)
    tools = Tools(commands=Commands(), processes=Commands())
    for fault, fits in ((FAULTS["errors"], web), (FAULTS["broken-configuration"], bool(files))):
        if fits:
            fault.check(target, tools)
        else:
            with pytest.raises(Refused, match=f"{fault.name} can't be done to {service}"):
                fault.check(target, tools)


@pytest.mark.parametrize(
    ("name", "services"),
    [
        ("mute", ["database", "messaging", "identity", "image"]),
        ("errors", ["identity", "image"]),
        ("certificate-expired", ["identity"]),  # of those behind the front, the first
        ("fernet-keys-differ", ["identity"]),
    ],
)
def test_all_holds_it_only_where_it_can_be_done_and_nothing_twice(
    name: str, services: list[str], design: Design
) -> None:
    class Ordered:
        """As much of an order as the choice needs."""

        tools = Tools(commands=Commands(), processes=Commands(), certificates=Commands(), twin=True)

        def __init__(self, design: Design) -> None:
            self.design = design

        @staticmethod
        def probed() -> tuple[str, ...]:
            return "database", "messaging", "identity", "image"

    order = campaign.programme([FAULTS[name]], Ordered(design))  # type: ignore[arg-type]
    assert [on.removeprefix("active:") for _, on in order] == services


def test_a_loop_goes_on_where_there_is_nothing_to_kill(tmp_path: Path) -> None:
    (tmp_path / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexit 1\n')
    (tmp_path / "systemctl").chmod(0o755)
    (tmp_path / "sleep").symlink_to("/bin/true")
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    with subprocess.Popen(["sh", "-c", processes.LOOP, "sh", "a.service", "b.service"], env=environment) as loop:
        try:
            asked = tmp_path / "asked"
            while not asked.exists() or len(asked.read_text().splitlines()) < 3:
                assert loop.poll() is None
        finally:
            loop.kill()
    assert asked.read_text().splitlines()[2] == "kill --kill-whom=all --signal=SIGKILL -- a.service b.service"


def in_a_namespace(script: str, *words: str) -> str:
    """Runs a script where mounts are nobody else's, as root of a user namespace."""
    argv = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", script, "sh", *words]
    found = subprocess.run(argv, capture_output=True, text=True, check=False)
    if "unshare" in found.stderr:
        pytest.skip(f"no namespaces here: {found.stderr.strip()}")
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_a_spoiled_file_is_restored_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "some.conf"
    file.write_text("good = 1\n")
    copies = tmp_path / "copies"
    spoil, restore = (
        text.replace(configuration.COPIES, str(copies)) for text in (configuration.SPOIL, configuration.RESTORE)
    )
    look = 'cat "$1"; echo --; '
    said = in_a_namespace(f"{spoil}\n{spoil}\n{look}\n{restore}\n{look}\n{restore}\n", str(file))
    assert said == "good = 1\nspoiled-by-a-drill\n--\ngood = 1\n--\n"
    assert file.read_text() == "good = 1\n"
    assert not copies.exists()


def test_other_keys_are_as_many_and_as_private_and_go_away_again(tmp_path: Path) -> None:
    folder, others = tmp_path / "fernet-keys", tmp_path / "others"
    folder.mkdir(mode=0o700)
    for number in (0, 1, 2):
        (folder / str(number)).write_text(f"key {number}")
        (folder / str(number)).chmod(0o400)
    change, back = (text.replace(keys.OTHERS, str(others)) for text in (keys.CHANGE, keys.CHANGE_BACK))
    look = 'for key in "$1"/*; do echo "$(stat -c %a "$1" "$key") $(cat "$key")" | tr "\\n" " "; echo; done; echo --'
    # In a shell of its own, as it is on a node: it may `exit`.
    script = f"( {change} )\n{look}\n( {change} )\n{look}\n{back}\n{look}\n{back}\n"
    first, again, restored = (part.splitlines() for part in in_a_namespace(script, str(folder)).split("--\n")[:3])
    assert first == again
    assert [line[:8] for line in first] == ["700 400 "] * 3
    assert [len(base64.urlsafe_b64decode(line[8:].strip())) for line in first] == [32] * 3
    assert len(set(first)) == 3
    assert [line.strip() for line in restored] == [f"700 400 key {number}" for number in (0, 1, 2)]
    assert not others.exists()


def test_an_expired_certificate_is_shown_and_hidden_again(tmp_path: Path) -> None:
    """HAProxy reads its certificate again each time, and not for nothing."""
    (tmp_path / "systemctl").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "systemctl").chmod(0o755)
    own, expired = tmp_path / "front.pem", tmp_path / "expired.pem"
    own.write_text("good\n")
    expired.write_text("expired\n")
    words = (str(expired), str(own), "haproxy.service")
    script = f'PATH={tmp_path}:$PATH\n{keys.SHOW}\ncat "$2"\n{keys.HIDE}\ncat "$2"\nreload=\n{keys.HIDE}'
    said = in_a_namespace(script, *words)
    assert said.split() == ["reload", "haproxy.service", "expired", "reload", "haproxy.service", "good"]
    assert not expired.exists()
