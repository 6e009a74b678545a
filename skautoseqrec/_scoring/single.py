"""The score of one history by itself: what a batch adds up, in as few calls as a single row needs.

Rows of unequal length cost a batch some hundred calls whatever their number: nothing for a thousand users, and nearly
all of the time of one. Here no array has more than one row, so numpy does with a fifth of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, reduce
from typing import Any, ClassVar, cast
from weakref import proxy

import numpy as np
from numpy.typing import NDArray

from .._network.heads import MultinomialHeads
from .._network.vectors import used_ranges
from .._state.neighbours import inverse_roots
from .._state.snapshot import Asked, Snapshot
from .._utils.devices import CPU
from .._utils.products import product_of, sum_of_rows
from .gate import describe_one
from .one_history import OneHistory
from .parts import Direct, Linear, Neighbours, Repeat
from .queries import LINEAR_LENGTH
from .scorer import Scorer


def is_single(scorer: Scorer, asked: Asked) -> bool:
    """Tell whether a question is one of a single history that :func:`score_single` can answer.

    It must not be empty, nor have moments, and be scored by products of embeddings, or none, on the CPU, and by nothing
    from outside.
    """
    if len(asked.histories) != 1 or scorer.outside is not None or scorer.device != CPU:
        return False
    model = scorer.model
    # Other heads, even those derived from these, may form their queries in another way.
    is_plain = type(model.heads) is MultinomialHeads or not model.heads.PARTS
    return is_plain and not model.settings.by_moment and bool(asked.histories.lengths[0])


def score_single(scorer: Scorer, asked: Asked) -> NDArray[np.float32]:
    """Return the score of every item for a single history, shape (n_items,), as :meth:`Scorer.score` does."""
    snapshot = asked.snapshot
    live = scorer.keep("live", snapshot.changes(), lambda: Live(scorer, snapshot))
    return live.score(asked)


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
        self._scorer: Scorer = proxy(scorer)  # which keeps this: see below
        self._snapshot, self._changes = snapshot, snapshot.changes()
        self._model, self._settings, self._base = scorer.model, scorer.model.settings, snapshot.base
        self._n_items, self._n_known = snapshot.n_items, snapshot.base.counts.n_items
        self._history_length, self._reader = self._settings.history_length, self._model.history_reader
        self._shared = scorer.shared(snapshot).numpy()
        self._source, self._encoder = snapshot.base.source.numpy(), self._model.encoder_weight
        own = [(part, weight) for part, weight in scorer.used if not part.IS_SHARED]
        self._ranges, vectors = used_ranges(scorer.blend), self._changes.item_vectors
        self._vectors = [vectors.columns(names)[: self._n_items].numpy() for names in self._ranges]
        self._own = [(part.NAME, weight) for part, weight in own if not part.IS_NEURAL]

    def score(self, asked: Asked) -> NDArray[np.float32]:
        """Return the score of every item, shape (n_items,)."""
        history = OneHistory(asked, self._settings)
        factors = self._factors(history, asked)
        scores = self._neural_scores(history) if self._ranges else np.zeros(self._n_items, dtype=np.float32)
        scores += self._shared[0]
        if len(self._shared) > 1:
            for (part, _), row in zip(self._scorer.shared_used, self._shared[1:], strict=True):
                scores += np.float32(factors.get(part.NAME, 1.0)) * row
        for name, weight in self._own:
            self._ADDERS[name](self, scores, history, weight, factors.get(name, 1.0))
        return scores

    def _factors(self, history: OneHistory, asked: Asked) -> dict[str, float]:
        """Return by what the gate multiplies each part, by name."""
        gate = self._scorer.gate
        if gate is None:
            return {}
        asked_at = asked.asked_at if isinstance(asked.asked_at, float) else float(asked.asked_at[0])
        popularity = int(self._scorer.popularity(self._snapshot)[history.items[-1]])
        return gate.factors_of_one(describe_one(history.last_times(), asked_at, len(history.items), popularity))

    @cached_property
    def _inverse_roots(self) -> NDArray[np.float32]:
        return inverse_roots(self._scorer.mass(self._snapshot))

    def _neural_scores(self, history: OneHistory) -> NDArray[np.float32]:
        """Return the neural parts but for the biases, which are shared."""
        model, blend = self._model, self._scorer.blend
        heads = cast(MultinomialHeads, model.heads)
        row, source = heads.encode_arrays(model.module, *self._inputs(history))
        hidden = {
            "one_hop": source,
            "collaborative": row if self._reader is None else self._reader.encode_one(history.items, history.weights),
            "two_hop": heads.two_hop_array(row, source),
        }
        queries = (np.concatenate([np.float32(blend[name]) * hidden[name] for name in names]) for names in self._ranges)
        known = reduce(np.add, map(product_of, self._vectors, queries))
        n_more = self._n_items - len(known)
        scores = np.concatenate([known, np.full(n_more, known[-1])]) if n_more else known
        if len(self._changes.items) and blend["two_hop"]:
            changes = product_of(self._changes.vector_changes.numpy(), hidden["two_hop"])
            scores[self._changes.items] += np.float32(blend["two_hop"]) * changes
        return scores

    def _inputs(self, history: OneHistory) -> tuple[NDArray[np.float32], list[float]]:
        """Return the rows of the history and of what followed its last items: projections, and squared norms."""
        items, weights = history.decayed(self._history_length, self._settings.history_decay)
        n_trained = self._model.n_trained
        if n_trained < self._n_items:
            is_trained = items < n_trained
            items, weights = items[is_trained], weights[is_trained]
        projections = np.empty((2, self._source.shape[1]), dtype=np.float32)
        projections[0] = sum_of_rows(self._encoder, items, weights)
        norm = float(weights @ weights)
        if len(set(items.tolist())) < len(items):  # what stands there twice adds up
            norm = float(weights @ ((items[:, None] == items) @ weights))
        last, fading = history.last_rows, history.fading(self._settings.context_size, self._settings.context_decay)[1]
        if self._n_known < self._n_items:
            is_known = last.items < self._n_known
            projections[1] = sum_of_rows(self._source, last.items[is_known], fading[is_known])
        else:
            projections[1] = sum_of_rows(self._source, last.items, fading)
        row = summed(last.known.items, last.known.values * fading.repeat(last.known.lengths), self._n_items)
        if len(last.added):
            _, targets, values = rows = last.added.rows
            values = values * fading.repeat(rows.lengths)
            row += summed(targets, values, self._n_items)
            is_trained = targets < n_trained
            projections[1] += sum_of_rows(self._encoder, targets[is_trained], values[is_trained])
        row = row[:n_trained]
        return projections, [norm, float(row @ row)]

    def _add_direct(
        self, scores: NDArray[np.float32], history: OneHistory, weights: Sequence[float], factor: float
    ) -> None:
        last = history.last_rows
        n_last = len(last.items)
        weight_of = np.zeros(n_last, dtype=np.float32)
        weight_of[-len(weights) :] = weights[:n_last][::-1]
        weight_of *= factor
        targets, values = last.known.items, last.logs * weight_of.repeat(last.known.lengths)
        if len(last.added):
            raised = history.raised_logs
            targets = np.concatenate([targets, raised.items])
            values = np.concatenate([values, raised.values * weight_of.repeat(raised.lengths)])
        scores += summed(targets, values, self._n_items)

    def _add_neighbours(self, scores: NDArray[np.float32], history: OneHistory, weight: float, factor: float) -> None:
        if not self._settings.neighbour_window:
            return
        items, fading = history.fading(self._settings.neighbour_window, self._settings.neighbour_decay)
        values = fading * self._inverse_roots[items]
        values *= np.float32(weight * Neighbours.SCALE * factor)
        sums = self._base.readable_pairs(self._settings).sum_of(items, values, self._n_items)
        added = [part for part in self._snapshot.added_pairs(items) if len(part.items)]
        if added:
            others = np.concatenate([part.items for part in added])
            weighted = [part.values * values.repeat(part.lengths) for part in added]
            sums += summed(others, np.concatenate(weighted), self._n_items)
        sums *= self._inverse_roots
        scores += sums

    def _add_linear(self, scores: NDArray[np.float32], history: OneHistory, weight: float, factor: float) -> None:
        linear, longest = self._model.linear, self._history_length
        if linear is None:
            return
        length = LINEAR_LENGTH if longest is None else min(LINEAR_LENGTH, longest)
        items, values = history.decayed(length, self._settings.history_decay)
        linear.add_product(scores, items, values * np.float32(weight * Linear.SCALE * factor))

    def _add_repeat(
        self, scores: NDArray[np.float32], history: OneHistory, weights: Sequence[float], factor: float
    ) -> None:
        decayed, counted, met, followed = (weight * factor for weight in weights)
        if decayed:
            items, values = history.decayed(self._history_length, self._settings.history_decay)
            scores += decayed * np.log1p(summed(items, values * np.float32(Repeat.SCALE), self._n_items))
        if counted:
            scores += counted * np.log1p(summed(*history.decayed(None, 1.0), self._n_items))
        # An item that was met twice stands there twice, and is written once.
        if met:
            scores[history.items] -= np.float32(met)
        if followed:
            logs = np.zeros_like(scores)
            self._add_direct(logs, history, (followed,), 1.0)
            scores[history.items] -= logs[history.items]

    # What holds its holder, as methods bound to this would, lives on with its snapshot until Python's collector comes.
    _ADDERS: ClassVar[dict[str, Callable[[Live, NDArray[np.float32], OneHistory, Any, float], None]]] = {
        Direct.NAME: _add_direct,
        Neighbours.NAME: _add_neighbours,
        Linear.NAME: _add_linear,
        Repeat.NAME: _add_repeat,
    }
