"""Forgetting: which events are meant, and the state without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .._counts.counts import Counts
from .._data.ids import first_inexact
from .._data.interactions import Columns
from .._data.naming import COLUMN_NAMES
from .._data.reading import read_columns, read_ids
from .._data.vocabulary import Vocabulary
from .._network.model import Model
from .._utils.ragged import row_codes
from .._utils.torch_state import in_usual_torch_state
from .._utils.words import counted
from .dislikes import Dislikes
from .state import State

#: What equals no known time where all of these are whole numbers.
NO_TIME = -0.5


class Forgotten(NamedTuple):
    """What is taken out of a state.

    Parameters
    ----------
    events : ndarray of shape (n_events,), bool
        Which events, in order of arrival.
    pairs : Columns
        Which disliked pairs, by id.
    """

    events: NDArray[np.bool_]
    pairs: Columns

    def __bool__(self) -> bool:
        """Tell whether it is anything."""
        return bool(self.events.any() or len(self.pairs.user_ids))

    def dislikes_left(self, state: State) -> Dislikes:
        """Return the dislikes of a state without these pairs."""
        return state.snapshot.dislikes.changed(self.pairs.user_ids, self.pairs.item_ids, withdraw=True)


def find_forgotten(
    state: State, users: Any, items: Any, interactions: Any, names: Mapping[str, str], asks_for_events: bool
) -> Forgotten:
    """Return which of the events and dislikes of a state are meant by any of three ways to say so.

    Parameters
    ----------
    state : State
        Whose events.
    users, items : list of ids or None
        All events of these, and all their disliked pairs.
    interactions : log or None
        All events with the user, the item and, if it has times, the time of any of its rows.
    names : mapping
        The names of its columns, by what they hold.
    asks_for_events : bool
        Whether a column of kinds, which are not read, is told by the usual names.

    Raises
    ------
    ValueError
        If nothing is asked for, an id is not known, or a row matches no event; the message names the first one.
    TypeError
        If ids or times are of another kind than the known ones.
    """
    if users is None and items is None and interactions is None:
        raise ValueError("There is nothing to look for: give users, items or interactions.")
    is_meant = np.zeros(len(state.events), dtype=bool)
    disliking, disliked = state.dislikes()[:2]
    of_pairs = np.zeros(len(disliking), dtype=bool)
    event_users, event_items = state.events.between(0, len(state.events))
    for given, name, vocabulary, of_events, in_pairs in (
        (users, "users", state.user_vocabulary, event_users, disliking),
        (items, "items", state.item_vocabulary, event_items, disliked),
    ):
        if given is not None:
            ids = read_ids(given, name)
            is_meant |= np.isin(of_events, _codes_of(vocabulary, ids, name, in_pairs))
            of_pairs |= np.fromiter(map(set(ids.tolist()).__contains__, in_pairs.tolist()), bool, len(in_pairs))
    if interactions is not None:
        is_meant |= _are_in_log(state, read_columns(interactions, names, asks_for_events, keys=COLUMN_NAMES))
    return Forgotten(is_meant, Columns(disliking[of_pairs], disliked[of_pairs], None))


def _codes_of(vocabulary: Vocabulary, ids: NDArray[Any], name: str, in_pairs: NDArray[Any]) -> NDArray[np.int64]:
    """Return the codes of ids that must be known, or stand in a disliked pair: such a one may have no event yet."""
    codes, disliked = vocabulary.codes_of(ids).tolist(), set(in_pairs.tolist())
    is_asked = [code >= 0 or key not in disliked for code, key in zip(codes, ids.tolist(), strict=True)]
    return vocabulary.known_codes(ids[np.array(is_asked, dtype=bool)], name)


def _are_in_log(state: State, columns: Columns) -> NDArray[np.bool_]:
    """Return which events have the user, the item and, where the log has times, the time of any row of a log."""
    state.user_vocabulary.check_kind(columns.user_ids)
    state.item_vocabulary.check_kind(columns.item_ids)
    state.events.check_kind(columns.times)
    event_users, event_items = state.events.between(0, len(state.events))
    asked = [state.user_vocabulary.find(columns.user_ids), state.item_vocabulary.find(columns.item_ids)]
    candidates = np.flatnonzero(np.isin(event_users, asked[0]) & np.isin(event_items, asked[1]))
    known = [event_users[candidates], event_items[candidates]]
    if columns.times is not None:
        if state.events.times is None:
            raise ValueError("interactions has times, but no known event has one. Give users and items alone.")
        _refuse_rounded(state.events.times[candidates])
        known_times, asked_times = _comparable(state.events.times[candidates], columns.times)
        known.append(known_times)
        asked.append(asked_times)
    codes = row_codes(known, asked)
    known_codes, asked_codes = codes[: len(candidates)], codes[len(candidates) :]
    is_found = np.isin(asked_codes, known_codes)
    if not is_found.all():
        row = int((~is_found).argmax())
        wanted = f"{columns.user_ids.tolist()[row]!r} with {columns.item_ids.tolist()[row]!r}"
        if columns.times is not None:
            wanted += f" at {columns.times[row]}"
        raise ValueError(f"Row {row} of interactions, {wanted}, matches no known event.")
    is_in_log = np.zeros(len(event_users), dtype=bool)
    is_in_log[candidates[np.isin(known_codes, asked_codes)]] = True
    return is_in_log


def _refuse_rounded(times: NDArray[Any]) -> None:
    """Raise ValueError if known times may have been whole numbers that floats cannot tell apart."""
    if times.dtype.kind == "f" and (np.abs(times) >= first_inexact(times.dtype)).any():
        raise ValueError(
            "Column 'timestamp': some known events came without a time, so that all times are kept as floats, which do "
            "not tell such large ones apart. Give users and items alone, or a log of them without times."
        )


def _comparable(known: NDArray[Any], asked: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return times of which equal ones are of the same event: whole numbers do not meet fractions as floats."""
    if (known.dtype.kind, asked.dtype.kind) != ("i", "f"):
        return known, asked
    # As floats, whole numbers beyond 2**53 would equal their neighbours.
    is_whole = (asked == np.floor(asked)) & (np.abs(asked) < 2.0**63)
    comparable = np.full(len(asked), NO_TIME, dtype=object)
    comparable[is_whole] = asked[is_whole].astype(np.int64).tolist()
    return known.astype(object), comparable


