"""What the form of a run takes and gives."""

from __future__ import annotations

import pytest
from qtpy.QtTest import QTest

from napari_stego.clustering import ClusterSettings
from napari_stego.errors import StegoError
from napari_stego.features import FeatureSettings
from napari_stego.gui.forms import RunForm
from napari_stego.stego import StegoSettings


@pytest.fixture
def form(qapp):
    return RunForm()


def test_the_layer_of_new_photographs_is_chosen(form):
    values = form.values()
    assert values.auto_layer
    assert values.trials == 1


@pytest.mark.parametrize(
    ("text", "layer"),
    [("8", 8), ("final", "final"), ("4, 8,final", (4, 8, "final")), (" 0 ", 0)],
)
def test_a_layer_that_is_named_is_taken(form, text, layer):
    form.advanced["layer"].value = text
    values = form.values()
    assert not values.auto_layer
    assert values.features.layer == layer


@pytest.mark.parametrize("text", ["the best one", "4,,8", "-1", "8 9", "auto,3"])
def test_what_names_no_layer_is_refused(form, text):
    form.advanced["layer"].value = text
    with pytest.raises(StegoError, match="backbone layer"):
        form.values()


@pytest.mark.parametrize("layer", [5, "final", (2, 5)])
def test_an_opened_project_shows_its_layer_until_there_is_another_backbone(
    form, small_backbone, layer
):
    form.show(FeatureSettings(backbone=small_backbone, layer=layer))
    values = form.values()
    assert (values.features.layer, values.auto_layer) == (layer, False)
    other = next(c for c in form.advanced["backbone"].choices if c != small_backbone)
    form.advanced["backbone"].value = other
    assert form.values().auto_layer


def test_what_is_not_on_show_is_kept(form, small_backbone):
    features = FeatureSettings(backbone=small_backbone, layer=3, facet="keys", crops="five")
    stego = StegoSettings(learning_rate=1e-4, seed=4)
    clusters = ClusterSettings(clusters=9, seed=2, balance=0.5)
    form.show(features, stego, clusters)
    values = form.values()
    assert (values.features, values.stego, values.clusters) == (features, stego, clusters)
    form.advanced["seed"].value = 7
    assert (form.values().stego.seed, form.values().clusters.seed) == (7, 7)


def test_a_number_that_the_settings_refuse_cannot_be_typed(form):
    with pytest.raises(ValueError):
        form.advanced["steps"].value = 250_001
    form.advanced["steps"].value = 250_000
    assert form.values().stego.steps == 250_000


def test_trials_are_not_repeated_for_a_run_on_show(form):
    form.advanced["trials"].value = 3
    assert form.values().trials == 3
    form.show(None, StegoSettings(seed=1))
    assert form.values().trials == 1


@pytest.mark.parametrize(
    ("field", "typed"), [("clusters", 100), ("clusters", 16), ("long_side", 224)]
)
def test_numbers_are_taken_as_they_are_typed(form, qtbot, field, typed):
    part = form.main if field == "clusters" else form.advanced
    box = part[field].native
    qtbot.addWidget(part.native)
    part.native.show()
    part.native.activateWindow()
    box.setFocus()
    qtbot.waitUntil(box.hasFocus)
    box.selectAll()
    QTest.keyClicks(box, str(typed))
    values = form.values()  # as a shortcut reads it, while the field has the focus
    assert getattr(values.clusters if field == "clusters" else values.features, field) == typed
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "1")
    box.clearFocus()
    assert part[field].value == box.minimum()
