from __future__ import annotations

import os
import shutil

import pytest

from napari_stego.backbones import load_backbone
from napari_stego.corpus import discover
from napari_stego.features import FeatureSettings, FeatureStore, extract_features


@pytest.fixture
def extract(small_backbone, small_weights, tmp_path):
    """Extract features into the folder ``store``."""
    backbone = load_backbone(small_backbone, weights_file=small_weights, device="cpu")
    settings = FeatureSettings(backbone=small_backbone, layer="final", long_side=96)

    def call(corpus):
        store = FeatureStore(tmp_path / "store")
        return store, extract_features(corpus, store, backbone, settings)

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
