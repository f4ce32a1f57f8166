"""Parting a photograph into regions, by the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_stego.cli.app import app

NAME = "frame001.png"


@pytest.fixture(scope="module")
def project(stego, photographs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("regions")
    words = stego.small(photographs(folder / "images", 4), folder / "reef.stego")
    words += ["-k", 3, "--layer", "final", "--steps", 5, "--formats", ""]
    done = CliRunner().invoke(app, [*map(str, words)])
    assert done.exit_code == 0, done.output
    return folder / "reef.stego"


def part(project, out, level, code=0):
    words = ["regions", "--project", project, "--image", NAME, "--out", out, "--level", level]
    done = CliRunner().invoke(app, [*map(str, words), "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def test_coarse_regions_are_unions_of_fine_ones(project, tmp_path):
    read = {}
    for level in (0.3, 0.7, 1.0):
        told = part(project, tmp_path / f"{level}.tif", level)
        read[level] = tifffile.imread(tmp_path / f"{level}.tif")
        assert read[level].shape == (64, 96)
        numbers = np.arange(1, told["regions"] + 1)
        np.testing.assert_array_equal(np.unique(read[level]), numbers)
    assert (read[1.0] == 1).all()
    pairs = np.unique(np.stack([read[0.3].ravel(), read[0.7].ravel()]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1]


def test_nothing_is_written_among_the_photographs(project):
    out = project.parent / "images" / "parts.tif"
    assert "photographs" in json.dumps(part(project, out, 0.5, code=1))
    assert not out.exists()
