"""Correspondences against labels, without leaving the project."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_stego.classes import RenameClass
from napari_stego.evaluation import MaskError, PairSettings
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import Segmentation
from napari_stego.project.cooccurrence import measure_cooccurrence

FEW = PairSettings(positions=8, partners=2)


@pytest.fixture
def project(clustered, tmp_path):
    made = clustered(tmp_path)
    yield made
    made.close()


@pytest.fixture
def segmentation(project):
    return Segmentation(project)


def name(segmentation, *class_ids):
    for class_id in class_ids:
        segmentation.history.do(RenameClass(id=class_id, name=f"thing {class_id}"))


def test_named_classes_are_the_truth_where_there_are_no_masks(project, segmentation):
    with pytest.raises(MaskError, match="Name two classes"):
        measure_cooccurrence(segmentation, project)
    sizes = np.bincount(
        np.concatenate([segmentation.label_image(i).ravel() for i in project.corpus.images])
    )
    name(segmentation, *np.argsort(sizes)[-2:].tolist())
    found = measure_cooccurrence(segmentation, project, settings=FEW)
    assert set(found.curves) == {"codes", "features"}
    assert found.classes == 2
    for curves in found.curves.values():
        assert set(curves) == {"self", "knn", "random"}
        for curve in curves.values():
            assert 0 <= curve.base_rate <= curve.average_precision + 0.2
            assert curve.precision.min() >= 0
    # Classes made of clusters of the codes are told by the codes.
    codes = found.curves["codes"]["self"]
    assert codes.average_precision > codes.base_rate


def test_masks_are_the_truth_if_they_are_given(project, segmentation, tmp_path):
    folder = tmp_path / "masks"
    folder.mkdir()
    for image in project.corpus.images:
        mask = np.zeros((image.height, image.width), np.uint8)
        mask[:, image.width // 2 :] = 1  # the two textures of the photographs
        Image.fromarray(mask).save(folder / f"{image.path.stem}.png")
    found = measure_cooccurrence(segmentation, project, folder, FEW)
    assert (found.classes, found.images) == (2, 5)
    assert found.curves["features"]["self"].average_precision > 0.6


def test_it_can_be_cancelled(project, segmentation):
    name(segmentation, 1, 2)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        measure_cooccurrence(segmentation, project, cancel=token)
