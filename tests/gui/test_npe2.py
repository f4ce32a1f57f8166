"""Projects and the layer of classes through napari's own menus for opening and saving."""

from __future__ import annotations

import csv
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from npe2 import PluginManager, PluginManifest
from PIL import Image

from napari_stego.errors import StegoError
from napari_stego.gui.reader import project_reader
from napari_stego.gui.writer import write_export, write_mask


def test_the_manifest_is_valid():
    manifest = PluginManifest.from_distribution("napari-stego")
    manifest.validate_imports()
    assert manifest.contributions.readers[0].accepts_directories


def test_only_projects_are_claimed_and_nothing_heavy_is_imported(tmp_path, clustered):
    assert project_reader(str(clustered)) is not None
    renamed = clustered.rename(tmp_path / "a reef")
    assert project_reader(str(renamed)) is not None
    (tmp_path / "plain").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "project.json").write_text("{}")
    (tmp_path / "file.stego").write_text("")
    for path in ("plain", "other", "file.stego", "not there.stego", "a reef/project.json"):
        assert project_reader(str(tmp_path / path)) is None
    assert project_reader([str(renamed)]) is None
    code = (
        "import sys; from napari_stego.gui.reader import project_reader as r; r(sys.argv[1]);"
        "assert not {'torch', 'numpy', 'napari', 'qtpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(renamed)], check=True)


def test_a_project_opens_in_the_dock_which_is_there_once(make_napari_viewer, settled, clustered):
    viewer = make_napari_viewer(show=True)
    for _ in range(2):
        assert viewer.open(clustered, plugin="napari-stego") == []
        (widget,) = (w for w in viewer.window.dock_widgets.values() if hasattr(w, "session"))
        settled(widget)
        assert widget.session.folder == clustered
        assert [layer.name for layer in viewer.layers] == ["photograph", "classes"]


def test_the_mask_on_show_is_saved_with_its_palette(opened, tmp_path):
    viewer, widget = opened
    layer = viewer.layers["classes"]
    layer.paint_polygon([(10, 10), (10, 50), (50, 50), (50, 10)], 2)
    assert layer.save(str(tmp_path / "mask.png"), plugin="napari-stego")
    with Image.open(tmp_path / "mask.png") as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image), layer.data)
        colour = bytes(image.getpalette()[3 * 2 : 3 * 3]).hex()
    assert f"#{colour}" == widget.session.table.row(2).colour
    assert layer.save(str(tmp_path / "mask.tif"), plugin="napari-stego")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "mask.tif"), layer.data)


def test_a_folder_gets_a_complete_export(opened, tmp_path):
    viewer, widget = opened
    layer = viewer.layers["classes"]
    layer.paint_polygon([(10, 10), (10, 50), (50, 50), (50, 10)], 2)
    (writer,) = (
        each
        for each in PluginManager.instance().iter_compatible_writers(["labels"])
        if each.plugin_name == "napari-stego" and not each.filename_extensions
    )
    # What napari's dialog does with the chosen type of file.
    written = viewer.layers.save(str(tmp_path / "out"), selected=True, _writer=writer)
    assert written[0] == str(tmp_path / "out")
    segmentation = widget.session.segmentation
    for image in widget.session.corpus.images:
        with Image.open(tmp_path / "out" / "masks" / f"{image.path.stem}.png") as mask:
            np.testing.assert_array_equal(np.asarray(mask), segmentation.label_image(image))
    with (tmp_path / "out" / "classes.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) >= len(widget.session.table.rows)


def test_the_type_that_is_chosen_counts_whatever_the_name(opened, tmp_path):
    viewer, _ = opened
    layer = viewer.layers["classes"]
    attributes = {"name": layer.name, "metadata": layer.metadata}
    assert write_mask(str(tmp_path / "one"), layer.data, attributes) == [str(tmp_path / "one.png")]
    with Image.open(tmp_path / "one.png") as mask:
        np.testing.assert_array_equal(np.asarray(mask), layer.data)
    with pytest.raises(StegoError, match="is a folder"):
        write_export(str(tmp_path / "all.png"), layer.data, attributes)
    assert not (tmp_path / "all.png").exists()


def test_layers_of_others_stay_with_napari(opened, tmp_path):
    viewer, _ = opened
    own = viewer.add_labels(np.eye(20, dtype=np.uint8), name="mine")
    own.save(str(tmp_path / "mine.tif"))
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "mine.tif"), own.data)
    with pytest.raises(StegoError, match="“mine” does not show the classes"):
        own.save(str(tmp_path / "mine.png"), plugin="napari-stego")
    with pytest.raises(StegoError, match="does not show the classes"):
        write_export(str(tmp_path / "out"), own.data, {"name": "x", "metadata": {}})
    assert not (tmp_path / "mine.png").exists()
    assert not (tmp_path / "out").exists()
