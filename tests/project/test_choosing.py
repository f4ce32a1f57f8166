from __future__ import annotations

import json

import pytest

from napari_stego.errors import StegoError
from napari_stego.features import FeatureSettings
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import Project, judge_run, score_layers, train, train_best
from napari_stego.project.choosing import settings_asked_for
from napari_stego.stego import RoleValues, load_run


def test_every_layer_is_scored_and_the_scores_are_remembered(
    tmp_path, extracted, features, small_weights
):
    project = extracted(tmp_path)
    first = score_layers(project, features, weights_file=small_weights, device="cpu")
    assert set(first.scores) == {*range(6), "final"}
    assert first.best in first.scores
    seen = []
    again = score_layers(
        project,
        features,
        weights_file=small_weights,
        device="cpu",
        progress=lambda *told: seen.append(told),
    )
    assert again == first
    assert not [told for told in seen if told[2] == "choosing a layer"]


def test_damaged_scores_are_made_again(tmp_path, extracted, features, small_weights):
    project = extracted(tmp_path)
    first = score_layers(project, features, weights_file=small_weights, device="cpu")
    [path] = (project.folder / "choices").glob("layers-*.json")
    for content in ("{", json.dumps({"scores": []}), json.dumps({"scores": [["x" * 9, 1]]})):
        path.write_text(content)
        again = score_layers(project, features, weights_file=small_weights, device="cpu")
        assert again == first


def test_keys_have_no_layer_after_the_norm(tmp_path, extracted, small_weights):
    project = extracted(tmp_path)
    keys = FeatureSettings(backbone="test_vit", layer=0, long_side=96, facet="keys")
    scores = score_layers(project, keys, weights_file=small_weights, device="cpu")
    assert set(scores.scores) == set(range(6))


def test_unreadable_photographs_take_no_part(tmp_path, extracted, features, small_weights):
    project = extracted(tmp_path)
    for path in (tmp_path / "images").iterdir():
        path.write_bytes(b"")
    with pytest.raises(StegoError, match="can be decoded"):
        score_layers(project, features, weights_file=small_weights, device="cpu")


def test_a_run_is_judged_once(tmp_path, clustered):
    project = clustered(tmp_path)
    verdict = judge_run(project)
    assert verdict is not None
    assert verdict.better in {"codes", "features", "neither"}
    cancelled = CancelToken()
    cancelled.cancel()
    assert judge_run(Project.open(project.folder), cancel=cancelled) == verdict


def test_two_photographs_are_too_few_to_judge(tmp_path, extracted, short):
    project = extracted(tmp_path, count=2)
    train(project, short, device="cpu")
    assert judge_run(project) is None
    with pytest.raises(StegoError, match="3 photographs"):
        train_best(project, short, 2, device="cpu")


def test_the_best_of_several_runs_becomes_the_projects(tmp_path, extracted, short):
    project = extracted(tmp_path)
    run, trials = train_best(project, short, 3, device="cpu")
    values = [(not load_run(project.run_file(t.run))[0].collapsed, t.quality.value) for t in trials]
    assert values == sorted(values, reverse=True)
    assert project.state.run == trials[0].run
    assert run.settings == trials[0].settings
    assert len({trial.run for trial in trials}) == 3
    for trial in trials:
        project.update(run=trial.run)
        asked = short.model_copy(update={"seed": trial.settings.seed})
        assert settings_asked_for(project, trial.settings) == asked
    (varied,) = (t.settings for t in trials if t.settings.dim != short.dim)
    train(project, varied, device="cpu")  # now they are asked for
    assert settings_asked_for(project, varied) == varied
    assert all(project.run_file(trial.run).is_file() for trial in trials)


def test_cancelled_trials_leave_the_earlier_run(tmp_path, clustered, short):
    project = clustered(tmp_path)
    before = project.state.run
    cancel = CancelToken()

    def at_the_second(done: int, total: int, message: str) -> None:
        if message.startswith("trial 2"):
            cancel.cancel()

    with pytest.raises(Cancelled):
        train_best(
            project,
            short.model_copy(update={"seed": 5}),
            3,
            device="cpu",
            progress=at_the_second,
            cancel=cancel,
        )
    assert project.state.run == before == Project.open(project.folder).state.run


def test_a_collapsed_run_is_told_apart(tmp_path, extracted, short):
    project = extracted(tmp_path)
    fixed = RoleValues(random=-1.0, knn=-1.0, self=-1.0)
    pulling = {"shifts": fixed, "steps": 120, "learning_rate": 5e-3, "subtract_mean": False}
    run = train(project, short.model_copy(update=pulling), device="cpu")
    assert run.collapsed
    verdict = judge_run(project)
    assert (verdict.collapsed, verdict.better) == (True, "features")
