"""What a hybrid answers: each question goes to its recommender, in whose scores the part has its say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike

from .._data.estimators import DelegatingMixin


class HybridAnswersMixin(DelegatingMixin):
    """Mixin: answers as the recommender gives them, with other scores."""

    def predict_topk(
        self,
        users: ArrayLike,
        k: int = 10,
        *,
        exclude_seen: bool | None = None,
        candidates: Any = None,
        exclude: Any = None,
        return_scores: bool = False,
        at: Any = None,
        output: str = "array",
        titles: Any = None,
        on_unknown: str | None = None,
        rerank: Callable[..., Any] | None = None,
        rerank_size: int | None = None,
    ) -> Any:
        """Recommend the next items of some users, best first.

        Parameters
        ----------
        users : array-like of shape (n_users,)
            User ids.
        k : int, default=10
            Length of each list; at least 1.
        exclude_seen, candidates, exclude, return_scores, at, output, titles, on_unknown, rerank, rerank_size
            As in :meth:`skautoseqrec.AutoSeqRecRecommender.predict_topk`.

        Returns
        -------
        answer : ndarray, frame or list
            As there.
        """
        return self._delegate().predict_topk(
            users,
            k,
            exclude_seen=exclude_seen,
            candidates=candidates,
            exclude=exclude,
            return_scores=return_scores,
            at=at,
            output=output,
            titles=titles,
            on_unknown=on_unknown,
            rerank=rerank,
            rerank_size=rerank_size,
        )

    def predict_topk_sequences(
        self,
        sequences: Any,
        k: int = 10,
        *,
        exclude_seen: bool | None = None,
        candidates: Any = None,
        exclude: Any = None,
        return_scores: bool = False,
        output: str = "array",
        titles: Any = None,
        on_unknown: str | None = None,
        rerank: Callable[..., Any] | None = None,
        rerank_size: int | None = None,
    ) -> Any:
        """Recommend the next items of histories that belong to no known user, best first.

        Parameters
        ----------
        sequences : list of lists of item ids
            Each history, oldest item first. Unknown items are skipped.
        k : int, default=10
            Length of each list; at least 1.
        exclude_seen, candidates, exclude, return_scores, output, titles, on_unknown, rerank, rerank_size
            As in :meth:`skautoseqrec.AutoSeqRecRecommender.predict_topk_sequences`.

        Returns
        -------
        answer : ndarray, frame or list
            As there.
        """
        return self._delegate().predict_topk_sequences(
            sequences,
            k,
            exclude_seen=exclude_seen,
            candidates=candidates,
            exclude=exclude,
            return_scores=return_scores,
            output=output,
            titles=titles,
            on_unknown=on_unknown,
            rerank=rerank,
            rerank_size=rerank_size,
        )

    def predict_users(
        self,
        items: ArrayLike,
        k: int = 10,
        *,
        users: ArrayLike | None = None,
        exclude_seen: bool | None = None,
        return_scores: bool = False,
        at: Any = None,
        output: str = "array",
    ) -> Any:
        """Return the users who would want an item next, the likeliest first.

        Parameters
        ----------
        items : array-like of shape (n_items,)
            Ids of known items.
        k : int, default=10
            Length of each list; at least 1.
        users, exclude_seen, return_scores, at, output
            As in :meth:`skautoseqrec.AutoSeqRecRecommender.predict_users`.

        Returns
        -------
        answer : ndarray, frame or list
            As there.
        """
        return self._delegate().predict_users(
            items,
            k,
            users=users,
            exclude_seen=exclude_seen,
            return_scores=return_scores,
            at=at,
            output=output,
        )

    def explain(
        self,
        users: Any,
        items: Any,
        at: Any = None,
        *,
        exclude_seen: bool | None = None,
        candidates: Any = None,
        exclude: Any = None,
        on_unknown: str | None = None,
        titles: Any = None,
        output: str = "bunch",
    ) -> Any:
        """Return why some items score what they do for some users, the part from outside as one more row.

        Parameters
        ----------
        users : user id, or array-like of shape (n_users,)
            User ids.
        items : item id, or array-like of shape (n_items,)
            Known items, seen ones too.
        at : time, array-like of shape (n_users,) or None, default=None
            When the scores are asked for.
        exclude_seen, candidates, exclude, on_unknown, titles, output
            As in :meth:`skautoseqrec.AutoSeqRecRecommender.explain`.

        Returns
        -------
        explanation : Bunch or frame
            As there. ``parts`` and ``centered`` (or the rows of the frame) also have "outside": what the part adds,
            times ``weight_``. Sentences name the part from outside where it speaks for an item. ``shares`` are of past
            items, and so know nothing of it.
        """
        return self._delegate().explain(
            users,
            items,
            at,
            exclude_seen=exclude_seen,
            candidates=candidates,
            exclude=exclude,
            on_unknown=on_unknown,
            titles=titles,
            output=output,
        )
