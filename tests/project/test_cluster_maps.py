"""Cluster maps that are kept in the project folder."""

from __future__ import annotations

import shutil
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_stego.clustering import CrfSettings
from napari_stego.corpus import CorpusImage
from napari_stego.project import Project, Segmentation
from napari_stego.project.cluster_maps import ClusterMaps
from napari_stego.project.pixel_counts import count_pixels


def maps_folder(project: Project) -> Path:
    return project.folder / "clusters" / project.result.clusters / "maps"


@pytest.fixture(scope="module")
def made(clustered, tmp_path_factory):
    """A project that no map was made of yet."""
    return clustered(tmp_path_factory.mktemp("made")).folder


@pytest.fixture
def project(made, tmp_path):
    shutil.copytree(made.parent, tmp_path / "copy")
    project = Project.open(tmp_path / "copy" / made.name)
    yield project
    project.close()


def test_maps_of_a_corpus_are_kept_and_read_without_its_features(project):
    segmentation, images = Segmentation(project), project.corpus.images
    made = [segmentation.cluster_map(image) for image in images]
    count_pixels(project, segmentation)
    kept = {file.stem for file in maps_folder(project).iterdir()}
    assert kept == {image.content_hash for image in images}
    for image, clusters in zip(images, made, strict=True):
        # Any program can read them.
        np.testing.assert_array_equal(
            tifffile.imread(maps_folder(project) / f"{image.content_hash}.tif"), clusters
        )

    for segment in (project.folder / "features").iterdir():
        shutil.rmtree(segment)
    again = Segmentation(Project.open(project.folder))
    for image, clusters in zip(images, made, strict=True):
        read = again.cluster_map(image)
        assert read.dtype == np.uint16
        np.testing.assert_array_equal(read, clusters)


def test_what_a_crf_refines_is_not_kept(project):
    Segmentation(project).cluster_map(project.corpus.images[0], CrfSettings(iterations=1))
    assert not maps_folder(project).exists()


def _bomb(file: Path) -> None:
    """Replace the only tile by one that unpacks to far more."""
    content = bytearray(file.read_bytes())
    with tifffile.TiffFile(file) as tiff:
        tags = tiff.pages[0].tags
        offset, length = tags["TileOffsets"].valueoffset, tags["TileByteCounts"].valueoffset
    tile = zlib.compress(bytes(2**26), 9)
    struct.pack_into("<I", content, offset, len(content))
    struct.pack_into("<I", content, length, len(tile))
    file.write_bytes(bytes(content) + tile)


def _no_bytes(file: Path) -> None:
    with tifffile.TiffFile(file, mode="r+") as tiff:
        tag = tiff.pages[0].tags["TileByteCounts"]
        tag.overwrite((0,) * tag.count)


def _outside(file: Path) -> None:
    other = file.with_name("elsewhere")
    file.rename(other)
    file.symlink_to(other)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda file: file.write_bytes(b""), id="empty"),
        pytest.param(lambda file: file.write_bytes(file.read_bytes()[:-9]), id="cut off"),
        pytest.param(lambda file: file.write_bytes(bytes(2**22)), id="too large"),
        pytest.param(
            lambda file: tifffile.imwrite(file, np.zeros((8, 9), np.uint8)), id="another size"
        ),
        pytest.param(
            lambda file: tifffile.imwrite(
                file, np.full((64, 96), 200, np.uint8), tile=(512, 512), compression="zlib"
            ),
            id="clusters that are not there",
        ),
        pytest.param(_no_bytes, id="tiles of no bytes"),
        pytest.param(_bomb, id="bomb"),
        pytest.param(_outside, id="link"),
    ],
)
def test_a_spoiled_map_is_made_anew(project, spoil):
    image = project.corpus.images[0]
    made = Segmentation(project).cluster_map(image)
    spoil(maps_folder(project) / f"{image.content_hash}.tif")
    segmentation = Segmentation(project)
    tracemalloc.start()
    np.testing.assert_array_equal(segmentation.cluster_map(image), made)
    assert tracemalloc.get_traced_memory()[1] < 2**25
    tracemalloc.stop()


def test_a_project_to_be_read_is_not_written_to(project):
    project.close()
    reader = Project.open(project.folder, writable=False)
    Segmentation(reader).cluster_map(reader.corpus.images[0])
    assert not maps_folder(project).exists()


def test_a_folder_that_takes_no_maps_is_worked_without(project):
    maps_folder(project).write_text("in the way")
    segmentation = Segmentation(project)
    first, second = (segmentation.cluster_map(project.corpus.images[0]) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    n_clusters=st.sampled_from([1, 2, 255, 256, 257, 1000]),
    height=st.integers(1, 700),
    width=st.integers(1, 700),
    seed=st.integers(0, 99),
)
def test_any_map_comes_back(project, n_clusters, height, width, seed):
    clusters = np.random.default_rng(seed).integers(0, n_clusters, (height, width), np.uint16)
    image = CorpusImage(Path("image.png"), "image.png", height, width, f"{seed:064x}")
    maps = ClusterMaps(project, project.result.clusters, n_clusters)
    maps.keep(image, clusters)
    read = maps.read(image)
    assert read is not None
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, clusters)
