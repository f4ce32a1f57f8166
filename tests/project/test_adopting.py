from __future__ import annotations

import numpy as np
import pytest

from napari_stego.errors import StegoError
from napari_stego.features import Preparation
from napari_stego.project import Project, adopt, train
from napari_stego.stego import StegoRun, StegoSettings, load_run
from napari_stego.stego.head import StegoHead


def foreign(n_channels: int) -> StegoRun:
    """A head from elsewhere, as an official checkpoint gives one."""
    settings = StegoSettings.preset("official-defaults").model_copy(update={"dim": 8})
    return StegoRun(settings, StegoHead(n_channels, 8), Preparation(), source="official")


def test_a_head_from_elsewhere_is_used_as_it_is(tmp_path, extracted):
    project = extracted(tmp_path)
    tokens = project.tokens()
    run = foreign(tokens.n_channels)
    adopt(project, run)
    opened = Project.open(project.folder)
    used = load_run(opened.run_path)[0]
    assert used.source == "official"
    np.testing.assert_array_equal(used.encode(tokens[0]), run.encode(tokens[0]))


def test_a_head_of_another_backbone_is_refused(tmp_path, extracted):
    project = extracted(tmp_path)
    with pytest.raises(StegoError, match="tokens of 384 numbers"):
        adopt(project, foreign(384))
    assert project.state.run is None


def test_a_refit_is_kept_apart_from_a_training_of_the_same_settings(tmp_path, extracted, short):
    project = extracted(tmp_path)
    settings = short.model_copy(update={"subtract_mean": False})
    train(project, settings, device="cpu")
    fresh = project.state.run
    start = foreign(project.tokens().n_channels)
    refitted = train(project, settings, device="cpu", start=start)
    assert project.state.run != fresh
    again = train(project, settings, device="cpu", start=start)
    tokens = project.tokens()[0]
    np.testing.assert_array_equal(refitted.encode(tokens), again.encode(tokens))
