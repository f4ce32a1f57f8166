from __future__ import annotations

import numpy as np
import pytest

from napari_stego.errors import StegoError
from napari_stego.features import FeatureSettings, Preparation
from napari_stego.project import Project, adopt, train
from napari_stego.stego import OfficialStego, StegoRun, StegoSettings, load_run
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


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"backbone": "vit_small_patch8_224.dino"}, "--backbone vit_small_patch8_224.dino --facet"),
        ({"facet": "keys"}, "--backbone test_vit --facet keys --layer final"),
    ],
)
def test_a_checkpoint_of_other_features_of_the_same_length_is_refused(
    tmp_path, extracted, short, told, says
):
    project = extracted(tmp_path)
    head = foreign(project.tokens().n_channels).head
    official = OfficialStego(head, StegoSettings.preset("official-defaults"), **told)
    further = short.model_copy(update={"subtract_mean": False})
    with pytest.raises(StegoError, match=says):
        adopt(project, official)
    with pytest.raises(StegoError, match=says):
        train(project, further, device="cpu", start=official)
    assert project.state.run is None
    adopt(project, OfficialStego(head, official.settings))


@pytest.mark.parametrize("name", ["vit_small_patch8_224", "vit_small_patch8_224.dino"])
def test_a_backbone_is_the_same_with_and_without_the_tag_of_its_weights(name):
    settings = FeatureSettings(backbone=name, layer="final")
    head = foreign(384).head
    fitting = OfficialStego(head, StegoSettings(), backbone="vit_small_patch8_224.dino")
    fitting.check_features(settings)
    other = OfficialStego(head, StegoSettings(), backbone="vit_small_patch16_224.dino")
    with pytest.raises(StegoError, match=f"the project's features are the tokens of {name}"):
        other.check_features(settings)


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
