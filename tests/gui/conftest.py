"""A real viewer with the plugin in it, and a small project to open."""

from __future__ import annotations

import gc
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QApplication

from napari_stego.clustering import ClusterSettings
from napari_stego.corpus import discover
from napari_stego.correspondence import Prompt
from napari_stego.features import FeatureSettings
from napari_stego.project import Project, cluster, extract, judge_run, train
from napari_stego.project.inspecting import Inspector
from napari_stego.stego import StegoSettings

IMAGES = 6
CLUSTERS = 5
SUIM = "NAPARI_STEGO_SUIM"


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, photographs, small_backbone, small_weights) -> Path:
    """A folder with photographs and a project of them, to be copied."""
    folder = tmp_path_factory.mktemp("prepared")
    images = photographs(folder / "dive", IMAGES, size=(96, 128))
    project = Project.create(folder / "dive.stego")
    features = FeatureSettings(backbone=small_backbone, layer=3, long_side=128)
    extract(project, features, images, weights_file=small_weights, device="cpu")
    train(project, StegoSettings(dim=6, steps=20, batch_size=4), device="cpu")
    cluster(project, ClusterSettings(clusters=CLUSTERS))
    assert judge_run(project) is not None
    return folder


@pytest.fixture(scope="session", autouse=True)
def quick_collections(prepared) -> None:
    """Spare what is loaded by now: each viewer collects garbage several times."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def images(prepared, tmp_path) -> Path:
    return Path(shutil.copytree(prepared / "dive", tmp_path / "dive"))


@pytest.fixture
def clustered(prepared, images, tmp_path) -> Path:
    project = Project.open(shutil.copytree(prepared / "dive.stego", tmp_path / "dive.stego"))
    project.set_corpus(discover(images))
    return project.folder


@pytest.fixture
def suim(tmp_path) -> Callable[[int], Path]:
    """Copy some photographs of SUIM, from all over it, into a folder."""

    def copy(count: int) -> Path:
        folder = os.environ.get(SUIM)
        if not folder:  # skipped only here: napari's fixture cannot end before a test has begun
            pytest.skip(f"{SUIM} does not name the folder of SUIM, with train/images in it")
        found = sorted((Path(folder) / "train" / "images").glob("*.jpg"))
        images = tmp_path / "suim"
        images.mkdir()
        for path in found[:: len(found) // count][:count]:
            shutil.copy(path, images)
        return images

    return copy


@pytest.fixture
def features(small_backbone) -> FeatureSettings:
    return FeatureSettings(backbone=small_backbone, layer=3, long_side=128)


@pytest.fixture
def until() -> Callable[..., None]:
    """Let Qt work until something is true."""

    def wait(condition: Callable[[], bool], seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            QApplication.processEvents()
            time.sleep(0.002)
            assert time.monotonic() < end, "it did not happen in time"

    return wait


@pytest.fixture
def settled(until) -> Callable[..., None]:
    """Let Qt work until a widget has nothing left to do."""

    def wait(widget, seconds: float = 60.0) -> None:
        until(lambda: not (widget.jobs.busy or widget.layers.busy), seconds)

    return wait


@pytest.fixture
def plugin(make_napari_viewer):
    """Make a shown viewer with the plugin, as the menu does."""

    def make():
        viewer = make_napari_viewer(show=True)
        _, widget = viewer.window.add_plugin_dock_widget("napari-stego")
        widget.window().activateWindow()  # without a window manager nobody does, and keys are lost
        return viewer, widget

    return make


@pytest.fixture
def opened(plugin, settled, clustered):
    """Open the small project in a viewer."""
    viewer, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    return viewer, widget


@pytest.fixture
def messages() -> list[str]:
    """What the user was shown."""
    shown: list[str] = []
    notification_manager.notification_ready.connect(lambda event: shown.append(event.message))
    return shown


@pytest.fixture
def heatmap_of() -> Callable[..., np.ndarray]:
    """Make the heatmap that a click on an image should show."""

    def make(widget, image, pixel):
        inspector = Inspector(widget.session.project, widget.session.encodings)
        queries = inspector.queries([Prompt.point(image.content_hash, *pixel)], "codes")
        return inspector.heatmap(image, queries, "codes")

    return make
