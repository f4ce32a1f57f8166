"""The window answers while a head is trained, and a click shows its heatmap at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
LIMIT_MS = 100


@pytest.mark.slow
def test_heartbeat_and_clicks_in_a_real_viewer():
    """With the real backbone, on the sample reef; on a machine that does nothing else."""
    done = subprocess.run(
        [
            sys.executable,
            str(ROOT / "benchmarks" / "responsiveness.py"),
            str(ROOT / "sample_data" / "images"),
            "--steps=200",
            "--json",
        ],
        capture_output=True,
        text=True,
        timeout=280,
        check=True,
    )
    rows = {name: np.array(values) for name, values in json.loads(done.stdout).items()}
    assert rows["stall while training"].max() < LIMIT_MS
    assert np.median(rows["click to heatmap, idle"]) < LIMIT_MS
