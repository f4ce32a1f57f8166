"""Sets of pixels as short text: the lengths of runs along the flattened image."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import numpy.typing as npt

MAX_PIXELS = 2**32 - 1
"""The most pixels of an image that runs can be of."""

MAX_RUNS = 2**22
"""The most runs that are read or written: 32 MiB, whatever a file claims."""

_WORD = np.dtype("<u4")


def encode_runs(pixels: npt.NDArray[np.int64]) -> str:
    """Write a set of pixels as text.

    The gaps between runs and the lengths of runs, 32-bit and split into
    planes of bytes, compressed by zlib, as base64. For brush strokes this is
    smaller than variable-length integers, and faster.

    Parameters
    ----------
    pixels : numpy.ndarray
        ``(N,) int64`` places in the flattened image, ascending, without
        repeats; at least one.

    Returns
    -------
    str
        The text.

    Raises
    ------
    ValueError
        If there is no pixel, or there are more than `MAX_RUNS` runs.
    """
    if not len(pixels):
        raise ValueError("there are no pixels")
    last = np.append(np.flatnonzero(np.diff(pixels) != 1), len(pixels) - 1)
    if len(last) > MAX_RUNS:
        raise ValueError(f"there are {len(last)} pieces of pixels, and {MAX_RUNS} are allowed")
    ends = pixels[last] + 1
    lengths = np.diff(last, prepend=-1)
    gaps = ends - lengths - np.append(0, ends[:-1])
    words = np.concatenate((gaps, lengths)).astype(_WORD)
    planes = words.view(np.uint8).reshape(-1, _WORD.itemsize).T
    return base64.b64encode(zlib.compress(planes.tobytes(), 6)).decode("ascii")


def decode_runs(text: str, n_pixels: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Read a set of pixels that `encode_runs` wrote; the text is not trusted.

    Parameters
    ----------
    text : str
        The text.
    n_pixels : int
        Pixels of the image, at most `MAX_PIXELS`. They bound what is
        decompressed, to 8 bytes for every second pixel.

    Returns
    -------
    starts, ends : numpy.ndarray
        ``(R,) int64`` each: runs ``start <= pixel < end`` in the flattened
        image, ascending, apart from each other.

    Raises
    ------
    ValueError
        If the text is no such set, or goes beyond the image.
    """
    limit = 2 * _WORD.itemsize * min(MAX_RUNS, (n_pixels + 1) // 2)
    inflate = zlib.decompressobj()
    try:
        planes = inflate.decompress(base64.b64decode(text, validate=True), limit + 1)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"the runs of pixels are damaged ({error})") from error
    if len(planes) > limit:
        raise ValueError("the runs of pixels are more than the image can hold")
    whole = inflate.eof and not inflate.unused_data
    if not whole or not planes or len(planes) % (2 * _WORD.itemsize):
        raise ValueError("the runs of pixels are cut off or have something after them")
    words = np.frombuffer(planes, np.uint8).reshape(_WORD.itemsize, -1).T
    values = np.ascontiguousarray(words).view(_WORD).ravel().astype(np.int64)
    gaps, lengths = values.reshape(2, -1)
    ends = np.cumsum(gaps + lengths)
    if not lengths.all() or not gaps[1:].all() or ends[-1] > n_pixels:
        raise ValueError("the runs of pixels touch each other or go beyond the image")
    return ends - lengths, ends
