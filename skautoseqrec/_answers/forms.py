"""Ranked lists in the form that a caller asks for: arrays, a long frame, or plain Python lists."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._data.form import LogForm, check_names
from .._data.vocabulary import decode_answers
from .._utils.arguments import check_choice, check_flag

ARRAY, FRAME, LIST = "array", "frame", "list"
OUTPUTS = (ARRAY, FRAME, LIST)
#: A code, a score, an id and a mask of each, while one is made of the other.
BYTES_PER_ANSWER = 40
#: Columns of a frame beside those of the log and the name of the score.
RANK, TITLE, KNOWN = "rank", "title", "is_known"


class Form(NamedTuple):
    """How lists are wanted.

    Parameters
    ----------
    output : {"array", "frame", "list"}
        The form.
    return_scores : bool
        Whether scores are wanted beside arrays and lists; a frame always has them.
    titles : list of str or None
        Title of each item that may be listed, by code, None where it has none; or None if none are wanted.
    log : LogForm
        Kind of frame and names of columns.
    """

    output: str
    return_scores: bool
    log: LogForm
    titles: list[str | None] | None = None


class RankedLists(NamedTuple):
    """Lists of codes, best first.

    Parameters
    ----------
    codes : ndarray of shape (n_rows, k), int64
        What is listed; -1 where there is nothing.
    scores : ndarray of shape (n_rows, k), float32 or float64
        Its scores.
    ids : ndarray of shape (n_known,)
        The id of each code.
    """

    codes: NDArray[np.int64]
    scores: NDArray[np.floating]
    ids: NDArray[Any]


class Legend(NamedTuple):
    """What a frame says of lists.

    Parameters
    ----------
    keys : ndarray of shape (n_rows,)
        For whom or what each list is.
    key, listed, score : str
        Names of the columns of keys, of what is listed, and of scores.
    is_known : ndarray of shape (n_rows,), bool, or None, default=None
        Whether anything is known of the key; None leaves the column out.
    """

    keys: NDArray[Any]
    key: str
    listed: str
    score: str
    is_known: NDArray[np.bool_] | None = None


def check_output(output: Any, return_scores: Any, titles: Any = None) -> None:
    """Raise ValueError if a form is none, or has no place for titles, or it is not clear whether scores are wanted."""
    check_choice(output, "output", OUTPUTS)
    check_flag(return_scores, "return_scores", may_be_none=False)
    if titles is not None and output == ARRAY:
        raise ValueError("An array of ids has no place for titles: ask for output='frame' or output='list'.")


def arrays(lists: RankedLists, return_scores: bool) -> Any:
    """Return lists as an array of ids, and one of scores if they are wanted."""
    ids, scores = decode_answers(*lists)
    return (ids, scores) if return_scores else ids


def present(lists: RankedLists, form: Form, legend: Legend) -> Any:
    """Return lists in the form that is wanted; whatever it is, places without anything are not in it, or masked.

    Raises
    ------
    ValueError
        If a name of a column of the log is that of another column of the answer.
    ImportError
        If the package that makes the frame is not installed.
    """
    if form.output == ARRAY:
        return arrays(lists, form.return_scores)
    if form.output == FRAME:
        return _frame(lists, form, legend)
    listed = [lists.ids[row[row >= 0]].tolist() for row in lists.codes]
    if form.titles is not None:
        titles = [[form.titles[code] for code in row[row >= 0].tolist()] for row in lists.codes]
        listed = [
            [{legend.listed: key, TITLE: title} for key, title in zip(*both, strict=True)]
            for both in zip(listed, titles, strict=True)
        ]
    if not form.return_scores:
        return listed
    return listed, [scores[row >= 0].tolist() for row, scores in zip(lists.codes, lists.scores, strict=True)]


def _frame(lists: RankedLists, form: Form, legend: Legend) -> Any:
    """Return a frame with a row for each place of each list."""
    rows, places = np.nonzero(lists.codes >= 0)
    codes = lists.codes[rows, places]
    columns: dict[str, Any] = {RANK: places + 1, legend.score: lists.scores[rows, places]}
    if form.titles is not None:
        columns = {TITLE: [form.titles[code] for code in codes.tolist()], **columns}
    if legend.is_known is not None:
        columns[KNOWN] = legend.is_known[rows]
    check_names([legend.key, legend.listed, *columns])
    return form.log.make_frame({legend.key: legend.keys[rows], legend.listed: lists.ids[codes], **columns})
