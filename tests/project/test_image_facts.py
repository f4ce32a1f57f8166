"""Dates, margins, likeness and cover of each photograph."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from napari_stego.classes import ClassState, ClassTable, MergeClasses
from napari_stego.clustering import ClusterSettings
from napari_stego.corpus import discover
from napari_stego.features import FeatureSettings
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import Project, Segmentation, cluster
from napari_stego.project.class_cover import ImageCounts
from napari_stego.project.image_facts import (
    find_dates,
    find_margins,
    find_mean_tokens,
    likeness,
    mean_margin,
)
from napari_stego.project.image_values import ImageValues, find_values
from napari_stego.project.pixel_counts import PixelCounts
from napari_stego.project.state import FeaturesRecord
from napari_stego.project.statistics import PaintedPixels


@pytest.fixture
def project(tmp_path, photographs):
    """Six photographs, with tokens between two directions; the last has none."""
    project = Project.create(tmp_path / "dive.stego")
    project.set_corpus(discover(photographs(tmp_path / "dive", 5, size=(32, 48))))
    features = FeaturesRecord(settings=FeatureSettings(layer="final"), weights_sha256="0" * 64)
    tokens = np.zeros((5, 2, 3, 4), np.float16)
    for place in range(5):
        tokens[place, ..., 0] = 1
        tokens[place, ..., 1] = place / 4  # from one direction to halfway to the other
        tokens[place, 0, 0] = (0, 1, 0, 0)
    images = project.corpus.images
    project.store_of(features).write(
        [(image.content_hash, each) for image, each in zip(images, tokens, strict=False)]
    )
    project.update(features=features)
    cluster(project, ClusterSettings(clusters=2, source="features"))
    project.set_corpus(discover(photographs(tmp_path / "dive", 1, size=(32, 48), first=5)))
    return project


def hashes_of(project):
    return [image.content_hash for image in project.corpus.images]


def test_margins_are_those_of_the_scores_and_found_once(project):
    images = project.corpus.images
    segmentation = Segmentation(project)
    margins = find_margins(project, segmentation, images)
    assert margins.known.tolist() == [True] * 5 + [False]
    centroids = segmentation.clusters.centroids
    for place in range(5):
        tokens = project.store.tokens(images[place].content_hash).astype(np.float64)
        cosines = tokens @ centroids.T / np.linalg.norm(tokens, axis=-1, keepdims=True)
        expected = np.abs(cosines[..., 0] - cosines[..., 1]).mean()
        assert margins.values[place, 0] == pytest.approx(expected, abs=1e-5)
    # A margin that was found is not looked for again.
    segmentation.encodings.grid = None
    again = find_margins(project, segmentation, images)
    np.testing.assert_array_equal(again.values, margins.values)


def test_one_cluster_has_no_margin():
    assert mean_margin(np.ones((2, 3, 1), np.float32)) == 0


def test_the_most_alike_photograph_is_itself_and_then_the_next(project):
    means = find_mean_tokens(project, project.corpus.images)
    alike = likeness(means, 0)
    assert alike[0] == 1
    assert np.isnan(alike[5])
    assert np.argsort(-alike[:5]).tolist() == [0, 1, 2, 3, 4]
    own, other = (project.store.tokens(h).mean(axis=(0, 1)) for h in hashes_of(project)[:2])
    cosine = own @ other / np.linalg.norm(own) / np.linalg.norm(other)
    assert alike[1] == pytest.approx(float(cosine), abs=1e-2)
    assert np.isnan(likeness(means, 5)).all()
    assert (project.store.folder / "means.safetensors").is_file()
    assert len(project.store) == 5  # which takes no notice of the file


def test_dates_are_remembered_but_not_those_of_files(project, monkeypatch):
    images = project.corpus.images
    from napari_stego.project import image_facts

    moment = datetime(2023, 5, 12, 10, 20, 30)
    asked = []

    def dated(path):
        asked.append(path.name)
        return moment if path.name == "frame001.png" else None

    monkeypatch.setattr(image_facts, "read_date", dated)
    dates = find_dates(project, images)
    assert dates[1] == np.datetime64(moment, "s")
    changed = datetime.fromtimestamp(images[0].modified_ns / 1e9)
    assert dates[0] == np.datetime64(changed, "s")
    assert len(asked) == 6
    np.testing.assert_array_equal(find_dates(project, images), dates)
    assert len(asked) == 6


def test_a_damaged_file_of_values_is_found_anew(project):
    images = project.corpus.images
    before = find_mean_tokens(project, images)
    path = project.store.folder / "means.safetensors"
    path.write_bytes(path.read_bytes()[:-7])
    np.testing.assert_array_equal(find_mean_tokens(project, images).values, before.values)


def test_what_was_found_before_a_cancel_is_kept(tmp_path, project):
    images, token, file = project.corpus.images, CancelToken(), tmp_path / "values.safetensors"
    found = []

    def find(image):
        found.append(image.name)
        if len(found) == 3:
            token.cancel()
        return len(found)

    with pytest.raises(Cancelled):
        find_values(
            images, ImageValues.unknown(6, 1, np.int64), find, file, message="", cancel=token
        )
    values = ImageValues.unknown(6, 1, np.int64)
    find_values(images, values, find, file, message="")
    assert len(found) == 6
    assert values.values[:, 0].tolist() == [1, 2, 3, 4, 5, 6]


def test_cover_follows_merges_and_strokes():
    names = ("a", "b", "c")
    table = np.array([[10, 30, 0], [0, 0, 40], [0, 0, 0]], np.uint32)
    counts = PixelCounts(names, (), table, np.array([True, True, False]))
    classes = ClassTable.from_clusters(3)
    covers = ImageCounts(counts)
    np.testing.assert_array_equal(covers.cover(classes, 1), [0.25, 0, np.nan])
    merged = MergeClasses(ids=(1, 2), into=1).apply(ClassState(classes)).table
    np.testing.assert_array_equal(covers.cover(merged, 1), [1, 0, np.nan])
    # 8 pixels of b were painted with class 2, which has become class 1.
    painted = PaintedPixels(np.array([0, 0, 32], np.uint32), {2: 8})
    covers = ImageCounts(counts, {"b": painted})
    np.testing.assert_array_equal(covers.cover(merged, 1), np.array([1, 0.2, np.nan], np.float32))
