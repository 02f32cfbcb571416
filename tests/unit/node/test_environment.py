"""Running a command with variables that no process list shows."""

import json
import subprocess
import sys

from quorate import node


def run(*argv: str, **environment: str) -> dict[str, object]:
    program = [sys.executable, "-I", "-S", "-c", node.source("environment")]
    request = json.dumps({"argv": argv, "environment": environment})
    done = subprocess.run(program, input=request, capture_output=True, text=True, check=True, timeout=30)
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_the_variable_is_in_the_environment_and_in_no_argument() -> None:
    script = "printenv WORD; tr '\\0' ' ' </proc/$PPID/cmdline; exit 3"
    found = run("sh", "-c", script, WORD="unspoken")
    assert (found["status"], found["stderr"]) == (3, "")
    word, arguments = str(found["stdout"]).split("\n", 1)
    assert word == "unspoken"
    assert "unspoken" not in arguments
