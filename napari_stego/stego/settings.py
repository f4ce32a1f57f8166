"""Settings of a STEGO training."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from napari_stego.errors import StegoError

PresetName = Literal[
    "automatic",
    "official-defaults",
    "cocostuff27-vits8",
    "cocostuff27-vitb8",
    "cityscapes-vitb8",
    "potsdam-vits8",
]
"""Our own defaults; or the data set and backbone that published settings are for."""


_LATER_FIELDS = {"cluster_probe": 0, "precision": "auto"}
"""Fields newer than the first run files, and the values that stand for what there was."""


class RoleValues(BaseModel):
    """One number for each kind of image pair.

    Attributes
    ----------
    random, knn, self_ : float
        For pairs of random images, of an image and one of its nearest
        neighbours, and of an image with itself.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False
    )

    random: float
    knn: float
    self_: float = Field(alias="self")


class Targets(BaseModel):
    """What the control of the shifts aims at, for each kind of image pair.

    Attributes
    ----------
    random, knn, self_ : float, optional
        Mean code correspondence; None for what the tokens have in common
        beyond random pairs (`stego.bias.targets_of`), for which it is 0.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False
    )

    random: float | None = Field(default=0.0, ge=-1.0, le=1.0)
    knn: float | None = Field(default=None, ge=-1.0, le=1.0)
    self_: float | None = Field(default=None, ge=-1.0, le=1.0, alias="self")


class StegoSettings(BaseModel):
    """How a STEGO head is trained.

    The symbols are those of Hamilton et al., ICLR 2022.

    Attributes
    ----------
    dim : int
        Length D of a code.
    steps : int
        Steps of the optimiser.
    batch_size : int
        Images in a step; fewer where the corpus is smaller.
    positions : int
        Positions sampled per image and step (the paper's 11 x 11).
    sampling : "tokens" or "bilinear"
        Draw positions among the patch tokens, so that the head sees only
        those; or anywhere, interpolating features and codes of the whole
        grid as the paper does, which is several times slower.
    neighbours : int
        Nearest images to draw the knn partner from.
    negatives : int
        Random partners per image and step.
    weights : RoleValues
        Weight of each term of the loss.
    shifts : RoleValues, optional
        Fixed shifts b. By default they are controlled: see `targets`.
    targets : Targets
        Mean code correspondence that the control of the shifts aims at; by
        default 0 for random pairs, and for the others what the tokens have.
    centre : bool
        Spatial centring of feature correspondences (Eq. 3).
    zero_clamp : bool
        Clamp code correspondences at 0 (Eq. 4).
    stabilise : bool
        Clamp code correspondences at 0.8 too.
    dropout : float
        Probability that a channel of the features is dropped.
    learning_rate : float
        Of Adam.
    cluster_probe : int
        Number of clusters of a probe that is trained beside the head on its
        codes, as in the official code; 0 for none.
    subtract_mean : bool
        Subtract the corpus mean from the tokens first.
    precision : "auto" or "float32"
        Arithmetic of the matrix products. ``"auto"`` is bfloat16 where the
        device has units for it, which is several times as fast there; all
        else is float32 always.
    seed : int
        Of all randomness.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dim: int = Field(default=128, ge=2, le=2048)
    steps: int = Field(default=800, ge=1, le=250_000)
    batch_size: int = Field(default=32, ge=1)
    positions: int = Field(default=121, ge=2)
    sampling: Literal["tokens", "bilinear"] = "tokens"
    neighbours: int = Field(default=7, ge=1)
    negatives: int = Field(default=5, ge=1)
    weights: RoleValues = RoleValues(random=0.63, knn=0.25, self=0.67)
    shifts: RoleValues | None = None
    targets: Targets = Targets()
    centre: bool = True
    zero_clamp: bool = True
    stabilise: bool = False
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    learning_rate: float = Field(default=5e-4, gt=0.0)
    cluster_probe: int = Field(default=0, ge=0, le=1000)
    subtract_mean: bool = True
    precision: Literal["auto", "float32"] = "auto"
    seed: int = Field(default=0, ge=0)

    @model_serializer(mode="wrap")
    def _serialised(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        # Runs made before there were these settings keep their keys.
        for name, default in _LATER_FIELDS.items():
            if values.get(name) == default:
                del values[name]
        return values

    @classmethod
    def preset(cls, name: PresetName) -> StegoSettings:
        """Give our own defaults, or settings published for a data set and a backbone.

        ``automatic`` are the defaults, whose shifts are controlled. All others
        have fixed shifts, bilinear sampling and tokens as they are, so that
        they reproduce the official training. They suit another corpus or
        backbone only by luck: leave the shifts to the control there.

        ======================  ==========================================  ===
        name                    backbone (timm), corpus                     D
        ======================  ==========================================  ===
        ``official-defaults``   vit_small_patch8_224.dino                   70
        ``cocostuff27-vits8``   vit_small_patch8_224.dino, five-crop        70
        ``cocostuff27-vitb8``   vit_base_patch8_224.dino, five-crop         90
        ``cityscapes-vitb8``    vit_base_patch8_224.dino, five-crop         100
        ``potsdam-vits8``       vit_small_patch8_224.dino                   70
        ======================  ==========================================  ===

        Parameters
        ----------
        name : str
            One of `PresetName`.

        Returns
        -------
        StegoSettings
            Without a cluster probe, which needs the number of clusters.

        Raises
        ------
        StegoError
            If there is no such preset.

        References
        ----------
        Weights and shifts: ``src/configs/train_config.yml`` of
        https://github.com/mhamilton723/STEGO, three digits of them for
        Cityscapes. Its defaults are the first preset; those of the data sets
        stand there as comments ("Cocostuff27 vit small 1/31/22", "Cocostuff27
        10/3 vit_base", "Potsdam vit small 1/31/22", "Cityscapes 10/3"). D of
        the ViT-B/8: Hamilton et al., ICLR 2022, appendix. 32 images and 7000
        steps for the ViT-B/8, and Cityscapes without spatial centring:
        the settings inside the published checkpoint (issue 26 of that
        repository); 16 images and 5000 steps for the others: the same file.
        """
        if name == "automatic":
            return cls()
        if name not in _PRESETS:
            known = ", ".join(get_args(PresetName))
            raise StegoError(f"There are no settings named {name}. Choose from {known}.")
        return cls.model_validate(_OFFICIAL | _PRESETS[name])


# Whole, so that a change of our own defaults does not change what was published.
_OFFICIAL = {
    "dim": 70,
    "steps": 5000,
    "batch_size": 16,
    "positions": 121,
    "sampling": "bilinear",
    "neighbours": 7,
    "negatives": 5,
    "weights": {"random": 0.63, "knn": 0.25, "self": 0.67},
    "shifts": {"random": 0.46, "knn": 0.12, "self": 0.18},
    "targets": {"random": 0.0, "knn": 0.3, "self": 0.4},
    "centre": True,
    "zero_clamp": True,
    "stabilise": False,
    "dropout": 0.1,
    "learning_rate": 5e-4,
    "subtract_mean": False,
}
_OFFICIAL_VITB8 = {"steps": 7000, "batch_size": 32}
_PRESETS: dict[str, dict[str, Any]] = {
    "official-defaults": {},
    "cocostuff27-vits8": {"shifts": {"random": 0.66, "knn": 0.02, "self": 0.08}},
    "cocostuff27-vitb8": {
        **_OFFICIAL_VITB8,
        "dim": 90,
        "weights": {"random": 0.154, "knn": 1.0, "self": 0.1},
        "shifts": {"random": 1.0, "knn": 0.2, "self": 0.12},
    },
    "cityscapes-vitb8": {
        **_OFFICIAL_VITB8,
        "dim": 100,
        "weights": {"random": 0.906, "knn": 0.577, "self": 1.0},
        "shifts": {"random": 0.314, "knn": 0.175, "self": 0.458},
        "centre": False,
    },
    "potsdam-vits8": {"shifts": {"random": 0.46, "knn": 0.02, "self": 0.08}},
}
