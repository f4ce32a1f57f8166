"""A few trials of the harness that kills processes; `benchmarks/crashes` runs hundreds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HARNESS = Path(__file__).parents[2] / "benchmarks" / "crashes" / "harness.py"


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="it forks")
def test_nothing_that_was_done_is_lost_by_a_kill():
    done = subprocess.run(
        [sys.executable, HARNESS, "--kills", "12", "--seed", "7"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    last = done.stdout.strip().splitlines()[-1]
    cells = [cell.strip() for cell in last.strip("|").split("|")]
    assert cells[0] == "all"
    assert (cells[2], cells[-1]) == ("12", "0")
