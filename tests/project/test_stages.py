from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from napari_stego.classes import MergeClasses, RenameClass
from napari_stego.clustering import ClusterSettings
from napari_stego.errors import StegoError
from napari_stego.features import FeatureSettings
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import (
    Project,
    ProjectError,
    Segmentation,
    cluster,
    extract,
    open_photographs,
    train,
)


def labels(project):
    segmentation = Segmentation(project)
    return {image.name: segmentation.label_image(image) for image in project.corpus.images}


def assert_equal_labels(first, second):
    assert first.keys() == second.keys()
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])


def test_a_folder_becomes_label_images_of_the_source_size(tmp_path, clustered):
    project = clustered(tmp_path)
    for name, array in labels(project).items():
        with Image.open(tmp_path / "images" / name) as image:
            assert array.shape == (image.height, image.width)
        assert array.dtype == np.uint16
        assert set(np.unique(array)) <= {1, 2, 3, 4}


def test_nothing_is_done_twice(tmp_path, clustered, features, short, small_weights):
    project = clustered(tmp_path)
    state = project.state
    report = extract(project, features, tmp_path / "images", weights_file=small_weights)
    assert (report.extracted, report.reused) == (0, 5)
    steps = []
    train(project, short, device="cpu", on_step=steps.append)
    assert steps == []
    cluster(project, ClusterSettings(clusters=4))
    assert project.state == Project.open(project.folder).state == state


def test_settings_changed_and_changed_back_find_the_earlier_results(
    tmp_path, clustered, features, short, small_weights
):
    project = clustered(tmp_path)
    Segmentation(project).history.do(RenameClass(id=2, name="sand"))
    before, state = labels(project), project.state
    larger = features.model_copy(update={"long_side": 128})
    assert extract(project, larger, weights_file=small_weights, device="cpu").extracted == 5
    assert (project.state.run, project.state.result) == (None, state.result)
    assert not project.state.result_is_latest
    with pytest.raises(ProjectError, match="napari-stego train"):
        cluster(project, ClusterSettings(clusters=4))
    assert extract(project, features, weights_file=small_weights, device="cpu").reused == 5
    steps = []
    train(project, short.model_copy(update={"seed": 1}), device="cpu", on_step=steps.append)
    assert len(steps) == short.steps
    assert not project.state.result_is_latest
    train(project, short, device="cpu", on_step=steps.append)
    assert len(steps) == short.steps
    cluster(project, ClusterSettings(clusters=7))
    assert Segmentation(project).table.n_clusters == 7
    cluster(project, ClusterSettings(clusters=4))
    assert project.state.model_copy(update={"next_id": 1}) == state
    assert project.state.next_id == 8
    assert_equal_labels(labels(project), before)
    assert Segmentation(project).table.row(2).name == "sand"
    # The clusters stay those of the head that they were made with, and are not taken for newer.
    train(project, short.model_copy(update={"seed": 1}), device="cpu")
    assert_equal_labels(labels(project), before)
    assert not project.state.result_is_latest


def test_another_layer_or_other_weights_make_other_features(
    tmp_path, extracted, features, small_weights
):
    project = extracted(tmp_path)
    keys = {project.state.features.key}
    other = features.model_copy(update={"layer": 3})
    extract(project, other, weights_file=small_weights, device="cpu")
    keys.add(project.state.features.key)
    from safetensors.torch import load_file, save_file

    changed = tmp_path / "changed.safetensors"
    save_file({name: value * 1.01 for name, value in load_file(small_weights).items()}, changed)
    extract(project, features, weights_file=changed, device="cpu")
    keys.add(project.state.features.key)
    assert len(keys) == len(list((project.folder / "features").iterdir())) == 3


def test_an_added_image_is_labelled_with_the_clusters_in_use_and_only_it_is_extracted(
    tmp_path, clustered, photographs, features, short, small_weights
):
    project = clustered(tmp_path)
    before, state = labels(project), project.state
    photographs(tmp_path / "images", 1, first=90)
    images = tmp_path / "images"
    report = extract(project, features, images, weights_file=small_weights, device="cpu")
    assert (report.extracted, report.reused) == (1, 5)
    after = labels(project)
    assert after.pop("frame090.png").any()
    assert_equal_labels(after, before)
    steps = []
    train(project, short, device="cpu", on_step=steps.append)
    assert len(steps) == short.steps
    cluster(project, ClusterSettings(clusters=4))
    assert len(labels(project)) == 6
    (images / "frame090.png").unlink()
    extract(project, features, images, weights_file=small_weights, device="cpu")
    train(project, short, device="cpu")
    cluster(project, ClusterSettings(clusters=4))
    assert project.state.model_copy(update={"next_id": 1}) == state
    assert_equal_labels(labels(project), before)


def test_images_that_cannot_be_decoded_are_left_out_and_change_nothing_when_met_again(
    tmp_path, photographs, cut_jpg, features, short, small_weights
):
    images = photographs(tmp_path / "images", 4)
    for name in ["cut.jpg", "copy of cut.jpg"]:
        cut_jpg(images / name)
    (images / "text.jpg").write_text("no image")
    project = Project.create(tmp_path / "reef.stego")

    def again():
        report = extract(project, features, images, weights_file=small_weights, device="cpu")
        assert {s.name for s in report.skipped} == {"cut.jpg", "copy of cut.jpg"}
        names = sorted(skipped.name for skipped in project.corpus.skipped)
        assert names == ["copy of cut.jpg", "cut.jpg", "text.jpg"]
        assert all(skipped.reason for skipped in project.corpus.skipped)

    again()
    train(project, short, device="cpu")
    cluster(project, ClusterSettings(clusters=3))
    state = project.state
    again()
    assert project.state == state
    (images / "another text.jpg").write_text("no image")
    extract(project, features, images, weights_file=small_weights, device="cpu")
    assert project.state.result == state.result


