from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
import tifffile
from PIL import Image
from safetensors.torch import load_file, save_file

from napari_stego.classes import MergeClasses, RenameClass
from napari_stego.clustering import ClusterSettings
from napari_stego.errors import StegoError
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import (
    ExportSettings,
    Project,
    Segmentation,
    cluster,
    export,
    extract,
    open_photographs,
)


@pytest.fixture
def project(tmp_path, clustered):
    return clustered(tmp_path)


def read_classes(folder):
    with (folder / "classes.csv").open(encoding="utf-8-sig", newline="") as file:
        return {int(row["id"]): row for row in csv.DictReader(file)}


def test_masks_hold_the_label_images_and_the_table_counts_them(project, tmp_path):
    history = Segmentation(project).history
    history.do(MergeClasses(ids=(1, 2), into=2))
    history.do(RenameClass(id=2, name="Größe 鱼"))
    out = tmp_path / "out"
    report = export(Project.open(project.folder), out)
    assert (report.images, report.folder, report.skipped) == (5, out, ())
    segmentation = Segmentation(project)
    pixels = dict.fromkeys(range(5), 0)
    for image in project.corpus.images:
        labels = segmentation.label_image(image)
        stem = image.path.stem
        with Image.open(out / "masks" / f"{stem}.png") as mask:
            np.testing.assert_array_equal(np.asarray(mask), labels)
        np.testing.assert_array_equal(tifffile.imread(out / "masks_tiff" / f"{stem}.tif"), labels)
        with Image.open(out / "overlays" / f"{stem}.jpg") as picture:
            assert picture.width == image.width
        for class_id in pixels:
            pixels[class_id] += int((labels == class_id).sum())
    rows = read_classes(out)
    assert list(rows) == [2, 3, 4]
    assert rows[2]["name"] == "Größe 鱼"
    assert rows[2]["clusters"] == "0;1"
    assert {class_id: int(row["pixels"]) for class_id, row in rows.items()} == {
        class_id: pixels[class_id] for class_id in rows
    }
    assert pixels[0] == pixels[1] == 0


def test_only_what_is_asked_for_is_written(project, tmp_path):
    out = tmp_path / "out"
    only_masks = ExportSettings(tiff=False, overlays=False, panoptic=False)
    assert export(project, out, only_masks).stale == ()
    assert sorted(path.name for path in out.iterdir()) == ["classes.csv", "masks"]


def test_panoptic_holds_the_label_images_and_what_an_export_left_is_told(project, tmp_path):
    out = tmp_path / "out"
    export(project, out, ExportSettings(tiff=False, overlays=False))
    values = json.loads((out / "panoptic.json").read_text())
    segmentation = Segmentation(project)
    for image, described, annotation in zip(
        project.corpus.images, values["images"], values["annotations"], strict=True
    ):
        assert described["file_name"] == image.name
        with Image.open(out / "panoptic" / annotation["file_name"]) as png:
            red, green, blue = np.moveaxis(np.asarray(png).astype(int), -1, 0)
        ids = red + 256 * green + 65536 * blue
        np.testing.assert_array_equal(ids, segmentation.label_image(image))
        areas = sum(segment["area"] for segment in annotation["segments_info"])
        assert areas == (ids != 0).sum()
    (out / "masks" / "gone.png").touch()
    only_masks = ExportSettings(tiff=False, overlays=False, panoptic=False)
    stale = export(project, out, only_masks).stale
    assert stale[:2] == ("masks/gone.png", "panoptic.json")
    assert len(stale) == 7
    assert (out / "masks" / "gone.png").exists()


def test_images_of_one_name_in_folders_and_formats_get_a_mask_each(
    tmp_path, photographs, features, small_weights
):
    images = photographs(tmp_path / "images", 5)
    (images / "a").mkdir()
    names = ["x.png", "x.bmp", "x.png.bmp", "a/x.png", "ü.png"]
    for source, name in zip(sorted(images.glob("*.png")), names, strict=True):
        with Image.open(source) as image:
            image.save(images / name)
        source.unlink()
    project = Project.create(tmp_path / "reef.stego")
    extract(project, features, images, weights_file=small_weights, device="cpu")
    cluster(project, ClusterSettings(clusters=4, source="features"))
    export(project, tmp_path / "out")
    masks = tmp_path / "out" / "masks"
    found = {path.relative_to(masks).as_posix() for path in masks.rglob("*.png")}
    assert found == {"x.png.png", "x.bmp.png", "x.png.bmp.png", "a/x.png", "ü.png"}
    assert sum(int(row["pixels"]) for row in read_classes(tmp_path / "out").values()) == 5 * 64 * 96


