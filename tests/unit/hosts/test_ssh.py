import asyncio
import getpass
import grp
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from quorate.hosts import (
    CommandFailed,
    CommandTimedOut,
    ConnectionLost,
    Endpoint,
    Host,
    HostKeyChanged,
    HostKeyUnknown,
    Hosts,
    KeyRefused,
    PythonMissing,
    Result,
    Unreachable,
)

from .conftest import Sshd

ME = {"owner": getpass.getuser(), "group": grp.getgrgid(os.getgid()).gr_name}


def runs(test: Callable[..., Coroutine[None, None, None]]) -> Callable[..., None]:
    @wraps(test)
    def wrapper(*args: object, **kwargs: object) -> None:
        asyncio.run(test(*args, **kwargs))

    return wrapper


@asynccontextmanager
async def reached(sshd: Sshd) -> AsyncIterator[Host]:
    sshd.trust()
    async with Hosts([Endpoint("node", "192.0.2.1")], sshd.configure()) as hosts:
        yield await hosts.host("node")


async def serving_process(host: Host) -> int:
    """The process of sshd that serves this connection: the parent of timeout(1), which is our command's."""
    return int((await host.run("sh", "-c", 'cut -d " " -f 4 "/proc/$PPID/stat"')).stdout)


async def refusal(config: Path) -> Exception:
    async with Hosts([Endpoint("node", "192.0.2.1")], config) as hosts:
        try:
            await hosts.host("node")
        except Exception as error:
            return error
    raise AssertionError("it connected")


@runs
async def test_a_command_gets_its_arguments_and_its_input_untouched(sshd: Sshd) -> None:
    async with reached(sshd) as host:
        nasty = "two  words; $(id) `id` 'quoted' \\ *\n"
        result = await host.run("sh", "-c", 'printf %s "$1"; cat; echo oops >&2', "sh", nasty, input=b"in\xff")
        assert (result.status, result.stdout, result.stderr) == (0, nasty + "in\ufffd", "oops\n")


@runs
async def test_a_command_without_input_finds_its_input_ended(sshd: Sshd) -> None:
    async with reached(sshd) as host:
        assert (await host.run("cat", timeout=5)).stdout == ""
        assert (await host.run("cat", input=b"", timeout=5)).stdout == ""


@runs
async def test_a_failed_command_says_where_what_and_why(sshd: Sshd) -> None:
    async with reached(sshd) as host:
        with pytest.raises(CommandFailed) as failed:
            await host.run("ls", "/no/such")
        assert failed.value.where == "node"
        assert "`ls /no/such` ended with status 2\n" in str(failed.value)
        assert "No such file" in str(failed.value)
        assert (await host.run("ls", "/no/such", check=False)).status == 2


