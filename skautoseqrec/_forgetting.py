"""Taking events out of the state for good, and building what is kept as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from ._counts.counts import Counts
from ._counts.events import Events
from ._matching import find_events
from ._network.model import Model
from ._scoring.scorer import Served
from ._state.state import State


class ForgettingMixin:
    """``forget`` and ``refresh`` of the recommender."""

    _served: Served
    _take_out: Callable[[NDArray[np.bool_]], None]

    def forget(self, users: Any = None, items: Any = None, interactions: Any = None) -> Self:
        """Take events out of the state, exactly: as if they had never been told of.

        Histories, transitions and popularity are counted again from the events that remain, so that items around a
        removed event now follow each other. The trend's clock is not rewound: the remaining events are as old as they
        were. Users and items without an event left are not known any more; those that are keep their order. Where the
        three ways to say which events overlap, each event is removed once.

        The weights are not trained again. What the removed events taught them, and the blend, is not unlearnt until the
        next :meth:`fit`; only the weights of items that have no event left are dropped. Files and journals that were
        written before still hold the events until the recommender is saved again.

        Parameters
        ----------
        users : array-like of user ids or None, default=None
            Users all of whose events are removed; each must be known.
        items : array-like of item ids or None, default=None
            Items all of whose events are removed; each must be known.
        interactions : dataframe, array-like, list of tuples, Interactions or None, default=None
            A log of the events to remove, in any form that :meth:`fit` reads. With times, all events of the same user,
            item and time as a row; without, all of the same user and item. Each row must match an event.

        Returns
        -------
        self : AutoSeqRecRecommender
            The recommender without these events.

        Raises
        ------
        ValueError
            If an id is not known or a row matches no event (the message names the first one), if nothing is asked for,
            or if no event or no item of the last fit would be left. Then nothing has changed.
        TypeError
            If ids or times are of another kind than the known ones. Then nothing has changed.

        Notes
        -----
        It takes as long as counting the log anew, and the memory of a second state meanwhile: forget many at once
        rather than one by one. Answers that are given meanwhile are those from before.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("bob", "jam", 4)]
        >>> parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.forget(users=["ann"]).user_ids_
        array(['bob'], dtype=object)
        >>> recommender.item_ids_
        array(['tea', 'jam'], dtype=object)
        >>> recommender.forget(interactions=[("bob", "tea", 3)]).item_ids_
        array(['jam'], dtype=object)
        """
        check_is_fitted(self)
        is_forgotten = find_events(self._served.state, users, items, interactions)
        if is_forgotten.any():
            self._take_out(is_forgotten)
        return self

    def refresh(self) -> Self:
        """Build all sums that answers are read from anew, from the events.

        Updates add to sums of float32, which rounds. It is called by itself whenever as many events have been added as
        the sums were built from, so there is seldom a reason to call it. Nothing else changes.

        Returns
        -------
        self : AutoSeqRecRecommender
            The same recommender.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
        >>> parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> recommender.partial_update([("bob", "jam", 4)]).refresh().predict_topk(["ann"], k=1)
        array([['jam']], dtype=object)
        """
        check_is_fitted(self)
        self._served.state.refresh()
        return self


def without(served: Served, is_forgotten: NDArray[np.bool_]) -> Served:
    """Return what is served when some events are taken out; what is served now stays as it is.

    Parameters
    ----------
    served : Served
        What is served now.
    is_forgotten : ndarray of shape (n_events,), bool
        Which events are taken out.

    Raises
    ------
    ValueError
        If no event or no trained item would be left.
    """
    state, scorer = served
    kept = np.flatnonzero(~is_forgotten)
    if len(kept) == 0:
        raise ValueError(f"This would remove all {len(is_forgotten)} events. Fit another log, or drop the recommender.")
    users, items = (codes[kept] for codes in state.events.between(0, len(state.events)))
    # Those that remain keep their order: the trained items stand before the others, as their weights do.
    known_users, known_items = np.unique(users), np.unique(items)
    model = _model_of(known_items, scorer.model)
    users, items = np.searchsorted(known_users, users), np.searchsorted(known_items, items)
    events = state.events.take(kept, users, items)
    arrived = Events(users, items, len(known_users), len(known_items))
    counts, _ = Counts.empty().advance(arrived, model.settings.step_weights)
    counts = counts.renumbered(events.arrivals, events.clock)
    forgetful = State(state.users.take(known_users), state.items.take(known_items), events, counts, model)
    return Served(forgetful, replace(scorer, model=model))


def _model_of(items: NDArray[np.int64], model: Model) -> Model:
    """Return the model with the weights of those of its items that are left."""
    trained = items[items < model.n_trained]
    if len(trained) == model.n_trained:
        return model
    if len(trained) == 0:
        raise ValueError("This would remove every event of every item that has weights. Fit the remaining log instead.")
    return replace(model, module=model.module.of_items(torch.from_numpy(trained)))
