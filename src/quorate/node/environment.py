"""Runs a command with environment variables that stand in no process list.

JSON request on stdin, JSON answer on stdout.

Request: argv; environment: variables to add. Answer: status, stdout, stderr.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys


def main() -> None:
    """Reads the request, runs the command."""
    request = json.load(sys.stdin)
    done = subprocess.run(
        request["argv"],
        env={**os.environ, **request["environment"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    print(json.dumps({"status": done.returncode, "stdout": done.stdout, "stderr": done.stderr}))


if __name__ == "__main__":
    main()
