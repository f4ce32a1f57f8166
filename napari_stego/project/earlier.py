"""Clusters of other runs and settings that are still in the project folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from napari_stego.clustering import ClusterSettings
from napari_stego.errors import StegoError
from napari_stego.project.clusters_file import MAX_CLUSTERS_BYTES
from napari_stego.project.project import Project, result_key
from napari_stego.project.segmentation import Segmentation
from napari_stego.project.state import FeaturesRecord, ResultRecord
from napari_stego.untrusted import check_file, is_link

_KEY_DIGITS = frozenset("0123456789abcdef")


@dataclass(frozen=True, eq=False)
class EarlierResult:
    """Clusters that are not in use.

    Attributes
    ----------
    record : ResultRecord
        What they were made from.
    segmentation : Segmentation
        Labels images with them, and with their classes; it only reads.
    """

    record: ResultRecord
    segmentation: Segmentation

    @property
    def title(self) -> str:
        """What they are, for the user: ``8 clusters of codes (run 0a1b2c)``."""
        settings, run = self.record.settings, self.record.run
        of_run = f" (run {run[:6]})" if run else ""
        return f"{settings.clusters} clusters of {settings.source}{of_run}, seed {settings.seed}"


def earlier_results(project: Project) -> list[EarlierResult]:
    """Find the clusters of a project that are not in use.

    Clusters do not say what they were made from, but their key is a hash of
    it: those are found whose key is that of the photographs as they are now,
    features of the project and one of its runs.

    Parameters
    ----------
    project : Project
        The project.

    Returns
    -------
    list of EarlierResult
        The latest first. What cannot be read is left out.

    Raises
    ------
    ProjectError
        If a link is in the place of a folder.
    """
    found = []
    for record in _records(project):
        if record != project.state.result:
            state = project.state.model_copy(update={"result": record})
            view = Project(project.folder, state, "Clusters that are not in use are only read.")
            try:
                found.append(EarlierResult(record, Segmentation(view)))
            except StegoError:
                continue
    return found


def _records(project: Project) -> Iterator[ResultRecord]:
    state = project.state
    unreadable = {skipped.name for skipped in state.skipped}
    hashes = list(
        dict.fromkeys(image.content_hash for image in state.images if image.name not in unreadable)
    )
    features: list[FeaturesRecord] = []
    for record in (state.features, state.result.features if state.result else None):
        if record is not None and record not in features:
            features.append(record)
    runs = [path.stem for path in _inside(project.inside("runs")) if path.suffix == ".safetensors"]
    for folder in _inside(project.inside("clusters")):
        settings = _settings(project.clusters_file(folder.name))
        if settings is None:
            continue
        for record in features:
            for run in runs if settings.source == "codes" else [None]:
                if folder.name == result_key(record.key, hashes, run, settings.model_dump()):
                    yield ResultRecord(
                        clusters=folder.name, features=record, run=run, settings=settings
                    )


def _inside(folder: Path) -> list[Path]:
    """List what has a key for a name, the latest first."""
    if not folder.is_dir():
        return []
    named = [
        path
        for path in folder.iterdir()
        if len(path.stem) == 16 and _KEY_DIGITS.issuperset(path.stem) and not is_link(path)
    ]
    return sorted(named, key=lambda path: path.lstat().st_mtime_ns, reverse=True)


def _settings(path: Path) -> ClusterSettings | None:
    try:
        check_file(path, MAX_CLUSTERS_BYTES)
        with safe_open(path, "np") as file:
            metadata = file.metadata() or {}
        return ClusterSettings.model_validate_json(metadata.get("settings", ""))
    except (OSError, SafetensorError, ValidationError, ValueError):
        return None
