"""Explanations as callers use them: parts by name, past items by id, and the same in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from .._data.filters import Restriction, handle_unknown
from .._data.form import LogForm, check_names
from .._network.vectors import NEURAL_PARTS
from .._scoring.explain import Explanation, explain
from .._scoring.outside import OutsidePart
from .._scoring.scorer import Serving
from .._utils.arguments import check_choice
from .._utils.torch_state import in_usual_torch_state
from .asking import Rows, ask_users
from .forms import FRAME, TITLE
from .keys import check_on_unknown, read_keys
from .titles import read_titles
from .words import SMALLEST_SHARE, Wording

#: A Bunch of arrays, or a frame of the parts.
BUNCH = "bunch"
UNKNOWN = "unknown"
PART, VALUE = "part", "value"


class ExplainQuestion(NamedTuple):
    """What is to be explained, as the caller said it.

    Parameters
    ----------
    users, items : id or list of ids
        Whose scores, and of which items.
    at : time, one for each user, or None
        When they are asked for.
    restriction : Restriction
        What may be recommended, and what happens to unknown ids.
    titles : dict, series, dataframe, array of records or None
        Titles of items.
    output : {"bunch", "frame"}
        The form.
    """

    users: Any
    items: Any
    at: Any
    restriction: Restriction
    titles: Any = None
    output: Any = BUNCH


@in_usual_torch_state
def explain_scores(serving: Serving, log: LogForm, question: ExplainQuestion) -> Any:
    """Return what the recommender's ``explain`` does.

    Raises
    ------
    ValueError, TypeError
        If an argument is not valid, or an id is not known and that is to be an error.
    ImportError
        If the package that makes the frame is not installed.
    """
    (state, scorer), restriction = serving, question.restriction
    check_choice(question.output, "output", (BUNCH, FRAME))
    check_on_unknown(restriction.on_unknown)
    rows = ask_users(state, as_list(question.users), question.at, restriction.on_unknown)
    vocabulary, n_items = state.item_vocabulary, rows.asked.snapshot.n_items
    items = read_keys(as_list(question.items), "items", vocabulary)
    codes = vocabulary.codes_of(items, n_items)
    on_unknown = restriction.on_unknown or "raise"
    handle_unknown([items], [codes], "items", "item_ids_", on_unknown, "Nothing is said of their scores.")
    titles = None if question.titles is None else read_titles(question.titles, vocabulary, n_items, log.item)
    eligible = restriction.read(vocabulary, n_items, len(rows.keys))
    explanation = explain(scorer, rows.asked, np.maximum(codes, 0), eligible)
    encodes = any(scorer.blend[part] for part in NEURAL_PARTS)
    said = _Said(rows, items, codes, vocabulary.ids(n_items), titles, encodes)
    if question.output == FRAME:
        return said.frame(explanation, log)
    return said.bunch(explanation)


def as_list(ids: Any) -> Any:
    """Return a single id, text or number, in a list; anything else as it is."""
    is_one = isinstance(ids, str | Real) and not isinstance(ids, bool | np.bool_)
    return [ids] if is_one else ids


class _Said(NamedTuple):
    """Whom and what an explanation is of; an item that is not known has the code -1."""

    rows: Rows
    items: NDArray[Any]
    codes: NDArray[np.int64]
    item_ids: NDArray[Any]
    titles: list[str | None] | None
    encodes: bool

    def bunch(self, explanation: Explanation) -> Bunch:
        """Return arrays by name, of shape (n_users, n_items) or one for each user."""
        near, reasons, places = explanation.near, explanation.reasons, explanation.places
        parts = self._of_known(explanation.parts)
        status = np.where(self.codes < 0, UNKNOWN, places.status)
        ranks = np.where(self.codes < 0, 0, places.ranks)
        return Bunch(
            parts=parts,
            centered=self._of_known(explanation.centered),
            scores=np.sum(list(parts.values()), axis=0),
            past_items=[self.item_ids[codes] for codes, _ in near],
            neighbours=[self._where_known(values) for _, values in near],
            reasons=[self.item_ids[codes] for codes, _ in reasons],
            shares=[self._where_known(shares_of(values)) for _, values in reasons],
            status=status.astype(object),
            ranks=np.ma.MaskedArray(ranks, mask=ranks == 0),
            sentences=self._sentences(explanation, status, ranks),
        )

    def frame(self, explanation: Explanation, log: LogForm) -> Any:
        """Return a frame with a row for each user, item and part."""
        names = list(explanation.parts)
        values = np.stack([*self._of_known(explanation.parts).values()], axis=2)
        users, items, parts = (places.ravel() for places in np.indices(values.shape))
        columns: dict[str, Any] = {PART: [names[place] for place in parts], VALUE: values.ravel()}
        if self.titles is not None:
            columns = {TITLE: [self._title(code) for code in self.codes[items].tolist()], **columns}
        check_names([log.user, log.item, *columns])
        return log.make_frame({log.user: self.rows.keys[users], log.item: self.items[items], **columns})

    def _of_known(self, parts: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        return {name: self._where_known(values) for name, values in parts.items()}

    def _where_known(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return values with NaN for items that are not known."""
        return values if (self.codes >= 0).all() else np.where(self.codes < 0, np.float32(np.nan), values)

    def _title(self, code: int) -> str | None:
        return None if code < 0 or self.titles is None else self.titles[code]

    def _sentences(
        self, explanation: Explanation, status: NDArray[np.object_], ranks: NDArray[np.int64]
    ) -> NDArray[np.object_]:
        sentences, is_lifted = np.full(status.shape, "", dtype=object), lifted(explanation.centered)
        are_known = self.rows.is_known.tolist()
        for user, (past, values) in enumerate(explanation.reasons):
            names = self._names(past)
            shares = shares_of(values)
            for place, item in enumerate(self.items.tolist()):
                wording = Wording(
                    status[user, place], int(ranks[user, place]), self.encodes, bool(is_lifted[user, place])
                )
                n_candidates = int(explanation.places.n_candidates[user])
                sentences[user, place] = wording.say(item, names, shares[:, place], n_candidates, are_known[user])
        return sentences

    def _names(self, codes: NDArray[np.int64]) -> Sequence[str]:
        """Return what items are called: by their titles or, without one, by their ids."""
        titled = [self._title(code) for code in codes.tolist()]
        return [
            repr(key) if title is None else repr(title)
            for key, title in zip(self.item_ids[codes].tolist(), titled, strict=True)
        ]


def lifted(centered: dict[str, NDArray[np.float32]]) -> NDArray[np.bool_]:
    """Return for which items a part from outside speaks, with a share of what speaks for them that is worth a word."""
    speaking = np.sum([np.maximum(values, 0.0) for values in centered.values()], axis=0)
    is_lifted: NDArray[np.bool_] = centered.get(OutsidePart.NAME, np.zeros(1)) > SMALLEST_SHARE * speaking
    return is_lifted


def shares_of(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return each past item's share of what speaks for an item, (n_past, n_items); 0 where nothing does."""
    positive = np.maximum(values, 0.0)
    total = positive.sum(0)
    return np.divide(positive, total, out=np.zeros_like(positive), where=total > 0)
