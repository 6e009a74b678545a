"""The estimator's parameters: what each may be, and what they are for the published model.

Only names stand here, so that the estimator can be imported, cloned and validated without torch. What the names stand
for is in tables of the rooms below; a test compares them.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

#: Names of the objectives, of activations of the encoder, and of what may encode histories.
OBJECTIVE_NAMES = {"multinomial", "closed_form", "paper"}
ACTIVATION_NAMES = {"identity", "logistic", "relu", "tanh"}
HISTORY_ENCODER_NAMES = {"shared", "residual"}

#: The published model: ``AutoSeqRecRecommender(**PAPER_PARAMS)``, with the settings of the authors' code.
PAPER_PARAMS: dict[str, Any] = {
    "objective": "paper",
    "n_components": 256,
    "max_iter": 200,
    "batch_size": 64,
    "learning_rate": {"encoder": 1e-5, "collaborative": 1e-3, "source": 1e-2, "target": 1e-5},
    "dropout": {"encoder": 0.3, "collaborative": 0.0, "source": 0.2, "target": 0.2},
    "weight_decay": 0.0,
    "weight_averaging": 0.0,
    "activation": "relu",
    "transition_window": 1,
    "history_encoder": "shared",
    "history_decay": 1.0,
    "context_size": 1,
    "trend_half_lives": (),
    "ties": "row",
    "neighbour_window": 0,
    "linear_penalty": None,
    "early_stopping": False,
    "blend": {"collaborative": 0.6, "one_hop": 0.2, "two_hop": 0.2},
}


DECAY = Interval(Real, 0, 1, closed="right")
POSITIVE_INTEGER = Interval(Integral, 1, None, closed="left")

#: What each parameter may be, in scikit-learn's terms.
PARAMETER_CONSTRAINTS: dict[str, list[Any]] = {
    "n_components": [POSITIVE_INTEGER],
    "objective": [StrOptions(OBJECTIVE_NAMES)],
    "max_iter": [POSITIVE_INTEGER],
    "batch_size": [POSITIVE_INTEGER],
    "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither"), dict],
    "dropout": [Interval(Real, 0, 1, closed="left"), dict],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "weight_averaging": [Interval(Real, 0, 1, closed="left")],
    "n_negatives": [StrOptions({"auto"}), POSITIVE_INTEGER, None],
    "activation": [StrOptions(ACTIVATION_NAMES)],
    "transition_window": [POSITIVE_INTEGER],
    "transition_decay": [DECAY],
    "history_encoder": [StrOptions({"auto", *HISTORY_ENCODER_NAMES})],
    "history_dropout": [Interval(Real, 0, 1, closed="left")],
    "history_decay": [DECAY],
    "context_size": [POSITIVE_INTEGER],
    "context_decay": [DECAY],
    "trend_half_lives": [tuple, list],
    "neighbour_window": [Interval(Integral, 0, None, closed="left")],
    "neighbour_decay": [DECAY],
    "ties": [StrOptions({"auto", "row", "together"})],
    "linear_penalty": [None, Interval(Real, 0, None, closed="neither")],
    "blend": [StrOptions({"auto"}), dict],
    "gate": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "early_stopping": ["boolean"],
    "n_iter_no_change": [POSITIVE_INTEGER],
    "tol": [Interval(Real, 0, None, closed="left")],
    "refit": ["boolean"],
    "exclude_seen": ["boolean"],
    "warm_start": ["boolean"],
    "columns": [dict, None],
    "event_weights": [dict, None],
    "device": [StrOptions({"auto", "cpu", "cuda"})],
    "precision": [StrOptions({"auto", "float32", "bfloat16"})],
    "random_state": ["random_state"],
    "verbose": [StrOptions({"auto"}), "verbose"],
}
