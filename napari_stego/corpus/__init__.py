"""Image corpora: which files there are and how they are read."""

from napari_stego.corpus.discovery import (
    IMAGE_SUFFIXES,
    Corpus,
    CorpusImage,
    SkippedFile,
    discover,
    hash_file,
    photograph_files,
)
from napari_stego.corpus.reading import ImageReadError, read_image, read_image_size

__all__ = [
    "IMAGE_SUFFIXES",
    "Corpus",
    "CorpusImage",
    "ImageReadError",
    "SkippedFile",
    "discover",
    "hash_file",
    "photograph_files",
    "read_image",
    "read_image_size",
]
