"""Titles of items, from a caller's table to one for each code."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._data.checks import shown
from .._data.item_table import USUAL_TITLES, read_item_table
from .._data.vocabulary import Vocabulary


def read_titles(titles: Any, items: Vocabulary, n_items: int, item_name: str) -> list[str | None]:
    """Return the title of each known item, None where the table has none.

    Parameters
    ----------
    titles : dict, series, dataframe or array of records
        The table; items that are not known are passed over.
    items : Vocabulary
        Ids of the items.
    n_items : int
        How many of them are known.
    item_name : str
        Name of the item column of the fitted log.

    Raises
    ------
    TypeError
        If the table is of another form, its ids of another kind, or a title is no text.
    ValueError
        If it is not clear which columns hold ids and titles, or an item stands there twice.
    """
    table = read_item_table(titles, "titles", item_name)
    texts = table.column("titles", USUAL_TITLES)
    row = next((row for row, text in enumerate(texts) if not (text is None or isinstance(text, str))), None)
    if row is not None:
        raise TypeError(
            f"titles holds {shown(texts[row])} ({type(texts[row]).__name__}) for the item "
            f"{shown(table.ids.tolist()[row])}: a title must be text. Convert it with str."
        )
    found: list[str | None] = [None] * n_items
    codes: NDArray[np.int64] = items.codes_of(table.ids, n_items)
    for code, text in zip(codes.tolist(), texts, strict=True):
        if code >= 0:
            found[code] = text
    return found
