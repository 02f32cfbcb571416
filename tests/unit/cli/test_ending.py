"""A drill that is told to end heals first, whoever tells it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, pathlib, sys
from quorate.cli.ending import end_like_ctrl_c

async def main():
    try:
        print("broken", flush=True)
        await asyncio.sleep(60)
    finally:
        print("healing", flush=True)
        await asyncio.sleep(0.3)
        pathlib.Path(sys.argv[1]).write_text("healed")

end_like_ctrl_c()
asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_it_is_healed_first(number: signal.Signals, tmp_path: Path) -> None:
    # Whoever runs the tests may have told them to ignore it (nohup), which is inherited.
    program = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)\n{PROGRAM}"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "healed")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout and process.stdout.readline() == b"broken\n"
        if number == signal.SIGHUP:
            process.stdout.close()
        process.send_signal(number)
        process.send_signal(number)  # a service manager is impatient
        process.wait(10)
    assert (tmp_path / "healed").read_text() == "healed"


def test_who_wants_it_to_go_on_without_a_terminal_is_obeyed(tmp_path: Path) -> None:
    program = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{PROGRAM}"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "healed")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout and process.stdout.readline() == b"broken\n"
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.terminate()
        process.wait(10)
    assert (tmp_path / "healed").exists()
