"""The commands on the runs of a project."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from napari_stego.cli.app import app


@pytest.fixture(scope="module")
def project(stego, photographs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("several")
    made = stego.small(photographs(folder / "images", 6), folder / "reef.stego")
    stego.json(*made, "-k", 4, "--seed", 1)
    stego.json("train", "--project", folder / "reef.stego", "--seed", 2)
    return folder / "reef.stego"


@pytest.fixture
def call(project):
    def run(command, *args, succeeds=True, as_json=True):
        words = ["runs", command, *map(str, args), "--project", str(project)]
        done = CliRunner().invoke(app, [*words, "--json"] if as_json else words)
        assert done.exit_code == (0 if succeeds else 1), done.output
        return json.loads(done.stdout) if as_json else done.stdout

    return run


def test_runs_are_listed_the_newest_first(call):
    runs = call("list")["runs"]
    assert {run["settings"]["seed"] for run in runs} == {1, 2}
    assert [run["in_use"] for run in runs if run["settings"]["seed"] == 2] == [True]
    assert all(run["finished"] and run["images"] == 6 for run in runs)
    assert all(0 <= run["quality"] <= 1 for run in runs)
    lines = call("list", as_json=False).splitlines()
    assert lines[0].split()[:4] == ["run", "begun", "steps", "D"]
    assert {line.split()[0] for line in lines[1:]} == {run["run"] for run in runs}


def test_an_earlier_run_is_picked(call):
    seeds = {run["settings"]["seed"]: run["run"] for run in call("list")["runs"]}
    assert call("use", seeds[1][:8])["run"] == seeds[1]
    assert [run["run"] for run in call("list")["runs"] if run["in_use"]] == [seeds[1]]
    call("use", seeds[2])
    assert "There are: " in call("use", "ffff", succeeds=False)["error"]


def test_runs_are_drawn_side_by_side(call, tmp_path):
    values = call("compare", "--image", "frame002.png", "--out", tmp_path / "runs.png")
    assert values["shown"][0] == "raw features"
    assert len(values["shown"]) == 3
    with Image.open(tmp_path / "runs.png") as sheet:
        assert sheet.size == (3 * 360, 2 * (240 + 22))
        pixels = np.asarray(sheet)
    # The photograph, and beside it its clusters in colours.
    assert (pixels[22:262, :360] != pixels[22:262, 360:720]).any()
    assert (pixels[262:, 720:] == 255).all()  # no tile is there


@pytest.mark.parametrize(
    ("image", "reason"), [("nowhere.png", "no photograph of the project"), ("", "no photograph")]
)
def test_a_photograph_that_is_not_there_is_told(call, tmp_path, image, reason):
    told = call("compare", "--image", image, "--out", tmp_path / "runs.png", succeeds=False)
    assert reason in told["error"]
    assert not (tmp_path / "runs.png").exists()
