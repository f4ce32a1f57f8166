from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_stego.clustering import StabilityCurve, StabilitySettings, stability_curve
from napari_stego.errors import StegoError
from napari_stego.features import Preparation
from napari_stego.progress import Cancelled, CancelToken
from napari_stego.project import Project, measurable_source, measure_stability, train
from napari_stego.stego import load_run

FEATURES = StabilitySettings(ks=(2, 4), repeats=2, source="features")
CODES = FEATURES.model_copy(update={"source": "codes"})


@pytest.fixture(scope="module")
def project(tmp_path_factory, clustered) -> Project:
    return clustered(tmp_path_factory.mktemp("counts"))


@pytest.fixture
def cancelled() -> CancelToken:
    """With it nothing can be measured: what comes back was remembered."""
    token = CancelToken()
    token.cancel()
    return token


@pytest.fixture
def forgetful(project):
    """The project without anything remembered."""
    for path in remembered(project):
        path.unlink()
    return project


def remembered(project):
    return sorted((project.folder / "choices").glob("stability-*.json"))


def assert_equal(one: StabilityCurve, other: StabilityCurve) -> None:
    for name in ("ks", "agreement", "baseline"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert getattr(one, name).dtype == getattr(other, name).dtype


def test_codes_and_features_are_measured_and_remembered_apart(forgetful, cancelled):
    tokens = forgetful.tokens()
    features = measure_stability(forgetful, FEATURES)
    assert_equal(features, stability_curve(tokens, Preparation().apply, FEATURES))
    codes = measure_stability(forgetful, CODES)
    assert_equal(codes, stability_curve(tokens, load_run(forgetful.run_path)[0].encode, CODES))
    assert len(remembered(forgetful)) == 2
    again = Project.open(forgetful.folder)
    assert_equal(measure_stability(again, FEATURES, cancel=cancelled), features)
    assert_equal(measure_stability(again, CODES, cancel=cancelled), codes)


def test_the_order_of_the_numbers_does_not_matter_but_each_setting_does(forgetful, cancelled):
    measure_stability(forgetful, FEATURES)
    same = FEATURES.model_copy(update={"ks": (4, 2, 4)})
    assert measure_stability(forgetful, same, cancel=cancelled).ks.tolist() == [2, 4]
    for other in ({"ks": (2, 5)}, {"repeats": 3}, {"seed": 1}):
        with pytest.raises(Cancelled):
            measure_stability(forgetful, FEATURES.model_copy(update=other), cancel=cancelled)


def test_another_run_is_measured_anew(tmp_path, clustered, short, cancelled):
    project = clustered(tmp_path)
    measure_stability(project, CODES)
    measure_stability(project, FEATURES)
    train(project, short.model_copy(update={"seed": 3}), device="cpu")
    with pytest.raises(Cancelled):
        measure_stability(project, CODES, cancel=cancelled)
    measure_stability(project, FEATURES, cancel=cancelled)  # which a run does not change


def test_a_project_that_can_only_be_read_remembers_nothing_new(forgetful, cancelled):
    reading = Project.open(forgetful.folder, writable=False)
    curve = measure_stability(reading, FEATURES)
    assert remembered(forgetful) == []
    assert_equal(measure_stability(forgetful, FEATURES), curve)
    assert_equal(measure_stability(reading, FEATURES, cancel=cancelled), curve)


def test_a_curve_that_cannot_be_saved_is_not_lost(forgetful):
    choices = forgetful.folder / "choices"
    if choices.exists():
        choices.rmdir()
    choices.write_text("in the way")
    try:
        assert measure_stability(forgetful, FEATURES).ks.tolist() == [2, 4]
    finally:
        choices.unlink()


def test_a_cancelled_measurement_remembers_nothing(forgetful):
    token = CancelToken()

    def progress(done: int, total: int, message: str) -> None:
        if message == "comparing clusterings" and done == 1:
            token.cancel()

    with pytest.raises(Cancelled):
        measure_stability(forgetful, FEATURES, progress, token)
    assert remembered(forgetful) == []


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[" * 1_000_000,
        "{}",
        json.dumps({"agreement": [[0.5, 0.5]], "baseline": [[0.5, 0.5]]}),
        json.dumps({"agreement": [[0.5], [0.5]], "baseline": [[0.5], [0.5]]}),
        json.dumps({"agreement": [[0.5, 0.5]] * 2, "baseline": [[0.5, 0.5], [0.5]]}),
        json.dumps({"agreement": [[0.5, float("nan")]] * 2, "baseline": [[0.5, 0.5]] * 2}),
        json.dumps({"agreement": [[0.5, 1e300]] * 2, "baseline": [[0.5, 0.5]] * 2}),
        '{"agreement": [[0.5, 0.5], [0.5, 0.5]], "baseline": [[0, 0], [0, 0]], "more": 1}',
        " " * 8_000_001,
    ],
)
def test_what_is_remembered_and_makes_no_sense_is_not_taken(project, content, cancelled):
    measure_stability(project, FEATURES)
    [path] = remembered(project)
    good = path.read_bytes()
    path.write_text(content)
    with pytest.raises(Cancelled):
        measure_stability(project, FEATURES, cancel=cancelled)
    path.write_bytes(good)


def test_a_damaged_curve_is_measured_anew(forgetful, cancelled):
    curve = measure_stability(forgetful, FEATURES)
    [path] = remembered(forgetful)
    path.write_text("{")
    assert_equal(measure_stability(forgetful, FEATURES), curve)
    assert_equal(measure_stability(forgetful, FEATURES, cancel=cancelled), curve)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-1, 1), min_size=8, max_size=8))
def test_remembered_numbers_come_back_to_the_last_bit(project, values):
    rows = np.array(values).reshape(2, 2, 2)
    measure_stability(project, FEATURES)
    [path] = remembered(project)
    path.write_text(json.dumps({"agreement": rows[0].tolist(), "baseline": rows[1].tolist()}))
    curve = measure_stability(project, FEATURES)
    np.testing.assert_array_equal(curve.agreement, rows[0])
    np.testing.assert_array_equal(curve.baseline, rows[1])


def test_codes_are_measured_if_there_is_a_run(tmp_path, project, extracted):
    assert measurable_source(project) == "codes"
    raw = extracted(tmp_path)
    assert measurable_source(raw) == "features"
    with pytest.raises(StegoError, match="no trained head"):
        measure_stability(raw, CODES)


def test_too_few_photographs_say_what_to_do(tmp_path, extracted):
    with pytest.raises(StegoError, match="Add photographs, or choose K by eye"):
        measure_stability(extracted(tmp_path, count=3), FEATURES)


def test_a_project_without_features_says_what_to_do(tmp_path):
    with pytest.raises(StegoError, match="Extract them first"):
        measure_stability(Project.create(tmp_path / "new.stego"), FEATURES)
