from __future__ import annotations

import json
import os

import pytest

from napari_stego.correspondence import Prompt
from napari_stego.errors import StegoError
from napari_stego.project import Project, ProjectError, ReadOnlyError, open_photographs
from napari_stego.project.prompts_file import read_prompts, write_prompts


@pytest.fixture
def project(tmp_path, photographs) -> Project:
    return open_photographs(tmp_path / "reef.stego", photographs(tmp_path / "images", 2))


def prompts_of(project: Project) -> tuple[Prompt, ...]:
    first, second = (image.content_hash for image in project.corpus.images)
    return (
        Prompt.point(first, 3, 4.25),
        Prompt.point(second, 5, 6, positive=False),
        Prompt.rectangle(second, (1, 2), (30.5, 40)),
        Prompt(image=first, vertices=((1, 1), (1, 9), (9, 9))),
    )


def test_prompts_come_back_as_they_were(project):
    assert read_prompts(project) == ()
    write_prompts(project, prompts_of(project))
    assert read_prompts(Project.open(project.folder)) == prompts_of(project)
    write_prompts(project, ())
    assert read_prompts(project) == ()


def test_prompts_on_photographs_that_are_gone_are_left_out(project):
    stranger = Prompt.point("c" * 64, 1, 1)
    write_prompts(project, (stranger, *prompts_of(project)))
    assert read_prompts(project) == prompts_of(project)


def test_who_can_only_read_cannot_write(project):
    reader = Project.open(project.folder, writable=False)
    with pytest.raises(ReadOnlyError):
        write_prompts(reader, prompts_of(project))
    assert read_prompts(reader) == ()


def test_too_much_is_not_written(project):
    write_prompts(project, prompts_of(project))
    image = project.corpus.images[0].content_hash
    lasso = Prompt(image=image, vertices=tuple((1.5, float(k)) for k in range(10_000)))
    for many in ([Prompt.point(image, 1, 1)] * 10_001, [lasso] * 200):
        with pytest.raises(StegoError, match="too many to be kept"):
            write_prompts(project, many)
    assert read_prompts(project) == prompts_of(project)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 100,
        b"[" * 100_000,
        b'{"format": 1}',
        b'{"format": 1, "prompts": [], "more": 1}',
        b'{"format": 0, "prompts": []}',
        b'{"format": true, "prompts": []}',
        b'{"prompts": []}',
        b'{"format": 1, "prompts": [{"image": "../x", "vertices": [[1, 2]]}]}',
        b'{"format": 1, "prompts": [{"image": "' + b"a" * 64 + b'", "vertices": [[NaN, 2]]}]}',
        b'{"format": 1, "prompts": [{"image": "' + b"a" * 64 + b'", "vertices": [[1e300, 2]]}]}',
        b'{"format": 1, "prompts": [' + b"1," * 3_000_000 + b"1]}",
        b'{"format": 1, "prompts": [' + b"{}," * 500_000 + b"{}]}",
        b'{"format": 1, "prompts": "' + b"x" * 2**25 + b'"}',
    ],
)
def test_impossible_files_are_refused(project, content):
    (project.folder / "prompts.json").write_bytes(content)
    with pytest.raises(ProjectError, match=r"prompts\.json is damaged or cannot be read: .*Move"):
        read_prompts(project)


def test_a_newer_format_is_told(project):
    path = project.folder / "prompts.json"
    path.write_text(json.dumps({"format": 2, "prompts": []}))
    with pytest.raises(ProjectError, match="newer version"):
        read_prompts(project)


@pytest.mark.skipif(os.name != "posix", reason="links and pipes are made otherwise")
def test_links_and_pipes_are_refused(project, tmp_path):
    path = project.folder / "prompts.json"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ProjectError, match="is a link"):
        read_prompts(project)
    with pytest.raises(ProjectError, match="is a link"):
        write_prompts(project, ())
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ProjectError, match="not a file"):
        read_prompts(project)
