from __future__ import annotations

import json
import pickle
import resource
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_stego.classes import ClassHistory, ClassTable, Do, RenameClass, create_log
from napari_stego.clustering import ClusterSettings
from napari_stego.errors import StegoError
from napari_stego.features import DamagedStoreError
from napari_stego.project import Project, ProjectError, Segmentation, cluster, extract, train
from napari_stego.stego import CheckpointError


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "damaged or cannot be read.*found again"),
        ("[]", "format None"),
        ('{"format": 3, "future": true}', "format 3.*Update napari-stego"),
        ('{"format": 1, "images": 3}', "damaged or cannot be read"),
        ("\udce9", "damaged or cannot be read"),
    ],
)
def test_a_project_file_that_cannot_be_understood_is_reported_and_left_alone(
    tmp_path, content, message
):
    path = tmp_path / "project.json"
    raw = content.encode(errors="surrogateescape")
    path.write_bytes(raw)
    for opening in (Project.open, Project.create):
        with pytest.raises(ProjectError, match=message):
            opening(tmp_path)
    assert path.read_bytes() == raw


def test_a_folder_without_a_project_says_how_to_make_one(tmp_path):
    with pytest.raises(ProjectError, match="napari-stego run IMAGES --project"):
        Project.open(tmp_path / "nothing")


def test_after_the_loss_of_its_file_a_project_finds_all_results_again(
    tmp_path, clustered, features, short, small_weights
):
    project = clustered(tmp_path)
    Segmentation(project).history.do(RenameClass(id=1, name="sand"))
    (project.folder / "project.json").unlink()
    again = Project.create(project.folder)
    images = tmp_path / "images"
    report = extract(again, features, images, weights_file=small_weights, device="cpu")
    assert report.extracted == 0
    steps = []
    train(again, short, device="cpu", on_step=steps.append)
    cluster(again, ClusterSettings(clusters=4))
    assert steps == []
    assert Segmentation(again).table.row(1).name == "sand"


def test_a_damaged_store_recovers_by_extracting_again(
    tmp_path, clustered, features, short, small_weights
):
    project = clustered(tmp_path)
    before = [np.array(tokens) for tokens in project.tokens()]
    state = project.state
    shard = next((project.folder / "features").rglob("c/0/0"))
    raw = bytearray(shard.read_bytes())
    raw[500] ^= 0xFF
    shard.write_bytes(raw)
    with pytest.raises(DamagedStoreError, match="Extract features again"):
        train(project, short.model_copy(update={"seed": 3}), device="cpu")
    with pytest.raises(ProjectError, match=r"5 of 5 images are missing. Extract features again"):
        train(project, short, device="cpu")
    assert extract(project, features, weights_file=small_weights, device="cpu").extracted == 5
    assert project.state == state
    for tokens, expected in zip(project.tokens(), before, strict=True):
        np.testing.assert_array_equal(tokens, expected)
    Segmentation(project).label_image(project.corpus.images[0])


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["pickle", "torch", "empty", "gone"])
def test_a_run_that_is_none_is_refused_and_its_code_does_not_run(tmp_path, clustered, short, kind):
    project = clustered(tmp_path)
    fired = tmp_path / "fired"
    if kind == "pickle":
        project.run_path.write_bytes(pickle.dumps(Bomb(fired)))
    elif kind == "torch":
        torch.save(Bomb(fired), project.run_path)
    elif kind == "empty":
        project.run_path.write_bytes(b"")
    else:
        project.run_path.unlink()
    with pytest.raises(CheckpointError, match=project.run_path.name):
        Segmentation(project)
    if kind != "gone":
        with pytest.raises(CheckpointError, match="Delete it and train again"):
            train(project, short, device="cpu")
        project.run_path.unlink()
    assert not fired.exists()
    train(project, short, device="cpu")
    Segmentation(project).label_image(project.corpus.images[0])


@pytest.mark.parametrize("damage", ["centroids", "no classes", "classes", "edit", "clusters"])
def test_damaged_clusters_say_so_and_can_be_made_again(tmp_path, clustered, damage):
    project = clustered(tmp_path)
    folder = project.clusters_file(project.result.clusters).parent
    classes = folder / "edits.jsonl"
    if damage == "centroids":
        path = folder / "clusters.safetensors"
        path.write_bytes(path.read_bytes()[:-10])
    elif damage == "no classes":
        classes.unlink()
    elif damage == "classes":
        classes.write_text("{")
    else:
        start = ClassTable.from_clusters(5 if damage == "clusters" else 4)
        edits = [Do(edit=RenameClass(id=99, name="x"))] if damage == "edit" else []
        classes.unlink()
        create_log(classes, start, (), edits)
    with pytest.raises(
        ProjectError, match=r"missing or damaged.*(backup|this file only).*cluster again"
    ):
        Segmentation(project)
    for path in folder.iterdir():
        path.unlink()
    cluster(project, ClusterSettings(clusters=4))
    assert len(Segmentation(project).table.rows) == 4


