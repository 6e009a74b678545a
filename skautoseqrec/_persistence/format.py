"""The events of a state as arrays of a file, and from those the events again, and what they add up to."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import safetensors
import sklearn
import torch
from numpy.typing import NDArray
from sklearn.utils._param_validation import validate_parameter_constraints

from .._counts.counts import Counts
from .._counts.events import Events, EventStore
from .._counts.settings import SequenceSettings
from .._data.packing import Arrays, pack_times, pack_vocabularies, unpack_times, unpack_vocabularies, vector
from .._network.heads import BIASED_PARTS
from .._network.model import Model
from .._network.module import AutoSeqRecModule, HistoryEncoder
from .._parameters import PARAMETER_CONSTRAINTS, check_half_lives, resolve_blend
from .._scoring.blend import PARTS, Blend
from .._scoring.scorer import Scorer, Serving
from .._state.state import State
from .._training.objectives import OBJECTIVES
from .._version import __version__
from ..exceptions import ModelFileError
from .manifest import FORMAT_VERSION, check_version, take, to_json

#: No log has as many events; sums of larger numbers might wrap around.
LATEST = 2**53
#: What the names of the weights' arrays begin with.
WEIGHTS = "weights."
#: No fit comes near it, and a forged window would take forever to count.
LONGEST_WINDOW = 2**16


def event_arrays(events: EventStore, n_events: int) -> dict[str, NDArray[Any]]:
    """Return the first events of a store as arrays: all that it holds.

    ``events.arrivals`` is the sequence number of each event, ``events.clock`` the next one's.
    """
    users, items = events.between(0, n_events)
    times = None if events.times is None else events.times[:n_events]
    return {
        "events.users": users,
        "events.items": items,
        "events.arrivals": events.arrivals[:n_events],
        "events.clock": np.array([events.clock - len(events) + n_events]),
        **pack_times("events.times", times),
    }


def read_events(arrays: Arrays, n_users: int, n_items: int) -> tuple[EventStore, Events]:
    """Return a store of events, and its events to be counted.

    Raises
    ------
    ModelFileError
        If the arrays are not those of a store with so many users and items.
    """
    users, items = _codes("events.users", arrays, n_users), _codes("events.items", arrays, n_items)
    times = unpack_times("events.times", arrays)
    arrivals, clock = vector("events.arrivals", arrays, "i"), vector("events.clock", arrays, "i")
    lengths = {len(column) for column in (users, items, times, arrivals) if column is not None}
    if len(lengths) != 1 or len(clock) != 1:
        raise ModelFileError(f"the columns of the events are of different lengths: {sorted(lengths)}.")
    numbers = np.r_[-1, arrivals, clock]
    if numbers.min() < -1 or numbers.max() > LATEST or (np.diff(numbers) <= 0).any():
        raise ModelFileError("the sequence numbers of the events do not rise from 0 to below their clock.")
    return EventStore(users, items, times, arrivals, int(clock[0])), Events(users, items, n_users, n_items)


def _codes(name: str, arrays: Arrays, n_known: int) -> NDArray[np.int64]:
    codes = vector(name, arrays, "i")
    outside = (codes < 0) | (codes >= n_known)
    if outside.any():
        row = int(outside.argmax())
        raise ModelFileError(f"array {name!r} holds {codes[row]} in row {row}, and there are {n_known} ids.")
    return codes


class Fitted(NamedTuple):
    """What a file holds of a fit, apart from the events and weights: the attributes, and what they depend on."""

    objective: str
    activation: str
    history_dropout: float
    settings: dict[str, Any]
    blend: dict[str, Any]
    cold_blend: dict[str, Any]
    loss_curve: list[dict[str, float]]
    validation_scores: list[float]
    n_iter: int
    n_features_in: int


def describe_fitted(recommender: Any, scorer: Scorer) -> dict[str, Any]:
    """Return what a file says of a fitted recommender, as JSON holds it: its format, and each entry of :class:`Fitted`.

    It is taken from what was fitted: the parameters may have been set to others since.
    """
    model = scorer.model
    history = model.module.history
    fitted = Fitted(
        objective=next(name for name, kind in OBJECTIVES.items() if type(model.objective) is kind),
        activation=model.module.activation,
        history_dropout=0.0 if history is None else float(history.dropout.probability),
        settings=asdict(model.settings),
        blend=dict(scorer.blend),
        cold_blend=dict(scorer.cold_blend),
        loss_curve=recommender.loss_curve_,
        validation_scores=recommender.validation_scores_,
        n_iter=recommender.n_iter_,
        n_features_in=recommender.n_features_in_,
    )
    _check_settings(fitted)
    return {"version": FORMAT_VERSION, **{name: to_json(value, name) for name, value in fitted._asdict().items()}}


def describe_libraries() -> dict[str, str]:
    """Return the versions that a file is written with: nothing depends on them."""
    libraries = {"numpy": np, "safetensors": safetensors, "scikit-learn": sklearn, "torch": torch}
    versions = {name: str(library.__version__) for name, library in libraries.items()}
    return {"skautoseqrec": __version__, "python": platform.python_version(), **versions}


def state_arrays(state: State) -> dict[str, NDArray[Any]]:
    """Return ids, events and weights of what is published of a state."""
    snapshot = state.snapshot
    weights = {f"{WEIGHTS}{name}": weight.numpy() for name, weight in state.model.module.state_dict().items()}
    return {
        **pack_vocabularies(state.users.ids(snapshot.n_users), state.items.ids(snapshot.n_items)),
        **event_arrays(state.events, snapshot.n_known_events),
        **weights,
    }


def read_fitted(manifest: Mapping[str, Any], arrays: Arrays) -> dict[str, Any]:
    """Return the attributes of a fitted recommender.

    Raises
    ------
    ModelFileError
        If the manifest or the arrays are not those of one.
    """
    check_version(manifest)
    fitted = _read_manifest(manifest)
    settings = _check_settings(fitted)
    users, items = unpack_vocabularies(arrays)
    module = _read_module(fitted, arrays)
    if module.n_items > len(items):
        raise ModelFileError(f"there are weights of {module.n_items} items, and ids of {len(items)}.")
    events, log = read_events(arrays, len(users), len(items))
    counts, _ = Counts.empty().advance(log, settings.step_weights)
    counts = counts.renumbered(events.arrivals, events.clock)
    model = Model(module, OBJECTIVES[fitted.objective](), settings)
    blend, cold_blend = _read_blends(fitted, len(settings.trend_half_lives))
    return {
        "loss_curve_": fitted.loss_curve,
        "n_iter_": fitted.n_iter,
        "validation_scores_": fitted.validation_scores,
        "n_features_in_": fitted.n_features_in,
        "_serving": Serving(State(users, items, events, counts, model), Scorer(model, blend, cold_blend)),
    }


def _read_manifest(manifest: Mapping[str, Any]) -> Fitted:
    kinds = {"history_dropout": float, "n_iter": int, "n_features_in": int, "objective": str, "activation": str}
    kinds |= {"settings": dict, "blend": dict, "cold_blend": dict, "loss_curve": list, "validation_scores": list}
    fitted = Fitted(**{name: take(manifest, name, kinds[name]) for name in Fitted._fields})
    losses = [loss for epoch in fitted.loss_curve if isinstance(epoch, dict) for loss in epoch.values()]
    are_numbers = all(type(number) is float for number in [*losses, *fitted.validation_scores])
    if not are_numbers or not all(isinstance(epoch, dict) for epoch in fitted.loss_curve):
        raise ModelFileError("the manifest's 'loss_curve' or 'validation_scores' hold something else than numbers.")
    if fitted.n_iter < 0 or fitted.n_features_in < 2:
        raise ModelFileError(f"{fitted.n_iter} epochs on a log of {fitted.n_features_in} columns there cannot be.")
    return fitted


def _check_settings(fitted: Fitted) -> SequenceSettings:
    """Return how time enters the matrices, after a check of all that the weights' meaning depends on."""
    settings = fitted.settings
    values = {**settings, "objective": fitted.objective, "activation": fitted.activation}
    values["history_dropout"] = fitted.history_dropout
    if set(settings) != set(SequenceSettings.__dataclass_fields__):
        raise ModelFileError(f"the manifest's 'settings' has the keys {sorted(settings)}.")
    constraints = {name: PARAMETER_CONSTRAINTS[name] for name in values}
    try:
        validate_parameter_constraints(constraints, values, "the fitted model")
        half_lives = check_half_lives(settings["trend_half_lives"])
    except ValueError as error:
        raise ModelFileError(f"the manifest describes no fitted model: {error}") from error
    longest = max(settings["transition_window"], settings["context_size"], len(half_lives))
    if longest > LONGEST_WINDOW:
        raise ModelFileError(
            f"transition_window, context_size or the number of trend_half_lives is {longest}; a saved model can have "
            f"{LONGEST_WINDOW} at most."
        )
    return SequenceSettings(**{**settings, "trend_half_lives": half_lives})


