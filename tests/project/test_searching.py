from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_stego.clustering import unit
from napari_stego.correspondence import Prompt, PromptError
from napari_stego.errors import StegoError
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import Encodings, Project, extract, train
from napari_stego.project.inspecting import Inspector
from napari_stego.project.searching import CorpusSearch


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, extracted, photographs, small_weights, features, short) -> Path:
    """A trained project of photographs of two sizes, one of them twice."""
    folder = tmp_path_factory.mktemp("prepared")
    images = photographs(folder / "images", 3)
    photographs(images, 3, size=(96, 64), first=3)
    shutil.copy(images / "frame001.png", images / "same again.png")
    project = Project.create(folder / "reef.stego")
    extract(project, features, images, weights_file=small_weights, device="cpu")
    train(project, short, device="cpu")
    project.close()
    return folder


@pytest.fixture
def project(prepared, tmp_path) -> Project:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    return Project.open(tmp_path / "reef.stego")


def search_of(project, source="codes"):
    encodings = Encodings(project)
    return CorpusSearch(project, encodings, source), Inspector(project, encodings)


@pytest.mark.parametrize("source", ["codes", "features"])
@pytest.mark.parametrize("exact", [True, False])
def test_hits_have_the_values_of_the_heatmaps(project, source, exact):
    search, inspector = search_of(project, source)
    assert (search.images, search.missing) == (6, 6)
    search.build()
    assert search.missing == 0
    image = project.corpus.images[1]
    # The middle of a patch of 16 pixels, so that its code is looked for as it is.
    queries = inspector.queries([Prompt.point(image.content_hash, 23.5, 39.5)], source)
    hits = search.search(queries, 50, exact=exact)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len({hit.image.content_hash for hit in hits}) == len(hits)
    assert hits[0].image == image
    assert hits[0].copies == ("same again.png",)
    for hit in hits:
        scores = inspector.scores(hit.image, queries, source)
        assert hit.score == pytest.approx(scores[hit.position], abs=1e-4)
        heat = inspector.heatmap(hit.image, queries, source)
        assert 0 <= hit.row < hit.image.height
        assert 0 <= hit.column < hit.image.width
        assert hit.score == pytest.approx(heat[hit.row, hit.column], abs=0.1)
        if exact:
            assert len(hits) == 6
            assert hit.score == pytest.approx(scores.max(), abs=0.005)


def test_several_places_of_an_image_are_apart(project):
    search, inspector = search_of(project)
    search.build()
    queries = inspector.queries(
        [Prompt.point(project.corpus.images[0].content_hash, 9, 9)], "codes"
    )
    hits = search.search(queries, 50, per_image=3)
    assert len(hits) > 6
    assert len({(hit.image.name, hit.position) for hit in hits}) == len(hits)


def test_only_negative_prompts_are_refused(project):
    search, inspector = search_of(project)
    prompt = Prompt.point(project.corpus.images[0].content_hash, 9, 9, positive=False)
    with pytest.raises(PromptError, match="only negative prompts"):
        search.search(inspector.queries([prompt], "codes"))


def test_added_photographs_are_added_to_the_index(
    project, photographs, small_weights, features, tmp_path
):
    search_of(project, "features")[0].build()
    files = {path: path.read_bytes() for path in project.folder.glob("index/*/*")}
    photographs(tmp_path / "images", 2, first=20)
    extract(project, features, tmp_path / "images", weights_file=small_weights, device="cpu")
    search, _ = search_of(project, "features")
    assert (search.images, search.missing) == (8, 2)
    search.build()
    assert search.missing == 0
    for path, content in files.items():
        assert path.read_bytes() == content


def test_another_head_has_another_index_and_few_are_kept(project, short):
    for seed in range(5):
        train(project, short.model_copy(update={"seed": seed}), device="cpu")
        search, _ = search_of(project)
        assert search.missing == search.images
        search.build()
    assert len([*project.folder.glob("index/*")]) == 4
    assert search_of(project)[0].missing == 0


def test_a_project_that_others_write_can_be_searched(project):
    reader = Project.open(project.folder, writable=False)
    search, inspector = search_of(reader)
    search.build()
    queries = inspector.queries(
        [Prompt.point(project.corpus.images[0].content_hash, 9, 9)], "codes"
    )
    assert len(search.search(queries, 3)) == 3
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        search.search(queries, 3, cancel=token)


def test_codes_of_hits_are_compared_as_they_are(project):
    search, inspector = search_of(project)
    search.build()
    image = project.corpus.images[4]
    encodings = Encodings(project)
    units = unit(encodings.grid(image, "codes"))
    row, column = 2, 1
    height, width = image.height / units.shape[0], image.width / units.shape[1]
    middle = (row + 0.5) * height - 0.5, (column + 0.5) * width - 0.5
    queries = inspector.queries([Prompt.point(image.content_hash, *middle)], "codes")
    np.testing.assert_allclose(queries.positives[0], units[row, column], atol=1e-5)
    best = search.search(queries, 1)[0]
    assert (best.image, best.position) == (image, (row, column))
    assert best.score == pytest.approx(1, abs=1e-4)


@pytest.mark.skipif(os.name != "posix", reason="links are made otherwise")
@pytest.mark.parametrize("name", ["index", "index/*"])
def test_no_link_leads_out_of_the_project(project, tmp_path, name):
    search_of(project)[0].build()
    place = next(project.folder.glob(name))
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StegoError, match="is a link"):
        search_of(project)


def test_without_features_there_is_nothing_to_search(tmp_path, extracted):
    project = extracted(tmp_path, 1)
    encodings = Encodings(project)
    shutil.rmtree(next(project.folder.glob("features/*/*")))
    encodings.store.refresh()
    with pytest.raises(StegoError, match=r"No image .* has features"):
        CorpusSearch(project, encodings, "features")
