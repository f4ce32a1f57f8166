"""Tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_stego.evaluation import Evaluation


def evaluation_text(evaluation: Evaluation) -> str:
    """Lay an evaluation out as a table.

    Parameters
    ----------
    evaluation : Evaluation
        The scores.

    Returns
    -------
    str
        Lines of text, scores in percent.
    """
    from napari_stego.evaluation import caption, table_lines

    lines = table_lines(evaluation)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    body = "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
    return f"{caption(evaluation)}\n{body}"


def columns(lines: Sequence[Sequence[str]]) -> str:
    """Lay texts out in columns.

    Parameters
    ----------
    lines : sequence of sequence of str
        Cells of each line, as many in each.

    Returns
    -------
    str
        Lines with all cells to the left.
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
