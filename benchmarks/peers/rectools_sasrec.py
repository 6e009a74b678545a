"""SASRec of the library RecTools, with its cross-entropy over all items; its weights are fixed in the walk.

Kang and McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018, arXiv 1808.09781.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .rectools_reader import Reader
from .replay import Floats, Replay
from .training import Trained

__all__ = ["RecToolsSASRec"]


class RecToolsSASRec(Trained):
    """Causal self-attention over the newest items; the library trains on these, one window for each user.

    A user without a fitted item is shown what is popular; an item that was not fitted scores as the lowest one does.

    Parameters
    ----------
    n_components, n_blocks, n_heads, dropout, length, learning_rate, batch_size : int, float
        Of the library: ``n_factors``, ``n_blocks``, ``n_heads``, ``dropout_rate``, ``session_max_len``, ``lr`` and
        ``batch_size``.
    max_iter, random_state : int
        As in :class:`Trained`.
    """

    block_size = 512

    def __init__(
        self,
        n_components: int = 64,
        n_blocks: int = 2,
        dropout: float = 0.2,
        learning_rate: float = 1e-3,
        length: int = 50,
        n_heads: int = 2,
        batch_size: int = 32,
        max_iter: int = 200,
        random_state: int = 0,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(max_iter, random_state, exclude_seen=exclude_seen)
        self.n_components, self.n_blocks, self.n_heads, self.dropout = n_components, n_blocks, n_heads, dropout
        self.length, self.learning_rate, self.batch_size = length, learning_rate, batch_size

    def start(self) -> None:
        """Begin without events."""
        self.counts = np.zeros(self.n_items, dtype=np.float32)
        self.pairs: list[tuple[int, int]] = []

    def let_in(self, user: int, item: int, time: float) -> None:
        """Remember the order of events."""
        self.counts[item] += 1
        self.pairs.append((user, item))

    def build(self) -> None:
        """Make the model; it knows the items of users with two events or more."""
        from rectools.models import SASRecModel

        users, items = np.array(self.pairs, dtype=np.int64).T
        is_trained_on = np.bincount(users)[users] > 1
        self.reader = Reader(users[is_trained_on], items[is_trained_on])
        self.model = SASRecModel(
            n_blocks=self.n_blocks,
            n_heads=self.n_heads,
            n_factors=self.n_components,
            dropout_rate=self.dropout,
            session_max_len=self.length,
            lr=self.learning_rate,
            batch_size=self.batch_size,
            recommend_torch_device="cpu",
        )

    def train_epoch(self) -> None:
        """Train on the newest items of every user once."""
        self.model.fit_partial(self.reader.fitted, min_epochs=1, max_epochs=1)

    def judged(self) -> Replay:
        """Return a copy that may be walked; no walk changes the model, so that both have it."""
        walked = copy.copy(self)
        walked.histories, walked.known = copy.deepcopy(self.histories), self.known.copy()
        walked.counts, walked.pairs = self.counts.copy(), self.pairs.copy()
        return walked

    def question(self, user: int, time: float) -> NDArray[np.int64]:
        """Return the newest items of those that the model knows."""
        history = np.array(self.histories[user], dtype=np.int64)
        return history[np.isin(history, self.reader.items)][-self.length :]

    def answers(self, questions: list[NDArray[np.int64]]) -> Iterable[Floats]:
        """Return the score of every item after each history."""
        scores = np.tile(self.counts, (len(questions), 1))
        asked = [row for row, history in enumerate(questions) if len(history)]
        if asked:
            known_scores = self.reader.scores(self.model, [questions[row] for row in asked])
            lowest = np.nanmin(known_scores, axis=1, keepdims=True)
            scores[asked] = lowest
            scores[np.ix_(asked, self.reader.items)] = np.where(np.isnan(known_scores), lowest, known_scores)
        return scores
