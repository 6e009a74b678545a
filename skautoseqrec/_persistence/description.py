"""What the manifest of a saved model says of a fit: everything but ids, events and weights, which are arrays."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import safetensors
import sklearn
import torch
from sklearn.utils._param_validation import validate_parameter_constraints

from .._counts.settings import SequenceSettings
from .._data.form import FRAMES, LogForm
from .._fit_settings import check_half_lives
from .._network.heads import HEADS
from .._network.module import HISTORY_ENCODERS, SHARED
from .._parameters import PARAMETER_CONSTRAINTS
from .._scoring.blend import Blend
from .._scoring.gate import Gate
from .._scoring.parts import COLD_PARTS
from .._scoring.scorer import Scorer
from .._utils.arguments import TIES
from .._version import __version__
from ..exceptions import ModelFileError
from .manifest import FORMAT_VERSION, take, to_json

#: No fit comes near it, and a forged window would take forever to count.
LONGEST_WINDOW = 2**16


class Fitted(NamedTuple):
    """What a file holds of a fit, apart from the events and weights: the attributes, and what they depend on."""

    objective: str
    activation: str
    history_encoder: str
    history_dropout: float
    settings: dict[str, Any]
    blend: dict[str, Any]
    cold_blend: dict[str, Any]
    loss_curve: list[dict[str, float]]
    validation_scores: list[float]
    n_iter: int
    n_features_in: int
    log_form: dict[str, Any]
    gate: dict[str, Any] | None


def describe_fitted(recommender: Any, scorer: Scorer) -> dict[str, Any]:
    """Return what a file says of a fitted recommender, as JSON holds it: its format, and each entry of :class:`Fitted`.

    It is taken from what was fitted: the parameters may have been set to others since.
    """
    model = scorer.model
    history = model.module.history
    fitted = Fitted(
        objective=model.heads.NAME,
        activation=model.module.activation,
        history_encoder=model.module.history_encoder,
        history_dropout=0.0 if history is None else float(history.dropout_probability),
        settings=asdict(model.settings),
        blend=dict(scorer.blend),
        cold_blend=dict(scorer.cold_blend),
        loss_curve=recommender.loss_curve_,
        validation_scores=recommender.validation_scores_,
        n_iter=recommender.n_iter_,
        n_features_in=recommender.n_features_in_,
        log_form=recommender._log_form,
        gate=None if scorer.gate is None else scorer.gate.to_dict(),
    )
    check_settings(fitted)
    return {"version": FORMAT_VERSION, **{name: to_json(value, name) for name, value in fitted._asdict().items()}}


def describe_libraries() -> dict[str, str]:
    """Return the versions that a file is written with: nothing depends on them."""
    libraries = {"numpy": np, "safetensors": safetensors, "scikit-learn": sklearn, "torch": torch}
    versions = {name: str(library.__version__) for name, library in libraries.items()}
    return {"skautoseqrec": __version__, "python": platform.python_version(), **versions}


def read_description(manifest: Mapping[str, Any]) -> Fitted:
    """Return what a manifest says of a fit, every entry of the kind that it should be.

    Raises
    ------
    ModelFileError
        If one is not.
    """
    kinds: dict[str, type] = {"objective": str, "activation": str, "history_encoder": str, "history_dropout": float}
    kinds |= {"n_iter": int, "n_features_in": int, "settings": dict, "blend": dict, "cold_blend": dict}
    kinds |= {"loss_curve": list, "validation_scores": list, "log_form": dict}
    entries = {name: take(manifest, name, kind) for name, kind in kinds.items()}
    fitted = Fitted(**entries, gate=None if manifest.get("gate") is None else take(manifest, "gate", dict))
    losses = [loss for epoch in fitted.loss_curve if isinstance(epoch, dict) for loss in epoch.values()]
    are_numbers = all(type(number) is float for number in [*losses, *fitted.validation_scores])
    if not are_numbers or not all(isinstance(epoch, dict) for epoch in fitted.loss_curve):
        raise ModelFileError("the manifest's 'loss_curve' or 'validation_scores' hold something else than numbers.")
    if fitted.n_iter < 0 or fitted.n_features_in < 2:
        raise ModelFileError(
            f"n_iter must be at least 0 and n_features_in at least 2, got {fitted.n_iter} and {fitted.n_features_in}."
        )
    return fitted


def check_settings(fitted: Fitted) -> SequenceSettings:
    """Return how time enters the matrices, after a check of all that the weights' meaning depends on.

    Raises
    ------
    ModelFileError
        If a value cannot be that of a fit.
    """
    settings = fitted.settings
    values = {**settings, "objective": fitted.objective, "activation": fitted.activation}
    values["history_dropout"] = fitted.history_dropout
    if fitted.history_encoder not in (SHARED, *HISTORY_ENCODERS):
        raise ModelFileError(f"the manifest's 'history_encoder' is {fitted.history_encoder!r}, which is not known.")
    if set(settings) != set(SequenceSettings.__dataclass_fields__):
        raise ModelFileError(f"the manifest's 'settings' has the keys {sorted(settings)}.")
    constraints = {name: PARAMETER_CONSTRAINTS[name] for name in values}
    try:
        validate_parameter_constraints(constraints, values, "the fitted model")
        half_lives = check_half_lives(settings["trend_half_lives"])
    except ValueError as error:
        raise ModelFileError(f"the manifest describes no fitted model: {error}") from error
    if settings["ties"] not in TIES:
        raise ModelFileError(f"the manifest's 'ties' is {settings['ties']!r}, which no fit has.")
    if settings["ties"] == "together" and fitted.history_encoder != SHARED:
        raise ModelFileError("the manifest's 'history_encoder' reads items in an order that 'together' has not.")
    windows = (settings[name] for name in ("transition_window", "context_size", "neighbour_window"))
    longest = max(*windows, len(half_lives))
    if longest > LONGEST_WINDOW:
        raise ModelFileError(
            f"transition_window, context_size, neighbour_window or the number of trend_half_lives is {longest}; a "
            f"saved model can have {LONGEST_WINDOW} at most."
        )
    return SequenceSettings(**{**settings, "trend_half_lives": half_lives})


def read_log_form(fitted: Fitted) -> LogForm:
    """Return what form the log came in.

    Raises
    ------
    ModelFileError
        If no log comes in it.
    """
    if set(fitted.log_form) != set(LogForm._fields):
        raise ModelFileError(f"the manifest's 'log_form' has the keys {sorted(fitted.log_form)}.")
    form = LogForm(**fitted.log_form)
    are_names = isinstance(form.user, str) and isinstance(form.item, str) and isinstance(form.time, str | None)
    if form.frame not in (*FRAMES, None) or not are_names:
        raise ModelFileError(f"the manifest's 'log_form' is that of no log: {str(fitted.log_form)[:80]}.")
    return form


def read_gate(fitted: Fitted) -> Gate | None:
    """Return the gate, None if there is none.

    Raises
    ------
    ModelFileError
        If it cannot be that of a fit.
    """
    try:
        return None if fitted.gate is None else Gate.read(fitted.gate)
    except (TypeError, ValueError, KeyError) as error:
        raise ModelFileError(f"the manifest's gate is none: {error}") from error


def read_blends(fitted: Fitted, settings: SequenceSettings) -> tuple[Blend, Blend]:
    """Return the blend, and that of users without history, of which all weights may be zero.

    Raises
    ------
    ModelFileError
        If a weight cannot be that of a fit.
    """
    heads = HEADS[fitted.objective]
    try:
        blend = Blend.read(fitted.blend, settings, heads)
        cold_blend = Blend.read(fitted.cold_blend, settings, heads, COLD_PARTS, may_be_zero=True)
    except ValueError as error:
        raise ModelFileError(f"the manifest's blend is none: {error}") from error
    return blend, cold_blend
