from __future__ import annotations

import os
import shutil
import threading

import numpy as np
import pytest
from pydantic import ValidationError

from napari_stego.backbones import load_backbone
from napari_stego.corpus import discover, read_image
from napari_stego.errors import StegoError
from napari_stego.features import FeatureSettings, FeatureStore, extract_features
from napari_stego.features.crops import crop_keys, five_crops
from napari_stego.features.extraction import SEGMENT_IMAGES
from napari_stego.progress import Cancelled, CancelToken


@pytest.fixture
def extract(small_backbone, small_weights, tmp_path):
    """Extract features into the folder ``store``."""
    backbone = load_backbone(small_backbone, weights_file=small_weights, device="cpu")

    def call(corpus, cancel=None, progress=None, **changes):
        settings = {"backbone": small_backbone, "layer": "final", "long_side": 96} | changes
        store = FeatureStore(tmp_path / "store")
        options = {} if progress is None else {"progress": progress}
        report = extract_features(
            corpus, store, backbone, FeatureSettings(**settings), cancel=cancel, **options
        )
        return store, report

    call.backbone = backbone
    return call


def test_a_file_replaced_since_it_was_listed_is_not_stored_under_the_old_hash(
    tmp_path, photographs, extract
):
    images = photographs(tmp_path / "images", 3)
    listed = discover(images)
    shutil.copyfile(images / "frame001.png", images / "frame000.png")
    os.utime(images / "frame000.png", ns=(1, listed.images[0].modified_ns + 1))
    os.utime(images / "frame002.png", ns=(1, listed.images[2].modified_ns + 1))
    store, report = extract(listed)
    assert (report.extracted, report.reused) == (2, 0)
    assert [(s.name, "another picture now" in s.reason) for s in report.skipped] == [
        ("frame000.png", True)
    ]
    assert str(tmp_path) not in report.skipped[0].reason
    held = [image.content_hash in store for image in listed.images]
    assert held == [False, True, True]  # the third was only touched
    store, report = extract(discover(images, known=listed))
    assert (report.extracted, report.reused, report.skipped) == (0, 2, ())


def test_unreadable_pixels_are_skipped_with_the_reason(tmp_path, photographs, cut_jpg, extract):
    images = photographs(tmp_path / "images", 1)
    cut_jpg(images / "half.jpg")
    store, report = extract(discover(images))
    assert [(s.name, "truncated" in s.reason) for s in report.skipped] == [("half.jpg", True)]
    assert str(tmp_path) not in report.skipped[0].reason
    assert len(store) == report.extracted == 1


def test_keys_of_settings_made_before_facets_and_crops_are_the_same():
    """Hexadecimal digits that the first version gave: stores on disks are found by them."""
    assert FeatureSettings().key("0" * 64) == "39025f57e6e001c6"
    settings = FeatureSettings(backbone="test_vit", layer=3, long_side=96)
    assert settings.key("ab" * 32) == "40ce32a50ca5793c"


def test_settings_that_make_other_tokens_have_other_keys():
    changes = [
        {},
        {"layer": 8},
        {"layer": (8, "final")},
        {"layer": ("final", 8)},
        {"facet": "keys"},
        {"crops": "five"},
        {"facet": "keys", "crops": "five"},
    ]
    settings = [FeatureSettings(**change) for change in changes]
    assert len({each.key("0" * 64) for each in settings}) == len(changes)
    for each in settings:
        again = FeatureSettings.model_validate_json(each.model_dump_json())
        assert again == each
        assert again.key("0" * 64) == each.key("0" * 64)


@pytest.mark.parametrize("bad", [{"layer": [8]}, {"facet": "values"}, {"crops": "ten"}], ids=str)
def test_settings_that_make_no_sense_are_refused(bad):
    with pytest.raises(ValidationError):
        FeatureSettings(**bad)


def test_facets_and_combined_layers_are_stored(tmp_path, photographs, extract):
    corpus = discover(photographs(tmp_path / "images", 2))
    store, _ = extract(corpus, layer=(1, "final"), facet="keys")
    pixels = np.stack([read_image(image.path) for image in corpus.images])
    expected = extract.backbone.encode(pixels, ((1, "final"),), "keys")[0]
    for image, tokens in zip(corpus.images, expected, strict=True):
        np.testing.assert_allclose(store.tokens(image.content_hash), tokens, atol=2e-3)


