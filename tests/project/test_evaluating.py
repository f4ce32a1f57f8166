from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_stego.errors import StegoError
from napari_stego.evaluation import MaskError
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import evaluate


def write_masks(folder, images, ids=(1, 2), void=False):
    """The planted halves of the photographs, as masks."""
    folder.mkdir()
    for path in sorted(images.glob("*.png")):
        with Image.open(path) as image:
            mask = np.full((image.height, image.width), ids[0], np.uint8)
        mask[:, mask.shape[1] // 2 :] = ids[-1]
        if void:
            mask[:10] = 255
        Image.fromarray(mask).save(folder / path.name)
    return folder


@pytest.fixture
def project(tmp_path, clustered):
    return clustered(tmp_path)


def test_codes_and_raw_features_are_scored(project, tmp_path):
    masks = write_masks(tmp_path / "masks", tmp_path / "images", ids=(3, 7), void=True)
    evaluation = evaluate(project, masks, device="cpu")
    assert evaluation.images == 5
    np.testing.assert_array_equal(evaluation.classes, [3, 7])
    names = [row.name for row in evaluation.rows]
    assert names == ["STEGO codes", "raw features, corpus mean subtracted", "raw features"]
    for row in evaluation.rows:
        assert row.named is None
        assert 0.5 <= row.matched.accuracy <= 1  # two clusters cannot be matched worse
        assert sorted(row.matched.names) == [0, 1]
    again = evaluate(project, masks, device="cpu")
    assert [r.matched.accuracy for r in again.rows] == [r.matched.accuracy for r in evaluation.rows]


def test_many_clusters_are_named_by_masks_of_the_projects_own_images(project, tmp_path):
    masks = write_masks(tmp_path / "masks", tmp_path / "images")
    evaluation = evaluate(project, masks, naming_masks=masks, named_clusters=20, device="cpu")
    for row in evaluation.rows:
        assert len(row.named.names) == 20
        assert set(row.named.names) <= {0, 1}
        # Named and scored with the same masks, no cluster can lose by its name.
        assert row.named.accuracy >= 0.5


def test_other_images_can_be_scored_with_the_projects_clusters(
    project, tmp_path, photographs, small_weights
):
    others = photographs(tmp_path / "others", 3, first=50)
    masks = write_masks(tmp_path / "masks", others)
    state = project.state
    with pytest.raises(StegoError, match="No mask"):
        evaluate(project, masks)
    evaluation = evaluate(project, masks, others, weights_file=small_weights, device="cpu")
    assert evaluation.images == 3
    assert project.state == state
    # Their features are kept: no weights are needed another time.
    again = evaluate(project, masks, others, device="cpu")
    assert again.rows[0].matched.accuracy == evaluation.rows[0].matched.accuracy


def test_other_weights_than_the_projects_are_refused(project, tmp_path, photographs, small_weights):
    from safetensors.torch import load_file, save_file

    others = photographs(tmp_path / "others", 1, first=50)
    masks = write_masks(tmp_path / "masks", others)
    changed = tmp_path / "changed.safetensors"
    save_file({name: value * 2 for name, value in load_file(small_weights).items()}, changed)
    with pytest.raises(StegoError, match="Name the same file with --weights"):
        evaluate(project, masks, others, weights_file=changed, device="cpu")


def test_a_cancel_is_obeyed_while_masks_are_read(project, tmp_path):
    masks = write_masks(tmp_path / "masks", tmp_path / "images")
    token = CancelToken()

    def stop(done, total, message):
        if message == "reading masks":
            token.cancel()

    with pytest.raises(Cancelled):
        evaluate(project, masks, device="cpu", progress=stop, cancel=token)


@pytest.mark.parametrize(("ids", "message"), [((4,), "one class only"), ((255,), "hold no class")])
def test_masks_without_two_classes_are_an_error(project, tmp_path, ids, message):
    masks = write_masks(tmp_path / "masks", tmp_path / "images", ids=ids)
    with pytest.raises(MaskError, match=message):
        evaluate(project, masks, device="cpu")


def test_masks_of_unreadable_images_only_are_an_error(
    tmp_path, photographs, cut_jpg, extracted, features, small_weights
):
    from napari_stego.project import extract

    project = extracted(tmp_path, 2)
    cut_jpg(tmp_path / "images" / "cut.jpg")
    images = tmp_path / "images"
    extract(project, features, images, weights_file=small_weights, device="cpu")
    masks = tmp_path / "masks"
    masks.mkdir()
    Image.fromarray(np.zeros((64, 96), np.uint8)).save(masks / "cut.png")
    with pytest.raises(MaskError, match="none could be read"):
        evaluate(project, masks, device="cpu")