def test_lost_centroids_come_back_with_all_edits(tmp_path, clustered):
    project = clustered(tmp_path)
    Segmentation(project).history.do(RenameClass(id=2, name="sand"))
    image = project.corpus.images[0]
    before = Segmentation(project).label_image(image)
    path = project.clusters_file(project.result.clusters)
    path.write_bytes(b"")
    with pytest.raises(ProjectError, match="Delete this file only"):
        Segmentation(project)
    path.unlink()
    cluster(project, project.result.settings)
    again = Segmentation(project)
    assert again.table.name(2) == "sand"
    np.testing.assert_array_equal(again.label_image(image), before)


def test_a_project_folder_that_cannot_be_written_is_reported(
    tmp_path, photographs, features, small_weights
):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    for folder in (blocked, blocked / "reef.stego"):
        with pytest.raises(StegoError, match=r"Cannot write .*choose another one"):
            Project.create(folder)
    project = Project.create(tmp_path / "reef.stego")
    (project.folder / "features").write_text("in the way")
    images = photographs(tmp_path / "images", 1)
    with pytest.raises(StegoError, match="Cannot write features"):
        extract(project, features, images, weights_file=small_weights, device="cpu")
    assert project.state.features is None


def without_space(call):
    """Call while no file can grow, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, before[1]))
    try:
        call()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_reported_by_every_stage_and_destroys_nothing(
    tmp_path, clustered, features, short, small_weights
):
    project = clustered(tmp_path)
    state = project.state
    larger = features.model_copy(update={"long_side": 128})
    other = short.model_copy(update={"seed": 1})
    for stage in (
        lambda: extract(project, larger, weights_file=small_weights, device="cpu"),
        lambda: train(project, other, device="cpu"),
        lambda: cluster(project, ClusterSettings(clusters=5)),
    ):
        with pytest.raises(StegoError, match=r"Cannot write .*Free some space"):
            without_space(stage)
        assert project.state == Project.open(project.folder).state == state
    left = [path.name for path in project.folder.rglob(".*")]
    assert left == []
    assert len(train(project, other, device="cpu").history) == short.steps
    cluster(project, ClusterSettings(clusters=5))
    assert len(Segmentation(project).table.rows) == 5


def test_a_class_edit_that_cannot_be_saved_is_reported_and_not_made(tmp_path, clustered):
    project = clustered(tmp_path)
    history = Segmentation(project).history
    with pytest.raises(StegoError, match=r"Cannot write .*edits\.jsonl"):
        without_space(lambda: history.do(RenameClass(id=1, name="sand")))
    assert Segmentation(project).table.row(1).name == "class 1"
    history.do(RenameClass(id=2, name="kelp"))
    names = [row.name for row in Segmentation(project).table.rows]
    assert names == ["class 1", "kelp", "class 3", "class 4"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "/etc/passwd.png"),
        ("name", "../../outside.png"),
        ("name", "C:\\outside.png"),
        ("name", ""),
        ("height", 0),
        ("width", 10**12),
        ("content_hash", "../x"),
    ],
)
def test_a_project_file_that_leads_out_of_its_folder_is_refused(tmp_path, clustered, field, value):
    project = clustered(tmp_path)
    path = project.folder / "project.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    values["images"][0][field] = value
    path.write_text(json.dumps(values))
    with pytest.raises(ProjectError, match="damaged or cannot be read"):
        Project.open(project.folder)


@pytest.mark.parametrize("field", ["run", "clusters"])
def test_a_key_that_leads_out_of_the_project_is_refused(tmp_path, clustered, field):
    project = clustered(tmp_path)
    path = project.folder / "project.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    values["result"][field] = "../../../../outside"
    path.write_text(json.dumps(values))
    with pytest.raises(ProjectError, match="damaged or cannot be read"):
        Project.open(project.folder)


def test_classes_of_the_version_before_are_read_with_their_edits(tmp_path, clustered):
    project = clustered(tmp_path)
    folder = project.clusters_file(project.result.clusters).parent
    history = ClassHistory(ClassTable.from_clusters(4))
    history.do(RenameClass(id=1, name="sand"))
    (folder / "edits.jsonl").unlink()
    (folder / "classes.json").write_text(json.dumps(history.to_dict()), encoding="utf-8")
    assert Segmentation(project).table.row(1).name == "sand"
    Segmentation(project).history.undo()
    assert Segmentation(project).history.redo_text == "Rename “class 1” to “sand”"
