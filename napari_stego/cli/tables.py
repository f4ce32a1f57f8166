"""Tables for a terminal."""

from __future__ import annotations

from napari_stego.evaluation import Evaluation, caption, table_lines


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
