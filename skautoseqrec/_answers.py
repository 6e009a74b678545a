"""The recommender's answers: ids and filters in, the best items out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from ._counts.histories import Histories
from ._data.checks import TEXT_LIKE, shown
from ._data.estimators import validate_log
from ._data.reading import read_ids
from ._scoring.filters import Filter, codes_of, read_filter
from ._scoring.scorer import Served
from ._scoring.topk import top_k
from ._state.state import Snapshot
from ._utils.devices import scoring_device
from ._utils.memory import require_bytes

#: A code, a score, an id and a mask of each, while one is made of the other.
BYTES_PER_ANSWER = 40


class AnswersMixin:
    """``predict_topk`` and ``predict`` of the recommender."""

    exclude_seen: bool
    device: str
    _served: Served

    def predict_topk(
        self,
        users: ArrayLike,
        k: int = 10,
        *,
        exclude_seen: bool | None = None,
        candidates: Any = None,
        exclude: Any = None,
        return_scores: bool = False,
    ) -> Any:
        """Recommend the next items of some users, best first.

        Parameters
        ----------
        users : array-like of shape (n_users,)
            User ids. An unknown user is answered by the trend.
        k : int, default=10
            Length of each list; at least 1.
        exclude_seen : bool or None, default=None
            Whether to leave out what a user has met; None takes the estimator's parameter.
        candidates : list of item ids, list of such lists or None, default=None
            Items that may be recommended, for all users or per user; each must be known. None allows all.
        exclude : list of item ids, list of such lists or None, default=None
            Items that may not be recommended (out of stock, say), for all users or per user.
        return_scores : bool, default=False
            Whether to return the scores too. Scores of different users do not compare.

        Returns
        -------
        ids : ndarray of shape (n_users, k)
            Item ids; equal scores stand in order of ``item_ids_``. If a user has fewer than k eligible items, a masked
            array whose places without an item are masked.
        scores : ndarray of shape (n_users, k), float32
            Only with ``return_scores``; masked where ``ids`` is.

        Raises
        ------
        ValueError
            If k < 1, a candidate is not known, or per-user lists are not as many as the users.
        MemoryError
            If the answer would take more memory than is available.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
        >>> parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.predict_topk(["bob"], k=1)
        array([['milk']], dtype=object)
        """
        check_is_fitted(self)
        served = self._served
        snapshot, histories = served.state.histories_of(users)
        return self._answer(served, snapshot, histories, k, exclude_seen, candidates, exclude, return_scores)

    def predict_topk_sequences(
        self,
        sequences: Any,
        k: int = 10,
        *,
        exclude_seen: bool | None = None,
        candidates: Any = None,
        exclude: Any = None,
        return_scores: bool = False,
    ) -> Any:
        """Recommend what comes next after histories that belong to no known user, best first.

        Nothing is learnt of them; use :meth:`partial_update` for that.

        Parameters
        ----------
        sequences : list of lists of item ids
            Each history oldest first. Items that are not known are skipped; where nothing is left, the trend answers.
        k, exclude_seen, candidates, exclude, return_scores
            As in :meth:`predict_topk`, with histories in place of users.

        Returns
        -------
        ids : ndarray of shape (n_sequences, k)
            As in :meth:`predict_topk`.
        scores : ndarray of shape (n_sequences, k), float32
            Only with ``return_scores``.

        Raises
        ------
        ValueError
            As :meth:`predict_topk`.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "jam", 3)]
        >>> parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.predict_topk_sequences([["jam", "tea"]], k=1)
        array([['milk']], dtype=object)
        """
        check_is_fitted(self)
        is_one = isinstance(sequences, (*TEXT_LIKE, Mapping)) or (
            isinstance(sequences, np.ndarray) and not sequences.ndim
        )
        if is_one or not isinstance(sequences, Iterable):
            raise TypeError(f"sequences must be a list of lists of item ids, not {shown(sequences)}.")
        served = self._served
        snapshot, items = served.state.snapshot, served.state.items
        rows = [
            codes_of(read_ids(row, f"sequences[{place}]"), items, snapshot.n_items)
            for place, row in enumerate(sequences)
        ]
        rows = [codes[codes >= 0] for codes in rows]
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        histories = Histories.of_lengths(np.concatenate([np.zeros(0, dtype=np.int64), *rows]), lengths)
        return self._answer(served, snapshot, histories, k, exclude_seen, candidates, exclude, return_scores)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the best next item of each row's user.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_rows, 2 or 3), list of tuples or Interactions
            A log; only its users are read.

        Returns
        -------
        items : ndarray of shape (n_rows,)
            Item ids. For a user who has met everything, ``exclude_seen`` is ignored.
        """
        check_is_fitted(self)
        columns = validate_log(self, X, reset=False)
        state, scorer = self._served
        scorer = scorer.on(scoring_device(self.device))
        state.users.check_kind(columns.users)
        snapshot = state.snapshot
        users, rows = np.unique(state.users.find(columns.users, snapshot.n_users), return_inverse=True)
        histories = snapshot.histories(users)
        best = top_k(scorer, snapshot, histories, 1, Filter(self.exclude_seen))[0][:, 0]
        sated = np.flatnonzero(best < 0)
        best[sated] = top_k(scorer, snapshot, histories.rows(sated), 1, Filter(exclude_seen=False))[0][:, 0]
        return state.items.ids(snapshot.n_items)[best[rows]]

    def _answer(
        self,
        served: Served,
        snapshot: Snapshot,
        histories: Histories,
        k: int,
        exclude_seen: bool | None,
        candidates: Any,
        exclude: Any,
        return_scores: bool,
    ) -> Any:
        if not isinstance(k, Integral) or isinstance(k, bool) or k < 1:
            raise ValueError(f"k must be a whole number of at least 1, not {k!r}.")
        if exclude_seen not in (None, True, False):
            raise ValueError(f"exclude_seen must be True, False or None, not {exclude_seen!r}.")
        seen = self.exclude_seen if exclude_seen is None else bool(exclude_seen)
        answer = f"An answer of {k:,} items for each of {len(histories):,} users"
        require_bytes(BYTES_PER_ANSWER * len(histories) * int(k), answer, "Ask for fewer users at a time.")
        items = served.state.items
        allowed = read_filter(seen, candidates, exclude, items, snapshot.n_items, len(histories))
        scorer = served.scorer.on(scoring_device(self.device))
        codes, scores = top_k(scorer, snapshot, histories, int(k), allowed)
        ids, scores = decode_answers(codes, scores, items.ids(snapshot.n_items))
        return (ids, scores) if return_scores else ids


def decode_answers(
    codes: NDArray[np.int64], scores: NDArray[np.float32], item_ids: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Return ids for codes; where a code is -1 both results are masked."""
    missing = codes < 0
    if not missing.any():
        return item_ids[codes], scores
    ids = item_ids[np.where(missing, 0, codes)]
    # No id stands under the mask: whoever looks there must not find a recommendation.
    ids[missing] = None if ids.dtype == object else np.iinfo(np.int64).min
    return np.ma.MaskedArray(ids, mask=missing), np.ma.MaskedArray(scores, mask=missing)
