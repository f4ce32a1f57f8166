"""Runs of a project: listed, judged, and one of them picked."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from napari_stego.clustering import ClusterSettings
from napari_stego.features import FeatureSettings
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import (
    Project,
    ProjectError,
    ReadOnlyError,
    cluster,
    extract,
    judge_run,
    list_runs,
    train,
    use_run,
)
from napari_stego.project.previewing import ClusterPreview


@pytest.fixture(scope="module")
def made(tmp_path_factory, extracted, short):
    project = extracted(tmp_path_factory.mktemp("runs"))
    for seed in (0, 1):
        train(project, short.model_copy(update={"seed": seed}), device="cpu")
    project.close()
    return project.folder


@pytest.fixture
def project(made, tmp_path):
    opened = Project.open(shutil.copytree(made, tmp_path / "reef.stego"))
    yield opened
    opened.close()


def by_seed(project):
    return {kept.run.settings.seed: kept for kept in list_runs(project)}


def test_every_run_is_kept_and_told_apart(project):
    runs = by_seed(project)
    assert set(runs) == {0, 1}
    assert [runs[seed].latest for seed in (0, 1)] == [False, True]
    for kept in runs.values():
        assert kept.run.finished
        assert kept.images == 5
        assert kept.begun.utcoffset().total_seconds() == 0
        assert set(kept.correspondence) == {"random", "knn", "self"}
        assert kept.verdict is None


def test_a_project_without_features_has_no_runs(tmp_path):
    assert list_runs(Project.create(tmp_path / "new.stego")) == ()


def test_an_earlier_run_is_picked_and_clustered(project):
    first, second = by_seed(project)[0], by_seed(project)[1]
    cluster(project, ClusterSettings(clusters=3))
    assert use_run(project, first.key[:10]).key == first.key
    assert Project.open(project.folder, writable=False).state.run == first.key
    assert project.result.run == second.key  # which stays until something else is clustered
    cluster(project, ClusterSettings(clusters=3))
    assert project.result.run == first.key
    assert by_seed(project)[0].latest


def test_each_run_has_a_verdict_of_its_own(project):
    first = by_seed(project)[0]
    verdict = judge_run(project, run=first.key)
    assert by_seed(project)[0].verdict == verdict
    assert by_seed(project)[1].verdict is None
    assert judge_run(project) != verdict


@pytest.mark.parametrize("key", ["", "zzz", "0" * 16, "../../etc"])
def test_a_key_of_no_run_is_refused_and_the_keys_are_told(project, key):
    before = project.state
    with pytest.raises(ProjectError, match=list_runs(project)[0].key):
        use_run(project, key)
    assert project.state == before


def test_an_unfinished_run_is_listed_and_cannot_be_picked(project, short):
    token = CancelToken()

    def stop(record):
        if record.step == 4:
            token.cancel()

    settings = short.model_copy(update={"seed": 7})
    with pytest.raises(Cancelled):
        train(project, settings, device="cpu", on_step=stop, cancel=token)
    unfinished = by_seed(project)[7]
    assert unfinished.run.steps_done == 4
    with pytest.raises(ProjectError, match="4 of 12 steps"):
        use_run(project, unfinished.key)


def test_nobody_picks_a_run_in_a_project_that_another_process_writes(project):
    reader = Project.open(project.folder, writable=False)
    with pytest.raises(ReadOnlyError):
        use_run(reader, by_seed(project)[0].key)


def test_runs_of_other_features_are_left_out(project, small_weights, short):
    other = FeatureSettings(backbone="test_vit", layer=2, long_side=96)
    extract(project, other, weights_file=small_weights, device="cpu")
    assert list_runs(project) == ()
    train(project, short, device="cpu")
    assert len(list_runs(project)) == 1


def test_damaged_files_are_left_out(project):
    first, second = by_seed(project)[0], by_seed(project)[1]
    project.run_file(first.key).write_bytes(b"no run")
    project.run_file(second.key).with_suffix(".json").write_text("[" * 1000)
    (project.folder / "runs" / "notes.safetensors").write_bytes(b"")
    left = list_runs(project)
    assert [kept.key for kept in left] == [second.key]  # as the latest, which needs no note
    assert left[0].begun is None


def test_a_preview_keeps_the_numbers_of_clusters_while_the_head_changes(project, short):
    image = project.corpus.images[0]
    preview = ClusterPreview(project, 4)
    looks = []

    def look(run):
        assert not run.head.training
        looks.append(preview.look(run.encode, (image,))[0])

    train(project, short.model_copy(update={"seed": 3, "steps": 100}), device="cpu", on_look=look)
    assert len(looks) == 4
    assert all(labels.shape == looks[0].shape for labels in looks)
    assert all(set(np.unique(labels)) <= set(range(4)) for labels in looks)
    # Heads of two looks in a row differ little, and so do the numbers.
    assert np.mean(looks[-1] == looks[-2]) > 0.8


def test_looking_changes_nothing(project, short):
    settings = short.model_copy(update={"seed": 4, "steps": 30})
    preview = ClusterPreview(project, 4)
    images = project.corpus.images[:2]
    looked = train(
        project, settings, device="cpu", on_look=lambda run: preview.look(run.encode, images)
    )
    project.run_file(project.state.run).unlink()
    assert train(project, settings, device="cpu").digest == looked.digest
