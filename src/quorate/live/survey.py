"""The documents of a running cluster that others may have built, over SSH, read-only: every node is asked once."""

import asyncio
import contextlib
import re
import time
from collections.abc import Mapping
from typing import Any

from cryptography import x509

from quorate import node
from quorate.errors import HostError
from quorate.hosts import Endpoint, Hosts, NotRoot
from quorate.proof.evidence import cib, corosync
from quorate.proof.evidence.documents import DiskState, Documents, EvidenceError, HostFacts, HostFile, Text, UnitState
from quorate.proof.lint.software import units_of

CONF = "/etc/corosync/corosync.conf"

Answer = Mapping[str, Any]


async def survey(first: Hosts, name: str, others: Mapping[str, Endpoint] | None = None) -> Documents:
    """Asks one host, and then every node that its corosync.conf names.

    Args:
        first: holds the connection to the first host.
        name: the first host, as `first` knows it.
        others: how to reach nodes, by their names in corosync.conf; for the rest their first address is taken.

    Raises:
        HostError: the first host can't be asked. Others that can't are named in the notes.
    """
    answer, clock = await _ask(first, name, [])
    conf_file = answer["files"].get(CONF)
    conf = corosync.read(Text(CONF, conf_file["text"])) if conf_file else None
    own = _own_name(conf, answer) if conf else answer["hostname"]
    answers: dict[str, tuple[Answer, tuple[float, float]]] = {own: (answer, clock)}
    notes: list[str] = []
    members = {member.name: member for member in conf.members} if conf else {}
    units = _units(answer)
    endpoints = [
        (others or {}).get(member.name) or Endpoint(member.name, member.addresses[min(member.addresses)])
        for member in members.values()
        if member.name != own and member.addresses
    ]
    hosts = first if others is not None else Hosts(endpoints)
    found = await asyncio.gather(*(_try(hosts, each.name, units) for each in endpoints))
    if hosts is not first:
        await hosts.__aexit__(None, None, None)
    for endpoint, each in zip(endpoints, found, strict=True):
        if isinstance(each, HostError):
            notes.append(f"{endpoint.name} could not be asked: {each.what}")
        else:
            answers[endpoint.name] = each
    if units:  # what Pacemaker runs is known only now
        again = await _try(first, name, units)
        if not isinstance(again, HostError):
            answers[own] = again
    return _documents(answers, own, notes)


def _own_name(conf: corosync.Corosync, answer: Answer) -> str:
    """Which member the first host is: by name, else by address."""
    addresses = {each.partition("/")[0] for each in answer["networks"]}
    short = answer["hostname"].partition(".")[0]
    for member in conf.members:
        if member.name in (answer["hostname"], short) or addresses & set(member.addresses.values()):
            return member.name
    return str(answer["hostname"])


def _units(answer: Answer) -> list[str]:
    if not answer["cib"]:
        return []
    try:
        configuration = cib.read(Text("CIB", answer["cib"]))
    except EvidenceError:
        return []
    return sorted({unit for each in configuration.primitives.values() for unit in units_of(each)})


async def _try(hosts: Hosts, name: str, units: list[str]) -> tuple[Answer, tuple[float, float]] | HostError:
    try:
        return await _ask(hosts, name, units)
    except HostError as error:
        return error


async def _ask(hosts: Hosts, name: str, units: list[str]) -> tuple[Answer, tuple[float, float]]:
    """A host's answer; how far its clock is ahead, and how exactly that is known, in seconds."""
    host = await hosts.host(name)
    begun = time.time()
    answer: Answer = await host.python(node.source("survey"), {"units": units})
    ended = time.time()
    if answer["uid"] != 0:
        raise NotRoot("the login works, but it isn't root's", where=name, todo="Log in as root, by key.")
    # The program says its time at some moment in between.
    return answer, (answer["time"] - (begun + ended) / 2, (ended - begun) / 2)


def _documents(answers: Mapping[str, tuple[Answer, tuple[float, float]]], own: str, notes: list[str]) -> Documents:
    whole = {name: answer for name, (answer, _) in answers.items()}
    with_cib = [name for name, answer in whole.items() if answer["cib"]]
    source = own if own in with_cib else next(iter(with_cib), "")
    if not source:
        notes.append("Pacemaker answers on no node: there is no CIB")
    conf = whole[own]["files"].get(CONF)
    if conf is None:
        notes.append(f"{own} has no {CONF}")
    drbd = next((name for name, answer in whole.items() if answer["drbd"]), "")
    names = _ids(conf["text"]) if conf else {}
    return Documents(
        cib=Text(f"CIB on {source}", whole[source]["cib"]) if source else None,
        corosync=Text(f"{own}:{CONF}", conf["text"]) if conf else None,
        drbd=(Text(f"drbdadm dump on {drbd}", whole[drbd]["drbd"]),) if drbd else (),
        hosts={name: _facts(name, answer, clock, names) for name, (answer, clock) in answers.items()},
        notes=tuple(notes),
    )


def _ids(conf: str) -> dict[str, str]:
    return {member.nodeid: member.name for member in corosync.read(Text(CONF, conf)).members}


def _facts(name: str, answer: Answer, clock: tuple[float, float], names: Mapping[str, str]) -> HostFacts:
    return HostFacts(
        name=name,
        files={path: HostFile(**found) if found else None for path, found in answer["files"].items()},
        units={unit: UnitState(**found) for unit, found in answer["units"].items()},
        packages=answer["packages"],
        users=answer["users"],
        agents=frozenset(answer["agents"]),
        networks=tuple(each for each in answer["networks"] if not each.startswith(("127.", "::1/", "fe80"))),
        clock=clock[0],
        clock_precision=clock[1],
        certificates=_certificates(answer["certificates"], answer["time"] - clock[0]),
        disks={resource: DiskState(**state) for resource, state in answer["disks"].items()},
        drbd=answer["module"],
        pacemaker=answer["pacemaker"],
        links=_links(answer["links"], names),
    )


def _certificates(texts: Mapping[str, str], now: float) -> dict[str, float]:
    """Seconds for which each file's certificates are all still good; without those that can't be read."""
    found = {}
    for path, text in texts.items():
        with contextlib.suppress(ValueError):
            each = x509.load_pem_x509_certificates(text.encode())
            found[path] = min(one.not_valid_after_utc.timestamp() for one in each) - now
    return found


def _links(text: str, names: Mapping[str, str]) -> dict[str, tuple[bool, ...]] | None:
    """By peer whether each link is connected, of `corosync-cfgtool -n`; None if it said nothing."""
    found: dict[str, tuple[bool, ...]] = {}
    peer = ""
    for line in text.splitlines():
        if match := re.match(r"nodeid:\s*(\d+)", line.strip()):
            peer = names.get(match[1], match[1])
            found[peer] = ()
        elif line.strip().startswith("LINK:") and peer:
            found[peer] += ("connected" in line.split() and "disconnected" not in line.split(),)
    return found or None
