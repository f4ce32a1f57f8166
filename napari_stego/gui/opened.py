"""A project with everything that is read from it, at once and in a thread."""

from __future__ import annotations

from dataclasses import dataclass

from napari_stego.corpus import Corpus
from napari_stego.errors import StegoError
from napari_stego.project import (
    Encodings,
    KeptRun,
    Project,
    Segmentation,
    list_runs,
    remembered_verdict,
)
from napari_stego.selection import Verdict
from napari_stego.stego import StegoRun, load_run


@dataclass(frozen=True)
class Opened:
    """A project with everything that is read from it.

    Attributes
    ----------
    project : Project
        The project.
    corpus : Corpus
        Its images.
    encodings : Encodings or None
        Codes and features, if any were extracted.
    segmentation : Segmentation or None
        Clusters and classes, if there are any.
    problem : StegoError or None
        Why results of the project could not be read.
    run : StegoRun or None
        The run behind the clusters; for clusters of features, and while there
        are none, the run trained last.
    judgeable : bool
        Whether that run is the one trained last, so that it can be judged.
    verdict : Verdict or None
        What was found of it, if it was judged.
    runs : tuple of KeptRun
        All runs on the project's features, the newest first.
    """

    project: Project
    corpus: Corpus
    encodings: Encodings | None
    segmentation: Segmentation | None
    problem: StegoError | None = None
    run: StegoRun | None = None
    judgeable: bool = False
    verdict: Verdict | None = None
    runs: tuple[KeptRun, ...] = ()

    @classmethod
    def read(cls, project: Project) -> Opened:
        """Read a project; takes a moment.

        Parameters
        ----------
        project : Project
            A project with images.

        Returns
        -------
        Opened
            What it holds.

        Raises
        ------
        StegoError
            If it has no images.
        """
        state = project.state
        segmentation = encodings = problem = run = None
        judgeable = False
        try:
            if state.result is not None:
                segmentation = Segmentation(project)
                encodings = segmentation.encodings
            elif state.features is not None:
                encodings = Encodings(project)
            run = encodings.run if encodings is not None else None
            if run is None and state.run is not None:
                run = load_run(project.run_path)[0]
            judgeable = state.run is not None and (
                state.result is None or state.result.run in (None, state.run)
            )
        except StegoError as error:
            # The photographs can be opened, and the damaged result be made anew.
            problem = error
        verdict = _remembered_verdict(project) if judgeable else None
        return cls(
            project,
            project.corpus,
            encodings,
            segmentation,
            problem,
            run,
            judgeable,
            verdict,
            list_runs(project),
        )


def _remembered_verdict(project: Project) -> Verdict | None:
    """Read the verdict on the latest run if there is one; a project opens without computing it."""
    run = project.state.run
    try:
        return remembered_verdict(project, run) if run is not None else None
    except StegoError:
        return None
