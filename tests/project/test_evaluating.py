from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_stego.clustering import ClusterModel, CrfSettings, crf_available
from napari_stego.errors import StegoError
from napari_stego.evaluation import DATASETS, MaskError
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import evaluate
from napari_stego.project.evaluating import joined_along_tree


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


def test_scored_images_can_be_encoded_more_finely(project, tmp_path, small_weights):
    masks = write_masks(tmp_path / "masks", tmp_path / "images")
    options = {"naming_masks": masks, "named_clusters": 6, "linear_probe": True}
    finer = evaluate(
        project, masks, **options, detail="finer", weights_file=small_weights, device="cpu"
    )
    plain = evaluate(project, masks, **options)
    assert finer.conditions["detail"] == "finer"
    for fine, coarse in zip(finer.rows, plain.rows, strict=True):
        assert not np.array_equal(fine.matched.confusion, coarse.matched.confusion)
        # All that learns from masks learns from the features as they were extracted.
        np.testing.assert_array_equal(fine.named.names, coarse.named.names)
        assert fine.linear_probe.accuracy > 0.5


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


def test_clusters_join_by_likeness_until_there_are_as_many_as_classes():
    centroids = np.array([[1, 0, 0.1], [0, 1, 0], [1, 0.1, 0], [0, 0, 1], [0.1, 1, 0]])
    confusion = np.array([[8, 1, 4, 0, 2], [0, 5, 0, 1, 6], [0, 0, 0, 9, 0]])
    joined = joined_along_tree(confusion, ClusterModel(centroids.astype(np.float32)))
    assert sorted(map(tuple, joined.T.tolist())) == [(0, 1, 9), (3, 11, 0), (12, 0, 0)]
    few = ClusterModel(centroids[:2].astype(np.float32))
    np.testing.assert_array_equal(joined_along_tree(confusion[:, :2], few), confusion[:, :2])


def test_codes_can_be_scored_alone(project, tmp_path):
    masks = write_masks(tmp_path / "masks", tmp_path / "images")
    (row,) = evaluate(project, masks, raw=False, device="cpu").rows
    assert row.name == "STEGO codes"
    first = evaluate(project, masks, device="cpu").rows[0]
    assert (row.name, row.matched.miou) == (first.name, first.matched.miou)


def test_clusters_are_also_matched_many_to_one(project, tmp_path):
    masks = write_masks(tmp_path / "masks", tmp_path / "images")
    evaluation = evaluate(project, masks, device="cpu")
    assert evaluation.class_names == ("1", "2")
    assert (evaluation.dataset, evaluation.published) == (None, ())
    for row in evaluation.rows:
        assert row.many_to_one.accuracy >= row.matched.accuracy
        assert row.matched.confusion.sum() == 5 * 64 * 96
        assert (row.linear_probe, row.curves, row.refined_curves) == (None, None, None)


def test_a_linear_probe_needs_masks_to_learn_from(project, tmp_path):
    masks = write_masks(tmp_path / "masks", tmp_path / "images")
    with pytest.raises(StegoError, match="give naming masks too"):
        evaluate(project, masks, linear_probe=True)


def potsdam(root, images, train):
    """The photographs and their planted halves, in the layout of Potsdam-3."""
    from scipy.io import savemat

    for folder in ("imgs", "gt"):
        (root / folder).mkdir(parents=True)
    paths = sorted(images.glob("*.png"))
    for path in paths:
        with Image.open(path) as image:
            pixels = np.asarray(image)
        labels = np.full(pixels.shape[:2], 4, np.uint8)
        labels[:, labels.shape[1] // 2 :] = 3
        labels[:5] = 255
        savemat(root / "imgs" / f"{path.stem}.mat", {"img": np.dstack([pixels, labels])})
        savemat(root / "gt" / f"{path.stem}.mat", {"gt": labels})
    names = [path.stem for path in paths]
    (root / "labelled_train.txt").write_text("\n".join(names[:train]))
    (root / "labelled_test.txt").write_text("\n".join(names[train:]))
    return root


def test_a_data_set_is_scored_with_its_own_photographs_and_classes(
    project, tmp_path, photographs, small_weights
):
    # The project's photographs are frames 0 to 4; those of the test split are 5 to 8.
    everything = photographs(tmp_path / "everything", 9)
    root = potsdam(tmp_path / "potsdam", everything, train=5)
    test, train = (DATASETS["potsdam3"](root, split) for split in ("test", "train"))
    with pytest.raises(StegoError, match="leave out the images"):
        evaluate(project, test, everything)
    evaluation = evaluate(
        project,
        test,
        naming_masks=train,
        named_clusters=12,
        linear_probe=True,
        curves=True,
        weights_file=small_weights,
        device="cpu",
    )
    assert (evaluation.images, evaluation.dataset) == (4, "potsdam3")
    np.testing.assert_array_equal(evaluation.classes, [0, 1, 2])
    assert evaluation.class_names[0] == "roads and cars"
    assert evaluation.conditions["images with naming masks"] == 5
    assert evaluation.published[0].accuracy == 0.77
    for row in evaluation.rows:
        assert np.isnan(row.matched.per_class_iou[1])  # no building is there
        assert row.matched.confusion.sum() == 4 * 59 * 96
        assert row.linear_probe.confusion.sum() == row.matched.confusion.sum()
        assert row.joined.confusion.sum() == row.named.confusion.sum()
        assert not row.linear_probe.confusion[:, 1].any()  # it has seen no building
        assert set(row.curves) == {"self", "knn", "random"}
        assert row.curves["self"].base_rate == pytest.approx(0.5, abs=0.1)
        assert row.curves["self"].average_precision > row.curves["self"].base_rate
        assert row.refined_curves is None
    # Photographs are converted and extracted once, and the centre alone can be scored.
    assert len(list((project.folder / "datasets" / "potsdam3-test").iterdir())) == 4
    again = evaluate(
        project, test.cropped(64), curves=True, weights_file=small_weights, device="cpu"
    )
    assert again.rows[0].matched.confusion.sum() == 4 * 59 * 64


@pytest.mark.skipif(not crf_available(), reason="the CRF library is not installed")
def test_with_the_crf_refined_probabilities_are_compared_too(extracted, tmp_path):
    project = extracted(tmp_path, 2)
    masks = write_masks(tmp_path / "masks", tmp_path / "images")
    evaluation = evaluate(
        project, masks, curves=True, crf=CrfSettings(iterations=1, method="exact"), device="cpu"
    )
    for row in evaluation.rows:
        assert set(row.refined_curves) == set(row.curves)
        assert row.refined_curves["knn"].pairs == row.curves["knn"].pairs
        assert row.refined_curves["knn"].average_precision > 0
