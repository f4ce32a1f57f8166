"""Training of the STEGO head on cached tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_stego.features import Preparation, TokenSet, corpus_mean
from napari_stego.progress import CancelToken, ProgressCallback, no_progress
from napari_stego.stego.batches import BatchSampler, Draw, Sampled
from napari_stego.stego.bias import COLLAPSE_CORRESPONDENCE, BiasControl
from napari_stego.stego.head import StegoHead
from napari_stego.stego.loss import centred, correspondence, correspondence_loss
from napari_stego.stego.neighbours import nearest_images
from napari_stego.stego.run import StegoRun, StepRecord, load_run, save_run
from napari_stego.stego.settings import StegoSettings

_SAVE_EVERY = 100
_PROBE_STEPS = 8
_WARM_UP_STEPS = 100

StepObserver = Callable[[StepRecord], None]


@dataclass(frozen=True)
class _Pair:
    """Correspondences of one kind of pair, over all of its image pairs in the batch."""

    role: str
    features: torch.Tensor
    codes: torch.Tensor


def train_stego(
    tokens: TokenSet,
    settings: StegoSettings,
    *,
    checkpoint: Path | None = None,
    device: str = "cpu",
    on_step: StepObserver | None = None,
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
        File for the run. If it holds an unfinished run of the same settings,
        that is resumed and ends as if it had never stopped; a finished one is
        returned. Written every 100 steps, on cancel, and at the end.
    device : str
        Where to train.
    on_step : callable, optional
        Receives a `StepRecord` after each step.
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
        If `checkpoint` cannot be written.
    Cancelled
        If `cancel` is set.

    References
    ----------
    Hamilton et al., "Unsupervised Semantic Segmentation by Distilling Feature
    Correspondences", ICLR 2022, Sec. 3.
    """
    saved = _saved_run(checkpoint, settings, tokens, device)
    if saved is not None and saved[0].finished:
        return saved[0]
    training = _Training(tokens, settings, device, progress, cancel)
    if saved is not None:
        training.restore(*saved)
    run = training.run
    run.head.train()
    try:
        while not run.finished:
            if cancel is not None:
                cancel.raise_if_cancelled()
            record = training.step()
            if on_step is not None:
                on_step(record)
            progress(run.steps_done, settings.steps, "training")
            if checkpoint is not None and run.steps_done % _SAVE_EVERY == 0 and not run.finished:
                training.save(checkpoint)
    except Exception:
        # Not on KeyboardInterrupt, which may come between the two halves of a step.
        if checkpoint is not None and run.steps_done:
            training.save(checkpoint)
        raise
    run.head.eval()
    if checkpoint is not None:
        save_run(checkpoint, run)
    return run


_Saved = tuple[StegoRun, dict[str, torch.Tensor], dict[str, Any]]


def _saved_run(
    path: Path | None, settings: StegoSettings, tokens: TokenSet, device: str
) -> _Saved | None:
    """Read a saved run, if there is one of the same settings and for such tokens."""
    if path is None or not path.exists():
        return None
    saved = load_run(path, device)
    fits = saved[0].settings == settings and saved[0].head.n_channels == tokens.n_channels
    return saved if fits else None


