from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_stego.correspondence import Prompt
from napari_stego.project import Project
from napari_stego.project.prompts_file import write_prompts


@pytest.fixture(scope="module")
def reef(tmp_path_factory, stego, photographs) -> Path:
    """A project that the command line has made."""
    folder = tmp_path_factory.mktemp("exploring")
    images = photographs(folder / "images", 4)
    stego.json(*stego.small(images, folder / "reef.stego"), "--formats", "")
    return folder / "reef.stego"


def at(reef, name="frame001.png", *places):
    arguments = ["--project", reef, "--image", name]
    return [*arguments, *(part for place in places for part in ("--at", place))]


def refused(stego, *arguments) -> str:
    done = stego.run(*arguments)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_inspect_writes_pictures_and_scores(stego, reef, tmp_path):
    found = stego.json(
        *("inspect", *at(reef, "frame001.png", "23.5,39.5"), "--neighbours", 2, "--out", tmp_path)
    )
    assert found["source"] == "codes"
    assert found["images"][0]["image"] == "frame001.png"
    assert len({each["image"] for each in found["images"]}) == 3
    assert found["images"][0]["score"] > 0.9
    assert [Path(each).name for each in found["pictures"]] == ["heatmap.png", "gallery.png"]
    for picture in found["pictures"]:
        pixels = np.asarray(Image.open(picture))
        assert pixels.shape[2] == 3
        assert pixels.std() > 10


def test_prompts_of_all_kinds_count(stego, reef):
    def scores(*more):
        found = stego.json("inspect", *at(reef, "frame001.png", "23.5,39.5"), *more)
        return [each["score"] for each in found["images"]]

    plain = scores("--with", "frame002.png")
    assert len(plain) == 2
    more = scores("--with", "frame002.png", "--at", "frame002.png:10,10,30,40")
    assert more[1] >= plain[1]
    less = scores("--not", "23.5,39.5")
    assert less[0] <= 0.01
    region = scores("--at", "5,5,5,40,30,40,30,5", "--centred", "--source", "features")
    assert -1 <= region[0] <= 1


def test_search_finds_ranked_places_of_all_photographs(stego, reef, tmp_path):
    found = stego.json(
        *("search", *at(reef, "frame001.png", "23.5,39.5"), "--top", 3, "--out", tmp_path / "hits")
    )
    assert found["searched"] == 4
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert len({hit["image"] for hit in found["hits"]}) == 3
    assert found["hits"][0]["image"] == "frame001.png"
    assert np.asarray(Image.open(found["pictures"][0])).std() > 10
    again = stego.json("search", *at(reef, "frame001.png", "23.5,39.5"), "--top", 3, "--exact")
    assert again["hits"] == found["hits"]
    several = stego.json(
        "search", *at(reef, "frame001.png", "23.5,39.5"), "--top", 9, "--per-image", 2
    )
    assert len(several["hits"]) > 4


def test_hits_are_given_to_a_class_and_taken_back(stego, reef):
    before = stego.json("classes", "history", "--project", reef)
    done = stego.json(
        *("search", *at(reef, "frame001.png", "23.5,39.5"), "--top", 4),
        *("--assign", "2", "--threshold", "0.5"),
    )
    assert "class 2" in done["changes"]["edit"]
    assert done["changes"]["edits"] == len(before["history"]) + 1
    stego.json("classes", "undo", "--project", reef)
    one = stego.json(
        "inspect", *at(reef, "frame001.png", "23.5,39.5"), "--assign", "3", "--threshold", "0.2"
    )
    assert "class 3" in one["changes"]["edit"]
    why = stego.json("why", *at(reef, "frame001.png", "24,40"))
    assert (why["class"], why["name"]) == (3, "class 3")
    assert why["painted"] == (why["cluster"]["class"] != 3)
    stego.json("classes", "undo", "--project", reef)
    nothing = stego.json(
        "search", *at(reef, "frame001.png", "23.5,39.5"), "--assign", "2", "--threshold", "1"
    )
    assert nothing["changes"]["edit"] is None


def test_why_names_clusters_examples_and_text_for_people(stego, reef):
    why = stego.json("why", *at(reef, "frame001.png", "24,40"), "--examples", 2)
    assert len(why["others"]) == 3
    assert why["margin"] == pytest.approx(why["cluster"]["cosine"] - why["others"][0]["cosine"])
    assert 1 <= len(why["typical"]) <= 2
    assert why["earlier"] == []
    done = stego.run("why", *at(reef, "frame001.png", "24,40"))
    assert done.returncode == 0
    assert f"“{why['name']}” ({why['class']})." in done.stdout
    assert "its cluster" in done.stdout


def test_prompts_that_are_kept_in_the_project_count(stego, reef):
    with_none = refused(stego, "inspect", *at(reef), "--kept")
    assert "Say what to look for" in with_none
    project = Project.open(reef)
    image = next(i for i in project.corpus.images if i.name == "frame002.png")
    write_prompts(project, [Prompt.point(image.content_hash, 10, 10)])
    project.close()
    kept = stego.json("inspect", *at(reef), "--kept")
    same = stego.json("inspect", *at(reef, "frame001.png", "frame002.png:10,10"))
    assert kept["images"] == same["images"]
    (reef / "prompts.json").unlink()


def test_what_is_wrong_is_said_with_what_to_do(stego, reef, tmp_path):
    assert "Did you mean “frame001.png”" in refused(
        stego, "inspect", *at(reef, "frame01.png", "1,1")
    )
    for place in ("1", "a,b", "1,2,3", "nan,1"):
        assert "can be looked for" in refused(stego, "search", *at(reef, "frame001.png", place))
    assert "outside of an image of 64 x 96" in refused(
        stego, "inspect", *at(reef, "frame001.png", "64,0")
    )
    assert "only negative prompts" in refused(stego, "search", *at(reef), "--not", "1,1")
    assert "no pixel" in refused(stego, "why", *at(reef, "frame001.png", "1,1,2,2"))
    assert "no class named" in refused(
        stego, "search", *at(reef, "frame001.png", "1,1"), "--assign", "coral"
    )
    among = reef.parent / "images" / "out"
    assert "among the photographs" in refused(
        stego, "inspect", *at(reef, "frame001.png", "1,1"), "--out", among
    )
    assert not among.exists()
