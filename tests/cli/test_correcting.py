"""Correcting a photograph of a project that `run` made."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

from napari_stego.classes import LockClass, ReassignRegion, give_region
from napari_stego.cli.app import app
from napari_stego.project import Project, Segmentation
from napari_stego.project.correcting import Correction

NAME = "frame001.png"


@pytest.fixture(scope="module")
def made(stego, photographs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("correcting")
    words = stego.small(photographs(folder / "images", 4), folder / "reef.stego")
    words += ["-k", 3, "--layer", "final", "--steps", 5, "--formats", ""]
    done = CliRunner().invoke(app, [*map(str, words)])
    assert done.exit_code == 0, done.output
    return folder / "reef.stego"


@pytest.fixture
def project(made, tmp_path):
    """A copy of the project without any edit."""
    return shutil.copytree(made, tmp_path / "reef.stego")


@pytest.fixture
def call(project):
    """Correct a photograph; by default as JSON."""

    def run(*args, succeeds=True, as_json=True, image=NAME):
        words = ["correct", "--project", str(project), "--image", image, *map(str, args)]
        done = CliRunner().invoke(app, [*words, "--json"] if as_json else words)
        assert done.exit_code == (0 if succeeds else 1), done.output
        return json.loads(done.stdout) if as_json else done.stdout

    return run


def opened(project, writable=False):
    folder = Project.open(project, writable=writable)
    return (Segmentation(folder), photograph(folder))


def photograph(folder):
    return next(each for each in folder.corpus.images if each.name == NAME)


def labels_of(project):
    segmentation, image = opened(project)
    return segmentation.label_image(image)


def test_clicks_are_one_edit_that_obeys_them_and_can_be_undone(call, project):
    before = labels_of(project)
    values = call("--class", "class 2", "--at", "10,10", "--at", "40,12", "--not", "30,80")
    after = labels_of(project)
    assert (after[10, 10], after[40, 12]) == (2, 2)
    assert after[30, 80] == before[30, 80]
    assert (after[before != after] == 2).all()
    changed = int((before != after).sum())
    assert 0 < changed <= values["pixels"] <= (after == 2).sum()
    assert values["edit"] == "Accept a proposal for “class 2” (cut, 3 clicks)"
    assert (values["image"], values["class"], values["kept"]) == (NAME, 2, 0)
    assert (values["position"], values["edits"]) == (1, 1)
    words = ["classes", "undo", "--project", str(project)]
    assert CliRunner().invoke(app, words).exit_code == 0
    np.testing.assert_array_equal(labels_of(project), before)


def test_a_line_through_pixels_counts_as_one_click(call, project):
    given = ["--class", 2, "--at", "10,10 10,30 20,40", "--not", "60,70 60,80"]
    changes = call(*given)
    assert "2 clicks" in changes["edit"]
    labels = labels_of(project)
    assert (labels[10, 10:31] == 2).all()
    assert labels[15, 35] == labels[20, 40] == 2
    assert (labels[60, 70:81] != 2).all()


def test_a_region_of_a_level_is_taken_whole(call, project):
    values = call("--class", 1, "--at", "3,3", "--region-level", 1)
    assert values["pixels"] == 64 * 96
    assert values["edit"] == "Accept a proposal for “class 1” (region, level 1)"
    assert (labels_of(project) == 1).all()
    again = call("--class", 1, "--at", "3,3", "--region-level", 1)
    assert again["edit"] is None
    small = call("--class", 2, "--at", "3,3", "--at", "60,90", "--region-level", 0)
    assert (labels_of(project) == 2).sum() == small["pixels"] < 400


def test_a_preview_is_a_picture_and_changes_nothing(call, project, tmp_path):
    files = {each: each.stat().st_mtime_ns for each in project.rglob("*") if each.is_file()}
    picture = tmp_path / "preview.png"
    values = call("--class", 1, "--at", "3,3", "--region-level", 1, "--preview", picture)
    assert values["preview"] == str(picture)
    with Image.open(picture) as shown:
        assert shown.width == 96
        assert shown.height > 64  # with a legend
    assert files == {each: each.stat().st_mtime_ns for each in project.rglob("*") if each.is_file()}
    text = call("--class", 1, "--at", "3,3", "--preview", picture, as_json=False)
    assert "Nothing was changed" in text


def test_locked_classes_keep_their_pixels(call, project):
    segmentation, image = opened(project, writable=True)
    before = segmentation.label_image(image)
    locked = int(before[3, 3])
    segmentation.history.do(LockClass(id=locked, locked=True))
    other = next(row.id for row in segmentation.table.rows if row.id != locked)
    painted = Correction(segmentation, image).give(np.ones(before.shape, bool), other)
    assert len(painted.kept) == (before == locked).sum()
    after = segmentation.label_image(image)
    np.testing.assert_array_equal(after == locked, before == locked)
    assert (after[before != locked] == other).all()
    assert "is locked" in call("--class", locked, "--at", "1,1", succeeds=False)["error"]


def refined(project, *words):
    done = CliRunner().invoke(app, ["refine", "--project", str(project), "--json", *words])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_holes_and_edges_are_told_of_by_a_dry_run_and_then_cleaned(project):
    folder = Project.open(project)
    hole = np.zeros((64, 96), bool)
    hole[10:13, 10:13] = True
    Correction(Segmentation(folder), photograph(folder)).give(hole, 0)
    folder.close()
    before = labels_of(project)
    for words in (("--image", NAME, "--largest-hole", "9"), ("--crf",)):
        told = refined(project, *words, "--dry-run")
        np.testing.assert_array_equal(labels_of(project), before)
        assert refined(project, *words) == told
        after = labels_of(project)
        if "--crf" in words:
            assert told["images"] > 1
        else:
            assert (told["images"], told["pixels"]) == (1, 9)
            assert (after != 0).all()
        before = after


def test_what_was_reviewed_is_cleaned_only_when_it_is_named(project):
    words = ["review", "accept", NAME, "--project", str(project)]
    assert CliRunner().invoke(app, words).exit_code == 0
    cleaning = ("--smallest", "200", "--dry-run")
    assert refined(project, *cleaning)["left_out"] == 1
    assert refined(project, *cleaning, "--reviewed-too")["left_out"] == 0
    assert refined(project, *cleaning, "--image", NAME)["left_out"] == 0


def test_small_regions_are_cleaned_in_one_step(project):
    folder = Project.open(project)
    correction = Correction(Segmentation(folder), photograph(folder))
    correction.give(np.ones((64, 96), bool), 1)
    speck = np.zeros((64, 96), bool)
    speck[10:12, 10:12] = True
    segmentation, image = correction.segmentation, correction.image
    labels = segmentation.label_image(image)
    # As from a heatmap: what was cut out by clicks would stay.
    found = give_region(ReassignRegion, segmentation.table, image.content_hash, labels, speck, 2)
    segmentation.history.do(found.edit)
    folder.close()
    given = ["--image", NAME, "--smallest"]
    none = {"images": 0, "pixels": 0, "left_out": 0, "steps": 0}
    assert refined(project, *given, "4") == none
    assert refined(project, *given, "5") == {"images": 1, "pixels": 4, "left_out": 0, "steps": 1}
    assert (labels_of(project) == 1).all()
    segmentation, image = opened(project, writable=True)
    assert segmentation.history.position == 3
    segmentation.history.undo()
    assert (segmentation.label_image(image) == 2).sum() == 4


def test_what_is_wrongly_given_is_said_and_changes_nothing(call, project):
    before = labels_of(project)
    for words, reason in (
        (("--class", "sand", "--at", "1,1"), "no class named “sand”"),
        (("--class", 1, "--at", "one"), "Give row and column"),
        (("--class", 1, "--at", "1,2,3"), "Give row and column"),
        (("--class", 1, "--at", "64,0"), "Rows come first"),
    ):
        assert reason in call(*words, succeeds=False)["error"], words
    error = call("--class", 1, "--at", "1,1", succeeds=False, image="frame001.jpg")["error"]
    assert "Did you mean" in error
    assert NAME in error
    np.testing.assert_array_equal(labels_of(project), before)


def part(project, out, level, code=0):
    words = ["regions", "--project", project, "--image", NAME, "--out", out, "--level", level]
    done = CliRunner().invoke(app, [*map(str, words), "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def test_coarse_regions_are_unions_of_fine_ones(made, tmp_path):
    read = {}
    for level in (0.3, 0.7, 1.0):
        told = part(made, tmp_path / f"{level}.tif", level)
        read[level] = tifffile.imread(tmp_path / f"{level}.tif")
        assert read[level].shape == (64, 96)
        numbers = np.arange(1, told["regions"] + 1)
        np.testing.assert_array_equal(np.unique(read[level]), numbers)
    assert (read[1.0] == 1).all()
    pairs = np.unique(np.stack([read[0.3].ravel(), read[0.7].ravel()]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1]


def test_regions_are_not_written_among_the_photographs(made):
    out = made.parent / "images" / "parts.tif"
    assert "photographs" in json.dumps(part(made, out, 0.5, code=1))
    assert not out.exists()
