"""Forms of settings, made with magicgui."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox, Container, FileEdit, LineEdit, SpinBox
from pydantic import BaseModel, ValidationError
from qtpy.QtWidgets import QAbstractSpinBox, QApplication, QWidget

from napari_stego.backbones import BACKBONES, DEFAULT_BACKBONE, Layer
from napari_stego.clustering import ClusterSettings
from napari_stego.errors import StegoError
from napari_stego.features import FeatureSettings
from napari_stego.gui.work import RunSettings
from napari_stego.stego import StegoSettings

_SOURCES = (("STEGO codes", "codes"), ("features", "features"))
_DEVICES = ("auto", "cpu", "cuda", "mps")
_AUTO = "auto"
_MAX_TRIALS = 20
_STEGO_FIELDS = ("dim", "steps", "seed")


def _limits(model: type[BaseModel], field: str) -> dict[str, int]:
    """Give the least and the greatest value of a field that has both."""
    schema = model.model_json_schema()["properties"][field]
    return {"min": schema["minimum"], "max": schema["maximum"]}


def _whole_number(**options: Any) -> SpinBox:
    box = SpinBox(**options)
    # Else the first digits of a larger number are raised to the least that is allowed.
    box.native.setKeyboardTracking(False)
    return box


class RunForm:
    """The settings of a run: two that everybody sets, the others folded away.

    Attributes
    ----------
    main : magicgui.widgets.Container
        Number of clusters, and what is clustered.
    advanced : magicgui.widgets.Container
        Backbone, training, device.
    """

    def __init__(self) -> None:
        stego, features = StegoSettings(), FeatureSettings()
        # These hold what the form does not show.
        self._features, self._stego, self._clusters = features, stego, ClusterSettings()
        self.main = Container(
            widgets=[
                _whole_number(
                    name="clusters",
                    label="Clusters (K)",
                    value=ClusterSettings().clusters,
                    **_limits(ClusterSettings, "clusters"),
                    tooltip="How many clusters to make. More are finer: merge those that are "
                    "one thing to you. Another number needs no new training.",
                ),
                ComboBox(
                    name="source",
                    label="Cluster",
                    choices=_SOURCES,
                    value="codes",
                    tooltip="The compact codes of a STEGO head trained on your photographs, or "
                    "the backbone's features as they are (no training).",
                ),
            ],
            labels=True,
        )
        self.advanced = Container(
            widgets=[
                ComboBox(
                    name="backbone",
                    label="Backbone",
                    choices=list(BACKBONES),
                    value=DEFAULT_BACKBONE,
                    tooltip="The frozen network that describes each patch of a photograph.",
                ),
                LineEdit(
                    name="layer",
                    label="Backbone layer",
                    value=_AUTO,
                    tooltip="Block whose patch tokens are used, from 0; or `final`, the last one "
                    "after the final norm; or several with commas. `auto` finds the one that "
                    "suits the photographs, without labels, on at most 60 of them.",
                ),
                _whole_number(
                    name="long_side",
                    label="Long side (px)",
                    value=features.long_side,
                    **_limits(FeatureSettings, "long_side"),
                    step=14,
                    tooltip="Size of a photograph as the backbone sees it: larger is finer and "
                    "slower.",
                ),
                FileEdit(
                    name="weights_file",
                    label="Weights file",
                    nullable=True,
                    value=None,
                    filter="*.safetensors *.pth *.pt *.ckpt *.bin *.whl *.onnx",
                    tooltip="The backbone's weights, if they cannot be downloaded here.",
                ),
                _whole_number(
                    name="dim",
                    label="Code length (D)",
                    value=stego.dim,
                    **_limits(StegoSettings, "dim"),
                    tooltip="Numbers in a code. Longer codes keep more of the features.",
                ),
                _whole_number(
                    name="steps",
                    label="Training steps",
                    value=stego.steps,
                    **_limits(StegoSettings, "steps"),
                    tooltip="Steps of the training.",
                ),
                _whole_number(
                    name="trials",
                    label="Trials",
                    value=1,
                    min=1,
                    max=_MAX_TRIALS,
                    tooltip="How many heads to train, each with other settings. The one that "
                    "makes the best clusters is kept: told without labels, on at most 90 "
                    "photographs. Its settings are on show afterwards.",
                ),
                _whole_number(
                    name="seed",
                    label="Seed",
                    value=stego.seed,
                    min=0,
                    max=2**31 - 1,
                    tooltip="The same seed gives the same result on the same machine",
                ),
                ComboBox(
                    name="device",
                    label="Device",
                    choices=_DEVICES,
                    value="auto",
                    tooltip="Where to compute; `auto` takes a GPU if there is one.",
                ),
            ],
            labels=True,
        )
        # The layer of one backbone says nothing about another.
        self.advanced["backbone"].changed.connect(self._choose_layer_anew)

    def _choose_layer_anew(self) -> None:
        self.advanced["layer"].value = _AUTO

    def add_beside_clusters(self, widget: QWidget) -> None:
        """Put a widget into the row of the number of clusters.

        Parameters
        ----------
        widget : QWidget
            The widget.
        """
        self.main["clusters"].native.parentWidget().layout().addWidget(widget)

    def set_clusters(self, clusters: int) -> None:
        """Fill in the number of clusters, and leave the rest as it is.

        Parameters
        ----------
        clusters : int
            From 2 to 1000.
        """
        self.main["clusters"].value = clusters

    def values(self) -> RunSettings:
        """Read the form.

        Returns
        -------
        RunSettings
            Valid settings.

        Raises
        ------
        StegoError
            If a value cannot be used.
        """
        focused = QApplication.focusWidget()
        if isinstance(focused, QAbstractSpinBox):
            focused.clearFocus()  # what is being typed counts, as it stands
        main, advanced = self.main.asdict(), self.advanced.asdict()
        layer, seed = _layer(advanced["layer"]), advanced["seed"]
        # The best of some trials may have another seed than its clusters.
        same_seed = seed == self._stego.seed
        try:
            return RunSettings(
                FeatureSettings.model_validate(
                    self._features.model_dump()
                    | {
                        "backbone": advanced["backbone"],
                        "layer": layer,
                        "long_side": advanced["long_side"],
                    }
                ),
                layer is None,
                StegoSettings.model_validate(
                    self._stego.model_dump(by_alias=True)
                    | {name: advanced[name] for name in _STEGO_FIELDS}
                ),
                advanced["trials"],
                ClusterSettings.model_validate(
                    self._clusters.model_dump()
                    | {
                        "clusters": main["clusters"],
                        "source": main["source"],
                        "seed": self._clusters.seed if same_seed else seed,
                    }
                ),
                advanced["device"],
                _file(advanced["weights_file"]),
            )
        except ValidationError as error:
            problems = "; ".join(str(problem["msg"]) for problem in error.errors())
            raise StegoError(f"These settings do not work: {problems}.") from error

    def show(
        self,
        features: FeatureSettings | None = None,
        stego: StegoSettings | None = None,
        clusters: ClusterSettings | None = None,
    ) -> None:
        """Fill the form with the settings of an opened project.

        Parameters
        ----------
        features : FeatureSettings, optional
            Of its features; by default, as for the others, the defaults, and a
            layer that is to be chosen.
        stego : StegoSettings, optional
            Of its run.
        clusters : ClusterSettings, optional
            Of its clusters.
        """
        layer = _AUTO if features is None else _text(features.layer)
        features = self._features = features or FeatureSettings()
        stego = self._stego = stego or StegoSettings()
        clusters = self._clusters = clusters or ClusterSettings()
        if features.backbone not in self.advanced["backbone"].choices:
            self.advanced["backbone"].choices = [*BACKBONES, features.backbone]
        self.advanced["backbone"].value = features.backbone
        self.advanced["layer"].value = layer  # after the backbone, which sets it
        self.advanced["long_side"].value = features.long_side
        for name in _STEGO_FIELDS:
            self.advanced[name].value = getattr(stego, name)
        # The run on show was found: with one trial the same settings are not trained again.
        self.advanced["trials"].value = 1
        self.main["clusters"].value = clusters.clusters
        self.main["source"].value = clusters.source


def _layer(text: str) -> Layer | tuple[Layer, ...] | None:
    """Read a layer; None for one that is to be chosen."""
    parts = [part.strip() for part in text.split(",")]
    if parts in ([""], [_AUTO]):
        return None
    layers: list[Layer] = []
    for part in parts:
        if part == "final":
            layers.append("final")
        elif part.isdecimal():
            layers.append(int(part))
        else:
            raise StegoError(
                "The backbone layer is `auto`, the number of a block, from 0, `final`, or several "
                f"of them with commas; not {text.strip()!r}."
            )
    return layers[0] if len(layers) == 1 else tuple(layers)


def _text(layer: Layer | tuple[Layer, ...]) -> str:
    return ", ".join(map(str, layer)) if isinstance(layer, tuple) else str(layer)


def _file(path: Path | None) -> Path | None:
    return None if path is None or str(path) in {"", "."} else Path(path)
