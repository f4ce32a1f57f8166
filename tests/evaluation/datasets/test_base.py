from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_stego.corpus import CorpusImage, discover
from napari_stego.evaluation import (
    DatasetError,
    MaskedDataset,
    MaskedPhotograph,
    gather,
)
from napari_stego.progress import Cancelled, CancelToken


@pytest.fixture
def dataset(tmp_path):
    """Two wide photographs whose left, middle and right thirds are three classes."""
    photographs = []
    for name in ("city/a.1", "city/b"):
        image, mask = tmp_path / "imgs" / f"{name}.png", tmp_path / "masks" / f"{name}.png"
        ids = np.repeat(np.array([0, 1, 2], np.uint8), 20)[None].repeat(20, axis=0)
        for path, pixels in ((image, np.stack([ids * 100] * 3, axis=2)), (mask, ids)):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
        photographs.append(MaskedPhotograph(name, image, mask))
    return MaskedDataset(
        "thirds", "test", ("left", "middle", "right"), tuple(photographs), read_indices
    )


def read_indices(path):
    return np.asarray(Image.open(path))


def test_whole_photographs_are_read_where_they_are(dataset, tmp_path):
    corpus, paths = dataset.corpus(tmp_path / "written")
    assert [image.name for image in corpus.images] == ["city/a.1.png", "city/b.png"]
    assert [image.path for image in corpus.images] == [p.image for p in dataset.photographs]
    assert not (tmp_path / "written").exists()
    mask = dataset.read_mask(paths["city/b.png"], corpus.images[1])
    assert mask.shape == (20, 60)


def test_photographs_and_masks_are_cropped_alike(dataset, tmp_path):
    cropped = dataset.cropped(32)
    corpus, paths = cropped.corpus(tmp_path / "written")
    for image in corpus.images:
        assert (image.height, image.width) == (32, 32)
        mask = cropped.read_mask(paths[image.name], image)
        # 60 x 20 pixels become 96 x 32, and the middle third is what remains.
        assert set(np.unique(mask)) == {1}
        assert abs(image.read().astype(int) - 100).max() <= 20  # bicubic rings at the borders
    assert corpus.images[0].path.is_relative_to(tmp_path / "written")


def test_masks_of_a_projects_photographs_are_found_by_their_names(dataset):
    images = [
        CorpusImage(Path(name), name, 20, 60, name) for name in ("deep/down/a.1.jpg", "other.png")
    ]
    assert dataset.masks_of(images) == {"deep/down/a.1.jpg": dataset.photographs[0].mask}
    with pytest.raises(DatasetError, match="napari-stego gather thirds"):
        dataset.masks_of(images[1:])


def test_gathered_photographs_make_a_corpus(dataset, tmp_path):
    folder = tmp_path / "photos"
    assert gather(dataset, folder) == 2
    corpus = discover(folder)
    assert [image.name for image in corpus.images] == ["city/a.1.png", "city/b.png"]
    kept = folder / "city" / "b.png"
    kept.write_bytes(dataset.photographs[0].image.read_bytes())
    before = kept.stat()
    gather(dataset, folder)
    assert kept.stat() == before
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        gather(dataset, tmp_path / "none", cancel=token)
    assert not (tmp_path / "none").exists()


def test_without_links_photographs_are_copied(dataset, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("another disk")

    monkeypatch.setattr("os.link", refuse)
    gather(dataset, tmp_path / "photos")
    copy = tmp_path / "photos" / "city" / "b.png"
    assert copy.read_bytes() == dataset.photographs[1].image.read_bytes()
