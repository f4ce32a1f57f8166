"""Training of the STEGO head on cached tokens."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import torch

from napari_stego.backbones.state_dicts import digest
from napari_stego.errors import StegoError
from napari_stego.features import TokenSet
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.stego.histograms import HISTOGRAM_EVERY, CorrespondenceHistograms
from napari_stego.stego.probes import TokenLabels
from napari_stego.stego.run import StegoRun, StepRecord
from napari_stego.stego.run_file import load_run, save_run
from napari_stego.stego.settings import StegoSettings
from napari_stego.stego.training import Saved, Training

_SAVE_EVERY = 100

StepObserver = Callable[[StepRecord], None]
HistogramObserver = Callable[[CorrespondenceHistograms], None]
RunObserver = Callable[[StegoRun], None]


def train_stego(
    tokens: TokenSet,
    settings: StegoSettings,
    *,
    checkpoint: Path | None = None,
    device: str = "cpu",
    start: StegoRun | None = None,
    labels: TokenLabels | None = None,
    on_step: StepObserver | None = None,
    on_histograms: HistogramObserver | None = None,
    on_look: RunObserver | None = None,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> StegoRun:
    """Train a STEGO head.

    Parameters
    ----------
    tokens : TokenSet
        Patch tokens of the corpus.
    settings : StegoSettings
        How to train.
    checkpoint : Path, optional
        File for the run. If it holds an unfinished run of the same settings
        and start, that is resumed and ends as if it had never stopped; a
        finished one is returned; any other is replaced. Written every 100
        steps, on cancel, and at the end.
    device : str
        Where to train.
    start : StegoRun, optional
        A run whose head is trained further, on tokens of the same backbone and
        layer, instead of one with random weights. Its probes are too, where
        the settings and labels ask for as many clusters and classes. It is not
        changed.
    labels : TokenLabels, optional
        Labels for a linear probe, which a benchmark wants; the head learns
        nothing from them.
    on_step : callable, optional
        Receives a `StepRecord` after each step.
    on_histograms : callable, optional
        Receives `CorrespondenceHistograms` after every 25th step and after the
        last.
    on_look : callable, optional
        Receives the run at the same times, its head in evaluation mode, to
        look at its codes; it must not change it.
    progress : ProgressCallback
        Called after each step.
    cancel : CancelToken, optional
        Obeyed between steps.

    Returns
    -------
    StegoRun
        The finished run, its head in evaluation mode.

    Raises
    ------
    CheckpointError
        If `checkpoint` exists and is not a run.
    StegoError
        If `checkpoint` cannot be written, `start` or `labels` do not fit, or
        the training diverges.
    Cancelled
        If `cancel` is set.

    References
    ----------
    Hamilton et al., "Unsupervised Semantic Segmentation by Distilling Feature
    Correspondences", ICLR 2022, Sec. 3.
    """
    first = None if start is None else _further(start, settings, tokens, labels)
    saved = _saved_run(checkpoint, settings, tokens, device, labels, first.start if first else "")
    if isinstance(saved, StegoRun):
        return saved
    training = Training(tokens, settings, device, saved or first, labels, progress, cancel)
    run = training.run
    try:
        while not run.finished:
            if cancel is not None:
                cancel.raise_if_cancelled()
            record = training.step()
            if on_step is not None:
                on_step(record)
            histograms = run.histograms
            if on_histograms is not None and histograms and histograms.step == record.step:
                on_histograms(histograms)
            if on_look is not None and (run.finished or run.steps_done % HISTOGRAM_EVERY == 0):
                training.look(on_look)
            progress(run.steps_done, settings.steps, "training")
            if checkpoint is not None and run.steps_done % _SAVE_EVERY == 0 and not run.finished:
                training.save(checkpoint)
    except Exception:
        # Not on KeyboardInterrupt, which may come between the two halves of a step.
        if checkpoint is not None and run.steps_done:
            training.save(checkpoint)
        raise
    finally:
        training.close()
    if checkpoint is not None:
        save_run(checkpoint, run)
    return run


def _further(
    start: StegoRun, settings: StegoSettings, tokens: TokenSet, labels: TokenLabels | None
) -> StegoRun:
    """Make a run without steps from the head and probes of another."""
    if (start.head.n_channels, start.head.dim) != (tokens.n_channels, settings.dim):
        raise StegoError(
            f"The run to start from makes codes of {start.head.dim} numbers from features of "
            f"{start.head.n_channels}; here codes of {settings.dim} are wanted from features of "
            f"{tokens.n_channels}. Use its backbone, layer and code length (D)."
        )
    if (start.preparation.mean is not None) != settings.subtract_mean:
        state = "with" if start.preparation.mean is not None else "without"
        raise StegoError(
            f"The run to start from was trained {state} the corpus mean subtracted. Set "
            f"subtract_mean to {not settings.subtract_mean}, as it was there."
        )
    run = StegoRun(settings, copy.deepcopy(start.head), start.preparation)
    cluster, linear = start.cluster_probe, start.linear_probe
    if cluster is not None and len(cluster.centres) == settings.cluster_probe:
        run.cluster_probe = copy.deepcopy(cluster)
    if linear is not None and labels is not None and linear.classes == labels.classes:
        run.linear_probe = copy.deepcopy(linear)
    parts = {"head": run.head, "cluster": run.cluster_probe, "linear": run.linear_probe}
    tensors = {
        f"{name}.{parameter}": value.cpu()
        for name, part in parts.items()
        if part is not None
        for parameter, value in part.state_dict().items()
    }
    if run.preparation.mean is not None:
        tensors["mean"] = torch.from_numpy(run.preparation.mean)
    run.start = digest(tensors)
    return run


def _saved_run(
    path: Path | None,
    settings: StegoSettings,
    tokens: TokenSet,
    device: str,
    labels: TokenLabels | None,
    start: str,
) -> StegoRun | Saved | None:
    """Read a run, finished or not, if there is one of the same training and for such tokens."""
    if path is None or not path.exists():
        return None
    run, training_state, control = load_run(path, device)
    roles = {"self"}
    if len(tokens) > 1:
        roles |= {"knn", "random"} if settings.batch_size > 1 else {"knn"}
    there = 0 if run.linear_probe is None else run.linear_probe.classes
    wanted = 0 if labels is None else labels.classes
    # A finished run may know more than is asked for; its head is the same.
    probed = there == wanted or (run.finished and labels is None)
    if (
        run.source != "trained"
        or (run.settings, run.start) != (settings, start)
        or run.head.n_channels != tokens.n_channels
        or run.history[-1].correspondence.keys() != roles
        or not probed
    ):
        return None
    if run.finished:
        return run
    return None if control is None else Saved(run, training_state, control)
