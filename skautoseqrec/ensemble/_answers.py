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
            User ids. Unknown users are ranked by the recommender alone.
        k : int, default=10
            Length of each list; at least 1.
        exclude_seen : bool or None, default=None
            Whether to leave out a user's seen items; None takes the recommender's parameter.
        candidates : list of item ids, list of such lists or None, default=None
            Items that may be recommended, for all users or per user. None allows all.
        exclude : list of item ids, list of such lists or None, default=None
            Items that must not be recommended, for all users or per user.
        return_scores : bool, default=False
            Whether to return the scores too, the part's share included.
        at : time, array-like of shape (n_users,) or None, default=None
            When they are asked for, of the kind of the log's times. None is the newest time known.
        output : {"array", "frame", "list"}, default="array"
            Form of the answer: "frame" is a long dataframe, "list" is lists of Python values.
        titles : dict, pandas series, dataframe, array of records or None, default=None
            Title of each item, for a frame or a list.
        on_unknown : {"ignore", "warn", "raise"} or None, default=None
            What happens to unknown ids. None ignores users, and warns once of candidates.
        rerank : callable or None, default=None
            Puts the best candidates in another order. See :mod:`skautoseqrec.reranking`.
        rerank_size : int or None, default=None
            Number of candidates that ``rerank`` is given, at least 1. None takes ``rerank.rerank_size``, or 10 k.

        Returns
        -------
        ids : ndarray of shape (n_users, k)
            Item ids; masked where a user has fewer than k candidates. With ``output="list"`` a list of lists.
        scores : ndarray of shape (n_users, k), float32
            Only with ``return_scores``.
        frame : dataframe
            In place of both, with ``output="frame"``: a row for each user and item.

        Raises
        ------
        ValueError, TypeError
            If an argument is not valid, or the part returns no scores.
        MemoryError
            If the answer needs more memory than is available.
        ImportError
            If the package of the frame is not installed.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> from skautoseqrec.ensemble import HybridRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
        >>> recommender = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}, early_stopping=False)
        >>> hybrid = HybridRecommender(recommender, lambda rows, ids: [ids == "jam"] * len(rows), weight=5).fit(log)
        >>> hybrid.predict_topk(["bob"], k=2)
        array([['jam', 'milk']], dtype=object)
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
        exclude_seen : bool or None, default=None
            Whether to leave out what a history holds; None takes the recommender's parameter.
        candidates : list of item ids, list of such lists or None, default=None
            Items that may be recommended, for all histories or for each. None allows all.
        exclude : list of item ids, list of such lists or None, default=None
            Items that must not be recommended, for all histories or for each.
        return_scores : bool, default=False
            Whether to return the scores too, the part's share included.
        output : {"array", "frame", "list"}, default="array"
            Form of the answer: "frame" is a long dataframe, "list" is lists of Python values.
        titles : dict, pandas series, dataframe, array of records or None, default=None
            Title of each item, for a frame or a list.
        on_unknown : {"ignore", "warn", "raise"} or None, default=None
            What happens to unknown ids. None ignores those of histories, and warns once of candidates.
        rerank : callable or None, default=None
            Puts the best candidates in another order, given places of histories, from 0, as users.
        rerank_size : int or None, default=None
            Number of candidates that ``rerank`` is given, at least 1. None takes ``rerank.rerank_size``, or 10 k.

        Returns
        -------
        ids : ndarray of shape (n_sequences, k)
            Item ids; masked where a history has fewer than k candidates. With ``output="list"`` a list of lists.
        scores : ndarray of shape (n_sequences, k), float32
            Only with ``return_scores``.
        frame : dataframe
            In place of both, with ``output="frame"``: a row for each history and item.

        Raises
        ------
        ValueError, TypeError
            If an argument is not valid, or the part returns no scores.
        MemoryError
            If the answer needs more memory than is available.
        ImportError
            If the package of the frame is not installed.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> from skautoseqrec.ensemble import HybridRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
        >>> recommender = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}, early_stopping=False)
        >>> hybrid = HybridRecommender(recommender, lambda rows, ids: [ids == "jam"] * len(rows), weight=5).fit(log)
        >>> hybrid.predict_topk_sequences([["tea"]], k=2)
        array([['jam', 'milk']], dtype=object)
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
        users : array-like of user ids or None, default=None
            Known users to choose from. None takes all.
        exclude_seen : bool or None, default=None
            Whether an item that a user has seen is none of the alternatives; None takes the recommender's parameter.
        return_scores : bool, default=False
            Whether to return the probabilities too.
        at : time or None, default=None
            When they are asked for, of the kind of the log's times. None is the newest time known.
        output : {"array", "frame", "list"}, default="array"
            Form of the answer: "frame" is a long dataframe, "list" is lists of Python values.

        Returns
        -------
        ids : ndarray of shape (n_items, k)
            User ids; masked where the item may be recommended to fewer. With ``output="list"`` a list of lists.
        probabilities : ndarray of shape (n_items, k), float32
            Only with ``return_scores``; in [0, 1].
        frame : dataframe
            In place of both, with ``output="frame"``: a row for each item and user.

        Raises
        ------
        ValueError, TypeError
            If an item or a user is not known, an argument is not valid, or the part returns no scores.
        MemoryError
            If the answer needs more memory than is available.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> from skautoseqrec.ensemble import HybridRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
        >>> recommender = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}, early_stopping=False)
        >>> hybrid = HybridRecommender(recommender, lambda rows, ids: [ids == "jam"] * len(rows), weight=5).fit(log)
        >>> hybrid.predict_users(["jam"], k=2)
        array([['ann', 'bob']], dtype=object)
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
            When the scores are asked for, of the kind of the log's times. None is the newest time known.
        exclude_seen : bool or None, default=None
            Whether what a user has seen is not recommended; None takes the recommender's parameter.
        candidates : list of item ids, list of such lists or None, default=None
            Items that may be recommended, for all users or per user. None allows all.
        exclude : list of item ids, list of such lists or None, default=None
            Items that must not be recommended, for all users or per user.
        on_unknown : {"ignore", "warn", "raise"} or None, default=None
            What happens to unknown ids. None ignores unknown users, and raises for unknown items.
        titles : dict, pandas series, dataframe, array of records or None, default=None
            Title of each item, for the sentences and the frame.
        output : {"bunch", "frame"}, default="bunch"
            "frame" is a long dataframe of the parts alone.

        Returns
        -------
        explanation : Bunch
            What :meth:`skautoseqrec.AutoSeqRecRecommender.explain` returns. ``parts`` and ``centered`` also have
            "outside": what the part adds, times ``weight_``. Sentences name it where it speaks for an item. ``shares``
            are of past items, and so know nothing of it.
        frame : dataframe
            In place of it, with ``output="frame"``: a row for each user, item and part.

        Raises
        ------
        ValueError, TypeError
            If an item is not known, an argument is not valid, or the part returns no scores.
        ImportError
            If the package of the frame is not installed.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> from skautoseqrec.ensemble import HybridRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
        >>> recommender = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}, early_stopping=False)
        >>> hybrid = HybridRecommender(recommender, lambda rows, ids: [ids == "jam"] * len(rows), weight=5).fit(log)
        >>> hybrid.explain("bob", ["milk", "jam"]).parts["outside"]
        array([[0., 5.]], dtype=float32)
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
