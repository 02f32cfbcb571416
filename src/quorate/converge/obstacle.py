"""What stands in the way of a safe `apply`. All are looked for before anything is changed, and shown at once."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from quorate.errors import Refused


@dataclass(frozen=True)
class Obstacle:
    """One of them: on which host, what, and what a person does about it."""

    host: str
    what: str
    todo: str


class Obstructed(Refused):
    """There are obstacles. `changed`: some steps were done before they could be seen."""

    def __init__(self, obstacles: Sequence[Obstacle], *, changed: bool = False) -> None:
        self.obstacles = tuple(obstacles)
        lines = "\n".join(f"{each.host}: {each.what}\n    -> {each.todo}" for each in obstacles)
        count = "one thing stands" if len(obstacles) == 1 else f"{len(obstacles)} things stand"
        super().__init__(
            f"{count} in the way:\n{textwrap.indent(lines, '  ')}",
            means="It stopped there; what was done before stays done."
            if changed
            else "Nothing was changed on any host.",
            todo="Put these right, then run `quorate apply` again.",
        )
