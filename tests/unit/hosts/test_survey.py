"""A check of a running host over a real SSH connection: one program, and what it tells."""

import asyncio
import os

import pytest

from quorate.hosts import Endpoint, Hosts, NotRoot
from quorate.live.survey import survey
from quorate.proof.evidence import Documents, read
from quorate.proof.lint.run import lint

from .conftest import Sshd


def asked(sshd: Sshd) -> Documents:
    async def ask() -> Documents:
        async with Hosts([Endpoint("node", "127.0.0.1")], sshd.configure()) as hosts:
            return await survey(hosts, "node", {})

    sshd.trust()
    return asyncio.run(ask())


def test_a_host_is_asked_over_ssh(sshd: Sshd) -> None:
    if os.getuid() != 0:
        with pytest.raises(NotRoot):
            asked(sshd)
        return
    documents = asked(sshd)
    (host,) = documents.hosts.values()
    assert host.clock is not None
    assert abs(host.clock) <= host.clock_precision + 0.5
    assert host.networks is not None
    assert documents.cib is None
    assert "Pacemaker answers on no node: there is no CIB" in documents.notes
    lint(read(documents))
