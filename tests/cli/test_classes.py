"""The commands on classes, on a project that `run` made."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from napari_stego.cli.app import app
from napari_stego.project import Project, Segmentation

CLUSTERS = 6


@pytest.fixture(scope="module")
def made(stego, photographs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    stego.json(
        *stego.small(photographs(folder / "images", 4), folder / "reef.stego"), "-k", CLUSTERS
    )
    return folder / "reef.stego"


@pytest.fixture
def project(made, tmp_path):
    """A copy of the project without any edit."""
    return shutil.copytree(made, tmp_path / "reef.stego")


@pytest.fixture
def call(project):
    """Run a command on the project, by default as JSON."""

    def run(command, *args, succeeds=True, as_json=True):
        words = ["classes", command, str(project), *map(str, args)]
        done = CliRunner().invoke(app, [*words, "--json"] if as_json else words)
        assert done.exit_code == (0 if succeeds else 1), done.output
        return json.loads(done.stdout) if as_json else done.stdout

    return run


@pytest.fixture
def rows(call):
    return lambda: {row["id"]: row for row in call("list")["classes"]}


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
    assert runner.invoke(app, ["classes", "lock", str(project), "1"]).exit_code == 0
    done = runner.invoke(app, ["classes", "history", str(project)])
    assert done.exit_code == 0
    assert "Lock \\u201cclass 1\\u201d" in done.stdout


def test_while_another_program_has_the_project_classes_are_listed_but_not_changed(stego, project):
    with_lock = Project.open(project)
    assert len(stego.json("classes", "list", project)["classes"]) == CLUSTERS
    refused = stego.run("classes", "rename", project, 1, "x")
    assert refused.returncode == 1
    assert "open elsewhere" in refused.stderr
    with_lock.close()
    assert stego.json("classes", "merge", project, 1, 2)["classes"] == CLUSTERS - 1
