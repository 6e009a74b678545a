"""Names of items and models as a figure shows them: titles in place of ids, in text that is not taken for formulas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._data.checks import shown
from .._data.item_table import USUAL_TITLES, read_item_table

LONGEST_LABEL = 34


def read_titles(titles: Any, items: Iterable[Any]) -> dict[Any, str]:
    """Return the title of each of some items by its id; an item without one is shown by its id.

    Parameters
    ----------
    titles : mapping, series, dataframe, array of records or None
        The titles, of more or fewer items than these, as ``predict_topk`` takes them.
    items : iterable of ids
        What is shown.

    Raises
    ------
    TypeError
        If ``titles`` is something else, or its ids are of another kind than the items'.
    ValueError
        If it is not clear which columns of a frame hold ids and titles, or an item stands there twice.
    """
    by_id: dict[Any, Any] = {}
    if titles is not None:
        table = read_item_table(titles, "titles")
        by_id = dict(zip(table.ids.tolist(), table.column("titles", USUAL_TITLES), strict=True))
    wanted = [plain_id(item) for item in items]
    if by_id and wanted and not any(item in by_id for item in wanted):
        given = next(iter(by_id))
        if isinstance(given, str) != isinstance(wanted[0], str):
            raise TypeError(
                f"titles has ids such as {shown(given)} ({type(given).__name__}), the log has ids such as "
                f"{shown(wanted[0])} ({type(wanted[0]).__name__}): convert one of them."
            )
    return {item: str(item if by_id.get(item) is None else by_id[item]) for item in wanted}


def plain_id(item: Any) -> Any:
    """Return an id as Python spells it: a number of numpy's is as good a key, but prints otherwise."""
    return item.item() if isinstance(item, np.generic) else item


def label_of(text: Any, longest: int = LONGEST_LABEL) -> str:
    r"""Return text as a label: one line, cut where it is too long, each character as it is.

    Examples
    --------
    >>> label_of("The Assassination of Jesse James by the Coward Robert Ford", 24)
    'The Assassination of Je…'
    >>> print(label_of("$9.99"))
    \$9.99
    """
    line = " ".join(str(text).split())
    line = line if len(line) <= longest else line[: longest - 1].rstrip() + "…"
    # matplotlib takes what stands between two dollars for a formula, and leaves out of legends what begins with "_".
    return (" " if line.startswith("_") else "") + line.replace("$", r"\$")
