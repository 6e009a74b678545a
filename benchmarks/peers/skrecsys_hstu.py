"""HSTU, the sequence model of the library skrecsys; its weights are fixed in the walk.

Zhai et al., "Actions Speak Louder than Words: Trillion-Parameter Sequential Transducers for Generative
Recommendations", ICML 2024, arXiv 2402.17152. The library answers users whose histories it holds. So each question is
a user of its own, whom ``partial_fit`` adds to a copy of the model for no epoch: histories grow, and nothing is learnt.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

import numpy as np

from .replay import Floats, Replay

__all__ = ["SkrecsysHSTU"]


class SkrecsysHSTU(Replay):
    """Pointwise attention over the newest items, trained with a sampled softmax.

    A user without a fitted item is shown what is popular; an item that was not fitted scores as the lowest one does.

    Parameters
    ----------
    n_components, n_blocks, dropout, length, n_negatives, learning_rate, n_iterations : int, float
        Of the library: width, depth, dropout, number of newest items that are read, items drawn for each place, step,
        and most epochs. It ends earlier when its training loss stalls.
    """

    block_size = 1024

    def __init__(
        self,
        n_components: int = 64,
        n_blocks: int = 2,
        dropout: float = 0.2,
        length: int = 100,
        n_negatives: int = 128,
        learning_rate: float = 1e-3,
        n_iterations: int = 100,
        random_state: int = 0,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(exclude_seen=exclude_seen)
        self.n_components, self.n_blocks, self.dropout, self.length = n_components, n_blocks, dropout, length
        self.n_negatives, self.learning_rate = n_negatives, learning_rate
        self.n_iterations, self.random_state = n_iterations, random_state

    def start(self) -> None:
        """Begin without events."""
        self.counts = np.zeros(self.n_items)
        self.pairs: list[tuple[int, int]] = []

    def let_in(self, user: int, item: int, time: float) -> None:
        """Remember the order of events."""
        self.counts[item] += 1
        self.pairs.append((user, item))

    def learn(self) -> None:
        """Train the model."""
        from skrecsys.nn import HSTU

        self.is_fitted = self.known.copy()
        self.model = HSTU(
            n_factors=self.n_components,
            n_blocks=self.n_blocks,
            dropout=self.dropout,
            max_sequence_length=self.length,
            n_negatives=self.n_negatives,
            learning_rate=self.learning_rate,
            max_iter=self.n_iterations,
            random_state=self.random_state,
            n_jobs=1,
        ).fit(np.array(self.pairs))

    def question(self, user: int, time: float) -> list[int]:
        """Return the newest items of those that were fitted."""
        return [item for item in self.histories[user] if self.is_fitted[item]][-self.length :]

    def answers(self, questions: list[list[int]]) -> Iterable[Floats]:
        """Return the score of every item after each history."""
        scores = np.tile(self.counts, (len(questions), 1))
        asked = [row for row, history in enumerate(questions) if history]
        if asked:
            pairs = [(self.n_users + row, item) for row in asked for item in questions[row]]
            reader = copy.deepcopy(self.model).set_params(max_iter=0).partial_fit(np.array(pairs))
            users, n_fitted = self.n_users + np.array(asked), len(reader.item_ids_)
            items, known_scores = reader.recommend(users, n_recommendations=n_fitted, exclude_seen=False)
            scores[asked] = known_scores[:, -1:]
            scores[np.array(asked)[:, np.newaxis], items] = known_scores
        return scores
