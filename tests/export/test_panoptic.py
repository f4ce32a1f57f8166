from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from napari_stego.classes import ClassTable
from napari_stego.errors import StegoError
from napari_stego.export import PanopticImage, panoptic_writer

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))


def announced(names, shapes):
    return [
        PanopticImage(name, name.rpartition(".")[0], *shape)
        for name, shape in zip(names, shapes, strict=True)
    ]


def write(folder, table, labels_of):
    images = announced(labels_of, [labels.shape for labels in labels_of.values()])
    with panoptic_writer(folder, table, images) as writer:
        for image in images:
            writer.write(image, labels_of[image.name])
    return json.loads((folder / "panoptic.json").read_text())


def decode(folder, annotation):
    """Read a PNG as COCO's own tools do."""
    with Image.open(folder / "panoptic" / annotation["file_name"]) as png:
        assert png.mode == "RGB"
        colours = np.asarray(png).astype(np.int64)
    return colours[:, :, 0] + 256 * colours[:, :, 1] + 65536 * colours[:, :, 2]


@given(SHAPES.flatmap(lambda shape: arrays(np.uint16, shape, elements=st.integers(0, 700))))
def test_segments_and_pngs_say_the_same_as_the_labels(tmp_path_factory, labels):
    folder = tmp_path_factory.mktemp("panoptic")
    values = write(folder, ClassTable.from_clusters(700), {"dive 1/a.b.jpg": labels})
    (annotation,) = values["annotations"]
    assert annotation["file_name"] == "dive 1/a.b.png"
    ids = decode(folder, annotation)
    np.testing.assert_array_equal(ids, labels)
    segments = {segment["id"]: segment for segment in annotation["segments_info"]}
    assert segments.keys() == set(np.unique(labels).tolist()) - {0}
    for class_id, segment in segments.items():
        rows, columns = np.nonzero(ids == class_id)
        left, top, width, height = segment["bbox"]
        assert (left, top) == (columns.min(), rows.min())
        assert (left + width, top + height) == (columns.max() + 1, rows.max() + 1)
        assert segment["area"] == len(rows)
        assert (segment["category_id"], segment["iscrowd"]) == (class_id, 0)


def test_categories_and_images_are_described(tmp_path):
    table = ClassTable.from_clusters(300).rename(2, "Größe 鱼").set_parent(3, 2)
    table = table.recolour(3, "#010203").merge((1, 4), 4)
    labels = {
        "x.jpg": np.full((4, 6), 3, np.uint16),
        "dive/y.png": np.full((5, 2), 300, np.uint16),
        "void.png": np.zeros((2, 2), np.uint16),
    }
    values = write(tmp_path, table, labels)
    categories = {category["id"]: category for category in values["categories"]}
    assert list(categories) == [row.id for row in table.rows]
    assert categories[2] == {
        "id": 2,
        "name": "Größe 鱼",
        "supercategory": "Größe 鱼",
        "isthing": 0,
        "color": list(bytes.fromhex(table.row(2).colour[1:])),
    }
    assert (categories[3]["supercategory"], categories[3]["color"]) == ("Größe 鱼", [1, 2, 3])
    assert [(i["file_name"], i["height"], i["width"]) for i in values["images"]] == [
        ("x.jpg", 4, 6),
        ("dive/y.png", 5, 2),
        ("void.png", 2, 2),
    ]
    image_ids = [image["id"] for image in values["images"]]
    assert image_ids == [annotation["image_id"] for annotation in values["annotations"]]
    assert len(set(image_ids)) == 3
    found = [[s["id"] for s in each["segments_info"]] for each in values["annotations"]]
    assert found == [[3], [300], []]


def test_an_export_that_ends_early_keeps_the_json_of_the_one_before(tmp_path):
    labels = np.ones((3, 3), np.uint16)
    table = ClassTable.from_clusters(1)
    before = write(tmp_path, table, {"a.png": labels})
    images = announced(["a.png", "b.png"], [(3, 3), (3, 3)])

    def stop_halfway():
        with panoptic_writer(tmp_path, table, images) as writer:
            writer.write(images[0], labels)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_halfway()
    assert json.loads((tmp_path / "panoptic.json").read_text()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["panoptic", "panoptic.json"]


def test_a_folder_that_cannot_be_written_is_reported(tmp_path):
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(StegoError, match="Cannot write"):
        write(tmp_path / "out", ClassTable.from_clusters(1), {"a.png": np.ones((2, 2), np.uint16)})
