"""What is shown in the layer of classes in the place of the classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Preview:
    """Other colours for the classes of any image, or another label image for one.

    Attributes
    ----------
    shown : numpy.ndarray
        ``(n,) uint16``, by class id the class whose colour it gets; or
        ``(H, W) uint16``, a label image.
    colours : mapping of int to str
        ``#rrggbb`` by value of the label image.
    picture : object
        What the label image is for.
    names : mapping of int to str, optional
        What the values of a label image are called; None if they are class ids.
    """

    shown: npt.NDArray[np.uint16]
    colours: Mapping[int, str]
    picture: object
    names: Mapping[int, str] | None = None

    @property
    def of_classes(self) -> bool:
        """Whether only the classes' colours are others, on any image."""
        return self.shown.ndim == 1

    def label_image(self, picture: object) -> npt.NDArray[np.uint16] | None:
        """Return the label image for a picture; None if there is none for it."""
        return None if self.of_classes or picture is not self.picture else self.shown

    def renamed(self, picture: object) -> Mapping[int, str] | None:
        """Return what the values of a picture are called; None if they are class ids.

        Parameters
        ----------
        picture : object
            What is on show.

        Returns
        -------
        mapping of int to str or None
            By value of what is shown.
        """
        return self.names if self.label_image(picture) is not None else None

    def recoloured(self, colours: dict[int, str], picture: object) -> dict[int, str]:
        """Return the colours to show a picture in.

        Parameters
        ----------
        colours : dict of int to str
            Those of the classes, by id.
        picture : object
            What is on show.

        Returns
        -------
        dict of int to str
            By value of what is shown.
        """
        if self.of_classes:
            owners = dict(enumerate(self.shown.tolist()))
            return {i: colours.get(owners.get(i, i), own) for i, own in colours.items()}
        return colours if self.label_image(picture) is None else dict(self.colours)
