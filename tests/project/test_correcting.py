from __future__ import annotations

import numpy as np
import pytest

from napari_stego.correction import Click
from napari_stego.project import Segmentation
from napari_stego.project.correcting import Correction, edit_for
from napari_stego.project.giving import give_mask


@pytest.mark.parametrize("give", [edit_for, give_mask])
def test_what_is_given_is_of_the_class_though_other_classes_are_on_show(clustered, tmp_path, give):
    project = clustered(tmp_path / "p.stego")
    segmentation, image = Segmentation(project), project.corpus.images[0]
    stored = segmentation.label_image(image)
    first, second = np.unique(stored)[:2].tolist()
    shown = np.where(stored == first, second, first).astype(np.uint16)  # as a CRF might show it
    mask = np.zeros(stored.shape, bool)
    mask[:, ::3] = True
    painted = give(segmentation, image, mask, second, before=shown)
    segmentation.history.do(painted.edit)
    after = segmentation.label_image(image)
    assert (after[mask] == second).all()
    np.testing.assert_array_equal(after[~mask], stored[~mask])


def test_regions_of_a_photograph_obey_a_later_click_beside_an_earlier_one(clustered, tmp_path):
    project = clustered(tmp_path / "p.stego")
    correction = Correction(Segmentation(project), project.corpus.images[0])
    clicks = [Click.at(20, 20), Click.at(22, 24, positive=False)]
    for level in (0.0, 0.5, 0.9, 1.0):
        mask = correction.regions(clicks, level)
        assert mask[20, 20]
        assert not mask[22, 24]
