from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from napari_stego.errors import StegoError
from napari_stego.evaluation import (
    PUBLISHED,
    Evaluation,
    EvaluationRow,
    PrecisionRecall,
    caption,
    hungarian_scores,
    json_values,
    many_to_one_scores,
    named_scores,
    plots_available,
    table_lines,
    write_report,
)
from napari_stego.evaluation.plots import plot_curves

CONFUSION = np.array([[6, 1, 3], [0, 8, 2], [0, 0, 0]])
NAMES = ("roads and cars", "buildings | clutter", "vegetation, trees")


def curve(average_precision=0.75):
    points = np.linspace(0.1, 1, 5)
    return PrecisionRecall(points, points[::-1], points[::-1], average_precision, 0.3, 100)


def row(name, **changes):
    made = EvaluationRow(
        name=name,
        matched=hungarian_scores(CONFUSION),
        named=named_scores(CONFUSION, np.array([0, 1, -1])),
        many_to_one=many_to_one_scores(CONFUSION),
    )
    return replace(made, **changes)


@pytest.fixture
def evaluation():
    curves = {"self": curve(), "knn": curve(0.5), "random": curve(float("nan"))}
    full = row(
        "STEGO codes",
        linear_probe=named_scores(np.diag([9, 9, 2]), np.arange(3)),
        curves=curves,
        refined_curves=curves,
    )
    return Evaluation(
        images=12,
        classes=np.arange(3),
        rows=(full, row("raw features", curves=curves)),
        class_names=NAMES,
        named_clusters=3,
        dataset="potsdam3",
        left_out=("a", "b"),
        conditions={"seed": 0, "crf": None, "features": {"layer": 8}},
    )


def test_the_table_has_published_numbers_beside_ours(evaluation):
    header, codes, raw, published = table_lines(evaluation)
    assert header[1:7] == [
        *("accuracy (K=3, Hungarian)", "mIoU", "accuracy (many-to-one)", "mIoU"),
        *("accuracy (K=3, named)", "mIoU"),
    ]
    assert codes[:2] == ["STEGO codes", "70.0"]
    at = header.index("accuracy (linear probe)")
    assert (codes[at], raw[at]) == ("100.0", "")
    at = header.index("AP (same image)")
    assert codes[at : at + 3] == ["75.0", "50.0", ""]
    assert header[-3:] == [
        "AP (same image, CRF)",
        "AP (neighbours, CRF)",
        "AP (random images, CRF)",
    ]
    assert published[:4] == ["published: STEGO", "77.0", "62.6", ""]
    assert len({len(line) for line in (header, codes, raw, published)}) == 1
    assert "12 images (2 left out" in caption(evaluation)


def test_without_a_data_set_or_more_scores_the_table_is_short(evaluation):
    rows = (row("raw features", named=None),)
    plain = replace(evaluation, dataset=None, rows=rows, named_clusters=None, left_out=())
    lines = table_lines(plain)
    assert len(lines) == 2
    assert len(lines[0]) == 5
    assert caption(plain) == "12 images, 3 classes; percent of pixels"
    values = json_values(plain)
    assert values["published"] == []
    assert values["rows"][0]["named"] is None


def test_published_results_are_those_of_known_data_sets():
    from napari_stego.evaluation import DATASETS

    assert set(PUBLISHED) <= set(DATASETS)
    best = {name: max(result.miou for result in results) for name, results in PUBLISHED.items()}
    assert best == {"cocostuff27": 0.453, "cityscapes27": 0.210, "potsdam3": 0.626}


@pytest.mark.skipif(not plots_available(), reason="matplotlib is not installed")
def test_everything_is_written(evaluation, tmp_path):
    folder = tmp_path / "out"
    files = write_report(evaluation, folder)
    assert sorted(files) == sorted(path for path in folder.rglob("*") if path.is_file())
    values = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    assert values["rows"][0]["hungarian"]["accuracy"] == pytest.approx(0.7)
    assert values["rows"][0]["hungarian"]["per_class_iou"][2] is None
    assert values["rows"][0]["average_precision"] == {"self": 0.75, "knn": 0.5, "random": None}
    assert values["published"][0]["accuracy"] == 0.77

    def read(name):
        with (folder / name).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    ours, _, theirs = read("evaluation.csv")
    assert float(ours["named_accuracy"]) == pytest.approx(0.7)
    assert float(ours["ap_knn"]) == 0.5
    assert (theirs["name"], theirs["hungarian_miou"]) == ("STEGO", "0.626")
    assert "ICLR 2022" in theirs["source"]
    matrix = read("confusion/stego-codes-named.csv")
    assert [[int(line[name]) for name in (*NAMES, "none")] for line in matrix] == [
        [6, 1, 0, 3],
        [0, 8, 0, 2],
        [0, 0, 0, 0],
    ]
    per_class = read("per_class_iou.csv")
    assert per_class[0]["class"] == NAMES[0]
    assert float(per_class[0]["raw features, named"]) == pytest.approx(0.6)
    assert per_class[2]["raw features, named"] == ""
    points = read("curves.csv")
    assert {(p["name"], p["score"], p["pairs"]) for p in points} == {
        *(
            (name, "cosine", kind)
            for name in ("STEGO codes", "raw features")
            for kind in ("self", "knn", "random")
        ),
        *(("STEGO codes", "CRF", kind) for kind in ("self", "knn", "random")),
    }
    text = (folder / "evaluation.md").read_text(encoding="utf-8")
    assert "| published: STEGO | 77.0 | 62.6 |" in text
    assert "ICLR 2022" in text
    assert "buildings \\| clutter" in text
    assert "- features: layer 8" in text
    for plot in ("curves", "confusion/raw-features-hungarian"):
        with Image.open(folder / f"{plot}.png") as image:
            assert len(np.unique(np.asarray(image.convert("L")))) > 20
        assert b"<svg" in (folder / f"{plot}.svg").read_bytes()[:1000]


@pytest.mark.skipif(not plots_available(), reason="matplotlib is not installed")
def test_equal_evaluations_make_equal_plots(evaluation, tmp_path):
    first, second = (plot_curves(evaluation, tmp_path / name / "curves") for name in "ab")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_without_matplotlib_tables_are_written_and_plots_say_what_is_missing(
    evaluation, tmp_path, monkeypatch
):
    monkeypatch.setattr("napari_stego.evaluation.plots.importlib.util.find_spec", lambda _: None)
    files = write_report(evaluation, tmp_path)
    assert {path.suffix for path in files} == {".json", ".csv", ".md"}
    assert tmp_path / "curves.csv" in files
    with pytest.raises(StegoError, match=r"napari-stego\[plots\]"):
        plot_curves(evaluation, tmp_path / "curves")
