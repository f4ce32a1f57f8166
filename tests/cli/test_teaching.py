"""The commands `teach` and `review`, on a project that `run` made."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_stego.cli.app import app
from napari_stego.project import Project, Segmentation

COUNT = 5


@pytest.fixture(scope="module")
def made(stego, photographs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("teach")
    words = stego.small(photographs(folder / "images", COUNT), folder / "reef.stego")
    words += ["--layer", "final", "--steps", 5, "--formats", ""]
    done = CliRunner().invoke(app, [*map(str, words)])
    assert done.exit_code == 0, done.output
    for class_id, name in ((1, "sand"), (2, "coral")):
        words = ["classes", "rename", class_id, name, "--project", folder / "reef.stego"]
        done = CliRunner().invoke(app, [*map(str, words)])
        assert done.exit_code == 0, done.output
    return folder / "reef.stego"


@pytest.fixture
def project(made, tmp_path):
    return shutil.copytree(made, tmp_path / "reef.stego")


@pytest.fixture
def call(project):
    def run(*args, succeeds=True, as_json=True):
        words = [*map(str, args), "--project", str(project)]
        done = CliRunner().invoke(app, [*words, "--json"] if as_json else words)
        assert done.exit_code == (0 if succeeds else 1), done.output
        if not succeeds:
            return done.output
        return json.loads(done.stdout) if as_json else done.stdout

    return run


@pytest.fixture
def name(project):
    return Project.open(project, writable=False).corpus.images[0].name


def test_teach_tells_what_was_learned(call):
    found = call("teach")
    assert found["classes"] == [1, 2]
    assert (found["clicks"], found["examples"]) == (0, 0)


def test_clicks_are_kept_and_undone(call, name):
    found = call("teach", "--click", f"{name}:30,20=sand", "--click", f"{name}:5,5=3")
    assert (found["clicks"], found["examples"]) == (2, 2)
    assert found["classes"] == [1, 2, 3]
    assert call("teach")["examples"] == 2
    assert call("classes", "undo")["position"] == 2
    assert call("teach")["examples"] == 0


@pytest.mark.parametrize(
    ("click", "message"),
    [
        ("frame:1,2", "is no example"),
        ("nosuch.png:1,2=sand", "no photograph"),
        ("{name}:1,2=snad", "Did you mean “sand”"),
        ("{name}:9999,2=sand", "outside of"),
    ],
)
def test_a_wrong_click_is_told_and_nothing_is_kept(call, name, click, message):
    good = f"{name}:30,20=sand"
    told = call("teach", "--click", good, "--click", click.format(name=name), succeeds=False)
    assert message in told
    assert call("teach")["examples"] == 0


def test_all_is_taken_over_in_one_step(call, project):
    before = call("classes", "history")["position"]
    found = call("teach", "--apply", "all")
    assert found["steps"] == 1
    assert found["position"] == before + 1
    assert found["pixels"] == sum(each["pixels"] for each in found["changes"]) > 0
    assert {each["to"] for each in found["changes"]} <= {1, 2}
    assert call("teach", "--apply", "all")["steps"] == 0
    call("classes", "undo")
    assert call("teach", "--apply", "all")["pixels"] == found["pixels"]


def test_one_class_of_one_photograph(call, name, project):
    found = call("teach", "--apply", name, "--only", "coral")
    assert found["images"] <= 1
    assert {each["to"] for each in found["changes"]} <= {2}
    painted = Segmentation(Project.open(project, writable=False)).history.state.painted_images
    assert len(painted) == found["images"]


def test_only_needs_apply(call):
    assert "give that, too" in call("teach", "--only", "coral", succeeds=False)


def test_a_dry_run_tells_and_changes_nothing(call):
    before = call("classes", "history")
    found = call("teach", "--apply", "all", "--dry-run")
    assert found["position"] == before["position"]
    assert call("classes", "history") == before
    assert "would change" in call("teach", "--apply", "all", "--dry-run", as_json=False)
    taken = call("teach", "--apply", "all")
    assert (taken["pixels"], taken["changes"]) == (found["pixels"], found["changes"])


def test_reviewed_photographs_stay_unless_they_are_named(call, name, project):
    call("review", "accept", name)
    found = call("teach", "--apply", "all", "--dry-run")
    assert found["left_out"] == 1
    whole = call("teach", "--apply", "all", "--dry-run", "--reviewed-too")
    assert whole["left_out"] == 0
    alone = call("teach", "--apply", name, "--dry-run")
    assert found["pixels"] + alone["pixels"] == whole["pixels"]
    assert alone["pixels"] > 0
    text = call("teach", "--apply", "all", as_json=False)
    assert "1 photograph that was reviewed as right stays as it is" in text
    painted = Segmentation(Project.open(project, writable=False)).history.state.painted_images
    assert len(painted) == found["images"]


def test_next_asks_where(call, name):
    found = call("teach", "--next", 3)["next"]
    assert len(found) == 3
    assert set(found[0]) == {"image", "row", "column", "why", "gain"}
    text = call("teach", "--next", 1, as_json=False)
    first = found[0]
    assert f"{first['image']}:{first['row']},{first['column']}  {first['why']}" in text
    place = f"{first['image']}:{first['row']},{first['column']}=coral"
    again = call("teach", "--click", place, "--next", 3)["next"]
    assert first["image"] not in [each["image"] for each in again[:1]]
    assert place.partition("=")[0] not in [f"{e['image']}:{e['row']},{e['column']}" for e in again]


def test_confidence_is_written_for_each_photograph(call, tmp_path, name):
    assert call("teach", "--confidence", tmp_path / "sure")["confidence"] == COUNT
    files = sorted((tmp_path / "sure").iterdir())
    assert len(files) == COUNT
    assert "not yet tested" in call("teach", "--confidence", tmp_path / "again", as_json=False)
    found = tifffile.imread(tmp_path / "sure" / f"{name}.tif")
    assert found.dtype == np.float32
    assert 0.5 <= found.min() <= found.max() <= 1


def test_confidence_among_the_photographs_is_refused(call, made):
    told = call("teach", "--confidence", made.parent / "images" / "sure", succeeds=False)
    assert "among the photographs" in told


def test_a_review(call, name):
    queue = call("review", "list")
    assert queue["waiting"] == COUNT
    certainty = [each["certainty"] for each in queue["queue"] if not each["drawn"]]
    assert certainty == sorted(certainty)
    first, second = (each["image"] for each in queue["queue"][:2])
    found = call("review", "accept", first)
    assert (found["accepted"], found["left"]) == (1, COUNT - 1)
    assert call("review", "skip", second)["skipped"] == 1
    assert first not in [each["image"] for each in call("review", "list")["queue"]]
    assert call("review", "again", first, second)["left"] == COUNT


def test_a_review_to_the_end_knows_the_accuracy(call):
    names = [each["image"] for each in call("review", "list")["queue"]]
    assert call("review", "status")["accuracy"] is None
    assert "not known" in call("review", "status", as_json=False)
    found = call("review", "accept", *names)
    assert (found["accepted"], found["accuracy"], found["low"]) == (COUNT, 1, 1)
    assert "100.0%" in call("review", "status", as_json=False)


def test_an_unknown_photograph_leaves_the_review_as_it_was(call, name):
    assert "no photograph" in call("review", "accept", name, "nosuch", succeeds=False)
    assert call("review", "status")["accepted"] == 0
