"""EASE and item neighbours of the library RecTools, asked with the decayed history of now and fitted anew at times.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, arXiv 1905.03375. The neighbours are those of
implicit, which the library wraps. Its answers are for the users of a dataset with weights: the question is such a user.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .rectools_reader import Reader
from .replay import Floats, Replay

__all__ = ["RecToolsEASE", "RecToolsNeighbours"]

#: What a question depends on: the model that was the newest, with its reader, and the history.
Question = tuple[tuple[Reader, Any], NDArray[np.int64]]


class RecToolsItems(Replay):
    """What both share: the pairs so far, and the refit. A subclass has ``make_model``.

    A user without a fitted item is shown what is popular; an item that was not fitted scores 0.

    Parameters
    ----------
    decay : float
        Weight of each older item of the history that is asked with.
    refit_every : int or None
        Events after which all is fitted anew; None: as fitted.
    """

    block_size = 100

    def __init__(self, decay: float, refit_every: int | None, *, exclude_seen: bool = True) -> None:
        super().__init__(exclude_seen=exclude_seen)
        self.decay, self.refit_every = decay, refit_every

    def start(self) -> None:
        """Begin without events."""
        self.counts = np.zeros(self.n_items, dtype=np.float32)
        self.pairs: dict[tuple[int, int], None] = {}

    def let_in(self, user: int, item: int, time: float) -> None:
        """Remember who has what."""
        self.counts[item] += 1
        self.pairs[user, item] = None

    def learn(self) -> None:
        """Fit the model."""
        self.n_fitted, self.is_fitted = self.n_events, self.known.copy()
        users, items = np.array(list(self.pairs), dtype=np.int64).T
        reader = Reader(users, items)
        self.newest = reader, self.make_model().fit(reader.fitted)

    def make_model(self) -> Any:
        """Return an unfitted model of RecTools."""
        raise NotImplementedError

    def question(self, user: int, time: float) -> Question:
        """Return the model of now and the items of the history that it knows."""
        if self.refit_every is not None and self.n_events >= self.n_fitted + self.refit_every:
            self.learn()
        history = np.array(self.histories[user], dtype=np.int64)
        return self.newest, history[self.is_fitted[history]]

    def answers(self, questions: list[Question]) -> Iterable[Floats]:
        """Return the score of every item after each history, by the model of its time."""
        scores = np.tile(self.counts, (len(questions), 1))
        asked = [row for row, (_, history) in enumerate(questions) if len(history)]
        for _, rows in groupby(asked, key=lambda row: id(questions[row][0])):
            places = list(rows)
            reader, model = questions[places[0]][0]
            scores[places] = 0
            histories = [questions[row][1] for row in places]
            known_scores = reader.scores(model, histories, self.decay)
            scores[np.ix_(places, reader.items)] = np.nan_to_num(known_scores)  # neighbours of nothing score 0
        return scores


class RecToolsEASE(RecToolsItems):
    """The linear map that rebuilds each column of the user-item matrix best from the other columns, read by rows.

    As the library has it: in terms of :class:`EASE`, the score of item i is ``sum_k history_k * weights[i, k]``, not of
    ``weights[k, i]``.

    Parameters
    ----------
    regularization : float
        Of the library.
    decay, refit_every : float, int or None
        Of the history that is asked with, and between two fits.
    """

    def __init__(
        self,
        regularization: float = 500.0,
        decay: float = 1.0,
        refit_every: int | None = None,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(decay, refit_every, exclude_seen=exclude_seen)
        self.regularization = regularization

    def make_model(self) -> Any:
        """Return an unfitted model of RecTools."""
        from rectools.models import EASEModel

        return EASEModel(regularization=self.regularization, recommend_n_threads=1, recommend_use_gpu_ranking=False)


class RecToolsNeighbours(RecToolsItems):
    """Item neighbours by the cosine of their users, as they are or weighted by tf-idf or BM25.

    Parameters
    ----------
    kind : {"cosine", "tfidf", "bm25"}
        Of similarity.
    n_neighbours : int
        Nearest items that are kept for each item.
    decay, refit_every : float, int or None
        Of the history that is asked with, and between two fits.
    """

    def __init__(
        self,
        kind: str = "tfidf",
        decay: float = 1.0,
        n_neighbours: int = 100,
        refit_every: int | None = None,
        *,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(decay, refit_every, exclude_seen=exclude_seen)
        self.kind, self.n_neighbours = kind, n_neighbours

    def make_model(self) -> Any:
        """Return an unfitted model of RecTools."""
        from implicit import nearest_neighbours
        from rectools.models import ImplicitItemKNNWrapperModel

        kinds = {"cosine": "CosineRecommender", "tfidf": "TFIDFRecommender", "bm25": "BM25Recommender"}
        model = getattr(nearest_neighbours, kinds[self.kind])
        return ImplicitItemKNNWrapperModel(model(K=self.n_neighbours, num_threads=1))
