"""What the status bar says of the place under the cursor, whatever is drawn there."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stego.classes import RenameClass


@pytest.fixture
def says(opened, until):
    """Wait until napari writes words into the status bar of the class at a pixel."""
    layer = opened[0].layers["classes"]

    def wait(pixel, words):
        def read():
            position = layer.data_to_world(pixel)
            status = layer.get_status(position, dims_displayed=[0, 1], world=True)
            return status["value"].partition("class: ")[2].partition(",")[0]

        until(lambda: read() == words)

    return wait


@pytest.fixture
def named(opened):
    """Name two classes of the photograph on show; their ids, and a pixel inside of each."""
    _, widget = opened
    labels = widget.layers.label_image
    counts = np.bincount(labels.ravel())
    ids = np.argsort(-counts, kind="stable")[:2].tolist()
    for class_id, name in zip(ids, ("coral", "sand"), strict=True):
        widget.session.edit(RenameClass(id=class_id, name=name))
    return ids, [tuple(np.argwhere(labels == i)[counts[i] // 2].tolist()) for i in ids]


def test_a_class_is_called_by_its_name(says, named):
    _, (coral, sand) = named
    says(coral, "coral")
    says(sand, "sand")


def test_clicks_and_their_region_are_called_by_the_class_that_gets_them(opened, says, named, until):
    viewer, widget = opened
    (coral_id, _), (coral, sand) = named
    panel, layer = widget.correct_panel, viewer.layers["classes"]
    widget.tabs.show_panel(panel)
    panel.choose(coral_id)
    panel.click(sand, True)
    until(lambda: panel.proposal is not None and not panel.busy)
    mask, before = panel.proposal.mask, widget.layers.label_image
    assert mask.any()
    assert not mask.all()
    assert not np.array_equal(layer.data, before)
    says(sand, "coral")  # the mark of the click
    values = {}
    for value in np.unique(layer.data[mask]).tolist():
        values[value] = tuple(np.argwhere(mask & (layer.data == value))[0].tolist())
    assert len(values) > 2  # the region, its edge, and the mark with its rim
    for pixel in values.values():
        says(pixel, "coral")
    outside = tuple(np.argwhere(~mask & (before > 0) & (layer.data > 2**15))[0].tolist())
    says(outside, widget.session.table.name(int(before[outside])))

    panel.click(coral, False)
    until(lambda: not panel.busy)
    says(coral, "not coral")
    panel.discard()
    says(sand, "sand")


def test_parts_of_a_split_are_not_called_as_the_classes_with_their_numbers(
    opened, says, named, until
):
    viewer, widget = opened
    (coral_id, _), _ = named
    widget.class_panel.select(coral_id)
    widget.class_panel.split.trigger()
    dialog = widget.class_panel._split_dialog
    until(lambda: not dialog.busy)
    shown = viewer.layers["classes"].data
    first, second = (tuple(np.argwhere(shown == part)[0].tolist()) for part in (1, 2))
    says(first, "coral")
    says(second, "part 2")
    dialog.reject()
    says(first, "coral")
    says(second, "coral")
