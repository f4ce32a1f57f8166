"""Settings of a STEGO training."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class RoleValues(BaseModel):
    """One number for each kind of image pair.

    Attributes
    ----------
    random, knn, self_ : float
        For pairs of random images, of an image and one of its nearest
        neighbours, and of an image with itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    random: float
    knn: float
    self_: float = Field(alias="self")


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
    targets : RoleValues
        Mean code correspondence that the control of the shifts aims at.
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
    subtract_mean : bool
        Subtract the corpus mean from the tokens first.
    seed : int
        Of all randomness.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dim: int = Field(default=70, ge=2, le=2048)
    steps: int = Field(default=800, ge=1)
    batch_size: int = Field(default=32, ge=1)
    positions: int = Field(default=121, ge=2)
    sampling: Literal["tokens", "bilinear"] = "tokens"
    neighbours: int = Field(default=7, ge=1)
    negatives: int = Field(default=5, ge=1)
    weights: RoleValues = RoleValues(random=0.63, knn=0.25, self=0.67)
    shifts: RoleValues | None = None
    targets: RoleValues = RoleValues(random=0.0, knn=0.3, self=0.4)
    centre: bool = True
    zero_clamp: bool = True
    stabilise: bool = False
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    learning_rate: float = Field(default=5e-4, gt=0.0)
    subtract_mean: bool = True
    seed: int = Field(default=0, ge=0)
