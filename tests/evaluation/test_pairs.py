from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import average_precision_score

from napari_stego.clustering import ClusterModel, CrfSettings, crf_available, upsample
from napari_stego.corpus import discover
from napari_stego.evaluation import (
    MaskedImages,
    MaskError,
    PairSettings,
    describe_encoded,
    describe_refined,
    precision_recall,
    sample_pairs,
)
from napari_stego.features import FeatureStore, Preparation
from napari_stego.progress import Cancelled, CancelToken

encode = Preparation().apply
CLASSES = np.array([0, 1, 5])


@pytest.fixture(scope="module")
def masked(tmp_path_factory):
    """Nine images; the first channels of a token tell its class, the rest is noise."""
    folder = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(0)
    store = FeatureStore(folder / "store")
    (folder / "images").mkdir()
    for index in range(9):
        Image.fromarray(rng.integers(0, 256, (32, 48, 3), dtype=np.uint8)).save(
            folder / "images" / f"{index}.png"
        )
    images, paths = discover(folder / "images").images, {}
    for index, image in enumerate(images):
        rows = rng.integers(0, 3, 3)
        tokens = np.concatenate([np.eye(3)[rows], np.full((3, 1), 0.2 * index)], axis=1)
        store.write([(image.content_hash, tokens[None].repeat(2, axis=0).astype(np.float16))])
        mask = CLASSES[rows].astype(np.uint8).repeat(16)[None].repeat(32, axis=0)
        mask[:16] = 255
        paths[image.name] = folder / f"{index}-mask.png"
        Image.fromarray(mask).save(paths[image.name])
    return MaskedImages(store, images, paths)


def test_positions_have_a_class_and_partners_are_other_images(masked):
    sample = sample_pairs(masked, CLASSES, PairSettings(positions=6, partners=4))
    assert sample.points.shape == (9, 12, 2)
    for image, points, labels in zip(sample.images, sample.points, sample.labels, strict=True):
        ids = masked.mask(image)[points[:, 0], points[:, 1]]
        np.testing.assert_array_equal(ids, CLASSES[labels])
        assert len(set(map(tuple, points))) == 12
    np.testing.assert_array_equal(sample.partners["self"].ravel(), range(9))
    for kind in ("knn", "random"):
        assert sample.partners[kind].shape == (9, 4)
        for index, partners in enumerate(sample.partners[kind]):
            assert index not in partners
            assert len(set(partners)) == 4
    # Images differ by the channel that grows with their number.
    assert set(sample.partners["knn"][8, :1]) == {7}


def test_the_seed_decides_and_fewer_images_can_be_asked_for(masked):
    first, second, other = (
        sample_pairs(masked, CLASSES, PairSettings(positions=2, seed=seed, images=5))
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.points, second.points)
    np.testing.assert_array_equal(first.partners["random"], second.partners["random"])
    assert len(first.images) == 5
    assert first.images != other.images or not np.array_equal(first.points, other.points)


def test_codes_that_are_classes_have_full_precision_and_noise_has_the_base_rate(masked):
    sample = sample_pairs(masked, CLASSES, PairSettings(positions=20))

    def truth(image, points):
        return np.eye(3, dtype=np.float32)[
            np.searchsorted(CLASSES, masked.mask(image)[points[:, 0], points[:, 1]])
        ]

    rng = np.random.default_rng(0)

    def noise(image, points):
        return rng.normal(size=(len(points), 50)).astype(np.float32)

    for curve in precision_recall(sample, truth).values():
        assert curve.average_precision == pytest.approx(1)
        assert (curve.recall[-1], curve.precision[0]) == (1, 1)
    for curve in precision_recall(sample, noise).values():
        assert curve.average_precision == pytest.approx(curve.base_rate, abs=0.05)
        assert curve.precision[-1] == pytest.approx(curve.base_rate, abs=0.01)


def test_curves_are_those_of_all_pairs(masked):
    sample = sample_pairs(masked, CLASSES, PairSettings(positions=25, partners=2))
    rng = np.random.default_rng(0)
    vectors = {image.name: rng.normal(size=(50, 4)).astype(np.float32) for image in sample.images}
    curves = precision_recall(sample, lambda image, points: vectors[image.name])
    same, cosines = [], []
    for index, image in enumerate(sample.images):
        for partner in sample.partners["knn"][index]:
            other = vectors[sample.images[partner].name][25:]
            for a in range(25):
                for b in range(25):
                    u, v = vectors[image.name][a], other[b]
                    cosines.append(u @ v / np.linalg.norm(u) / np.linalg.norm(v))
                    same.append(sample.labels[index, a] == sample.labels[partner, 25 + b])
    same, cosines = np.array(same), np.array(cosines)
    curve = curves["knn"]
    assert curve.pairs == len(same)
    assert curve.average_precision == pytest.approx(average_precision_score(same, cosines))
    assert 100 < len(curve.recall) <= 400
    assert (np.diff(curve.recall) > 0).all()
    for at in range(0, len(curve.recall), 50):
        chosen = cosines >= curve.threshold[at] - 1e-6
        assert curve.recall[at] == pytest.approx(same[chosen].sum() / same.sum(), abs=1e-3)
        assert curve.precision[at] == pytest.approx(same[chosen].mean(), abs=1e-3)


