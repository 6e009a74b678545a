"""What stands in the file of a saved model: a manifest, and sections of arrays, each since a version of the format.

The state is not in them: it is built anew from the events, as a fit builds it, so that it cannot contradict them.
To store another array: a section here, and the other places that the contributing page lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .._counts.counts import Counts
from .._counts.events import Events, EventStore
from .._data.packing import (
    Arrays,
    pack_columns,
    pack_times,
    pack_vocabularies,
    pack_weights,
    unpack_columns,
    unpack_times,
    unpack_vocabularies,
    unpack_weights,
    vector,
)
from .._data.vocabulary import Vocabulary
from .._network.heads import HEADS
from .._network.linear import LinearWeights
from .._network.model import Model
from .._network.module import AutoSeqRecModule, make_history_encoder
from .._scoring.scorer import Scorer, Serving
from .._state.dislikes import Dislikes
from .._state.snapshot import NO_DISLIKES
from .._state.state import State
from .._utils.words import counted
from ..exceptions import ModelFileError
from .description import Fitted, check_settings, read_blends, read_description, read_gate, read_log_form
from .manifest import check_version

#: No log has as many events; sums of larger numbers might wrap around.
LATEST = 2**53
#: What the names of the weights' arrays begin with.
WEIGHTS = "weights."
#: And those of the disliked pairs.
DISLIKES = "dislikes."


class Section(NamedTuple):
    """Some arrays of a file that belong together.

    Parameters
    ----------
    name : str
        What they hold.
    since : int
        The first version of the format that has them.
    write : callable
        Returns the arrays of what is published of a state.
    read : callable
        Returns what they hold, given the manifest, all arrays, and by name what the sections before hold.
    """

    name: str
    since: int
    write: Callable[[State], dict[str, NDArray[Any]]]
    read: Callable[[Fitted, Arrays, Mapping[str, Any]], Any]


def state_arrays(state: State) -> dict[str, NDArray[Any]]:
    """Return all that a file holds of a state."""
    return {name: array for section in SECTIONS for name, array in section.write(state).items()}


def read_fitted(manifest: Mapping[str, Any], arrays: Arrays) -> dict[str, Any]:
    """Return the attributes of a fitted recommender.

    Raises
    ------
    ModelFileError
        If the manifest or the arrays are not those of one.
    """
    version = check_version(manifest)
    fitted = read_description(manifest)
    settings = check_settings(fitted)
    found: dict[str, Any] = {}
    for section in SECTIONS:
        if section.since <= version:
            found[section.name] = section.read(fitted, arrays, found)
    (users, items), module, (events, log) = found["ids"], found["weights"], found["events"]
    counts = Counts.of(log, settings.step_weights, events.arrivals, events.clock)
    model = Model(module, HEADS[fitted.objective](), settings, found["linear"])
    scorer = Scorer(model, *read_blends(fitted, settings), read_gate(fitted))
    return {
        "loss_curve_": fitted.loss_curve,
        "n_iter_": fitted.n_iter,
        "validation_scores_": fitted.validation_scores,
        "n_features_in_": fitted.n_features_in,
        "_log_form": read_log_form(fitted)._asdict(),
        "_serving": Serving(State(users, items, events, counts, model, found.get("dislikes", NO_DISLIKES)), scorer),
    }


def _write_ids(state: State) -> dict[str, NDArray[Any]]:
    snapshot = state.snapshot
    users, items = state.user_vocabulary.ids(snapshot.n_users), state.item_vocabulary.ids(snapshot.n_items)
    return pack_vocabularies(users, items)


def _read_ids(fitted: Fitted, arrays: Arrays, found: Mapping[str, Any]) -> tuple[Vocabulary, Vocabulary]:
    return unpack_vocabularies(arrays)


def _write_weights(state: State) -> dict[str, NDArray[Any]]:
    return {f"{WEIGHTS}{name}": weight.numpy() for name, weight in state.model.module.state_dict().items()}


def _read_weights(fitted: Fitted, arrays: Arrays, found: Mapping[str, Any]) -> AutoSeqRecModule:
    weights = {name.removeprefix(WEIGHTS): array for name, array in arrays.items() if name.startswith(WEIGHTS)}
    encoder = weights.get("encoder_weight")
    has_network = bool(HEADS[fitted.objective].PARTS)
    if encoder is None or encoder.ndim != 2 or not len(encoder) or bool(encoder.shape[1]) != has_network:
        raise ModelFileError(f"array '{WEIGHTS}encoder_weight' is missing, or not of items by components.")
    n_items, n_components = encoder.shape
    n_known = len(found["ids"][1])
    if n_items > n_known:
        raise ModelFileError(f"there are weights of {counted(n_items, 'item')}, and ids of {n_known}.")
    # On no device: only the shapes are wanted, and nothing is drawn from anybody's random state.
    with torch.device("meta"):
        history = make_history_encoder(fitted.history_encoder, n_components, fitted.history_dropout)
        module = AutoSeqRecModule(n_items, n_components, fitted.activation, history)
    wanted = {name: tuple(weight.shape) for name, weight in module.state_dict().items()}
    shapes = {name: weight.shape for name, weight in weights.items()}
    if shapes != wanted:
        wrong = sorted(name for name in wanted | shapes if wanted.get(name) != shapes.get(name))
        raise ModelFileError(
            f"weights {wrong} are missing, too many or not of the shape for {counted(n_items, 'item')} and "
            f"{counted(n_components, 'component')}."
        )
    for name, weight in weights.items():
        if weight.dtype != np.float32 or not np.isfinite(weight).all():
            raise ModelFileError(f"array '{WEIGHTS}{name}' holds what is no number of 32 bits.")
    module.load_state_dict({name: torch.from_numpy(weight) for name, weight in weights.items()}, assign=True)
    return module.eval().requires_grad_(False)


def _write_linear(state: State) -> dict[str, NDArray[Any]]:
    linear = state.model.linear
    return {} if linear is None else {"linear.items": linear.items, "linear.weights": linear.weights.numpy()}


def _read_linear(fitted: Fitted, arrays: Arrays, found: Mapping[str, Any]) -> LinearWeights | None:
    """Return the linear autoencoder, None where the model has none."""
    if "linear.items" not in arrays and "linear.weights" not in arrays:
        return None
    items, weights = _codes("linear.items", arrays, found["weights"].n_items), arrays.get("linear.weights")
    if (np.diff(items) <= 0).any() or len(items) == 0:
        raise ModelFileError("array 'linear.items' does not rise, or is empty.")
    if weights is None or weights.shape != (len(items), len(items)):
        raise ModelFileError(
            f"array 'linear.weights' is missing, or not of {len(items)} by {counted(len(items), 'item')}."
        )
    if weights.dtype != np.float32 or not np.isfinite(weights).all():
        raise ModelFileError("array 'linear.weights' holds what is no number of 32 bits.")
    return LinearWeights(items, torch.from_numpy(weights))


def _write_event_weights(state: State) -> dict[str, NDArray[Any]]:
    return pack_weights("events.weights", state.events.weights(0, state.snapshot.n_known_events))


def _read_event_weights(fitted: Fitted, arrays: Arrays, found: Mapping[str, Any]) -> NDArray[np.int64] | None:
    """Return what the events count, in units; None where all count 1."""
    return unpack_weights("events.weights", arrays)


def _write_events(state: State) -> dict[str, NDArray[Any]]:
    """Return the published events as arrays.

    ``events.arrivals`` is the sequence number of each event, ``events.clock`` the next one's.
    """
    events, n_events = state.events, state.snapshot.n_known_events
    users, items = events.between(0, n_events)
    times = None if events.times is None else events.times[:n_events]
    return {
        "events.users": users,
        "events.items": items,
        "events.arrivals": events.arrivals[:n_events],
        "events.clock": np.array([events.clock - len(events) + n_events]),
        **pack_times("events.times", times),
    }


def _read_events(fitted: Fitted, arrays: Arrays, found: Mapping[str, Any]) -> tuple[EventStore, Events]:
    """Return a store of events, and its events to be counted."""
    n_users, n_items = map(len, found["ids"])
    users, items = _codes("events.users", arrays, n_users), _codes("events.items", arrays, n_items)
    times, weights = unpack_times("events.times", arrays), found.get("event weights")
    arrivals, clock = vector("events.arrivals", arrays, "i"), vector("events.clock", arrays, "i")
    lengths = {len(column) for column in (users, items, times, arrivals, weights) if column is not None}
    if len(lengths) != 1 or len(clock) != 1:
        raise ModelFileError(f"the columns of the events are of different lengths: {sorted(lengths)}.")
    numbers = np.r_[-1, arrivals, clock]
    if numbers.min() < -1 or numbers.max() > LATEST or (np.diff(numbers) <= 0).any():
        raise ModelFileError("the sequence numbers of the events do not rise from 0 to below their clock.")
    by_moment = fitted.settings["ties"] == "together"
    events = EventStore(users, items, times, arrivals, int(clock[0]), by_moment, weights)
    return events, events.log(n_users, n_items)


def _write_dislikes(state: State) -> dict[str, NDArray[Any]]:
    """Return the disliked pairs by id; nothing where there are none."""
    pairs = state.dislikes()
    return {f"{DISLIKES}{name}": array for name, array in pack_columns(pairs).items()} if len(pairs.user_ids) else {}


def _read_dislikes(fitted: Fitted, arrays: Arrays, found: Mapping[str, Any]) -> Dislikes:
    """Return the disliked pairs: none where a file, as an older one, says nothing of them."""
    own = {name.removeprefix(DISLIKES): array for name, array in arrays.items() if name.startswith(DISLIKES)}
    if not own:
        return NO_DISLIKES
    pairs = unpack_columns(own)
    try:
        for vocabulary, ids in zip(found["ids"], pairs[:2], strict=True):
            vocabulary.check_new(ids)
    except TypeError as error:
        raise ModelFileError(f"the disliked pairs are of other ids than the events: {error}") from error
    rows = list(zip(pairs.user_ids.tolist(), pairs.item_ids.tolist(), strict=True))
    if any(row >= after for row, after in pairwise(rows)) or pairs.times is not None:
        raise ModelFileError("the disliked pairs are not in order, stand there twice or have times.")
    return NO_DISLIKES.changed(pairs.user_ids, pairs.item_ids, withdraw=False)


def _codes(name: str, arrays: Arrays, n_known: int) -> NDArray[np.int64]:
    codes = vector(name, arrays, "i")
    outside = (codes < 0) | (codes >= n_known)
    if outside.any():
        row = int(outside.argmax())
        raise ModelFileError(f"array {name!r} holds {codes[row]} in row {row}, of {counted(n_known, 'id')}.")
    return codes


#: In the order in which they are read: a section may need what stands before it.
SECTIONS = (
    Section("ids", 1, _write_ids, _read_ids),
    Section("weights", 1, _write_weights, _read_weights),
    Section("linear", 1, _write_linear, _read_linear),
    Section("event weights", 2, _write_event_weights, _read_event_weights),
    Section("events", 1, _write_events, _read_events),
    Section("dislikes", 2, _write_dislikes, _read_dislikes),
)
