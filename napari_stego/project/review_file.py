"""What was reviewed in a project, kept in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field

from napari_stego.errors import StegoError
from napari_stego.files import replacing
from napari_stego.project.project import Project
from napari_stego.project.side_files import read_side_file
from napari_stego.project.state import MAX_IMAGES, Sha256
from napari_stego.untrusted import MAX_JSON_VALUES

REVIEW_FILE = "review.json"
"""Name of the file."""

ReviewState = Literal["accepted", "fixed", "skipped"]
"""What came of an image: its labels were right, were put right, or it was passed over."""

_REMEDY = "review again."
_MAX_BYTES = 2**26


class ReviewRecord(BaseModel):
    """What came of the review of an image.

    Attributes
    ----------
    image : str
        Its content hash.
    state : "accepted", "fixed" or "skipped"
        What came of it.
    right : float
        Share of its pixels, in ``[0, 1]``, whose class the user left as the
        machine had made it.
    drawn : bool
        Whether it was its turn by chance, and not as one of the least certain.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: Sha256
    state: ReviewState
    right: float = Field(ge=0, le=1, allow_inf_nan=False)
    drawn: Annotated[bool, Field(strict=True)]


class _ReviewFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    records: Annotated[tuple[ReviewRecord, ...], FailFast(), Field(max_length=MAX_IMAGES)]


def read_review(project: Project) -> dict[str, ReviewRecord]:
    """Read what was reviewed.

    Parameters
    ----------
    project : Project
        The project.

    Returns
    -------
    dict
        Records by content hash, in the order of the review; without images
        that are not in the project any more. Empty if nothing was reviewed.

    Raises
    ------
    ProjectError
        If the file is damaged, or was written by a newer version.
    """
    content = read_side_file(project, REVIEW_FILE, _ReviewFile, _MAX_BYTES, _REMEDY)
    if content is None:
        return {}
    known = {image.content_hash for image in project.state.images}
    return {record.image: record for record in content.records if record.image in known}


def left_out_text(count: int) -> str:
    """Say how many photographs were left as they are, since they were reviewed.

    Parameters
    ----------
    count : int
        Photographs.

    Returns
    -------
    str
        A sentence after a space; empty if there are none.
    """
    if not count:
        return ""
    several = count != 1
    return (
        f" {count:,} photograph{'s' * several} that {'were' if several else 'was'} reviewed as "
        f"right {'stay as they are' if several else 'stays as it is'}."
    )


def reviewed_as_right(project: Project) -> frozenset[str]:
    """Find the photographs whose labels a review found right, or put right.

    Parameters
    ----------
    project : Project
        The project.

    Returns
    -------
    frozenset of str
        Content hashes; without photographs that were passed over.

    Raises
    ------
    ProjectError
        If the file is damaged, or was written by a newer version.
    """
    return frozenset(h for h, r in read_review(project).items() if r.state != "skipped")


def write_review(project: Project, records: Mapping[str, ReviewRecord]) -> None:
    """Keep what was reviewed, in the place of what was kept before.

    Parameters
    ----------
    project : Project
        The project.
    records : mapping of str to ReviewRecord
        By content hash, in order.

    Raises
    ------
    ReadOnlyError
        If the project can only be read.
    StegoError
        If it cannot be written.
    """
    project.check_writable()
    content = _ReviewFile.model_construct(records=tuple(records.values())).model_dump_json()
    if len(content) > _MAX_BYTES or content.count(",") > MAX_JSON_VALUES:
        raise StegoError("The review is too long to be kept in one file.")
    with replacing(project.inside(REVIEW_FILE)) as temporary:
        temporary.write_text(content, encoding="utf-8")
