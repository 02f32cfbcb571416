"""What several tests of programs on a node start from."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.unit.node.agents")


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory as MariaDB makes it; copied for each test, as making it takes the longest."""
    for program in ("mariadb-install-db", "mariadbd"):
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin"):
            pytest.skip(f"no {program} on this machine: install mariadb-server-core")
    folder = tmp_path_factory.mktemp("mariadb") / "data"
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", f"--datadir={folder}", "--innodb-log-file-size=4M", "--skip-test-db"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return folder
