"""Looking into the recommender: why a score is what it is, and what it takes items and users for."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from torch.nn import functional

from ._data.reading import read_ids
from ._network.heads import NEURAL_PARTS
from ._scoring.filters import Filter, known_codes
from ._scoring.parts import weighted_parts
from ._scoring.queries import form_queries
from ._scoring.scorer import Scorer, Served, batches
from ._training.objectives import MultinomialObjective
from ._utils.warn import warn_caller


def _has_linear_heads(estimator: Any) -> bool:
    return bool(estimator.objective == "multinomial")


class InspectionMixin:
    """``explain``, ``similar_items`` and the embeddings of the recommender."""

    exclude_seen: bool
    _served: Served

    def explain(self, users: ArrayLike, items: ArrayLike) -> Bunch:
        """Return the parts that the scores of some items for some users add up from.

        Parameters
        ----------
        users : array-like of shape (n_users,)
            User ids; an unknown user has only the parts of users without history.
        items : array-like of shape (n_items,)
            Ids of known items, seen ones too.

        Returns
        -------
        explanation : Bunch
            ``parts``: a dict from part to its weighted share of the score, ndarray of shape (n_users, n_items).
            ``centered``: the same minus the part's mean over the user's eligible items, because a part says something
            only beside what it says of others. ``scores``: the sum of the parts, what ``predict_topk`` reports.

        Raises
        ------
        ValueError
            If an item is not known.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
        >>> parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.explain(["bob"], ["milk", "tea"]).parts["direct"].round(2)
        array([[1.79, 0.  ]], dtype=float32)
        """
        check_is_fitted(self)
        state, scorer = self._served
        snapshot, histories = state.histories_of(users)
        codes = known_codes(read_ids(items, "items"), "items", state.items, snapshot.n_items)
        whole = weighted_parts(scorer, snapshot, histories)
        eligible = torch.zeros(len(histories), snapshot.n_items)
        Filter(self.exclude_seen).apply(eligible, histories)
        eligible = torch.isfinite(eligible)
        chosen = torch.from_numpy(codes)
        parts = {name: part[:, chosen].numpy() for name, part in whole.items()}
        centered = {name: parts[name] - _row_means(part, eligible) for name, part in whole.items()}
        return Bunch(parts=parts, centered=centered, scores=np.sum(list(parts.values()), axis=0))

    def similar_items(self, items: ArrayLike, k: int = 10, *, side: str = "target", return_scores: bool = False) -> Any:
        """Return the items most like some items, best first.

        Parameters
        ----------
        items : array-like of shape (n_queries,)
            Ids of known items.
        k : int, default=10
            How many; at least 1 and below the number of known items.
        side : {"target", "source"}, default="target"
            "target" compares what leads to the items: they are reached from the same places, and one could stand for
            the other. "source" compares what they lead to: the same things follow them.
        return_scores : bool, default=False
            Whether to return the cosines too.

        Returns
        -------
        ids : ndarray of shape (n_queries, k)
            Item ids, without the item itself.
        cosines : ndarray of shape (n_queries, k), float32
            Only with ``return_scores``; in [-1, 1].

        Raises
        ------
        ValueError
            If an item is not known, or k or side is not as above.
        """
        check_is_fitted(self)
        state, scorer = self._served
        base = state.merged()
        item_ids = state.items.ids(base.counts.n_items)
        if side not in ("target", "source"):
            raise ValueError(f"side must be 'target' or 'source', not {side!r}.")
        if not isinstance(k, Integral) or isinstance(k, bool) or not 1 <= k < len(item_ids):
            raise ValueError(f"k must be at least 1 and below the {len(item_ids)} known items, not {k!r}.")
        codes = torch.from_numpy(known_codes(read_ids(items, "items"), "items", state.items, len(item_ids)))
        if side == "target":
            vectors = base.items.reached[: len(item_ids)]
        else:
            vectors = scorer.model.encode(base.source, scorer.model.row_norms(base.counts.transitions))
        unit = functional.normalize(vectors)
        cosines = unit[codes] @ unit.T
        cosines[torch.arange(len(codes)), codes] = -torch.inf
        best = torch.topk(cosines, int(k), dim=1)
        ids = item_ids[best.indices.numpy()]
        return (ids, best.values.numpy()) if return_scores else ids

    @available_if(_has_linear_heads)
    def item_embeddings(self) -> NDArray[np.float32]:
        """Return a vector per known item, for nearest-neighbour indexes.

        Its product with a user's vector, plus ``item_biases()``, is the neural part of the score (collaborative, one
        hop and two hops). Only for ``objective="multinomial"``, whose heads are linear.

        Returns
        -------
        embeddings : ndarray of shape (n_items, 3 * n_components), float32
            Rows in order of ``item_ids_``.
        """
        check_is_fitted(self)
        base = self._served.state.merged()
        # A copy: answers are read from the original.
        return base.items.vectors[: base.counts.n_items].numpy().copy()

    @available_if(_has_linear_heads)
    def item_biases(self) -> NDArray[np.float32]:
        """Return what is added to the product of embeddings for each known item.

        Returns
        -------
        biases : ndarray of shape (n_items,), float32
            In order of ``item_ids_``.
        """
        check_is_fitted(self)
        state, scorer = self._served
        base = state.merged()
        return _linear_objective(scorer).bias(base.items, scorer.blend)[: base.counts.n_items].numpy()

    @available_if(_has_linear_heads)
    def user_embeddings(self, users: ArrayLike) -> NDArray[np.float32]:
        """Return a vector per user, to be multiplied with ``item_embeddings()``.

        Parameters
        ----------
        users : array-like of shape (n_users,)
            User ids; the vector of a user without history says nothing.

        Returns
        -------
        embeddings : ndarray of shape (n_users, 3 * n_components), float32
            Computed from the histories as they are now. All zeros, with a warning, if no learnt part weighs anything.
        """
        check_is_fitted(self)
        state, scorer = self._served
        if not any(scorer.blend[part] for part in NEURAL_PARTS):
            warn_caller("No learnt part weighs anything in blend_: the embeddings of all users are zero.")
        snapshot, histories = state.histories_of(users)
        objective, model = _linear_objective(scorer), scorer.model
        embeddings = np.empty((len(histories), 3 * model.module.encoder_weight.shape[1]), dtype=np.float32)
        for batch in batches(len(histories), snapshot.n_items):
            queries = form_queries(model, histories.rows(batch), snapshot.leaving, snapshot.n_items)
            embeddings[batch] = objective.embed(queries.hidden, scorer.blend).numpy()
        return embeddings


def _linear_objective(scorer: Scorer) -> MultinomialObjective:
    objective = scorer.model.objective
    assert isinstance(objective, MultinomialObjective)
    return objective


def _row_means(part: Tensor, eligible: Tensor) -> NDArray[np.float32]:
    """Return the mean of each row over its eligible items, 0 if it has none, shape (n_rows, 1)."""
    sums = torch.where(eligible, part, 0.0).sum(1, keepdim=True)
    return (sums / eligible.sum(1, keepdim=True).clamp_min(1)).numpy()
