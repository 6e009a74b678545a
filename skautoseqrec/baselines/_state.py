"""What a baseline knows: ids, events, histories, and what its rule has learned from them."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._counts.counted_log import CountedLog
from .._counts.counts import Counts
from .._counts.events import Events, as_seconds, newest_of
from .._counts.known_events import warn_of_known
from .._data.interactions import Columns
from .._data.weights import WEIGHT_UNIT
from .._utils.ragged import GrowableArray, with_room

#: Events that arrived one by one are laid out with the others once they are so many, or a quarter as many as those.
SMALLEST_MERGE = 4096


class Rule(Protocol):
    """How one kind of baseline scores items, and what it has learned to do so."""

    def add_event(self, item: int, history: NDArray[np.int64], n_events: int, weight: int) -> None:
        """Learn from one event, given its user's history, how many came before it, and its weight in units."""

    def score(self, user: int, history: NDArray[np.int64], popularity: NDArray[Any]) -> NDArray[np.float64]:
        """Return the score of every item for a user, -1 if unknown, given what the events of every item weigh."""

    def copy(self) -> Rule:
        """Return an independent rule that has learned the same."""

    def recounted(self, counts: Counts) -> Rule:
        """Return the rule after other events: what it counts is counted again, what only ``fit`` learns stays."""


class BaselineState:
    """Known users and items, histories and popularity, and a rule that learns with them.

    Parameters
    ----------
    log : CountedLog
        Vocabularies, events and counts.
    rule : Rule
        What was learned from the same log.
    step_weights : ndarray of shape (window,)
        Weights of the transitions that the counts have.
    """

    def __init__(self, log: CountedLog, rule: Rule, step_weights: NDArray[np.int64]) -> None:
        self.users, self.items, self.events, counts = log
        self.rule = rule
        self._step_weights = step_weights
        self._n_items, self._popularity = counts.n_items, counts.popularity
        self._mass: NDArray[np.float64] | None = None
        self._newest = np.nan  # of all times
        self._lay_out(counts)

    @property
    def n_items(self) -> int:
        """Number of known items."""
        return self._n_items

    @property
    def popularity(self) -> NDArray[np.int64]:
        """Number of events of each known item."""
        return self._popularity[: self._n_items]

    @property
    def mass(self) -> NDArray[Any]:
        """What the events of each known item weigh together: their number where all count 1."""
        return self.popularity if self._mass is None else self._mass[: self._n_items]

    def history(self, user: int) -> NDArray[np.int64]:
        """Return the items of a user, oldest first; none for a user who is not known."""
        grown = self._grown.get(user)
        if grown is not None:
            return grown.view()
        counts = self._counts
        if not 0 <= user < counts.n_users:
            return counts.history[:0]
        return counts.history[counts.indptr[user] : counts.indptr[user + 1]]

    def scores(self, user: int, history: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the score of every known item for a user."""
        return self.rule.score(user, history, self.mass)

    def add_event(self, user: int, item: int, weight: int = WEIGHT_UNIT) -> None:
        """Let an event in, whose codes are known or the next new ones, with its weight in units."""
        self._n_items = max(self._n_items, item + 1)
        self._popularity = with_room(self._popularity, self._n_items)
        history = self.history(user)
        self.rule.add_event(item, history, self._n_events, weight)
        if user not in self._grown:
            self._grown[user] = GrowableArray(history)
        self._grown[user].append(item)
        self._popularity[item] += 1
        if self._mass is not None:
            self._mass = with_room(self._mass, self._n_items)
            self._mass[item] += weight / WEIGHT_UNIT
        self._n_events += 1
        self._n_added += 1

    def check(self, columns: Columns) -> None:
        """Raise TypeError or ValueError if ids, times or weights of a log cannot stand beside the known ones."""
        self.users.check_new(columns.user_ids)
        self.items.check_new(columns.item_ids)
        self.events.check_kind(columns.times)
        self.weights(columns)

    def weights(self, columns: Columns) -> list[int]:
        """Return what each event of a log counts, in units."""
        weights = self.events.read_weights(columns.weights, len(columns.user_ids))
        return [WEIGHT_UNIT] * len(columns.user_ids) if weights is None else weights.tolist()

    def encode(self, columns: Columns) -> tuple[list[int], list[int]]:
        """Return the codes of users and items, to which new ids are added."""
        return self.users.add(columns.user_ids).tolist(), self.items.add(columns.item_ids).tolist()

    def update(self, columns: Columns) -> None:
        """Let the events of a log in, in time order: all of them, or none if it fails or is interrupted."""
        self.check(columns)
        warn_of_known(columns, self.users, self.items, self._newest, lambda users: self._all_events())
        columns = columns.take(columns.time_order())
        before = len(self.events), self.events.times, len(self.users), len(self.items)
        try:
            (users, items), weights = self.encode(columns), self.weights(columns)
            self.events.add_events(np.array(users), np.array(items), columns.times, np.array(weights))
            for event in zip(users, items, weights, strict=True):
                self.add_event(*event)
            if columns.times is not None:
                self._newest = newest_of(as_seconds(columns.times), self._newest)
        except BaseException:
            self._roll_back(*before)
            raise
        if self._n_added > max(SMALLEST_MERGE, len(self.events) // 4):
            self._lay_out(self._recount(transitions=False))

    def ahead(self) -> BaselineState:
        """Return a copy to walk forward with, whose events stay its own."""
        ahead = copy.copy(self)
        ahead.users, ahead.items, ahead.rule = self.users.copy(), self.items.copy(), self.rule.copy()
        ahead._grown = {user: GrowableArray(items.view()) for user, items in self._grown.items()}
        ahead._popularity = self._popularity.copy()
        ahead._mass = None if self._mass is None else self._mass.copy()
        return ahead

    def _lay_out(self, counts: Counts) -> None:
        """Hold the histories of all events in one array."""
        nothing = sparse.csr_matrix((0, 0), dtype=np.int64)  # transitions are the rule's business
        self._counts = replace(counts, transitions=nothing)
        #: Whole histories of the users who have had events since.
        self._grown: dict[int, GrowableArray] = {}
        self._n_added, self._n_events = 0, len(counts.history)
        self._popularity, self._n_items = counts.popularity.copy(), counts.n_items
        self._mass = None if counts.weights is None else counts.mass.copy()
        self._newest = newest_of(counts.seconds)

    def _all_events(self) -> Events:
        return self.events.log(len(self.users), len(self.items))

    def _recount(self, transitions: bool) -> Counts:
        weights = self._step_weights if transitions else self._step_weights[:0]
        return Counts.of(self._all_events(), weights, self.events.arrivals, self.events.clock)

    def _roll_back(self, n_events: int, times: NDArray[Any] | None, n_users: int, n_items: int) -> None:
        """Forget what an interrupted update left behind."""
        self.events.truncate(n_events, times)
        self.users.truncate(n_users)
        self.items.truncate(n_items)
        counts = self._recount(transitions=True)
        self.rule = self.rule.recounted(counts)
        self._lay_out(counts)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: without spare room."""
        mass = None if self._mass is None else self.mass.copy()
        return vars(self) | {"_popularity": self.popularity.copy(), "_mass": mass}
