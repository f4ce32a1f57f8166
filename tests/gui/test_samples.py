"""The synthetic reef, from napari's menu and from the plugin."""

from __future__ import annotations

import numpy as np


def test_the_reef_is_in_the_menu_of_samples(make_napari_viewer):
    viewer = make_napari_viewer()
    viewer.open_sample("napari-stego", "reef")
    photographs, classes = (layer.data for layer in viewer.layers)
    assert photographs.shape == (16, 480, 640, 3)
    assert classes.shape == photographs.shape[:3]
    assert set(np.unique(classes)) == {1, 2, 3, 4, 5, 6}


def test_the_reef_opens_as_a_project_in_the_documents(plugin, settled, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DOCUMENTS_DIR", str(tmp_path / "papers"))
    _, widget = plugin()
    widget.corpus_panel.sample.click()
    settled(widget)
    assert len(widget.session.corpus) == 16
    assert widget.session.folder.is_relative_to(tmp_path)
    assert widget.session.folder.name == "sample reef.stego"
