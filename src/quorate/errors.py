"""The one exception tree. The command line turns each into a message and an exit status, never a traceback.

QuorateError            1   what happened, where, what it means, what to do
├── InputError          2   something that a person wrote or typed
├── Refused             1   it could be done, and would be unsafe
├── HostError           1   a host can't be reached, or a command on it failed   (hosts/)
└── LabError            1   the lab on this machine                              (lab/)
"""


class QuorateError(Exception):
    """What happened, where, what it means and what to do about it: each a sentence for a person.

    Args:
        what: what happened.
        where: the file, host, device or command that it happened to.
        means: what follows from it for the reader.
        todo: what to do next.
    """

    exit_status = 1

    def __init__(self, what: str, *, where: str = "", means: str = "", todo: str = "") -> None:
        self.what, self.where, self.means, self.todo = what, where, means, todo
        super().__init__(": ".join(part for part in (where, what) if part))


class InputError(QuorateError):
    """A person's input can't be used as it stands."""

    exit_status = 2


class Refused(QuorateError):
    """A safety rule forbids what was asked for; nothing was changed."""


class HostError(QuorateError):
    """A host could not be reached, or something on it failed."""


class LabError(QuorateError):
    """The lab on this machine could not do what was asked."""
