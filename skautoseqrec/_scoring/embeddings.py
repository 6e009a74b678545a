"""Vectors of items and users: for nearest-neighbour indexes, and for which items are alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.preprocessing import normalize
from torch import Tensor
from torch.nn import functional

from .._network.heads import MultinomialHeads
from .._network.vectors import NEURAL_PARTS
from .._state.base import Base
from .._utils.torch_state import in_usual_torch_state
from .._utils.warn import warn_caller
from .queries import form_queries
from .scorer import Scorer, Serving, batches
from .topk import best_columns

#: Codes and cosines, each of shape (n_queries, k).
Similar = tuple[NDArray[np.int64], NDArray[np.float32]]


def similar_items(scorer: Scorer, base: Base, codes: NDArray[np.int64], k: int, side: str) -> Similar:
    """Return the codes of the items most like some items, best first, and their cosines.

    Parameters
    ----------
    scorer : Scorer
        The model.
    base : Base
        The state, its overlay let in.
    codes : ndarray of shape (n_queries,)
        Codes of known items.
    k : int
        How many; at least 1 and below the number of known items.
    side : {"target", "source"}
        Whether items are compared by what leads to them or by what they lead to.
    """
    compare = _by_vectors(scorer, base, side) if scorer.model.heads.PARTS else _by_counts(base, side)
    best, best_cosines = np.empty((len(codes), k), dtype=np.int64), np.empty((len(codes), k), dtype=np.float32)
    for batch in batches(len(codes), base.counts.n_items):
        cosines = compare(codes[batch])
        cosines[torch.arange(len(cosines)), torch.from_numpy(codes[batch])] = -torch.inf
        best[batch], best_cosines[batch] = best_columns(cosines, k)
    return best, best_cosines


def _by_vectors(scorer: Scorer, base: Base, side: str) -> Callable[[NDArray[np.int64]], Tensor]:
    """Return the function that returns the cosines of some items with all items, by their encoded transitions."""
    if side == "target":
        vectors = base.item_vectors.two_hop[: base.counts.n_items]
    else:
        vectors = scorer.model.encode(base.source, scorer.model.row_norms(base.counts.transitions))
    unit = functional.normalize(vectors)
    return lambda codes: unit[torch.from_numpy(codes)] @ unit.T


def _by_counts(base: Base, side: str) -> Callable[[NDArray[np.int64]], Tensor]:
    """Return the same by counted transitions."""
    unit = normalize((base.transitions.T if side == "target" else base.transitions).tocsr())
    return lambda codes: torch.from_numpy((unit[codes] @ unit.T).toarray())


@in_usual_torch_state
def item_embeddings(serving: Serving) -> NDArray[np.float32]:
    """Return a vector per known item, shape (n_items, 3 d)."""
    base = serving.state.merged()
    return torch.cat(base.item_vectors.first(base.counts.n_items).arrays, 1).numpy()


@in_usual_torch_state
def item_biases(serving: Serving) -> NDArray[np.float32]:
    """Return what is added to the product of embeddings for each known item, shape (n_items,)."""
    state, scorer = serving
    base = state.merged()
    return _linear_heads(scorer).bias(base.item_vectors, scorer.blend)[: base.counts.n_items].numpy()


@in_usual_torch_state
def user_embeddings(serving: Serving, users: Any) -> NDArray[np.float32]:
    """Return a vector per user, shape (n_users, 3 d); zeros, with a warning, if no learnt part weighs anything."""
    state, scorer = serving
    if not any(scorer.blend[part] for part in NEURAL_PARTS):
        warn_caller("No learnt part weighs anything in blend_: the embeddings of all users are zero.")
    snapshot, histories, *_ = state.asked(users)
    heads, model = _linear_heads(scorer), scorer.model
    embeddings = np.empty((len(histories), 3 * model.module.encoder_weight.shape[1]), dtype=np.float32)
    for batch in batches(len(histories), snapshot.n_items):
        queries = form_queries(model, histories.rows(batch), snapshot.transitions_from, snapshot.n_items)
        embeddings[batch] = heads.embed(queries.vectors, scorer.blend).numpy()
    return embeddings


def _linear_heads(scorer: Scorer) -> MultinomialHeads:
    heads = scorer.model.heads
    assert isinstance(heads, MultinomialHeads)
    return heads
