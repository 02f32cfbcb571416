"""Ending in good order: a SIGTERM, or a terminal that is gone, ends a command as Ctrl-C does, and no other way."""

import os
import signal
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def end_like_ctrl_c() -> None:
    """From now on the first of these signals is a Ctrl-C, so that what is broken is healed; others are passed over.

    A signal that whoever started us has ignored stays so, nohup(1).
    """
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    for each in SIGNALS:  # asyncio takes a second Ctrl-C for "at once", healed or not
        signal.signal(each, signal.SIG_IGN)
    if number == signal.SIGHUP:  # nobody reads on, and a line that can't be written must not keep us from healing
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
    signal.raise_signal(signal.SIGINT)