def test_positions_are_described_as_pixels_are_interpolated(masked):
    image = masked.images[4]
    points = np.array([[0, 0], [31, 47], [17, 20], [15, 24]])
    found = describe_encoded(masked, encode)(image, points)
    whole = upsample(encode(masked.store.tokens(image.content_hash)), (32, 48))
    np.testing.assert_allclose(found, whole[:, points[:, 0], points[:, 1]].T, atol=1e-5)


exact = pytest.param(
    "exact",
    marks=pytest.mark.skipif(not crf_available(), reason="the CRF library is not installed"),
)


@pytest.mark.parametrize("method", ["fast", exact])
def test_refined_probabilities_add_to_one_and_tell_the_classes(masked, method):
    model = ClusterModel(np.eye(4, dtype=np.float32)[:3])
    settings = CrfSettings(method=method, bilateral_weight=0, sharpness=10)
    describe = describe_refined(masked, encode, model, settings)
    sample = sample_pairs(masked, CLASSES, PairSettings(positions=10))
    for image, points, labels in zip(sample.images, sample.points, sample.labels, strict=True):
        found = describe(image, points)
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-4)
        assert (found.argmax(axis=1) == labels).mean() > 0.8


@pytest.mark.skipif(not crf_available(), reason="the CRF library is not installed")
@pytest.mark.parametrize("size", [(64, 96), (704, 720)])
def test_both_methods_refine_to_much_the_same_probabilities(tmp_path, size):
    # The larger photograph has a mean field on every second pixel only.
    rng = np.random.default_rng(0)
    halves = np.where(np.arange(size[1]) < 0.4 * size[1], 60, 180)[None, :, None]
    pixels = (halves + rng.normal(0, 2, (*size, 3))).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photograph.png")
    image = discover(tmp_path / "photograph.png").images[0]
    store = FeatureStore(tmp_path / "store")
    tokens = np.eye(2, dtype=np.float16)[[[0, 0, 1, 1]] * 4] + rng.normal(0, 0.3, (4, 4, 2))
    store.write([(image.content_hash, tokens.astype(np.float16))])
    data, model = MaskedImages(store, (image,), {}), ClusterModel(np.eye(2, dtype=np.float32))
    points = np.stack([rng.integers(0, side, 200) for side in size], axis=1)
    fast, slow = (
        describe_refined(data, encode, model, CrfSettings(method=method))(image, points)
        for method in ("fast", "exact")
    )
    np.testing.assert_allclose(fast.sum(axis=1), 1, atol=1e-4)
    assert (fast.argmax(axis=1) == slow.argmax(axis=1)).mean() > 0.97
    assert np.abs(fast - slow).mean() < 0.03


def test_one_image_alone_is_compared_with_itself_only(masked):
    one = MaskedImages(masked.store, masked.images[:1], masked.masks)
    sample = sample_pairs(one, CLASSES)
    assert set(sample.partners) == {"self"}
    assert set(precision_recall(sample, describe_encoded(one, encode))) == {"self"}


def test_masks_without_the_classes_are_an_error_and_a_lone_class_each_has_no_precision(masked):
    with pytest.raises(MaskError, match="no pixel of a class"):
        sample_pairs(masked, np.array([99]))
    sample = sample_pairs(masked, CLASSES, PairSettings(positions=1))
    never = type(sample)(sample.images, sample.points, np.arange(18).reshape(9, 2), sample.partners)
    curve = precision_recall(never, describe_encoded(masked, encode))["random"]
    assert np.isnan(curve.average_precision)
    assert curve.recall.size == 0


def test_cancel(masked):
    token = CancelToken()
    sample = sample_pairs(masked, CLASSES, PairSettings(positions=1), cancel=token)
    token.cancel()
    with pytest.raises(Cancelled):
        sample_pairs(masked, CLASSES, cancel=token)
    with pytest.raises(Cancelled):
        precision_recall(sample, describe_encoded(masked, encode), cancel=token)