def test_more_than_255_classes_make_sixteen_bit_masks(project, tmp_path, features, small_weights):
    with pytest.raises(StegoError, match="300 clusters need"):
        cluster(project, ClusterSettings(clusters=300, source="features"))
    larger = features.model_copy(update={"long_side": 480})
    extract(project, larger, weights_file=small_weights, device="cpu")
    cluster(project, ClusterSettings(clusters=300, source="features"))
    export(project, tmp_path / "out", ExportSettings(overlays=False))
    for path in [*(tmp_path / "out").glob("masks*/frame*")]:
        ids = tifffile.imread(path) if path.suffix == ".tif" else np.asarray(Image.open(path))
        assert ids.dtype == np.uint16
    rows = read_classes(tmp_path / "out")
    assert max(int(class_id) for class_id in rows) == 300
    assert sum(int(row["pixels"]) for row in rows.values()) == 5 * 64 * 96


def test_unreadable_images_are_reported_and_photographs_that_went_away_named(
    tmp_path, photographs, cut_jpg, features, small_weights
):
    images = photographs(tmp_path / "images", 2)
    cut_jpg(images / "cut.jpg")
    project = Project.create(tmp_path / "reef.stego")
    extract(project, features, images, weights_file=small_weights, device="cpu")
    cluster(project, ClusterSettings(clusters=2, source="features"))
    report = export(project, tmp_path / "out")
    assert report.images == 2
    assert [(s.name, "truncated" in s.reason) for s in report.skipped] == [("cut.jpg", True)]
    shutil.rmtree(images)
    with pytest.raises(StegoError, match=r"frame000\.png: the file is gone"):
        export(project, tmp_path / "out")
    assert export(project, tmp_path / "out", ExportSettings(overlays=False)).images == 2


def test_a_cancelled_export_leaves_only_complete_files(project, tmp_path):
    token = CancelToken()

    def stop(done, total, message):
        if done == 2:
            token.cancel()

    out = tmp_path / "out"
    with pytest.raises(Cancelled):
        export(project, out, progress=stop, cancel=token)
    masks = sorted((out / "masks").iterdir())
    assert [path.name for path in masks] == ["frame000.png", "frame001.png", "frame002.png"]
    for path in masks:
        with Image.open(path) as mask:
            mask.load()


def test_a_folder_that_cannot_be_written_is_reported(project, tmp_path):
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(StegoError, match="Cannot write"):
        export(project, tmp_path / "out")


def test_an_export_among_the_photographs_is_refused(project, tmp_path):
    for folder in (tmp_path / "images", tmp_path / "images" / "out"):
        with pytest.raises(StegoError, match="would be taken for photographs"):
            export(project, folder)
    assert len(list((tmp_path / "images").iterdir())) == 5


def test_photographs_without_features_are_told(project, tmp_path, photographs):
    photographs(tmp_path / "images", 1, first=70)
    open_photographs(project.folder, tmp_path / "images")
    report = export(Project.open(project.folder), tmp_path / "out")
    assert report.images == 5
    assert [(s.name, "no features" in s.reason) for s in report.skipped] == [("frame070.png", True)]


def test_a_finer_detail_encodes_the_photographs_again(project, tmp_path, small_weights):
    def masks(detail, **options):
        out = tmp_path / detail
        export(project, out, ExportSettings(tiff=False, detail=detail), **options)
        return [np.asarray(Image.open(path)) for path in sorted((out / "masks").iterdir())]

    options = {"weights_file": small_weights, "device": "cpu"}
    plain = masks("as-extracted")
    for detail in ("mirrored", "finer", "full-size"):
        found = masks(detail, **options)
        assert [mask.shape for mask in found] == [mask.shape for mask in plain]
        assert any((a != b).any() for a, b in zip(found, plain, strict=True))
        # The same classes in the main: it is the same head, and the same clusters.
        same = [float((a == b).mean()) for a, b in zip(found, plain, strict=True)]
        assert np.mean(same) > 0.5


def test_a_finer_detail_needs_the_weights_of_the_features(project, tmp_path, small_weights):
    changed = tmp_path / "changed.safetensors"
    tensors = {name: value * 2 for name, value in load_file(small_weights).items()}
    save_file(tensors, changed)
    with pytest.raises(StegoError, match="Name the same file with --weights"):
        export(project, tmp_path / "out", ExportSettings(detail="finer"), weights_file=changed)
    assert not (tmp_path / "out").exists()