class _Training:
    """The state of a training between two steps."""

    def __init__(
        self,
        tokens: TokenSet,
        settings: StegoSettings,
        device: str,
        progress: ProgressCallback,
        cancel: CancelToken | None,
    ) -> None:
        mean, pooled = corpus_mean(tokens, progress, cancel)
        preparation = Preparation(mean if settings.subtract_mean else None)
        if settings.subtract_mean:
            pooled = pooled - mean
        self.settings = settings
        self.sampler = BatchSampler(
            tokens, preparation, nearest_images(pooled, settings.neighbours), settings
        )
        # The only draw from torch's own generator: fork it, to leave the caller's state alone.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            head = StegoHead(tokens.n_channels, settings.dim).to(device)
        self.run = StegoRun(settings, head, preparation)
        self.optimiser = torch.optim.Adam(head.parameters(), lr=settings.learning_rate)
        self.control = self._new_control()

    def _new_control(self) -> BiasControl:
        control = BiasControl(self.settings.targets.model_dump(by_alias=True))
        if self.settings.shifts is not None:
            control.shifts = self.settings.shifts.model_dump(by_alias=True)
            return control
        seen: dict[str, list[np.ndarray[Any, np.dtype[np.float32]]]] = {}
        with torch.no_grad():
            for probe in range(_PROBE_STEPS):
                # Steps count from 0, so that these batches come from a stretch of their own.
                draw = self.sampler.draw(self.settings.steps + probe, self.run.head)
                for pair in self._pairs(draw):
                    seen.setdefault(pair.role, []).append(pair.features.cpu().numpy().ravel())
        for role, values in seen.items():
            control.start(role, np.concatenate(values))
        return control

    def _pairs(self, draw: Draw) -> list[_Pair]:
        images = draw.images
        pairs = [self._pair("self", images, images)]
        if draw.neighbours is not None:
            pairs.append(self._pair("knn", images, draw.neighbours))
        if draw.partners:
            others = [
                self._pair("random", images, Sampled(images.features[p], images.codes[p]))
                for p in map(torch.from_numpy, draw.partners)
            ]
            pairs.append(
                _Pair(
                    "random",
                    torch.cat([pair.features for pair in others]),
                    torch.cat([pair.codes for pair in others]),
                )
            )
        return pairs

    def _pair(self, role: str, first: Sampled, second: Sampled) -> _Pair:
        with torch.no_grad():
            features = correspondence(first.features, second.features)
            if self.settings.centre:
                features = centred(features)
        return _Pair(role, features, correspondence(first.codes, second.codes))

    def step(self) -> StepRecord:
        """Take one step of the optimiser and of the control."""
        settings, run = self.settings, self.run
        weights = settings.weights.model_dump(by_alias=True)
        pairs = self._pairs(self.sampler.draw(run.steps_done, run.head))
        terms = [
            weights[pair.role]
            * correspondence_loss(
                pair.features,
                pair.codes,
                self.control.shifts[pair.role],
                zero_clamp=settings.zero_clamp,
                stabilise=settings.stabilise,
            ).mean()
            for pair in pairs
        ]
        loss = torch.stack(terms).sum()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        found = {pair.role: float(pair.codes.detach().mean()) for pair in pairs}
        if settings.shifts is None:
            for role, value in found.items():
                self.control.update(role, value)
        shifts = {role: self.control.shifts[role] for role in found}
        record = StepRecord(run.steps_done + 1, float(loss.detach()), found, shifts)
        run.history.append(record)
        self._watch_collapse()
        return record

    def _watch_collapse(self) -> None:
        history = self.run.history
        if self.run.warnings or len(history) < _WARM_UP_STEPS or len(history) % 50:
            return
        recent = [r.correspondence["random"] for r in history[-50:] if "random" in r.correspondence]
        mean = sum(recent) / len(recent) if recent else 0.0
        if mean > COLLAPSE_CORRESPONDENCE:
            self.run.warnings.append(
                f"Codes are collapsing: at step {len(history)} random image pairs agree by "
                f"{mean:.2f} on average (more than {COLLAPSE_CORRESPONDENCE}). Clusters will mix "
                "classes. Leave the shifts to the control, or raise the random shift."
            )

    def save(self, path: Path) -> None:
        """Write what `restore` needs."""
        state = self.optimiser.state_dict()["state"]
        tensors = {
            f"{index}.{name}": torch.as_tensor(value)
            for index, entry in state.items()
            for name, value in entry.items()
        }
        control = {
            "shifts": self.control.shifts,
            "bounds": self.control.bounds,
            "spread": self.control.spread,
            "smoothed": self.control.smoothed,
        }
        save_run(path, self.run, tensors, control)

    def restore(
        self, run: StegoRun, tensors: dict[str, torch.Tensor], control: dict[str, Any]
    ) -> None:
        """Go on where a saved run stopped."""
        self.run = run
        self.optimiser = torch.optim.Adam(run.head.parameters(), lr=self.settings.learning_rate)
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            index, name = key.split(".", 1)
            state.setdefault(int(index), {})[name] = value
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})
        self.control.shifts = control["shifts"]
        self.control.bounds = {role: (low, high) for role, (low, high) in control["bounds"].items()}
        self.control.spread = control["spread"]
        self.control.smoothed = control["smoothed"]