@in_usual_torch_state
def without(state: State, forgotten: Forgotten) -> State:
    """Return a state in which some events never arrived and some dislikes were never said.

    The given one is left as it is, unless no event is taken out: then it is the one, for others may share its events.

    Parameters
    ----------
    state : State
        What is known.
    forgotten : Forgotten
        What is taken out.

    Raises
    ------
    ValueError
        If no event or no trained item would be left.
    """
    dislikes, kept = forgotten.dislikes_left(state), np.flatnonzero(~forgotten.events)
    if len(kept) == 0:
        raise ValueError(
            f"This would remove all there is: {counted(len(state.events), 'event')}. Fit another log, or drop the "
            "recommender."
        )
    if len(kept) == len(state.events):
        state.replace_dislikes(dislikes)
        return state
    users, items = (codes[kept] for codes in state.events.between(0, len(state.events)))
    # Those that remain keep their order: the trained items stand before the others, as their weights do.
    known_users, known_items = np.unique(users), np.unique(items)
    model = _model_of(known_items, state.model)
    users, items = np.searchsorted(known_users, users), np.searchsorted(known_items, items)
    events = state.events.take(kept, users, items)
    remaining = events.log(len(known_users), len(known_items))
    counts = Counts.of(remaining, model.settings.step_weights, events.arrivals, events.clock)
    ids = state.user_vocabulary.take(known_users), state.item_vocabulary.take(known_items)
    return State(*ids, events, counts, model, dislikes)


def _model_of(items: NDArray[np.int64], model: Model) -> Model:
    """Return the model with the weights of those of its items that are left."""
    trained = items[items < model.n_trained]
    if len(trained) == model.n_trained:
        return model
    linear = None if model.linear is None else model.linear.of_items(items)
    if len(trained) == 0:
        raise ValueError("This would remove every event of every item that has weights. Fit the remaining log instead.")
    return replace(model, module=model.module.of_items(torch.from_numpy(trained)), linear=linear)
