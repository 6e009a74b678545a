"""The estimator's parameters: what each may be, and what they are for the published model."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

from ._network.module import ACTIVATIONS
from ._training.objectives import OBJECTIVES

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
    "early_stopping": False,
    "blend": {"collaborative": 0.6, "one_hop": 0.2, "two_hop": 0.2},
}

DECAY = Interval(Real, 0, 1, closed="right")
POSITIVE_INTEGER = Interval(Integral, 1, None, closed="left")

#: What each parameter may be, in scikit-learn's terms.
PARAMETER_CONSTRAINTS: dict[str, list[Any]] = {
    "n_components": [POSITIVE_INTEGER],
    "objective": [StrOptions(set(OBJECTIVES))],
    "max_iter": [POSITIVE_INTEGER],
    "batch_size": [POSITIVE_INTEGER],
    "learning_rate": [Interval(Real, 0, None, closed="neither"), dict],
    "dropout": [Interval(Real, 0, 1, closed="left"), dict],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "weight_averaging": [Interval(Real, 0, 1, closed="left")],
    "n_negatives": [StrOptions({"auto"}), POSITIVE_INTEGER, None],
    "activation": [StrOptions(set(ACTIVATIONS))],
    "transition_window": [POSITIVE_INTEGER],
    "transition_decay": [DECAY],
    "history_encoder": [StrOptions({"auto", "residual", "shared"})],
    "history_dropout": [Interval(Real, 0, 1, closed="left")],
    "history_decay": [DECAY],
    "context_size": [POSITIVE_INTEGER],
    "context_decay": [DECAY],
    "trend_half_lives": [tuple, list],
    "blend": [StrOptions({"auto"}), dict],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "early_stopping": ["boolean"],
    "n_iter_no_change": [POSITIVE_INTEGER],
    "tol": [Interval(Real, 0, None, closed="left")],
    "refit": ["boolean"],
    "exclude_seen": ["boolean"],
    "warm_start": ["boolean"],
    "device": [StrOptions({"auto", "cpu", "cuda"})],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}


class Parameters:
    """The estimator's parameters as scikit-learn wants them: one argument, one attribute each, nothing else.

    What they mean stands where users look, in :class:`~skautoseqrec.AutoSeqRecRecommender`.
    """

    _parameter_constraints = PARAMETER_CONSTRAINTS

    def __init__(
        self,
        n_components: int = 256,
        *,
        objective: str = "multinomial",
        max_iter: int = 100,
        batch_size: int = 256,
        learning_rate: float | Mapping[str, float] = 1e-3,
        dropout: float | Mapping[str, float] = 0.2,
        weight_decay: float = 0.3,
        weight_averaging: float = 0.998,
        n_negatives: str | int | None = "auto",
        activation: str = "relu",
        transition_window: int = 5,
        transition_decay: float = 0.7,
        history_encoder: str = "auto",
        history_dropout: float = 0.2,
        history_decay: float = 0.9,
        context_size: int = 3,
        context_decay: float = 0.5,
        trend_half_lives: tuple[float, ...] = (30, 300, 3000, 30000),
        blend: Any = "auto",
        validation_fraction: float = 0.1,
        early_stopping: bool = True,
        n_iter_no_change: int = 10,
        tol: float = 1e-3,
        refit: bool = True,
        exclude_seen: bool = True,
        warm_start: bool = False,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.objective = objective
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.weight_averaging = weight_averaging
        self.n_negatives = n_negatives
        self.activation = activation
        self.transition_window = transition_window
        self.transition_decay = transition_decay
        self.history_encoder = history_encoder
        self.history_dropout = history_dropout
        self.history_decay = history_decay
        self.context_size = context_size
        self.context_decay = context_decay
        self.trend_half_lives = trend_half_lives
        self.blend = blend
        self.validation_fraction = validation_fraction
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.refit = refit
        self.exclude_seen = exclude_seen
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
