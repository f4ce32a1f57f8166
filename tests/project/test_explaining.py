from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_stego.classes import MergeClasses, RenameClass
from napari_stego.clustering import ClusterSettings
from napari_stego.correspondence import PromptError
from napari_stego.project import Project, Segmentation, cluster, train
from napari_stego.project.earlier import earlier_results
from napari_stego.project.examples import example_patches
from napari_stego.project.explaining import borderline_patches, explain
from napari_stego.project.giving import give_mask


@pytest.fixture
def project(tmp_path, clustered) -> Project:
    return clustered(tmp_path, 4)


def pixels_of(image, count=40):
    rng = np.random.default_rng(0)
    return [
        tuple(place)
        for place in rng.integers((image.height, image.width), size=(count, 2)).tolist()
    ]


def test_the_cluster_is_that_of_the_map_and_the_nearest(project):
    segmentation = Segmentation(project)
    for image in project.corpus.images[:2]:
        clusters, labels = segmentation.cluster_map(image), segmentation.label_image(image)
        for pixel in pixels_of(image):
            told = explain(segmentation, image, pixel)
            assert told.cluster.cluster == clusters[pixel]
            assert told.class_id == told.cluster.class_id == labels[pixel]
            assert told.class_name == segmentation.table.name(told.class_id)
            cosines = [told.cluster.cosine, *(other.cosine for other in told.others)]
            assert cosines == sorted(cosines, reverse=True)
            assert len({told.cluster.cluster, *(o.cluster for o in told.others)}) == 4
            assert told.margin == pytest.approx(cosines[0] - cosines[1])
            assert told.class_margin == told.margin
            assert told.cluster.distance == pytest.approx(1 - cosines[0])
            assert not told.painted


def test_classes_names_and_strokes_are_told(project):
    segmentation = Segmentation(project)
    image, pixel = project.corpus.images[0], (30, 20)
    own = explain(segmentation, image, pixel)
    nearest = own.others[0]
    segmentation.history.do(MergeClasses(ids=(own.class_id, nearest.class_id), into=own.class_id))
    segmentation.history.do(RenameClass(id=own.class_id, name="sand"))
    told = explain(segmentation, image, pixel)
    assert told.class_name == told.others[0].class_name == "sand"
    assert told.class_margin == pytest.approx(told.cluster.cosine - told.others[1].cosine)
    other = told.others[1].class_id
    mask = np.zeros((image.height, image.width), bool)
    mask[pixel] = True
    segmentation.history.do(give_mask(segmentation, image, mask, other).edit)
    told = explain(segmentation, image, pixel)
    assert (told.class_id, told.painted) == (other, True)
    assert told.cluster.class_name == "sand"
    assert not explain(segmentation, image, (31, 20)).painted


def test_splits_are_followed(project):
    segmentation = Segmentation(project)
    image = project.corpus.images[0]
    class_id = explain(segmentation, image, (30, 20)).class_id
    segmentation.split(segmentation.propose_split(class_id, 2))
    clusters = segmentation.cluster_map(image)
    seen = set()
    for pixel in pixels_of(image):
        told = explain(segmentation, image, pixel)
        assert told.cluster.cluster == clusters[pixel]
        seen.add(told.cluster.cluster)
        assert class_id - 1 not in {told.cluster.cluster, *(o.cluster for o in told.others)}
    assert seen & {4, 5}


def test_a_pixel_outside_is_refused(project):
    with pytest.raises(PromptError, match="outside of an image"):
        explain(Segmentation(project), project.corpus.images[0], (64, 0))


def test_borderline_places_are_less_clear_than_typical_ones(project):
    segmentation, images = Segmentation(project), project.corpus.images
    for row in segmentation.table.rows:
        margins = []
        for find in (example_patches, borderline_patches):
            patches = find(segmentation, row.id, images, 3)
            assert len(patches) <= 3
            told = [explain(segmentation, p.image, (p.row, p.column)) for p in patches]
            margins.append([each.class_margin for each in told])
        if all(margins):
            assert np.mean(margins[1]) <= np.mean(margins[0])


def test_earlier_clusters_are_found_with_their_classes(project, short, tmp_path):
    image, pixel = project.corpus.images[0], (30, 20)
    segmentation = Segmentation(project)
    told = explain(segmentation, image, pixel)
    segmentation.history.do(RenameClass(id=told.class_id, name="rock"))
    before = project.state.result
    assert earlier_results(project) == []
    train(project, short.model_copy(update={"seed": 3}), device="cpu")
    cluster(project, ClusterSettings(clusters=3))
    cluster(project, ClusterSettings(clusters=2, source="features"))
    found = earlier_results(project)
    assert len(found) == 2
    assert found[-1].record == before
    assert found[-1].title.startswith("4 clusters of codes (run ")
    then = explain(found[-1].segmentation, image, pixel)
    assert then.class_name == "rock"
    assert then.cluster.cosine == pytest.approx(told.cluster.cosine, abs=1e-5)
    assert project.state.result.settings.clusters == 2


def test_what_is_damaged_or_foreign_is_no_earlier_result(project):
    cluster(project, ClusterSettings(clusters=2, source="features"))
    folder = project.folder / "clusters"
    assert len(earlier_results(project)) == 1
    other = next(p for p in folder.iterdir() if p.name != project.state.result.clusters)
    (folder / "notes").mkdir()
    renamed = other.rename(folder / ("0" * 16))
    assert earlier_results(project) == []
    Path(renamed).rename(other)
    (other / "clusters.safetensors").write_bytes(b"\0" * 100)
    assert earlier_results(project) == []