def test_five_crops_are_the_corners_and_the_centre():
    image = np.arange(7 * 10 * 3, dtype=np.uint8).reshape(7, 10, 3)
    places = [(0, 0), (0, 5), (4, 0), (4, 5), (2, 2)]
    for crop, (top, left) in zip(five_crops(image), places, strict=True):
        np.testing.assert_array_equal(crop, image[top : top + 3, left : left + 5])
    assert {crop.shape for crop in five_crops(image[:1, :1])} == {(1, 1, 3)}


def test_a_store_of_crops_holds_them_beside_the_whole_image(tmp_path, photographs, extract):
    corpus = discover(photographs(tmp_path / "images", 3, size=(61, 95)))
    store, report = extract(corpus, crops="five")
    assert (report.extracted, len(store)) == (3, 18)
    settings = FeatureSettings(crops="five")
    for image in corpus.images:
        key = image.content_hash
        assert settings.training_keys(key) == crop_keys(key)
        assert settings.stored_keys(key) == (key, *crop_keys(key))
        whole = read_image(image.path)
        for part, pixels in zip(crop_keys(key), five_crops(whole), strict=True):
            # Each crop is scaled to the size of the whole.
            small = extract.backbone.resize(pixels, (4, 6))
            expected = extract.backbone.encode(small[None], ("final",))[0][0]
            assert store.grid_shape(part) == store.grid_shape(key) == (4, 6)
            np.testing.assert_allclose(store.tokens(part), expected, atol=0.05)
    assert extract(corpus, crops="five")[1].reused == 3
    plain = FeatureSettings()
    assert plain.training_keys("a") == plain.stored_keys("a") == ("a",)


def test_crops_that_are_missing_are_made_again(tmp_path, photographs, extract):
    images = photographs(tmp_path / "images", 2)
    first = discover(images / "frame000.png")
    store, _ = extract(first)  # the whole image of one photograph is there
    before = store.tokens(first.images[0].content_hash)
    written = []
    store_write = FeatureStore.write

    def write(self, tokens):
        written.extend(key for key, _ in tokens)
        store_write(self, tokens)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FeatureStore, "write", write)
        store, report = extract(discover(images), crops="five")
    assert (report.extracted, report.reused, len(store)) == (2, 0, 12)
    assert len(written) == len(set(written)) == 11
    np.testing.assert_array_equal(store.tokens(first.images[0].content_hash), before)


def test_writing_goes_on_beside_the_backbone(tmp_path, photographs, extract, monkeypatch):
    """A slow disk does not hold up the next images; all of them are there in the end."""
    n_images = SEGMENT_IMAGES + 16
    corpus = discover(photographs(tmp_path / "images", n_images, size=(32, 32)))
    went_on = threading.Event()
    write = FeatureStore.write

    def slow_write(self, tokens):
        if len(tokens) == SEGMENT_IMAGES:
            assert went_on.wait(30)
        write(self, tokens)

    def progress(done, total, message):
        if done > SEGMENT_IMAGES:
            went_on.set()

    monkeypatch.setattr(FeatureStore, "write", slow_write)
    store, report = extract(corpus, progress=progress)
    assert len(store) == report.extracted == n_images


def test_a_cancel_keeps_what_is_finished(tmp_path, photographs, extract):
    corpus = discover(photographs(tmp_path / "images", 40, size=(32, 32)))
    cancel = CancelToken()

    def progress(done, total, message):
        if done >= 16:
            cancel.cancel()

    with pytest.raises(Cancelled):
        extract(corpus, cancel=cancel, progress=progress)
    store, report = extract(corpus)
    assert (report.reused, report.extracted, len(store)) == (16, 24, 40)


def test_a_disk_that_fills_up_in_the_background_is_told(
    tmp_path, photographs, extract, monkeypatch
):
    corpus = discover(photographs(tmp_path / "images", SEGMENT_IMAGES + 8, size=(32, 32)))
    calls = []

    def full(self, tokens):
        calls.append(len(tokens))
        raise StegoError("the disk is full")

    monkeypatch.setattr(FeatureStore, "write", full)
    with pytest.raises(StegoError, match="the disk is full"):
        extract(corpus)
    assert calls == [SEGMENT_IMAGES, 8]
