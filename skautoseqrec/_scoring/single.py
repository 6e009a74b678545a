"""The score of one history by itself: what a batch adds up, in as few calls as a single row needs.

Rows of unequal length cost a batch some hundred calls whatever their number: nothing for a thousand users, and nearly
all of the time of one. Here no array has more than one row, so numpy does with a fifth of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._counts.histories import Context
from .._counts.settings import SequenceSettings
from .._data.weights import WEIGHT_UNIT
from .._network.heads import MultinomialHeads, product, used_range
from .._state.last_transitions import AddedTransitions, LastTransitions
from .._state.neighbours import inverse_roots
from .._state.snapshot import Asked, Snapshot
from .._utils.devices import CPU
from .._utils.ragged import SparseEntries
from .gate import describe_one
from .parts import Direct, Linear, Neighbours, Repeat
from .queries import LINEAR_LENGTH
from .scorer import Scorer


def is_single(scorer: Scorer, asked: Asked) -> bool:
    """Tell whether a question is one of a single history that :func:`score_single` can answer.

    It must not be empty, nor have moments, and be scored by products of embeddings, or none, on the CPU, and by nothing
    from outside.
    """
    model = scorer.model
    is_plain = scorer.device == CPU and scorer.outside is None
    if len(asked.histories) != 1 or model.settings.by_moment or not is_plain:
        return False
    return (isinstance(model.heads, MultinomialHeads) or not model.heads.PARTS) and bool(asked.histories.lengths[0])


def score_single(scorer: Scorer, asked: Asked) -> Tensor:
    """Return the score of every item for a single history, shape (1, n_items), as :meth:`Scorer.score` does."""
    snapshot = asked.snapshot
    live = scorer.keep("live", snapshot.changes(), lambda: Live(scorer, snapshot))
    return torch.from_numpy(live.score(asked))[None]


class LastRows(NamedTuple):
    """The rows of T of the last items of a history.

    Parameters
    ----------
    items : ndarray of shape (n_last,)
        The last items, newest first.
    known : SparseEntries
        The row of each in the base, empty for an item that it does not know.
    logs : ndarray of shape (n_entries,)
        ``log1p(5 T)`` of each of these entries.
    added : AddedTransitions
        What was added to each row since.
    """

    items: NDArray[np.int64]
    known: SparseEntries
    logs: NDArray[np.float32]
    added: AddedTransitions


class OneHistory:
    """A history, newest item first, and what is looked up for it.

    Parameters
    ----------
    asked : Asked
        The question, whose only history it is.
    settings : SequenceSettings
        How many of its items are read, and how they fade.
    """

    def __init__(self, asked: Asked, settings: SequenceSettings) -> None:
        self._histories, self._snapshot, self._settings = asked.histories, asked.snapshot, settings
        self._start, self._end = int(self._histories.starts[0]), int(self._histories.ends[0])
        self.newest = self._histories.items[self._start : self._end][::-1]
        units = self._histories.weights
        #: What each of the items counts; None if all count 1.
        self.weights: NDArray[np.float32] | None = None
        if units is not None:
            self.weights = (units[self._start : self._end][::-1] / WEIGHT_UNIT).astype(np.float32)

    def last_times(self) -> tuple[float, float]:
        """Return the times of the last two events, NaN where there is none."""
        seconds = self._histories.seconds
        if seconds is None:
            return np.nan, np.nan
        return float(seconds[self._end - 1]), float(seconds[self._end - 2]) if len(self.newest) > 1 else np.nan

    def fading(self, length: int | None, decay: float) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return so many of the newest items, or all, and weights that fade from 1."""
        items = self.newest[:length]
        if length is None:
            return items, np.ones(len(items), dtype=np.float32)
        return items, fading_weights(length, decay)[: len(items)]

    def decayed(self, length: int | None, decay: float) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return what :meth:`fading` does, each weight times what its event counts."""
        items, fading = self.fading(length, decay)
        return items, fading if self.weights is None else fading * self.weights[: len(items)]

    @cached_property
    def last_rows(self) -> LastRows:
        """The rows of T of the last items."""
        items, base = self.newest[: self._settings.context_size], self._snapshot.base
        known = np.minimum(items, base.counts.n_items - 1)
        starts, ends = base.transitions.indptr[known], base.transitions.indptr[known + 1]
        ends = np.where(known == items, ends, starts)
        rows = list(map(slice, starts.tolist(), ends.tolist()))
        targets, values, logs = (
            np.concatenate([column[row] for row in rows])
            for column in (base.transitions.indices, base.transitions.data, base.transition_logs.data)
        )
        known_rows = SparseEntries(ends - starts, targets, values)
        return LastRows(items, known_rows, logs, self._snapshot.added_transitions(items))


@lru_cache(maxsize=16)
def fading_weights(length: int, decay: float) -> NDArray[np.float32]:
    """Return ``decay**age`` for so many ages."""
    weights: NDArray[np.float32] = (decay ** np.arange(length)).astype(np.float32)
    weights.flags.writeable = False
    return weights


def summed(items: NDArray[np.integer], values: NDArray[np.float32], n_items: int) -> NDArray[np.float64]:
    """Return a row over all items in which values of one item add up; of no values numpy would make whole numbers."""
    return np.bincount(items, values, n_items).astype(np.float64, copy=False)


class Live:
    """A snapshot as single histories are scored from it: what is the same for all of them is looked up once.

    Parameters
    ----------
    scorer : Scorer
        The model, its blend and its gate.
    snapshot : Snapshot
        What is known.
    """

    def __init__(self, scorer: Scorer, snapshot: Snapshot) -> None:
        self._scorer, self._snapshot, self._changes = scorer, snapshot, snapshot.changes()
        self._model, self._settings, self._base = scorer.model, scorer.model.settings, snapshot.base
        self._n_items, self._n_known = snapshot.n_items, snapshot.base.counts.n_items
        self._shared = scorer.shared(snapshot).numpy()
        self._source = snapshot.base.source.numpy()
        adders: dict[str, Callable[[NDArray[np.float32], OneHistory, Any, float], None]] = {
            Direct.NAME: self._add_direct,
            Neighbours.NAME: self._add_neighbours,
            Linear.NAME: self._add_linear,
            Repeat.NAME: self._add_repeat,
        }
        own = [(part, weight) for part, weight in scorer.used if not part.IS_SHARED]
        self._neural = used_range(scorer.blend)
        if self._neural:
            vectors = self._changes.item_vectors.first(self._n_items)
            self._columns = vectors.columns(self._neural[0], self._neural[-1])
        self._adders = [(part.NAME, adders[part.NAME], weight) for part, weight in own if not part.IS_NEURAL]

    def score(self, asked: Asked) -> NDArray[np.float32]:
        """Return the score of every item, shape (n_items,)."""
        history = OneHistory(asked, self._settings)
        factors = self._factors(history, asked)
        scores = self._neural_scores(history) if self._neural else np.zeros(self._n_items, dtype=np.float32)
        if len(self._shared) == 1:
            scores += self._shared[0]
        else:
            shared = [1.0, *(factors.get(part.NAME, 1.0) for part, _ in self._scorer.shared_used)]
            scores += np.array(shared, dtype=np.float32) @ self._shared
        for name, add, weight in self._adders:
            add(scores, history, weight, factors.get(name, 1.0))
        return scores

    def _factors(self, history: OneHistory, asked: Asked) -> dict[str, float]:
        """Return by what the gate multiplies each part, by name."""
        gate = self._scorer.gate
        if gate is None:
            return {}
        asked_at = asked.asked_at if isinstance(asked.asked_at, float) else float(asked.asked_at[0])
        popularity = int(self._scorer.popularity(self._snapshot)[history.newest[0]])
        return gate.factors_of_one(describe_one(history.last_times(), asked_at, len(history.newest), popularity))

    @cached_property
    def _inverse_roots(self) -> NDArray[np.float32]:
        return inverse_roots(self._scorer.mass(self._snapshot))

    def _neural_scores(self, history: OneHistory) -> NDArray[np.float32]:
        """Return the neural parts but for the biases, which are shared."""
        model, blend = self._model, self._scorer.blend
        heads = cast(MultinomialHeads, model.heads)
        row, source = heads.encode_arrays(model.module, *self._inputs(history))
        reader = model.history_reader
        hidden = {
            "one_hop": source,
            "collaborative": row if reader is None else reader.encode_one(history.newest, history.weights),
            "two_hop": heads.two_hop_array(row, source),
        }
        weighted = np.concatenate([blend[name] * hidden[name] for name in self._neural])
        known = product(torch.from_numpy(weighted)[None], self._columns)[0].numpy()
        n_more = self._n_items - len(known)
        scores = np.concatenate([known, np.full(n_more, known[-1])]) if n_more else known
        if len(self._changes.items) and blend["two_hop"]:
            changes = self._changes.vector_changes.numpy() @ hidden["two_hop"]
            scores[self._changes.items] += np.float32(blend["two_hop"]) * changes
        return scores

    def _inputs(self, history: OneHistory) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the rows of the history and of what followed its last items: projections, and squared norms."""
        items, weights = history.decayed(self._settings.history_length, self._settings.history_decay)
        n_trained = self._model.n_trained
        is_trained = items < n_trained
        if not is_trained.all():
            items, weights = items[is_trained], weights[is_trained]
        projections = np.empty((2, self._source.shape[1]), dtype=np.float32)
        np.dot(weights, self._model.encoder_weight[items], out=projections[0])
        norm = weights @ weights
        if len(set(items.tolist())) < len(items):  # what stands there twice adds up
            norm = weights @ ((items[:, None] == items) @ weights)
        last, fading = history.last_rows, history.fading(self._settings.context_size, self._settings.context_decay)[1]
        is_known = last.items < self._n_known
        np.dot(fading[is_known], self._source[last.items[is_known]], out=projections[1])
        row = summed(last.known.items, last.known.values * np.repeat(fading, last.known.lengths), self._n_items)
        if len(last.added):
            _, targets, values = rows = last.added.rows
            values = values * np.repeat(fading, rows.lengths)
            row += summed(targets, values, self._n_items)
            is_trained = targets < n_trained
            projections[1] += values[is_trained] @ self._model.encoder_weight[targets[is_trained]]
        return projections, np.array([norm, row[:n_trained] @ row[:n_trained]], dtype=np.float32)

    def _add_direct(
        self, scores: NDArray[np.float32], history: OneHistory, weights: Sequence[float], factor: float
    ) -> None:
        last = history.last_rows
        weight_of = np.array([*weights, 0.0], dtype=np.float32)[np.minimum(np.arange(len(last.items)), len(weights))]
        weight_of *= factor
        scores += summed(last.known.items, last.logs * np.repeat(weight_of, last.known.lengths), self._n_items)
        if len(last.added):
            n_last = np.array([len(last.items)])
            context = Context(SparseEntries(n_last, last.items, weight_of), n_last, weight_of)
            changed = LastTransitions(context, self._base, last.added, np.arange(len(last.items)))
            changed.correct_logs(torch.from_numpy(scores)[None], weight_of, np.zeros(len(last.items), dtype=np.int64))

    def _add_neighbours(self, scores: NDArray[np.float32], history: OneHistory, weight: float, factor: float) -> None:
        if not self._settings.neighbour_window:
            return
        items, fading = history.fading(self._settings.neighbour_window, self._settings.neighbour_decay)
        values = fading * self._inverse_roots[items]
        sums = self._base.readable_pairs(self._settings).sum_of(items, values, self._n_items)
        added = [part for part in self._snapshot.added_pairs(items) if len(part.items)]
        if added:
            others = np.concatenate([part.items for part in added])
            weighted = [part.values * np.repeat(values, part.lengths) for part in added]
            sums += summed(others, np.concatenate(weighted), self._n_items)
        sums *= self._inverse_roots
        sums *= np.float32(weight * Neighbours.SCALE * factor)
        scores += sums

    def _add_linear(self, scores: NDArray[np.float32], history: OneHistory, weight: float, factor: float) -> None:
        linear, longest = self._model.linear, self._settings.history_length
        if linear is None:
            return
        length = LINEAR_LENGTH if longest is None else min(LINEAR_LENGTH, longest)
        product = linear.product_of(*history.decayed(length, self._settings.history_decay))
        scores[linear.items] += np.float32(weight * Linear.SCALE * factor) * product

    def _add_repeat(
        self, scores: NDArray[np.float32], history: OneHistory, weights: Sequence[float], factor: float
    ) -> None:
        decayed, counted, met, followed = (weight * factor for weight in weights)
        if decayed:
            items, values = history.decayed(self._settings.history_length, self._settings.history_decay)
            scores += decayed * np.log1p(summed(items, values * np.float32(Repeat.SCALE), self._n_items))
        if counted:
            scores += counted * np.log1p(summed(*history.decayed(None, 1.0), self._n_items))
        # An item that was met twice stands there twice, and is written once.
        if met:
            scores[history.newest] -= np.float32(met)
        if followed:
            logs = np.zeros_like(scores)
            self._add_direct(logs, history, (followed,), 1.0)
            scores[history.newest] -= logs[history.newest]