@runs
async def test_a_command_that_never_ends_is_ended_on_the_host(sshd: Sshd, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    async with reached(sshd) as host:
        begun = time.monotonic()
        with pytest.raises(CommandTimedOut, match=r"was not done after 0.3 s"):
            await host.run("sh", "-c", 'echo $$ > "$1"; sleep 60; true', "sh", str(marker), timeout=0.3)
        assert time.monotonic() - begun < 5
        assert not Path("/proc", marker.read_text().strip()).exists()
        assert (await host.run("echo", "still here")).stdout == "still here\n"


@runs
async def test_a_connection_that_dies_under_a_command_is_an_error_and_the_next_one_reconnects(sshd: Sshd) -> None:
    sshd.trust()
    async with Hosts([Endpoint("node", "192.0.2.1")], sshd.configure()) as hosts:
        host = await hosts.host("node")
        server = await serving_process(host)
        command = asyncio.create_task(host.run("sleep", "5"))
        await asyncio.sleep(0)
        await host.run("true")
        os.kill(server, signal.SIGKILL)
        with pytest.raises(ConnectionLost, match="`sleep 5`"):
            await command
        again = await hosts.host("node")
        assert again is not host
        assert (await again.run("echo", "back")).stdout == "back\n"


@runs
async def test_a_host_that_falls_silent_is_lost_after_seconds_not_a_hang(
    sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quorate.hosts.connecting.KEEPALIVE_INTERVAL", 0.2)
    async with reached(sshd) as host:
        server = await serving_process(host)
        os.kill(server, signal.SIGSTOP)  # as a node without power: the connection stands, nothing answers
        try:
            begun = time.monotonic()
            with pytest.raises(ConnectionLost):
                await host.run("true", timeout=30)
            assert time.monotonic() - begun < 10
        finally:
            os.kill(server, signal.SIGKILL)


@runs
async def test_put_replaces_a_file_whole_with_its_mode(sshd: Sshd, tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "it's.conf"
    secret = os.urandom(300_000)
    async with reached(sshd) as host:
        await host.put(str(target), b"old", mode=0o644, **ME)
        await host.put(str(target), b"", mode=0o644, **ME)
        assert target.read_bytes() == b""
        before = target.stat().st_ino
        await host.put(str(target), secret, mode=0o600, **ME)
    assert target.read_bytes() == secret
    assert target.stat().st_mode & 0o7777 == 0o600
    assert target.stat().st_ino != before, "it was written in place: a power cut would leave half of it"
    assert [entry.name for entry in target.parent.iterdir()] == ["it's.conf"]


@runs
async def test_put_that_breaks_off_leaves_the_old_file_and_no_rubbish(sshd: Sshd, tmp_path: Path) -> None:
    from quorate.hosts.ssh import PUT

    target = tmp_path / "a.conf"
    target.write_text("old")
    async with reached(sshd) as host:
        owner = f"{ME['owner']}:{ME['group']}"
        result = await host.run("sh", "-c", PUT, "sh", str(target), "644", owner, "10", input="half", check=False)
    assert result.status != 0
    assert "broke off" in result.stderr
    assert target.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.conf"]


@runs
async def test_a_python_program_gets_its_request_and_answers_in_json(sshd: Sshd) -> None:
    program = "import json, sys\nprint('noise')\nprint(json.dumps({'got': json.load(sys.stdin), 'as': __name__}))"
    async with reached(sshd) as host:
        answer = await host.python(program, {"ünï": ["x" * 100_000]})
        assert answer == {"got": {"ünï": ["x" * 100_000]}, "as": "__main__"}
        with pytest.raises(CommandFailed, match="status 1") as failed:
            await host.python("raise SystemExit('no good')", {})
        assert "no good" in str(failed.value)


@runs
async def test_a_host_without_python_is_told_from_a_program_that_fails(sshd: Sshd) -> None:
    async with reached(sshd) as host:
        whole = host._run

        async def without_python(argv: tuple[str, ...], *rest: Any) -> Result:
            return await whole(("env", "PATH=/nowhere", *argv), *rest)

        host._run = without_python  # type: ignore[method-assign,assignment]
        with pytest.raises(PythonMissing):
            await host.python("", {})


@runs
async def test_many_commands_at_once_fit_into_one_connection(sshd: Sshd) -> None:
    async with reached(sshd) as host:  # sshd allows ten sessions
        results = await asyncio.gather(*(host.run("echo", str(n)) for n in range(25)))
    assert [result.stdout for result in results] == [f"{n}\n" for n in range(25)]


@runs
async def test_a_closed_port(sshd: Sshd) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: nobody else can take it meanwhile
        error = await refusal(sshd.configure(port=taken.getsockname()[1]))
    assert isinstance(error, Unreachable)
    assert "node (127.0.0.1)" in str(error)
    assert "refuses connections" in str(error)


@runs
async def test_a_daemon_that_never_speaks(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quorate.hosts.connecting.CONNECT_TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = await refusal(sshd.configure(port=silent.getsockname()[1]))
    assert isinstance(error, Unreachable)
    assert "no answer within 0.3 s" in str(error)


@runs
async def test_a_stranger_s_key(sshd: Sshd) -> None:
    sshd.trust()
    error = await refusal(sshd.configure(identity="stranger"))
    assert isinstance(error, KeyRefused)
    assert "node (127.0.0.1)" in str(error)
    assert getpass.getuser() in str(error)


@runs
async def test_an_unknown_host_key_is_never_accepted_silently(sshd: Sshd) -> None:
    sshd.known_hosts.unlink(missing_ok=True)
    for known in (None, ""):
        if known is not None:
            sshd.known_hosts.write_text(known)
        error = await refusal(sshd.configure())
        assert isinstance(error, HostKeyUnknown)
        assert "ed25519 SHA256:" in str(error)
        assert str(sshd.known_hosts) in error.todo
        sshd.trust()
        assert sshd.known_hosts.read_text().strip() in error.todo
        sshd.known_hosts.write_text("")
    assert sshd.known_hosts.read_text() == ""


@runs
async def test_a_changed_host_key_shows_both_fingerprints(sshd: Sshd) -> None:
    sshd.trust("other-host")
    error = await refusal(sshd.configure())
    assert isinstance(error, HostKeyChanged)
    shown, known = error.what.split("known_hosts has")
    assert fingerprint(sshd, "host") in shown
    assert fingerprint(sshd, "other-host") in known
    assert f"-R '[127.0.0.1]:{sshd.port}'" in error.todo


def fingerprint(sshd: Sshd, key: str) -> str:
    import asyncssh

    return asyncssh.read_public_key(sshd.folder / f"{key}.pub").get_fingerprint()


@runs
async def test_without_an_ssh_config_the_address_of_the_cluster_file_is_used(sshd: Sshd) -> None:
    async with Hosts([Endpoint("node", "127.0.0.1", port=1)]) as hosts:
        with pytest.raises(Unreachable, match=r"node \(127.0.0.1\)"):
            await hosts.host("node")


@runs
async def test_a_command_that_ends_before_it_gets_its_input_still_says_its_status(sshd: Sshd) -> None:
    """A host without python3 answers 127 while the program for it is still on its way."""
    async with reached(sshd) as host:
        start = host._connection.create_process

        async def start_and_dawdle(*args: Any, **kwargs: Any) -> Any:
            process = await start(*args, **kwargs)
            await process.wait_closed()
            return process

        host._connection.create_process = start_and_dawdle  # type: ignore[assignment,method-assign]
        assert (await host.run("sh", "-c", "exit 127", input="program", check=False)).status == 127
