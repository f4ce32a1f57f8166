"""Whole commands on small folders, as a user types them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_stego.project import Project
from napari_stego.stego import StegoSettings, Targets, load_run

SIZES = {
    "camera.jpg": (64, 96),
    "deep.png": (60, 80),
    "grey.png": (50, 70),
    "dive 1/alpha.png": (64, 64),
    "dive 1/turned.jpg": (96, 64),
    "Größe 鱼 [b].png": (48, 90),
}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory, cut_jpg) -> Path:
    """A folder with photographs of many kinds, and files that are none."""
    folder = tmp_path_factory.mktemp("mixed") / "images"
    (folder / "dive 1").mkdir(parents=True)
    rng = np.random.default_rng(0)

    def picture(height, width, *channels):
        return rng.integers(0, 256, (height, width, *channels), dtype=np.uint8)

    Image.fromarray(picture(64, 96, 3)).save(folder / "camera.jpg")
    Image.fromarray(picture(60, 80).astype(np.uint16) * 16).save(folder / "deep.png")
    Image.fromarray(picture(50, 70)).save(folder / "grey.png")
    Image.fromarray(picture(64, 64, 4)).save(folder / "dive 1" / "alpha.png")
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(picture(64, 96, 3)).save(folder / "dive 1" / "turned.jpg", exif=exif)
    Image.fromarray(picture(48, 90, 3)).save(folder / "Größe 鱼 [b].png")
    cut_jpg(folder / "cut.jpg")
    (folder / "text.jpg").write_text("no image")
    (folder / "notes.txt").write_text("passed over")
    return folder


@pytest.fixture(scope="module")
def done(stego, mixed):
    """What `run` prints on that folder; the project is beside it."""
    return stego.json(*stego.small(mixed, mixed.parent / "reef.stego"))


def trained_last(folder):
    return load_run(Project.open(folder, writable=False).run_path)[0].settings


def mask_path(export, name, kind="masks", suffix=".png"):
    return (Path(export) / kind / name).with_suffix(suffix)


def test_run_tells_what_it_did_and_which_files_it_left_out(done, mixed):
    assert done["images"] == done["extracted"] == done["exported"] == len(SIZES)
    assert (done["clusters"], done["steps"], done["seed"]) == (4, 20, 0)
    scores = done["layer_scores"]
    chosen = done["features"]
    assert str(chosen["layer"]) == max(scores, key=scores.get)
    assert {name: chosen[name] for name in ("backbone", "long_side", "facet", "crops")} == {
        "backbone": "test_vit",
        "long_side": 96,
        "facet": "tokens",
        "crops": "none",
    }
    assert done["verdict"]["better"] in {"codes", "features", "neither"}
    reasons = {skipped["name"]: skipped["reason"] for skipped in done["skipped"]}
    assert reasons.keys() == {"cut.jpg", "text.jpg"}
    assert "truncated" in reasons["cut.jpg"]
    assert "not an image" in reasons["text.jpg"]
    assert Path(done["project"]) == mixed.parent / "reef.stego"
    assert Path(done["export"]) == mixed.parent / "reef.stego" / "export"


@pytest.mark.parametrize("name", SIZES)
def test_every_kind_of_photograph_gets_masks_of_its_own_size(done, name):
    with Image.open(mask_path(done["export"], name)) as image:
        mask = np.asarray(image)
        assert image.mode == "P"
    assert mask.shape == SIZES[name]
    assert set(np.unique(mask)) <= {1, 2, 3, 4}
    tiff = tifffile.imread(mask_path(done["export"], name, "masks_tiff", ".tif"))
    np.testing.assert_array_equal(tiff, mask)
    with Image.open(mask_path(done["export"], name, "overlays", ".jpg")) as picture:
        assert picture.width == SIZES[name][1]


def test_the_single_steps_make_what_run_makes(stego, done, mixed, tmp_path):
    project, out = tmp_path / "steps.stego", tmp_path / "out"
    features = ["features", mixed, "--project", project, "--backbone", "test_vit"]
    features += ["--weights", stego.weights, "--long-side", 96, "--device", "cpu"]
    assert stego.json(*features)["extracted"] == len(SIZES)
    trained = stego.json("train", "-p", project, "--steps", 20, "--dim", 8, "--device", "cpu")
    assert trained["correspondence"] == done["correspondence"]
    assert trained["correspondence"].keys() == {"self", "knn", "random"}
    clustered = stego.json("cluster", "-p", project, "-k", 4)
    assert clustered == {"clusters": 4, "source": "codes"}
    exported = stego.run("export", "-p", project, "--out", out)
    assert exported.returncode == 0
    assert exported.stdout == f"6 photographs exported to {out}.\n"
    for name in SIZES:
        expected = mask_path(done["export"], name).read_bytes()
        assert mask_path(out, name).read_bytes() == expected


def test_evaluate_scores_against_masks(stego, done, mixed, tmp_path):
    masks = tmp_path / "masks"
    (masks / "dive 1").mkdir(parents=True)
    for name, (height, width) in SIZES.items():
        ids = np.full((height, width), 1, np.uint8)
        ids[: height // 2] = 2
        ids[0] = 255
        Image.fromarray(ids).save((masks / name).with_suffix(".png"))
    project = mixed.parent / "reef.stego"
    values = stego.json("evaluate", "-p", project, "--masks", masks, "--device", "cpu")
    assert (values["images"], values["classes"]) == (len(SIZES), [1, 2])
    for row in values["rows"]:
        assert 0.5 <= row["hungarian"]["accuracy"] <= 1
        assert len(row["hungarian"]["per_class_iou"]) == 2
        assert row["named"] is None
    naming = ["--naming-masks", masks, "--named-clusters", 9]
    text = stego.run("evaluate", "-p", project, "--masks", masks, *naming, "--device", "cpu")
    assert text.returncode == 0
    lines = text.stdout.splitlines()
    assert lines[0] == "6 images, 2 classes; percent of pixels"
    assert "K=9, named" in lines[1]
    percent = f"{100 * values['rows'][0]['hungarian']['accuracy']:.1f}"
    assert lines[2].split()[:3] == ["STEGO", "codes", percent]


def test_one_photograph_works_and_qt_stays_out_of_it(stego, mixed, tmp_path):
    done = stego.run(
        *stego.small(mixed / "camera.jpg", tmp_path / "one.stego"), PYTHONPROFILEIMPORTTIME="1"
    )
    assert done.returncode == 0, done.stderr
    assert "1 photograph, 4 clusters" in done.stdout
    with Image.open(tmp_path / "one.stego" / "export" / "masks" / "camera.png") as mask:
        assert mask.size == (96, 64)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert {"torch", "napari_stego"} <= imported
    gui = {"napari", "qtpy", "PyQt6", "PySide6", "magicgui", "superqt", "pyqtgraph"}
    assert not imported & gui


def test_a_folder_without_photographs_fails_with_a_message(stego, tmp_path):
    (tmp_path / "images").mkdir()
    done = stego.run(*stego.small(tmp_path / "images", tmp_path / "reef.stego"), "--json")
    assert done.returncode == 1
    assert done.stdout.startswith('{"error": "No photographs in ')
    assert "Choose a folder that holds bmp, jpeg, jpg" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_backbone_that_nobody_knows_fails_with_a_message(stego, mixed, tmp_path):
    arguments = ["features", mixed, "--project", tmp_path / "reef.stego"]
    done = stego.run(*arguments, "--backbone", "vit_small_patch14_dinov3")
    assert done.returncode == 1
    assert "There is no backbone named vit_small_patch14_dinov3. Did you mean" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_step_without_the_one_before_names_the_missing_command(stego, tmp_path):
    done = stego.run("train", "-p", tmp_path / "nothing.stego")
    assert done.returncode == 1
    assert f"`napari-stego run IMAGES --project {tmp_path / 'nothing.stego'}`" in done.stderr


def test_settings_stay_until_others_are_asked_for_and_edited_classes_are_not_lost_silently(
    stego, mixed, tmp_path
):
    from napari_stego.classes import RenameClass
    from napari_stego.project import Segmentation

    project = tmp_path / "reef.stego"
    assert stego.run(*stego.small(mixed / "camera.jpg", project)).returncode == 0
    Segmentation(Project.open(project)).history.do(RenameClass(id=1, name="sand"))
    again = stego.json("run", mixed / "camera.jpg", "--project", project)
    assert again["clusters"] == 4
    assert Segmentation(Project.open(project)).table.row(1).name == "sand"
    other = stego.run("cluster", "--project", str(project), "--clusters", "3")
    assert "carried over" in other.stderr
    assert stego.run("cluster", "--project", str(project), "--clusters", "4").returncode == 0
    assert Segmentation(Project.open(project)).table.row(1).name == "sand"


def test_a_training_without_a_preset_takes_no_fixed_shifts_from_the_one_before(
    stego, mixed, tmp_path
):
    project = tmp_path / "reef.stego"
    preset = ["--preset", "official-defaults", "--source", "codes"]
    assert stego.run(*stego.small(mixed / "camera.jpg", project), *preset).returncode == 0
    assert trained_last(project).shifts is not None
    train = ["train", "-p", project, "--device", "cpu", "--steps"]
    stego.json(*train, 2, "--dim", 9)
    assert trained_last(project) == StegoSettings(steps=2, dim=9)
    stego.json(*train, 3)
    assert trained_last(project) == StegoSettings(steps=3, dim=9)
    stego.json(*train, 3, "--preset", "automatic")
    assert trained_last(project) == StegoSettings(steps=3)


def test_any_setting_can_be_set_by_its_name_and_a_balance_by_its_option(stego, mixed, tmp_path):
    project, settings = tmp_path / "reef.stego", ["targets.knn=0.2", "weights.self=1", "dropout=0"]
    named = [word for text in [*settings, "centre=false"] for word in ("--set", text)]
    made = stego.run(*stego.small(mixed / "camera.jpg", project), *named, "--balance", 0.5)
    assert made.returncode == 0, made.stderr
    found = trained_last(project)
    assert (found.targets.knn, found.weights.self_) == (0.2, 1)
    assert (found.dropout, found.centre, found.shifts) == (0, False, None)
    assert (found.targets.self_, found.weights.knn) == (None, 0.25)  # as they were
    again = stego.run("train", "-p", project, "--set", "targets.knn=tokens")
    assert again.returncode == 0, again.stderr
    assert trained_last(project).targets == Targets()
    assert Project.open(project, writable=False).state.result.settings.balance == 0.5
    stego.json("cluster", "-p", project, "-k", 3)
    assert Project.open(project, writable=False).state.result.settings.balance == 0.5
    stego.json("cluster", "-p", project, "--balance", 0)
    assert Project.open(project, writable=False).state.result.settings.balance == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("target.knn=0.3", "The names are batch_size, positions"),
        ("steps=3", "targets.random, targets.knn, targets.self"),
        ("dropout", "--set takes NAME=VALUE"),
        ("weights.knn=nan", "weights.knn: Input should be a finite number"),
        ("shifts.knn=0.1", "shifts.random: Field required"),
        ("sampling=some", "sampling: Input should be 'tokens' or 'bilinear'"),
    ],
)
def test_a_setting_that_there_is_not_is_refused(stego, done, text, says):
    refused = stego.run("train", "-p", done["project"], "--set", text)
    assert refused.returncode == 1
    assert says in refused.stderr


def test_settings_that_do_not_work_are_refused_before_any_work(stego, mixed, tmp_path):
    project = tmp_path / "reef.stego"
    done = stego.run(*stego.small(mixed, project), "--clusters", "1")
    assert done.returncode == 2
    assert not project.exists()
