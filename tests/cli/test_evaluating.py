from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from napari_stego.cli.app import app
from napari_stego.features import FeatureSettings
from napari_stego.project import Project, extract


@pytest.fixture(scope="module")
def suim(tmp_path_factory, photographs):
    """Photographs with planted halves, in the layout of SUIM with indexed masks."""
    root = tmp_path_factory.mktemp("suim")
    for split, first in (("train", 0), ("test", 50)):
        images = photographs(root / split / "images", 3, first=first)
        (root / split / "masks").mkdir()
        for path in images.iterdir():
            ids = np.full((64, 96), 5, np.uint8)
            ids[:, 48:] = 7
            Image.fromarray(ids).save(root / split / "masks" / path.name)
    return root


@pytest.fixture(scope="module")
def project(suim, small_weights):
    """A project of the training photographs, with the features of all of them."""
    made = Project.create(suim / "reef.stego")
    settings = FeatureSettings(backbone="test_vit", layer="final", long_side=96)
    for split in ("test", "train"):
        images = suim / split / "images"
        extract(made, settings, images, weights_file=small_weights, device="cpu")
    return made.folder


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_one_command_writes_table_matrices_and_curves(project, suim, tmp_path):
    arguments = ["evaluate", "-p", project, "--dataset", "suim", "--root", suim]
    arguments += ["--training-masks", "--named-clusters", 9, "--linear-probe", "--curves"]
    done = run(*arguments, "--out", tmp_path / "out", "--device", "cpu")
    assert done.exit_code == 0, done.output
    assert "suim: 3 images, 8 classes; percent of pixels" in done.stdout
    for title in ("K=9, named", "linear probe", "AP (neighbours)"):
        assert title in done.stdout
    values = json.loads((tmp_path / "out" / "evaluation.json").read_text(encoding="utf-8"))
    rows = {row["name"]: row for row in values["rows"]}
    assert rows.keys() == {"raw features, corpus mean subtracted", "raw features"}
    row = rows["raw features"]
    assert f"{100 * row['linear_probe']['accuracy']:.1f}" in done.stdout
    assert values["class_names"][7] == "sea-floor and rocks"
    assert (tmp_path / "out" / "curves.csv").is_file()
    assert (tmp_path / "out" / "confusion" / "raw-features-hungarian.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "either a folder of masks"),
        (["--masks", "m", "--dataset", "suim"], "either a folder of masks"),
        (["--masks", "m", "--root", "r"], "belong to --dataset"),
        (["--dataset", "suim"], "with --root"),
        (["--masks", "m", "--training-masks"], "belongs to --dataset"),
        (["--masks", "m", "--linear-probe"], "give naming masks too"),
        (["--masks", "m", "--codes-only"], "there are no codes"),
        (["--dataset", "suim", "--root", "nowhere"], "Check --root"),
    ],
)
def test_options_that_do_not_go_together_say_so(project, arguments, message):
    done = run("evaluate", "-p", project, *arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert "Traceback" not in done.output


def test_gathered_photographs_are_those_of_the_split(suim, tmp_path):
    out = tmp_path / "photos"
    done = run("gather", "suim", "--root", suim, "--split", "test", "--out", out, "--json")
    assert done.exit_code == 0, done.output
    values = json.loads(done.stdout)
    assert values == {"photographs": 3, "left_out": [], "folder": str(out)}
    assert sorted(path.name for path in out.iterdir()) == [
        f"frame{index:03d}.png" for index in (50, 51, 52)
    ]
