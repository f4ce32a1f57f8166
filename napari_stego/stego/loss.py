"""The correspondence loss of STEGO.

Hamilton et al., "Unsupervised Semantic Segmentation by Distilling Feature
Correspondences", ICLR 2022, Sec. 3.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

_EPSILON = 1e-10


def correspondence(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Cosine between all positions of one image and all of another (Eq. 1).

    Parameters
    ----------
    a, b : torch.Tensor
        ``(N, P, C)`` and ``(N, Q, C)``: features or codes at P and Q positions.

    Returns
    -------
    torch.Tensor
        ``(N, P, Q)``, values in ``[-1, 1]``.
    """
    return normalised(a) @ normalised(b).mT


def normalised(vectors: torch.Tensor) -> torch.Tensor:
    """Scale features or codes to length 1.

    Parameters
    ----------
    vectors : torch.Tensor
        ``(..., C)``.

    Returns
    -------
    torch.Tensor
        The same shape; zero vectors stay zero.
    """
    return F.normalize(vectors, dim=-1, eps=_EPSILON)


def centred(features: torch.Tensor) -> torch.Tensor:
    """Subtract from each position its mean over the second image (Eq. 3).

    The mean over the whole batch is put back, so that shifts keep their scale.

    Parameters
    ----------
    features : torch.Tensor
        ``(N, P, Q)`` feature correspondences.

    Returns
    -------
    torch.Tensor
        ``(N, P, Q)``.
    """
    rows = features - features.mean(dim=2, keepdim=True)
    return rows.sub_(rows.mean() - features.mean())


def correspondence_loss(
    features: torch.Tensor,
    codes: torch.Tensor,
    shift: float,
    *,
    zero_clamp: bool = True,
    stabilise: bool = False,
) -> torch.Tensor:
    """Loss of one kind of image pair, position by position (Eq. 4).

    Parameters
    ----------
    features : torch.Tensor
        ``(N, P, Q)`` feature correspondences, `centred` or not, without gradient.
    codes : torch.Tensor
        ``(N, P, Q)`` code correspondences.
    shift : float
        The b of the paper: pairs of positions whose features correspond more
        than this attract each other, the others repel.
    zero_clamp : bool
        Clamp code correspondences at 0 from below.
    stabilise : bool
        Clamp them at 0.8 from above.

    Returns
    -------
    torch.Tensor
        ``(N, P, Q)``; the loss is its mean.
    """
    if zero_clamp or stabilise:
        codes = codes.clamp(min=0.0 if zero_clamp else None, max=0.8 if stabilise else None)
    return codes * (shift - features)