def test_no_decodable_image_at_all_is_an_error(tmp_path, cut_jpg, features, small_weights):
    path = cut_jpg(tmp_path / "cut.jpg")
    project = Project.create(tmp_path / "reef.stego")
    with pytest.raises(StegoError, match=r"None of the images .* cut\.jpg: .*truncated"):
        extract(project, features, path, weights_file=small_weights, device="cpu")


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_images_are_enough(tmp_path, clustered, count):
    assert len(labels(clustered(tmp_path, count))) == count


def test_features_can_be_clustered_without_a_head(tmp_path, extracted):
    project = extracted(tmp_path)
    cluster(project, ClusterSettings(clusters=3, source="features"))
    assert set(np.unique(np.concatenate([*labels(project).values()]))) <= {1, 2, 3}


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_cancelled_extraction_goes_on_where_it_stopped(
    tmp_path, photographs, features, small_weights, after
):
    images = photographs(tmp_path / "images", 27)
    whole, parts = (Project.create(tmp_path / f"{name}.stego") for name in ("whole", "parts"))
    extract(whole, features, images, weights_file=small_weights, device="cpu")
    token, batches = CancelToken(), []

    def stop(done, total, message):
        if message == "extracting features":
            batches.append(done)
            if len(batches) > after:
                token.cancel()

    with pytest.raises(Cancelled):
        extract(
            parts,
            features,
            images,
            weights_file=small_weights,
            device="cpu",
            progress=stop,
            cancel=token,
        )
    report = extract(parts, features, images, weights_file=small_weights, device="cpu")
    assert (report.reused, report.extracted) == (batches[-1], 27 - batches[-1])
    for one, other in zip(whole.tokens(), parts.tokens(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_cancelled_training_keeps_the_earlier_result_and_resumes(tmp_path, clustered, short):
    project = clustered(tmp_path)
    before, state = labels(project), project.state
    other = short.model_copy(update={"seed": 5})
    token, steps = CancelToken(), []

    def stop(record):
        steps.append(record.step)
        if record.step == 5:
            token.cancel()

    with pytest.raises(Cancelled):
        train(project, other, device="cpu", on_step=stop, cancel=token)
    assert project.state == state
    assert_equal_labels(labels(project), before)
    resumed = train(project, other, device="cpu", on_step=lambda record: steps.append(record.step))
    assert steps == list(range(1, short.steps + 1))
    shutil.rmtree(project.folder / "runs")
    project.update(run=None, result=None)
    whole = train(project, other, device="cpu")
    assert whole.history == resumed.history
    for name, value in whole.head.state_dict().items():
        np.testing.assert_array_equal(value, resumed.head.state_dict()[name])


def test_a_cancelled_clustering_leaves_nothing_behind(tmp_path, clustered):
    project = clustered(tmp_path)
    state = project.state
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        cluster(project, ClusterSettings(clusters=5), cancel=token)
    assert project.state == state
    assert len(list((project.folder / "clusters").iterdir())) == 1


def test_edits_of_classes_survive_reopening_with_undo(tmp_path, clustered):
    project = clustered(tmp_path)
    history = Segmentation(project).history
    history.do(RenameClass(id=1, name="Größe 鱼"))
    history.do(MergeClasses(ids=(1, 2), into=1))
    history.do(RenameClass(id=3, name="gone"))
    history.undo()
    again = Segmentation(Project.open(project.folder)).history
    assert again.table == history.table
    assert again.redo_text == "Rename “class 3” to “gone”"
    assert set(np.unique(np.concatenate([*labels(project).values()]))) <= {1, 3, 4}
    again.undo()
    again.undo()
    assert not Segmentation(project).history.can_undo


def test_each_stage_without_the_one_before_says_which_command_is_missing(
    tmp_path, extracted, short
):
    empty = Project.create(tmp_path / "empty.stego")
    with pytest.raises(ProjectError, match="no images yet"):
        extract(empty, FeatureSettings(backbone="test_vit", layer="final"))
    with pytest.raises(ProjectError, match="napari-stego features"):
        train(empty, short)
    with pytest.raises(ProjectError, match="napari-stego train"):
        cluster(extracted(tmp_path), ClusterSettings())
    with pytest.raises(ProjectError, match="napari-stego cluster"):
        Segmentation(Project.open(tmp_path / "reef.stego"))


def test_a_wrong_folder_of_photographs_leaves_no_project_behind(tmp_path, photographs):
    (tmp_path / "empty").mkdir()
    with pytest.raises(StegoError, match="No photographs"):
        open_photographs(tmp_path / "reef.stego", tmp_path / "empty")
    assert not (tmp_path / "reef.stego").exists()
    images = photographs(tmp_path / "images", 1)
    with pytest.raises(ProjectError, match="Choose another folder for the project"):
        open_photographs(images, images)


def test_what_another_window_changed_is_kept(tmp_path, clustered, photographs, short):
    project = clustered(tmp_path)
    other = Project.open(project.folder)
    photographs(tmp_path / "images", 2, first=40)
    open_photographs(project.folder, tmp_path / "images")
    train(other, short.model_copy(update={"seed": 2}), device="cpu")
    state = Project.open(project.folder).state
    assert len(state.images) == 7
    assert state.run == other.state.run != project.state.run


def test_features_are_clustered_as_they_are_with_or_without_a_head(tmp_path, extracted, short):
    project = extracted(tmp_path)
    settings = ClusterSettings(clusters=3, source="features")
    cluster(project, settings)
    before, result = labels(project), project.state.result
    train(project, short, device="cpu")
    cluster(project, settings)
    assert project.state.result == result
    assert_equal_labels(labels(project), before)
