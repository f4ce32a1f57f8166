from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from napari_stego.classes import MergeClasses, PaintStroke, RenameClass, encode_runs
from napari_stego.errors import StegoError
from napari_stego.project import Project, ProjectError, Segmentation, open_photographs
from napari_stego.project.project_file import MAX_BYTES
from napari_stego.project.schemas import SCHEMA_FOLDER, schemas
from napari_stego.project.state import ProjectState


@pytest.fixture
def project(tmp_path, photographs) -> Project:
    return open_photographs(tmp_path / "reef.stego", photographs(tmp_path / "images", 2))


def make_old(project: Project) -> bytes:
    """Write the project as the version before did."""
    path = project.folder / "project.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    values |= {"format": 1, "root": values.pop("root_absolute")}
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False), encoding="utf-8")
    return path.read_bytes()


def test_the_schemas_in_the_package_are_those_of_the_models():
    assert {path.name for path in SCHEMA_FOLDER.iterdir()} == set(schemas())
    for name, schema in schemas().items():
        written = json.loads((SCHEMA_FOLDER / name).read_text(encoding="utf-8"))
        assert written == schema, "run `python -m napari_stego.project.schemas`"
        jsonschema.Draft202012Validator.check_schema(written)


def test_what_is_written_fits_the_schemas(tmp_path, clustered):
    project = clustered(tmp_path)
    image = project.corpus.images[0]
    history = Segmentation(project).history
    history.do(RenameClass(id=1, name="Größe 鱼"))
    history.do(MergeClasses(ids=(2, 3), into=2))
    shape = (image.height, image.width)
    runs = encode_runs(np.arange(5))
    history.do(PaintStroke(image=image.content_hash, shape=shape, runs=runs, class_id=1))
    history.undo()
    history.jump(1)
    whole = json.loads((project.folder / "project.json").read_text(encoding="utf-8"))
    validate(whole, "project.schema.json")
    log = project.clusters_file(project.result.clusters).with_name("edits.jsonl")
    lines = log.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 6
    for line in lines:
        validate(json.loads(line), "edits.schema.json")
    with pytest.raises(jsonschema.ValidationError):
        validate(whole | {"run": "../x"}, "project.schema.json")
    with pytest.raises(jsonschema.ValidationError):
        validate({"n": 0, "crc": "0" * 8, "act": {"kind": "none"}}, "edits.schema.json")


def validate(values: object, name: str) -> None:
    jsonschema.validate(values, json.loads((SCHEMA_FOLDER / name).read_text(encoding="utf-8")))


def test_the_format_page_names_every_field_and_file():
    page = (Path(__file__).parents[2] / "docs" / "format.md").read_text(encoding="utf-8")
    for field in ProjectState.model_fields:
        assert f"`{field}`" in page
    for name in ("writer.lock", "writer.json", "edits.jsonl", "clusters.safetensors", *schemas()):
        assert name.removesuffix(".schema.json") in page


def test_an_older_project_is_brought_up_to_date_with_a_backup(project):
    state = project.state
    project.close()
    content = make_old(project)
    project = Project.open(project.folder)
    assert project.state == state
    assert project.corpus.images[0].read().shape == (64, 96, 3)
    backup = project.folder / "project.json.v1.bak"
    assert backup.read_bytes() == content
    written = json.loads((project.folder / "project.json").read_text(encoding="utf-8"))
    assert (written["format"], written["root"]) == (2, "../images")
    make_old(project)
    Project.open(project.folder)
    assert backup.read_bytes() == content
    assert (project.folder / "project.json.v1.2.bak").exists()


def test_an_older_project_that_is_only_read_stays_as_it_is(project):
    state = project.state
    project.close()
    content = make_old(project)
    assert Project.open(project.folder, writable=False).state == state
    assert (project.folder / "project.json").read_bytes() == content
    assert not [*project.folder.glob("*.bak")]


@pytest.mark.parametrize("format_", [0, -1, 3, 10**30, True, 2.0, "2", None, [2]])
def test_other_formats_are_refused_and_left_alone(project, format_):
    path = project.folder / "project.json"
    values = json.loads(path.read_text(encoding="utf-8")) | {"format": format_}
    path.write_text(json.dumps(values), encoding="utf-8")
    content = path.read_bytes()
    with pytest.raises(ProjectError, match=r"has the format .* formats 1 to 2\. Update"):
        Project.open(project.folder)
    with pytest.raises(ProjectError, match="has the format"):
        project.update(run=None)
    assert path.read_bytes() == content
    assert not [*project.folder.glob("*.bak")]


def test_a_backup_that_cannot_be_written_leaves_the_older_project(project, monkeypatch):
    project.close()
    content = make_old(project)

    def refuse(*_: object) -> None:
        raise StegoError("Cannot write it.")

    monkeypatch.setattr("napari_stego.project.project.back_up", refuse)
    with pytest.raises(StegoError, match="Cannot write"):
        Project.open(project.folder)
    assert (project.folder / "project.json").read_bytes() == content


def test_a_project_never_grows_beyond_what_can_be_read(project, monkeypatch):
    content = (project.folder / "project.json").read_bytes()
    monkeypatch.setattr("napari_stego.project.project_file.MAX_BYTES", len(content) + 5)
    with pytest.raises(StegoError, match="too many for one project"):
        project.update(run="0" * 16)
    monkeypatch.undo()
    assert (project.folder / "project.json").read_bytes() == content
    assert Project.open(project.folder).state == project.state


def test_a_hundred_thousand_photographs_fit(project):
    record = project.state.images[0]
    images = tuple(
        record.model_copy(update={"name": f"dive {i // 1000}/{i:06d} {'ü' * 40}.jpg"})
        for i in range(100_000)
    )
    project.update(images=images)
    assert (project.folder / "project.json").stat().st_size < MAX_BYTES
    assert Project.open(project.folder).state.images == images
