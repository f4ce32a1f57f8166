"""Reading lists of labels in every layout, and what is wrong in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_stego.labelsets import (
    Ancestor,
    Label,
    LabelSet,
    LabelSetError,
    load_label_set,
    read_label_set,
    save_label_set,
)

SAMPLES = Path(__file__).parents[2] / "sample_data" / "labels"
DATA = Path(__file__).parent / "data"


@pytest.fixture
def read(tmp_path):
    def read(content: str | bytes) -> LabelSet:
        path = tmp_path / "list"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_label_set(path)

    return read


def test_catami_names_are_split_into_levels_with_codes():
    found = read_label_set(DATA / "catami_layout.csv")
    assert found.source == "CATAMI: catami_layout.csv"
    assert found.labels[2] == Label(
        "Stony corals",
        "00000003",
        None,
        (Ancestor("Cnidaria", "00000001"), Ancestor("Corals", "00000002")),
        ("CNCS",),
    )
    assert [problem.line for problem in found.problems] == [1]


def test_catami_parents_by_id(read):
    found = read("SPECIES_CODE,CATAMI_DISPLAY_NAME,CATAMI_PARENT_ID\n01,Corals,\n02,Black,01\n")
    assert found.labels[1] == Label("Black", "02", None, (Ancestor("Corals", "01"),))


def test_coralnet_labelset_and_full_list(read):
    assert read("Label ID,Short Code\n82,Sand\n").labels == (
        Label("Sand", "Sand", aliases=("82",)),
    )
    found = read("Name,Short Code,Functional Group\nAcropora,Acro,Hard coral\n")
    assert found.source.startswith("CoralNet")
    assert found.labels == (Label("Acropora", "Acro", None, (Ancestor("Hard coral"),)),)


def test_biigle_csv_and_json_agree(read):
    table = read(
        "id,name,parent_id,color,label_tree_id,source_id\n7,Animal,,0099ff,1,\n9,Fish,7,ff0000,1,\n"
    )
    tree = [
        {"id": 7, "name": "Animal", "parent_id": None, "color": "0099ff"},
        {"id": 9, "name": "Fish", "parent_id": 7, "color": "ff0000"},
    ]
    assert table.source.startswith("BIIGLE") and table.problems == ()
    assert table.labels[1] == Label("Fish", "9", "#ff0000", (Ancestor("Animal", "7"),))
    assert read(json.dumps({"id": 1, "name": "tree", "labels": tree})).labels == table.labels


@pytest.mark.parametrize("legacy", [False, True])
def test_taglab(read, legacy):
    entry = {"id": "Pocillopora", "name": "Pocillopora", "fill": [255, 0, 16], "visible": True}
    labels = {"Pocillopora": entry} if legacy else {"Name": "x", "Labels": [entry]}
    found = read(json.dumps(labels))
    assert found.source.startswith("TagLab") and found.problems == ()
    assert found.labels == (Label("Pocillopora", "Pocillopora", "#ff0010"),)


def test_what_spreadsheets_write_and_would_run(read):
    assert read("name,code\nSeegras 鱼,7\n".encode("utf-16")).labels == (Label("Seegras 鱼", "7"),)
    found = read("name,code\n=1+1,A\nSand,@SUM\nRock,R\n")
    assert [label.name for label in found.labels] == ["Rock"]
    assert [problem.line for problem in found.problems] == [2, 3]
    (problem,) = read("species,abundance\nAcropora,3\nPorites,12\n").problems
    assert problem.line == 1 and "no column “name”" in problem.text


def test_long_gaps_between_levels_do_not_hold_up_the_window(read):
    gap = " " * 60_000
    rows = "".join(f"{n},Corals{gap}Hard > Tables{gap}: Flat\n" for n in range(40))
    found = read("SPECIES_CODE,CATAMI_DISPLAY_NAME\n" + rows)
    assert {label.name for label in found.labels} == {"Flat"}


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("header", [True, False])
def test_plain_tables(read, mark, header):
    rows = [["name", "colour", "code", "parent"]] * header
    rows += [["Sea grass", "#0a0", "SG", ""], ["Zostera", "", "ZO", "SG"]]
    found = read("\ufeff" + "\r\n".join(mark.join(row) for row in rows))
    assert found.problems == ()
    assert found.labels == (
        Label("Sea grass", "SG", "#00aa00"),
        Label("Zostera", "ZO", None, (Ancestor("Sea grass", "SG"),)),
    )


def test_one_name_a_line_in_latin_1(read):
    assert read("Récif\nSable\n".encode("latin-1")).labels == (Label("Récif"), Label("Sable"))


@pytest.mark.parametrize(
    ("row", "words", "kept"),
    [
        (",C2,,", "name is empty", False),
        ("x" * 201 + ",C2,,", "longer than 200", False),
        ("Mud," + "c" * 101 + ",,", "code is longer", False),
        ("Sand,C2,,", "name 'Sand' is there already", False),
        ("Mud,C1,,", "code 'C1' is there already", False),
        ("Mud,C2,brown,", "no colour", True),
        ("Mud,C2,300;0;0,", "no colour", True),
        ("Mud,C2,,C9", "no parent 'C9'", True),
        ("Mud,C2,,C2", "under itself", True),
        ("Mud,C2,,,more", "5 cells under 4", False),
        ('"Mud"x,C2,,', "cannot be read", False),
        ("M\x01ud,C2,,", "control characters", False),
    ],
)
def test_bad_rows_are_reported_by_line(read, row, words, kept):
    found = read(f"name,code,colour,parent\nSand,C1,,\n{row}\nRock,C3,,C1\n")
    assert [problem.line for problem in found.problems] == [3]
    assert words in found.problems[0].text
    assert [label.code for label in found.labels] == ["C1", *["C2"] * kept, "C3"]
    assert all(label.path == () for label in found.labels if label.code == "C2")


def test_unknown_columns_and_cycles(read):
    found = read("name,depth,parent\nA,3,B\nB,4,C\nC,5,A\n")
    assert "'depth'" in found.problems[0].text and found.problems[0].line == 1
    assert "under itself" in found.problems[1].text and len(found.problems) == 2
    assert sorted(len(label.path) for label in found.labels) == [0, 1, 2]


def test_deep_hierarchies_are_cut(read):
    rows = "".join(f"n{i},{f'n{i - 1}' if i else ''}\n" for i in range(5000))
    found = read("name,parent\n" + rows)
    assert len(found.labels) == 5000 and found.problems
    assert max(len(label.path) for label in found.labels) == 20


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"name,code\n",
        b"[" * 100_000,
        b'{"Labels": 3}',
        b"{broken",
        b"[1" + b",1" * 600_000 + b"]",
    ],
)
def test_files_without_labels_are_refused(read, content):
    with pytest.raises(LabelSetError, match="list"):
        read(content)


def test_links_and_large_files_are_refused(tmp_path):
    (tmp_path / "link").symlink_to(SAMPLES / "reef.csv")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**25 + 1)
    for name in ("link", "large", "missing"):
        with pytest.raises(LabelSetError, match="Choose another file"):
            read_label_set(tmp_path / name)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(
        st.lists(
            st.sampled_from(["a", "b", "c", "", "#ff0000", "é;", '"', "\x00", "name"]), max_size=5
        )
    )
)
def test_any_table_is_read_or_refused_and_comes_back(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("any")
    (folder / "list.csv").write_text("\n".join(",".join(row) for row in rows))
    try:
        found = read_label_set(folder / "list.csv")
    except LabelSetError:
        return
    save_label_set(folder, found)
    assert load_label_set(folder) == found


def test_a_folder_without_or_with_a_bad_file(tmp_path):
    assert load_label_set(tmp_path) is None
    for content in ("[]", '{"source": "", "labels": [{"name": ""}]}', "[" * 10_000):
        (tmp_path / "labels.json").write_text(content)
        with pytest.raises(LabelSetError, match="load the list again"):
            load_label_set(tmp_path)
    (tmp_path / "labels.json").unlink()
    (tmp_path / "labels.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LabelSetError, match="link"):
        save_label_set(tmp_path, LabelSet("", (Label("a"),)))
    with pytest.raises(LabelSetError, match="link"):
        load_label_set(tmp_path)
