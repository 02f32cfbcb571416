"""What a drill aims at, as a person says it: `active:SERVICE`, `standby:SERVICE` or a node's name. Pure."""

import difflib
from collections.abc import Iterable

from quorate.design.model import Design
from quorate.errors import InputError, Refused
from quorate.live.state import State


def service(text: str, design: Design) -> str:
    """The service that a target names, or the only one that there is: it is probed.

    Raises:
        InputError: no such service, or a node's name beside several services.
    """
    role, colon, name = text.partition(":")
    if colon:
        if role not in ("active", "standby"):
            raise _unknown(text, role, ("active", "standby"), f"`{role}` is no role of a node")
        if name not in design.services:
            raise _unknown(text, name, design.services, f"there is no service `{name}`")
        return name
    if text not in design.hosts:
        raise _unknown(text, text, (*design.hosts, *_roles(design)), f"`{text}` is no node")
    if len(design.services) != 1:
        raise InputError(
            "a node's name doesn't say which service to probe", where=f"--on {text}", todo=_choices(_roles(design))
        )
    return next(iter(design.services))


def node(text: str, design: Design, state: State) -> str:
    """The node that a target means right now.

    Raises:
        InputError: see `service`.
        Refused: the service is active nowhere.
    """
    name = service(text, design)
    role, colon, _ = text.partition(":")
    if not colon:
        return text
    active = state.active.get(name)
    if active is None:
        raise Refused(f"{name} is active on no node", where=f"--on {text}", todo="`quorate status` says what is wrong")
    if role == "active":
        return active
    return next(host for host in design.services[name].hosts if host != active)


def _roles(design: Design) -> list[str]:
    return [f"{role}:{name}" for name in design.services for role in ("active", "standby")]


def _choices(names: Iterable[str]) -> str:
    return f"choose one of: {', '.join(names)}"


def _unknown(text: str, word: str, known: Iterable[str], what: str) -> InputError:
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1)
    todo = f"did you mean `{text.replace(word, close[0], 1)}`?" if close else _choices(known)
    return InputError(what, where=f"--on {text}", todo=todo)
