"""A fitted recommender under another blend: only scoring reads it, so nothing is trained."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from sklearn.utils.validation import check_is_fitted

from ._resolving import resolve_blend
from ._scoring.scorer import PARTS, Served

Recommender = TypeVar("Recommender", bound="ReblendingMixin")


class ReblendingMixin:
    """``with_blend`` of the recommender."""

    _served: Served

    def with_blend(
        self: Recommender, blend: Mapping[str, Any] | None = None, exclude_seen: bool | None = None
    ) -> Recommender:
        """Return the fitted recommender with another blend, without training.

        Weights and events are shared, not copied: what either takes in (:meth:`partial_update`) both know, until one of
        them forgets or is fitted, of which the other learns nothing: make another copy then. Where there is a journal,
        only the recommender that it was opened for may take events in. A user without history is answered as before.

        Parameters
        ----------
        blend : dict or None, default=None
            Weight of each part of the score, as the parameter; None keeps ``blend_``.
        exclude_seen : bool or None, default=None
            As the parameter; None keeps it.

        Returns
        -------
        recommender : AutoSeqRecRecommender
            A light copy, with these as its parameters.

        Raises
        ------
        ValueError
            If a part is unknown, a weight is negative, not finite or too large for float32, or all are zero.
        TypeError
            If ``blend`` is no dict, or ``exclude_seen`` no bool.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
        >>> parameters = {"blend": {"collaborative": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.with_blend({"direct": 1.0}).predict_topk(["bob"], k=1)
        array([['milk']], dtype=object)
        """
        check_is_fitted(self)
        if blend is not None and not isinstance(blend, Mapping):
            raise TypeError(f"blend must be a dict of weights, or None to keep the fitted one, not {blend!r}.")
        if exclude_seen not in (None, True, False):
            raise TypeError(f"exclude_seen must be True, False or None, not {exclude_seen!r}.")
        twin: Any = copy.copy(self)
        if blend is not None:
            served = self._served
            n_trends = len(served.scorer.model.settings.trend_half_lives)
            scorer = replace(served.scorer, blend=resolve_blend(blend, PARTS, n_trends))
            twin.blend, twin._served = blend, served._replace(scorer=scorer)
        if exclude_seen is not None:
            twin.exclude_seen = bool(exclude_seen)
        return twin
