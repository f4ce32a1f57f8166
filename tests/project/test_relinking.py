from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from napari_stego.cli.app import app
from napari_stego.corpus import ImageReadError, discover
from napari_stego.errors import StegoError
from napari_stego.gui.jobs import Reports
from napari_stego.gui.work import open_project
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import (
    Project,
    Segmentation,
    extract,
    missing_photographs,
    open_photographs,
    relink,
)


@pytest.fixture
def images(tmp_path, photographs) -> Path:
    return photographs(tmp_path / "survey" / "images", 4)


@pytest.fixture
def project(tmp_path, images) -> Project:
    return open_photographs(tmp_path / "reef.stego", images)


def names(project: Project) -> list[str]:
    return [image.name for image in project.corpus.images]


def hashes(project: Project) -> list[str]:
    return [image.content_hash for image in project.corpus.images]


def test_photographs_in_a_renamed_folder_are_found_without_reading_them(
    tmp_path, project, images, monkeypatch
):
    before = hashes(project)
    moved = images.rename(tmp_path / "elsewhere")
    assert len(missing_photographs(project)) == 4
    monkeypatch.setattr("napari_stego.project.relinking.hash_file", None)
    report = relink(project, moved)
    assert (report.root, report.in_place, report.moved) == (moved, 4, ())
    assert missing_photographs(project) == ()
    again = Project.open(project.folder)
    assert hashes(again) == before
    assert again.corpus.images[0].read().shape == (64, 96, 3)


def test_photographs_moved_and_renamed_within_their_folder_are_found(project, images):
    before = hashes(project)
    (images / "deep").mkdir()
    (images / "frame000.png").rename(images / "deep" / "first.png")
    (images / "frame001.png").rename(images / "deep" / "frame001.png")
    report = relink(project, images / "deep")
    assert report.root == images
    assert report.in_place == 2
    assert dict(report.moved) == {
        "frame000.png": "deep/first.png",
        "frame001.png": "deep/frame001.png",
    }
    assert names(project) == [
        "deep/first.png",
        "deep/frame001.png",
        "frame002.png",
        "frame003.png",
    ]
    assert hashes(project) == before
    assert relink(project, images) == relink(project, images)


def test_a_folder_around_all_photographs_will_do(tmp_path, project, images):
    images.rename(tmp_path / "survey" / "2026")
    report = relink(project, tmp_path / "survey")
    assert [now for _, now in report.moved] == [f"2026/frame00{i}.png" for i in range(4)]
    assert project.corpus.root == tmp_path / "survey"


def test_swapped_names_are_told_from_changed_photographs(project, images):
    (images / "frame000.png").rename(images / "x.png")
    (images / "frame001.png").rename(images / "frame000.png")
    (images / "x.png").rename(images / "frame001.png")
    report = relink(project, images)
    assert sorted(report.moved) == [
        ("frame000.png", "frame001.png"),
        ("frame001.png", "frame000.png"),
    ]
    assert report.changed == report.missing == ()
    assert project.corpus.images[0].read().shape == (64, 96, 3)


def test_changed_and_missing_photographs_are_reported_and_stay(project, images):
    before = hashes(project)
    Image.new("RGB", (96, 64)).save(images / "frame000.png")
    (images / "frame001.png").unlink()
    (images / "frame003.png").rename(images / "frame001.png")
    report = relink(project, images)
    assert report.changed == ("frame000.png",)
    assert report.moved == (("frame003.png", "frame001.png"),)
    assert report.missing == ("frame001.png",)
    assert hashes(project) == before
    assert names(project) == [
        "frame000.png",
        "frame001~missing.png",
        "frame002.png",
        "frame001.png",
    ]
    assert missing_photographs(project) == ("frame001~missing.png",)
    shutil.move(images / "frame001.png", images / "frame003.png")
    assert ("frame001.png", "frame003.png") in relink(project, images).moved


def test_photographs_of_equal_content_are_each_given_a_file(tmp_path, images):
    shutil.copy(images / "frame000.png", images / "same.png")
    project = open_photographs(tmp_path / "two.stego", images)
    (images / "deep").mkdir()
    for name in ("frame000.png", "same.png"):
        (images / name).rename(images / "deep" / name)
    relink(project, images)
    assert len(set(names(project))) == 5
    assert {"deep/same.png", "deep/frame000.png"} <= set(names(project))
    (images / "deep" / "same.png").unlink()
    assert len(relink(project, images).missing) == 1


def test_projects_that_do_not_know_sizes_are_relinked_by_hash(project, images):
    images_ = tuple(
        image.model_copy(update={"size": 0, "modified_ns": 0}) for image in project.state.images
    )
    project.update(images=images_)
    (images / "frame000.png").rename(images / "other.png")
    assert relink(project, images).moved == (("frame000.png", "other.png"),)
    assert all(image.size for image in project.state.images)


