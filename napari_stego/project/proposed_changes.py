"""What accepting the proposals of a classifier would change in the corpus, told from a sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from napari_stego.corpus import CorpusImage
from napari_stego.progress import CancelToken
from napari_stego.project.proposing import Proposal, propose
from napari_stego.project.review_file import reviewed_as_right
from napari_stego.project.teaching import Teaching

MOST_IMAGES = 200
"""So many photographs tell well enough what would change in all of them."""


@dataclass(frozen=True)
class ProposedChanges:
    """Pixels that would change, summed over photographs.

    Attributes
    ----------
    looked_at : int
        Photographs that were looked at.
    images : int
        All photographs that they stand for.
    pixels : int
        Pixels of those that were looked at.
    changes : dict
        Of these, pixels by class now and class proposed, as pairs of ids.
    """

    looked_at: int = 0
    images: int = 0
    pixels: int = 0
    changes: dict[tuple[int, int], int] = field(default_factory=dict)

    @classmethod
    def of(cls, proposal: Proposal) -> ProposedChanges:
        """Take those of one photograph.

        Parameters
        ----------
        proposal : Proposal
            What is proposed for it.

        Returns
        -------
        ProposedChanges
            Of this photograph, for itself.
        """
        return cls(1, 1, proposal.before.size, dict(proposal.changes))

    def plus(self, proposal: Proposal) -> ProposedChanges:
        """Add a photograph.

        Parameters
        ----------
        proposal : Proposal
            What is proposed for it.

        Returns
        -------
        ProposedChanges
            Of one photograph more.
        """
        changes = dict(self.changes)
        for pair, pixels in proposal.changes.items():
            changes[pair] = changes.get(pair, 0) + pixels
        return ProposedChanges(
            self.looked_at + 1, self.images, self.pixels + proposal.before.size, changes
        )

    @property
    def share(self) -> float:
        """Share of the pixels that would change, in ``[0, 1]``."""
        return sum(self.changes.values()) / max(self.pixels, 1)

    @property
    def gained(self) -> dict[int, float]:
        """Share of all pixels that each class would gain, by id; without those that gain none."""
        return self._summed(1)

    @property
    def lost(self) -> dict[int, float]:
        """Share of all pixels that each class would lose, by id; without those that lose none."""
        return self._summed(0)

    def _summed(self, side: int) -> dict[int, float]:
        shares: dict[int, float] = {}
        for pair, pixels in self.changes.items():
            shares[pair[side]] = shares.get(pair[side], 0.0) + pixels / max(self.pixels, 1)
        return shares


def count_changes(
    teaching: Teaching,
    images: Sequence[CorpusImage],
    *,
    most: int = MOST_IMAGES,
    cancel: CancelToken | None = None,
) -> Iterator[ProposedChanges]:
    """Sum up what would change, photograph by photograph, in an order of chance.

    Parameters
    ----------
    teaching : Teaching
        The classifier; its seed fixes the order.
    images : sequence of CorpusImage
        The corpus; photographs without features are passed over, and so are
        those that were reviewed as right, which are not accepted with all.
    most : int
        Look at so many at most.
    cancel : CancelToken, optional
        Obeyed between photographs.

    Yields
    ------
    ProposedChanges
        The sum so far, after each photograph.

    Raises
    ------
    TeachingError
        If the examples are not of two classes at least.
    ProjectError
        If the review is damaged.
    Cancelled
        If `cancel` is set.
    """
    encodings, reviewed = teaching.segmentation.encodings, reviewed_as_right(teaching.project)
    known = {i.content_hash: i for i in images if encodings.has(i)}
    readable = [image for content, image in known.items() if content not in reviewed]
    rng = np.random.default_rng([teaching.settings.seed, 3])
    order = rng.permutation(len(readable))[:most].tolist()
    counted = ProposedChanges(images=len(readable))
    for place in order:
        if cancel is not None:
            cancel.raise_if_cancelled()
        counted = counted.plus(propose(teaching, readable[place]))
        yield counted