def _read_module(fitted: Fitted, arrays: Arrays) -> AutoSeqRecModule:
    weights = {name.removeprefix(WEIGHTS): array for name, array in arrays.items() if name.startswith(WEIGHTS)}
    encoder = weights.get("encoder_weight")
    if encoder is None or encoder.ndim != 2 or not encoder.size:
        raise ModelFileError(f"array '{WEIGHTS}encoder_weight' is missing, or not of items by components.")
    n_items, n_components = encoder.shape
    # On no device: only the shapes are wanted, and nothing is drawn from anybody's random state.
    with torch.device("meta"):
        has_history = any(name.startswith("history.") for name in weights)
        history = HistoryEncoder(n_components, fitted.history_dropout) if has_history else None
        module = AutoSeqRecModule(n_items, n_components, fitted.activation, history)
    wanted = {name: tuple(weight.shape) for name, weight in module.state_dict().items()}
    found = {name: weight.shape for name, weight in weights.items()}
    if found != wanted:
        wrong = sorted(name for name in wanted | found if wanted.get(name) != found.get(name))
        raise ModelFileError(
            f"weights {wrong} are missing, too many or not of the shape that {n_items} items and {n_components} "
            "components have."
        )
    for name, weight in weights.items():
        if weight.dtype != np.float32 or not np.isfinite(weight).all():
            raise ModelFileError(f"array '{WEIGHTS}{name}' holds what is no number of 32 bits.")
    module.load_state_dict({name: torch.from_numpy(weight) for name, weight in weights.items()}, assign=True)
    return module.eval().requires_grad_(False)


def _read_blends(fitted: Fitted, n_trends: int) -> tuple[Blend, Blend]:
    cold = fitted.cold_blend
    try:
        blend = resolve_blend(fitted.blend, PARTS, n_trends)
        if cold:
            # With a weight added that is not zero: here, all of them may be.
            resolve_blend({**cold, "direct": 1.0}, PARTS, n_trends)
    except ValueError as error:
        raise ModelFileError(f"the manifest's blend is none: {error}") from error
    if cold and set(cold) != {*BIASED_PARTS, "trend"}:
        raise ModelFileError(f"the manifest's 'cold_blend' has the keys {sorted(cold)}.")
    return blend, cold
