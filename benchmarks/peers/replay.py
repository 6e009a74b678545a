"""The replay that all rivals share: histories as of each event, known items, eligibility, ties and time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skautoseqrec import Interactions

__all__ = ["Event", "Floats", "Replay"]

Floats = NDArray[np.floating[Any]]
#: Codes of user and item, and the time.
Event = tuple[int, int, float]
#: Scores this close, relative to the largest of their row, are tied, as in the package.
TOLERANCES = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 1e-5}


class Replay:
    """A log is let in event by event; before that, each event's item is ranked for its user.

    A subclass has ``scores``, and what it needs of ``start``, ``let_in`` and ``learn``. One whose answers depend on the
    history only may collect questions and answer many at once: then it has ``question`` and ``answers`` in place of
    ``scores``, and a larger ``block_size``.

    Parameters
    ----------
    exclude_seen : bool
        Whether items of the user's history are not eligible.

    Attributes
    ----------
    histories : dict of int to list of int
        Items of each user, oldest first.
    known : ndarray of shape (n_items,), bool
        Which items have had an event.
    n_events : int
        Events so far.
    """

    block_size = 1

    def __init__(self, *, exclude_seen: bool = True) -> None:
        self.exclude_seen = exclude_seen

    def fit(self, log: Interactions) -> Replay:
        """Learn from a log; what was learned before is forgotten."""
        self.n_users, self.n_items = len(log.user_ids), len(log.item_ids)
        self.histories: dict[int, list[int]] = defaultdict(list)
        self.known = np.zeros(self.n_items, dtype=bool)
        self.n_events = 0
        self.start()
        self.advance(self.events_of(log, log.to_columns().time_order()))
        self.learn()
        return self

    def score_samples(self, log: Interactions, ties: str = "row") -> NDArray[np.float64]:
        """Return the reciprocal rank of each event, in row order; what was let in stays in.

        Parameters
        ----------
        log : Interactions
            Events after the fitted ones, with the same vocabularies.
        ties : {"row", "together"}
            "row" lets each event in before the next one in time is ranked; "together" ranks all events of a timestamp
            before it lets any in, in order of their ids.
        """
        if ties not in ("row", "together"):
            raise ValueError(f"ties must be 'row' or 'together', not {ties!r}.")
        together = ties == "together" and log.times is not None
        order = log.to_columns().time_order(by_moment=together)
        events, values, n_let_in = self.events_of(log, order), np.empty(len(log)), 0
        times = [time for _, _, time in events]
        visible = (np.searchsorted(times, times) if together else np.arange(len(log))).tolist()
        for start in range(0, len(events), self.block_size):
            block = range(start, min(start + self.block_size, len(events)))
            questions, eligible = [], []
            for place in block:
                if visible[place] > n_let_in:
                    self.advance(events[n_let_in : visible[place]])
                    n_let_in = visible[place]
                user, _, time = events[place]
                questions.append(self.question(user, time))
                eligible.append(self._eligible(user))
            for place, scores, mask in zip(block, self.answers(questions), eligible, strict=True):
                values[order[place]] = reciprocal_rank(scores, mask, events[place][1])
        self.advance(events[n_let_in:])
        return values

    def advance(self, events: Sequence[Event]) -> None:
        """Let in events that become visible at once."""
        for user, item, time in events:
            self.let_in(user, item, time)
            self.histories[user].append(item)
            self.known[item] = True
            self.n_events += 1

    def start(self) -> None:
        """Begin without events."""

    def let_in(self, user: int, item: int, time: float) -> None:
        """Count an event, which the history does not hold yet."""

    def learn(self) -> None:
        """Learn from all that the fit let in."""

    def scores(self, user: int, time: float) -> Floats:
        """Return the score of each item for a user who asks at a time."""
        raise NotImplementedError

    def question(self, user: int, time: float) -> Any:
        """Return what an answer depends on."""
        return self.scores(user, time)

    def answers(self, questions: list[Any]) -> Iterable[Floats]:
        """Return the score of each item for each of some questions."""
        return questions

    def _eligible(self, user: int) -> NDArray[np.bool_]:
        eligible = self.known.copy()
        if self.exclude_seen and user in self.histories:
            eligible[self.histories[user]] = False
        return eligible

    def events_of(self, log: Interactions, order: NDArray[np.int64]) -> list[Event]:
        """Return the events in an order; without times, the number of events before it is the time of an event."""
        if log.times is None:
            times = np.arange(len(log), dtype=np.float64) + self.n_events
        else:
            times = log.times.astype(np.int64 if log.times.dtype.kind == "M" else log.times.dtype)[order]
        return list(zip(log.users[order].tolist(), log.items[order].tolist(), times.tolist(), strict=True))


def reciprocal_rank(scores: Floats, eligible: NDArray[np.bool_], item: int) -> float:
    """Return 1 / rank of an item, ties at half; 0 if it is not eligible."""
    if not eligible[item]:
        return 0.0
    target, competing = scores[item], scores[eligible]
    tolerance = TOLERANCES[competing.dtype] * max(competing.max(), -competing.min())
    n_higher = np.count_nonzero(competing > target + tolerance)
    n_tied = np.count_nonzero(competing >= target - tolerance) - n_higher - 1
    return float(1 / (1 + n_higher + n_tied / 2))
