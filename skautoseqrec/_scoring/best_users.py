"""Which users want an item most, and which users are alike: the best k over all users, in blocks of bounded memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from sklearn.preprocessing import normalize
from torch import Tensor
from torch.nn import functional

from .._counts.histories import Histories
from .._data.filters import Filter
from .._network.heads import MultinomialHeads
from .._network.vectors import NEURAL_PARTS
from .._state.snapshot import Asked, Snapshot
from .._utils.devices import beside
from .queries import form_queries
from .scorer import Scorer, batches
from .topk import best_columns, leave_out

#: What two rows are compared by.
EMBEDDINGS, HISTORIES = "embeddings", "histories"


class BestUsers:
    """The best users of each row so far, over blocks of users that come in order of their codes.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    k : int
        How many users are kept of each.
    """

    def __init__(self, n_rows: int, k: int) -> None:
        self.codes = np.full((n_rows, k), -1, dtype=np.int64)
        self.values = np.full((n_rows, k), -np.inf, dtype=np.float32)

    def add(self, codes: NDArray[np.int64], values: Tensor) -> None:
        """Add the values of a block of users, shape (n_rows, n_users); of equal ones those that came first stay."""
        together = torch.cat([torch.from_numpy(self.values), values.cpu()], 1)
        every = np.concatenate([self.codes, np.broadcast_to(codes, (len(self.codes), len(codes)))], 1)
        columns, self.values = best_columns(together, self.codes.shape[1])
        self.codes = np.take_along_axis(every, columns, 1)
        self.codes[np.isneginf(self.values)] = -1


@torch.inference_mode()
def users_for_items(
    scorer: Scorer, asked: Asked, users: NDArray[np.int64], items: NDArray[np.int64], k: int, eligible: Filter
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return for each item the users among whose own alternatives it is likeliest, and how likely it is.

    Parameters
    ----------
    scorer : Scorer
        The model.
    asked : Asked
        The snapshot, and the histories of the users.
    users : ndarray of shape (n_users,)
        Their codes, rising.
    items : ndarray of shape (n_items,)
        Codes of the items.
    k : int
        How many users of each; places beyond those for whom the item is eligible hold -1.
    eligible : Filter
        What each user may be recommended: the alternatives.

    Returns
    -------
    codes : ndarray of shape (n_items, k)
        Best first; equal ones in order of code.
    probabilities : ndarray of shape (n_items, k), float32
        Softmax of the scores over what the user may be recommended; minus infinity where there is no user.
    """
    best = BestUsers(len(items), k)
    for batch in batches(len(users), asked.snapshot.n_items):
        rows = asked.rows(batch)
        scores = scorer.score(scorer.view(rows))
        leave_out(scores, eligible.rows(batch), rows)
        columns = beside(scores, items)
        # Who may be recommended nothing has no alternatives, and no number to compare.
        shares = (scores[:, columns] - torch.logsumexp(scores, 1, keepdim=True)).nan_to_num_(
            nan=-torch.inf, neginf=-torch.inf
        )
        best.add(users[batch], shares.T)
    return best.codes, np.where(best.codes < 0, -np.inf, np.exp(best.values)).astype(np.float32)


@torch.inference_mode()
def users_like_users(
    scorer: Scorer, snapshot: Snapshot, users: NDArray[np.int64], k: int, by: str
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the codes of the users most like some users, without these themselves, and the cosines.

    Parameters
    ----------
    scorer : Scorer
        The model.
    snapshot : Snapshot
        The state.
    users : ndarray of shape (n_queries,)
        Codes of known users.
    k : int
        How many of each.
    by : {"embeddings", "histories"}
        What is compared.
    """
    compare = _comparing(scorer, snapshot, snapshot.histories(users), by)
    best = BestUsers(len(users), k)
    for batch in batches(snapshot.n_users, max(snapshot.n_items, len(users))):
        codes = np.arange(snapshot.n_users)[batch]
        cosines = compare(snapshot.histories(codes))
        cosines[torch.from_numpy(users[:, None] == codes)] = -torch.inf
        best.add(codes, cosines)
    return best.codes, best.values


def has_embeddings(scorer: Scorer) -> bool:
    """Tell whether the vectors of users say anything: heads are linear, and a neural part weighs something."""
    return scorer.model.heads.ARE_LINEAR and any(scorer.blend[part] for part in NEURAL_PARTS)


def _comparing(scorer: Scorer, snapshot: Snapshot, queries: Histories, by: str) -> Callable[[Histories], Tensor]:
    """Return a function from histories to their cosines with those of the queries, shape (n_queries, n_histories)."""
    if by == EMBEDDINGS:
        unit = _embedded(scorer, snapshot, queries)
        return lambda histories: unit @ _embedded(scorer, snapshot, histories).T
    rows = _decayed(scorer, snapshot, queries)
    return lambda histories: torch.from_numpy((rows @ _decayed(scorer, snapshot, histories).T).toarray())


def _embedded(scorer: Scorer, snapshot: Snapshot, histories: Histories) -> Tensor:
    """Return the vectors of some users at unit length; zeros stay zeros."""
    heads = scorer.model.heads
    assert isinstance(heads, MultinomialHeads)
    queries = form_queries(scorer.model, histories, snapshot.transitions_from, snapshot.n_items)
    return functional.normalize(heads.embed(queries.vectors, scorer.blend))


def _decayed(scorer: Scorer, snapshot: Snapshot, histories: Histories) -> sparse.csr_matrix:
    """Return the decayed histories of some users at unit length."""
    rows = histories.decayed(scorer.model.settings).to_csr(snapshot.n_items)
    rows.sum_duplicates()
    return normalize(rows) if len(histories) else rows  # scikit-learn refuses no rows
