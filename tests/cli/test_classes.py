"""The commands on classes, on a project that `run` made; most without a process of their own."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from filelock import FileLock
from PIL import Image
from typer.testing import CliRunner

from napari_stego.cli.app import app
from napari_stego.project import Project, Segmentation
from napari_stego.project.lock import LOCK_FILE
from napari_stego.samples import reef_folder

CLUSTERS = 6
REEF_LABELS = reef_folder() / "labels" / "reef.csv"
CATAMI_LAYOUT = Path(__file__).parents[1] / "labelsets" / "data" / "catami_layout.csv"


@pytest.fixture(scope="module")
def made(stego, photographs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    words = stego.small(photographs(folder / "images", 4), folder / "reef.stego")
    words += ["-k", CLUSTERS, "--layer", "final", "--steps", 5, "--formats", ""]
    done = CliRunner().invoke(app, [*map(str, words)])
    assert done.exit_code == 0, done.output
    return folder / "reef.stego"


@pytest.fixture
def project(made, tmp_path):
    """A copy of the project without any edit."""
    return shutil.copytree(made, tmp_path / "reef.stego")


@pytest.fixture
def call(project):
    """Run a command on the project, by default as JSON."""

    def run(command, *args, succeeds=True, as_json=True):
        words = ["classes", command, "--project", str(project), *map(str, args)]
        done = CliRunner().invoke(app, [*words, "--json"] if as_json else words)
        assert done.exit_code == (0 if succeeds else 1), done.output
        return json.loads(done.stdout) if as_json else done.stdout

    return run


@pytest.fixture
def rows(call):
    return lambda: {row["id"]: row for row in call("list")["classes"]}


@pytest.fixture
def largest(project):
    """The class of the most pixels."""
    opened = Project.open(project, writable=False)
    labels = map(Segmentation(opened).label_image, opened.corpus.images)
    return int(np.bincount(np.concatenate([*labels]).ravel()).argmax())


def test_each_edit_is_in_the_project_and_told_in_the_words_of_the_history(call, rows, project):
    texts = [
        call("rename", 1, "Größe 鱼")["edit"],
        call("rename", "class 2", "Sand")["edit"],
        call("merge", "Sand", 3, "class 4")["edit"],
        call("recolour", "Sand", "ABCDEF")["edit"],
        call("code", "Sand", "007")["edit"],
        call("add", "Substrate", "--colour", "#010203", "--code", "S")["edit"],
        call("parent", "Sand", "Substrate")["edit"],
        call("move", 4, "--into", "Substrate")["edit"],
        call("move", 5, "--into", "unlabelled")["edit"],
        call("lock", "Sand", 1)["edit"],
        call("delete", 5)["edit"],
    ]
    assert texts[2] == "Merge “Sand”, “class 3” and “class 4” into “Sand”"
    assert texts[9:] == ["Lock 2 classes", "Delete “class 5”"]
    found = rows()
    assert found.keys() == {1, 2, 6, 7}
    assert found[2] == {
        "id": 2,
        "name": "Sand",
        "code": "007",
        "colour": "#abcdef",
        "parent": 7,
        "clusters": [1, 2, 3],
        "locked": True,
    }
    assert (found[7]["name"], found[7]["code"], found[7]["clusters"]) == ("Substrate", "S", [4])
    assert (found[1]["name"], found[6]["clusters"]) == ("Größe 鱼", [])
    history = Segmentation(Project.open(project, writable=False)).history
    assert [history.text(i) for i in range(len(history))] == texts
    listed = call("history")
    assert [step["edit"] for step in listed["history"]] == texts
    assert (listed["position"], listed["edits"]) == (len(texts), len(texts))


def test_the_list_for_people_names_parents_clusters_and_locks(call):
    call("parent", 1, 2)
    call("lock", 1)
    lines = call("list", as_json=False).splitlines()
    assert lines[0].split() == ["id", "name", "code", "colour", "under", "clusters"]
    assert lines[1].split()[:3] == ["1", "class", "1"]
    assert lines[1].split()[-4:] == ["class", "2", "0", "locked"]


def test_the_class_that_stays_can_be_named(call, rows):
    call("merge", 1, 2, "--into", "class 4")
    assert rows()[4]["clusters"] == [0, 1, 3]
    call("parent", 4, 5)
    call("parent", 4)
    assert rows()[4]["parent"] is None


def test_undo_redo_and_jump_move_through_the_history(call, rows):
    before = rows()
    for number in (1, 2, 3):
        call("rename", number, f"name {number}")
    after = rows()
    values = call("undo")
    assert values["undone"] == ["Rename “class 3” to “name 3”"]
    assert (values["redone"], values["position"], values["edits"]) == ([], 2, 3)
    assert call("undo", 2)["position"] == 0
    assert rows() == before
    assert "nothing to undo" in call("undo", succeeds=False)["error"]
    assert call("redo")["redone"] == ["Rename “class 1” to “name 1”"]
    assert "Only 2 edits can be redone" in call("redo", 5, succeeds=False)["error"]
    call("jump", 3)
    assert rows() == after
    call("jump", 1)
    assert [step["in_force"] for step in call("history")["history"]] == [True, False, False]
    lines = call("history", as_json=False).splitlines()
    assert [line[0] for line in lines] == [" ", ">", " ", " "]
    assert [line.endswith("(undone)") for line in lines] == [False, False, True, True]
    assert "There are 3 edits" in call("jump", 9, succeeds=False)["error"]
    call("rename", 4, "other")
    assert call("history")["edits"] == 2
    assert "nothing to redo" in call("redo", succeeds=False)["error"]


def test_an_edit_that_cannot_be_done_says_why_and_changes_nothing(call, rows):
    call("rename", 2, "3")
    call("rename", 4, "coral")
    call("lock", 4)
    before, position = rows(), call("history")["position"]
    for words, reason in [
        (("rename", "corals", "x"), "Did you mean “coral”?"),
        (("rename", 99, "x"), "no class with the id 99"),
        (("rename", 1, "coral"), "merge them"),
        (("merge", 1, "coral"), "is locked"),
        (("merge", 1), "at least two"),
        (("delete", 1, "coral"), "is locked"),
        (("move", 77, "--into", 1), "cluster 77"),
        (("recolour", 1, "red"), "#rrggbb"),
        (("parent", 1, 1), "itself"),
        (("add", " "), "needs a name"),
    ]:
        assert reason.lower() in call(*words, succeeds=False)["error"].lower(), words
    assert rows() == before
    assert call("history")["position"] == position
    call("unlock", "coral")
    call("merge", 1, "coral")


def test_a_number_is_an_id_even_if_a_class_has_it_for_a_name(call, rows):
    call("rename", 2, "3")
    call("recolour", 3, "010101")
    assert rows()[3]["colour"] == "#010101"
    call("rename", 5, "40")
    message = call("recolour", 40, "010101", succeeds=False)["error"]
    assert "“40” is the name of class 5" in message


def test_several_classes_are_locked_or_deleted_in_one_step(call, rows):
    assert call("lock", 1, 2, 3)["position"] == 1
    assert [row["locked"] for row in rows().values()] == [True] * 3 + [False] * 3
    call("unlock", 1, 2, 3)
    assert call("delete", 1, 2)["position"] == 3
    assert rows().keys() == {3, 4, 5, 6}
    call("undo")
    assert rows().keys() == {1, 2, 3, 4, 5, 6}


def test_a_new_class_has_an_id_and_a_colour_that_no_other_had(call, rows):
    used = {row["colour"] for row in rows().values()}
    assert call("add", "first")["new_classes"] == [{"id": 7, "name": "first"}]
    call("undo")
    assert call("add", "second", "--parent", 1)["new_classes"] == [{"id": 8, "name": "second"}]
    assert rows()[8]["parent"] == 1
    assert rows()[8]["colour"] not in used


def test_what_a_terminal_cannot_show_is_escaped(project):
    runner = CliRunner(charset="ascii")
    assert runner.invoke(app, ["classes", "lock", "-p", str(project), "1"]).exit_code == 0
    done = runner.invoke(app, ["classes", "history", "-p", str(project)])
    assert done.exit_code == 0
    assert "Lock \\u201cclass 1\\u201d" in done.stdout


def test_while_another_program_has_the_project_classes_are_listed_but_not_changed(
    call, rows, project
):
    with FileLock(project / LOCK_FILE):
        for words in [
            ("rename", 1, "x"),
            ("undo",),
            ("split", 1, "--into", 2),
            ("cut", "--classes", 2),
        ]:
            assert "open elsewhere" in call(*words, succeeds=False)["error"]
        assert len(rows()) == CLUSTERS
        assert call("suggest")["classes"] == CLUSTERS
        assert call("history")["edits"] == 0
    assert call("merge", 1, 2)["classes"] == CLUSTERS - 1


def test_labels_of_a_list_name_colour_and_place_classes(call, rows):
    def assign(labels, label, *classes, **how):
        return call("assign", *classes, "--labels", labels, "--label", label, **how)

    assert assign(REEF_LABELS, "HC-M", 1, 2)["edit"] == "Label 2 classes “Massive coral”"
    found = rows()
    (above,) = found.keys() - set(range(1, CLUSTERS + 1))
    assert {**found[1], "locked": None} == {
        "id": 1,
        "name": "Massive coral",
        "code": "HC-M",
        "colour": "#c98500",
        "parent": above,
        "clusters": [0, 1],
        "locked": None,
    }
    assert (found[above]["name"], found[above]["code"]) == ("Hard coral", "HC")
    # What has the label already takes the class in.
    assert assign(REEF_LABELS, "massive", 3)["new_classes"] == []
    assert rows()[1]["clusters"] == [0, 1, 2]
    assert "has this label already" in assign(REEF_LABELS, "HC-M", 1, succeeds=False)["error"]

    assert "several" in assign(CATAMI_LAYOUT, "Encrusting", 4, succeeds=False)["error"]
    alone = call(
        *("assign", 4, "--labels", CATAMI_LAYOUT, "--label", "SPCE", "--no-parents"),
    )
    assert alone["new_classes"] == []
    assert (rows()[4]["code"], rows()[4]["parent"]) == ("00000008", None)
    made = assign(CATAMI_LAYOUT, "00000004", 5)["new_classes"]
    assert [each["name"] for each in made] == ["Cnidaria", "Corals", "Stony corals"]
    assert rows()[5]["parent"] == made[-1]["id"]
    before = rows()
    missing = assign(REEF_LABELS.with_name("none.csv"), "HC", 6, succeeds=False)
    assert "none.csv" in missing["error"]
    call("undo", 4)
    assert rows().keys() == set(range(1, CLUSTERS + 1))
    call("redo", 4)
    assert rows() == before


def test_a_split_makes_new_classes_and_tells_their_shares(call, rows, largest):
    call("rename", largest, "Sand")
    values = call("split", "Sand", "--into", 3, "--names", "Rubble")
    assert values["edit"] == "Split “Sand” into 3"
    assert [(part["id"], part["name"]) for part in values["parts"]] == [
        (largest, "Sand"),
        (CLUSTERS + 1, "Rubble"),
        (CLUSTERS + 2, f"class {CLUSTERS + 2}"),
    ]
    shares = [part["share"] for part in values["parts"]]
    assert sum(shares) == pytest.approx(1)
    assert shares == sorted(shares, reverse=True)
    assert values["new_classes"] == [
        {"id": part["id"], "name": part["name"]} for part in values["parts"][1:]
    ]
    assert rows()[CLUSTERS + 1]["clusters"] == [CLUSTERS + 1]
    call("undo")
    assert rows().keys() == set(range(1, CLUSTERS + 1))
    lines = call("split", largest, "--into", 2, "--seed", 3, as_json=False).splitlines()
    assert lines[0] == "Split “Sand” into 2."
    assert [line.split("%")[1].strip() for line in lines[1:]] == [
        f"Sand ({largest})",
        f"class {CLUSTERS + 3} ({CLUSTERS + 3})",
    ]


def test_a_split_that_cannot_be_done_says_why_and_changes_nothing(call, rows, largest):
    before = rows()
    for words, reason in [
        ((99, "--into", 2), "no class with the id 99"),
        ((largest, "--into", 900), "too few for 900 parts"),
        ((largest, "--into", 2, "--names", "a,b"), "there are 2 names"),
        (
            (largest, "--into", 2, "--names", f"class {largest % CLUSTERS + 1}"),
            "choose another name",
        ),
    ]:
        assert reason in call("split", *words, succeeds=False)["error"], words
    assert rows() == before
    assert call("history")["edits"] == 0


def test_a_cut_makes_the_merges_that_were_suggested(call, rows):
    call("rename", 2, "Sand")
    call("rename", 5, "Rock")
    call("lock", 6)
    suggested = call("suggest")
    assert (suggested["classes"], suggested["least"]) == (5, 2)
    pairs = suggested["suggestions"]
    assert [pair["left"] for pair in pairs] == [4, 3, 2]
    assert [pair["height"] for pair in pairs] == sorted(pair["height"] for pair in pairs)
    for pair in pairs:
        assert pair["height"] == pytest.approx(1 - pair["similarity"])
    assert call("suggest", "--limit", 1)["suggestions"] == pairs[:1]

    cut = call("cut", "--classes", 4)
    (merged,) = cut["merged"]
    joined = [merged["into"], *merged["classes"]]
    assert sorted(joined) == sorted(pairs[0]["first"] + pairs[0]["second"])
    assert rows().keys() == set(range(1, 7)) - set(merged["classes"])
    call("undo")
    assert call("cut", "--height", pairs[0]["height"])["merged"] == [merged]
    call("undo")
    assert call("cut", "--classes", 2)["edit"] == "Merge alike classes, 3 are left"
    assert {row["name"] for row in rows().values()} == {"Sand", "Rock", "class 6"}
    assert rows()[6]["clusters"] == [5]
    assert call("suggest")["suggestions"] == []
    assert call("suggest", as_json=False) == "There are no classes left to merge.\n"


def test_suggestions_and_cuts_for_people_name_the_classes(call):
    (pair,) = call("suggest", "--limit", 1)["suggestions"]
    lines = call("suggest", as_json=False).splitlines()
    assert lines[0].split() == ["left", "similarity", "classes"]
    assert lines[1].split()[:2] == ["5", f"{pair['similarity']:.3f}"]
    (first,), (second,) = pair["first"], pair["second"]
    assert lines[1].endswith(f"class {first} ({first}) + class {second} ({second})")
    lines = call("cut", "--classes", 5, as_json=False).splitlines()
    assert lines[0] == "Merge alike classes, 5 are left."
    (line,) = lines[1:]
    assert line in {
        f"  into class {a} ({a}): class {b} ({b})" for a, b in [(first, second), (second, first)]
    }


def test_a_cut_that_cannot_be_made_says_why_and_changes_nothing(call, rows):
    call("rename", 1, "Sand")
    call("rename", 2, "Rock")
    before = rows()
    for words, reason in [
        ((), "either --classes N or --height H"),
        (("--classes", 3, "--height", 0.1), "either --classes N or --height H"),
        (("--classes", 1), "named stay apart"),
        (("--classes", 9), "into 2 to 6"),
        (("--classes", 6), "joins no classes"),
        (("--height", 0), "joins no classes"),
    ]:
        assert reason in call("cut", *words, succeeds=False)["error"], words
    assert rows() == before
    assert call("history")["edits"] == 2


def test_only_the_formats_asked_for_are_exported(project, tmp_path):
    def export(*words, succeeds=True):
        arguments = ["export", "--project", str(project), "--out", str(tmp_path / "out"), "--json"]
        done = CliRunner().invoke(app, [*arguments, *words])
        assert done.exit_code == (0 if succeeds else 1), done.output
        return json.loads(done.stdout)

    def there():
        return {path.name for path in (tmp_path / "out").iterdir()}

    assert "not jpg, svg" in export("--formats", "png,svg,jpg", succeeds=False)["error"]
    assert not (tmp_path / "out").exists()
    assert export("--formats", "")["exported"] == 4
    assert there() == {"classes.csv"}
    export("--formats", "tiff, overlays")
    assert there() == {"classes.csv", "masks_tiff", "overlays"}
    values = export("--formats", "panoptic,png")
    assert len(values["stale"]) == 8
    everything = {"classes.csv", "masks_tiff", "overlays", "masks", "panoptic", "panoptic.json"}
    assert there() == everything
    assert export()["stale"] == []


# A dozen starts of the program, each of which loads all that it may need.
@pytest.mark.timeout(900)
def test_from_photographs_to_named_and_exported_classes(stego, photographs, tmp_path):
    folder, out = tmp_path / "reef.stego", tmp_path / "out"

    def classes(command, *words):
        return stego.json("classes", command, "-p", folder, *words)

    def label_images():
        project = Project.open(folder, writable=False)
        segmentation = Segmentation(project)
        return segmentation.table, {
            image.name.removesuffix(".png"): segmentation.label_image(image)
            for image in project.corpus.images
        }

    made = stego.json(
        *stego.small(photographs(tmp_path / "images", 3), folder),
        *("-k", 8, "--layer", "final", "--formats", "png"),
    )
    assert {path.name for path in (folder / "export").iterdir()} == {"classes.csv", "masks"}
    table, before = label_images()
    assert len(table.rows) == made["clusters"] == 8
    merged = classes("cut", "--classes", 6)["merged"]
    gone = [each for group in merged for each in group["classes"]]
    first, second, third, *_ = [row.id for row in table.rows if row.id not in gone]
    classes("merge", first, second)
    _, labelled = label_images()
    largest = int(np.bincount(np.concatenate([*labelled.values()]).ravel()).argmax())
    parts = classes("split", largest, "--into", 2, "--names", "Gravel")["parts"]
    classes("rename", third, "Größe 鱼")
    classes("assign", "Gravel", "--labels", REEF_LABELS, "--label", "turf")
    told = stego.run(
        *("classes", "assign", "-p", folder, first, "--labels", CATAMI_LAYOUT),
        *("--label", "Sponges > Crusts > Encrusting"),
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("Label a class “Encrusting”.\n  new: ")
    assert "not taken as it stands in 1 place:\n  Line 1: " in told.stderr
    history = classes("history")
    assert (history["position"], history["edits"]) == (6, 6)
    table, after = label_images()

    assert classes("undo", 6)["position"] == 0
    for name, expected in before.items():
        with Image.open(folder / "export" / "masks" / f"{name}.png") as mask:
            np.testing.assert_array_equal(mask, expected)
        np.testing.assert_array_equal(label_images()[1][name], expected)
    assert classes("redo", 6)["position"] == 6
    assert stego.json("export", "--project", folder, "--out", out)["exported"] == 3

    # What other programs read says the same as the project, in each format.
    pixels = np.bincount(np.concatenate([*after.values()]).ravel(), minlength=table.next_id)
    with (out / "classes.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {int(row["id"]): row for row in csv.DictReader(file)}
    assert {i: row["name"] for i, row in rows.items()} == {r.id: r.name for r in table.rows}
    assert [int(row["pixels"]) for row in rows.values()] == [int(pixels[i]) for i in rows]
    turf, crusts = rows[parts[1]["id"]], rows[first]
    found = [turf[column] for column in ("name", "code", "colour", "parent")]
    assert found == ["Turf algae", "MA-T", "#5fc79f", "Macroalgae"]
    assert int(turf["pixels"]) > 0
    found = [crusts[column] for column in ("name", "code", "parent")]
    assert found == ["Encrusting", "00000008", "Crusts"]
    assert rows[int(crusts["parent_id"])]["parent"] == "Sponges"
    assert rows[third]["name"] == "Größe 鱼"
    panoptic = json.loads((out / "panoptic.json").read_text())
    assert {each["id"]: each["name"] for each in panoptic["categories"]} == {
        i: row["name"] for i, row in rows.items()
    }
    areas = dict.fromkeys(rows, 0)
    assert len(panoptic["annotations"]) == 3
    for annotation in panoptic["annotations"]:
        name = annotation["file_name"].removesuffix(".png")
        for segment in annotation["segments_info"]:
            areas[segment["category_id"]] += segment["area"]
        expected = after[name]
        with Image.open(out / "masks" / f"{name}.png") as mask:
            np.testing.assert_array_equal(mask, expected)
        np.testing.assert_array_equal(tifffile.imread(out / "masks_tiff" / f"{name}.tif"), expected)
        with Image.open(out / "panoptic" / f"{name}.png") as png:
            colours = np.asarray(png).astype(int)
        np.testing.assert_array_equal(colours @ [1, 256, 65536], expected)
    assert areas == {i: int(row["pixels"]) for i, row in rows.items()}
