"""What napari's status bar says of the class under the cursor."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from napari_stego.classes import ClassTable
from napari_stego.project.statistics import ClassStatistics


def class_features(table: ClassTable, statistics: Mapping[int, ClassStatistics]) -> pd.DataFrame:
    """Make the features of a layer of classes.

    Parameters
    ----------
    table : ClassTable
        The classes.
    statistics : mapping of int to ClassStatistics
        What is known of them.

    Returns
    -------
    pandas.DataFrame
        A row a class, with ``index``, as napari wants it, ``class``, and, where
        there are some, ``code`` and ``cover``.
    """
    rows = table.rows
    # napari leaves out None, and writes empty texts.
    codes = [row.code or None for row in rows]
    covers = [
        f"{100 * statistics[row.id].cover:.1f}% of the corpus" if row.id in statistics else None
        for row in rows
    ]
    columns = {"index": [row.id for row in rows], "class": [row.name for row in rows]}
    columns |= {"code": codes} if any(codes) else {}
    return pd.DataFrame(columns | ({"cover": covers} if any(covers) else {}))


def named_features(names: Mapping[int, str]) -> pd.DataFrame:
    """Make the features of a layer that shows other values than class ids.

    Parameters
    ----------
    names : mapping of int to str
        What each value is called.

    Returns
    -------
    pandas.DataFrame
        A row a value, with ``index`` and ``class``.
    """
    return pd.DataFrame({"index": list(names), "class": list(names.values())})