def test_files_that_cannot_be_read_keep_their_names_among_the_skipped(
    tmp_path, images, cut_jpg, features, small_weights
):

    cut_jpg(images / "cut.jpg")
    project = open_photographs(tmp_path / "cut.stego", images)
    extract(project, features, weights_file=small_weights, device="cpu")
    (images / "cut.jpg").rename(images / "moved.jpg")
    relink(project, images)
    assert [file.name for file in project.state.skipped] == ["moved.jpg"]
    assert len(project.tokens()) == 4


def test_a_folder_with_fewer_photographs_than_are_there_is_refused(tmp_path, project, images):
    shutil.copytree(images, tmp_path / "copy")
    (tmp_path / "copy" / "frame000.png").unlink()
    state = project.state
    with pytest.raises(StegoError, match=r"4 of the 4 .* and 3 are in .*around both"):
        relink(project, tmp_path / "copy")
    (tmp_path / "none").mkdir()
    with pytest.raises(StegoError, match="None of the 4 photographs"):
        relink(project, tmp_path / "none")
    with pytest.raises(StegoError, match="There is no folder"):
        relink(project, tmp_path / "nowhere")
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        relink(project, images, cancel=cancel)
    assert Project.open(project.folder).state == state


def test_a_name_that_leads_out_of_the_folder_elsewhere_is_not_taken(project, images):
    if os.name != "posix":
        pytest.skip("no such names here")
    (images / "frame000.png").rename(images / "..\\frame000.png")
    assert relink(project, images).missing == ("frame000.png",)


@pytest.mark.parametrize("place", ["beside", "inside", "around", "below"])
def test_project_and_photographs_can_be_moved_together(tmp_path, photographs, place):
    home = tmp_path / "home"
    home.mkdir()
    folder = home / "reef.stego"
    where = {"beside": home / "images", "inside": folder / "images", "around": home}
    images = photographs(where.get(place, home / "2026" / "images"), 2)
    project = open_photographs(folder, images)
    assert not Path(project.state.root).is_absolute()
    found, state = names(project), project.state
    project.close()
    home.rename(tmp_path / "moved")
    moved = Project.open(tmp_path / "moved" / "reef.stego")
    assert moved.state == state
    assert missing_photographs(moved) == ()
    assert moved.corpus.root == tmp_path / "moved" / images.relative_to(home)
    assert names(moved) == found
    assert discover(moved.corpus.root).images == moved.corpus.images


def test_a_project_moved_alone_still_finds_its_photographs(tmp_path, project, images):
    project.close()
    (tmp_path / "other").mkdir()
    moved = Project.open(project.folder.rename(tmp_path / "other" / "reef.stego"))
    assert moved.corpus.root == images
    assert missing_photographs(moved) == ()


def test_photographs_far_from_the_project_keep_their_absolute_path(tmp_path, images):
    project = open_photographs(tmp_path / "a" / "b" / "reef.stego", images)
    assert Path(project.state.root) == images


def test_results_and_edits_stay_with_photographs_that_were_renamed(tmp_path, clustered):
    project = clustered(tmp_path)
    image = project.corpus.images[0]
    before = Segmentation(project).label_image(image)
    keys = project.state.run, project.state.result
    images = tmp_path / "images"
    for path in images.iterdir():
        path.rename(path.with_stem(f"dive-{path.stem}"))
    relink(project, images)
    assert (project.state.run, project.state.result) == keys
    renamed = project.corpus.images[0]
    assert renamed.name == f"dive-{image.name}"
    assert (Segmentation(project).label_image(renamed) == before).all()


def test_the_command_line_relinks_and_reports(tmp_path, project, images):
    folder = project.folder
    project.close()
    (images / "frame000.png").rename(images / "first.png")
    (images / "frame003.png").unlink()
    done = CliRunner().invoke(app, ["relink", "-p", str(folder), str(images), "--json"])
    assert done.exit_code == 0
    values = json.loads(done.stdout.strip().splitlines()[-1])
    assert values == {
        "root": str(images),
        "in_place": 2,
        "moved": [{"before": "frame000.png", "now": "first.png"}],
        "changed": [],
        "missing": ["frame003.png"],
    }
    done = CliRunner().invoke(app, ["relink", "-p", str(folder), str(images)])
    assert "3 photographs in place" in done.stdout
    assert "1 photograph missing:\n  frame003.png" in done.stdout


def test_the_plugin_says_that_photographs_are_missing_when_it_opens_a_project(project, images):
    (images / "frame000.png").unlink()
    reports = Reports()
    open_project(None, project.folder, reports, CancelToken())
    (sentence,) = reports.take().sentences
    assert f"1 of 4 photographs are not in {images}" in sentence
    assert f"napari-stego relink FOLDER --project {project.folder}`" in sentence


def test_a_photograph_that_is_gone_says_how_to_find_it(project, images):
    (images / "frame000.png").unlink()
    with pytest.raises(ImageReadError, match="napari-stego relink"):
        project.corpus.images[0].read()
