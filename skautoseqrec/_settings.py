"""How time enters the matrices, and how weights are trained: parameters of the estimator as computations use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingSettings:
    """The estimator's parameters of the same names, those by part as mappings."""

    learning_rate: Mapping[str, float]
    dropout: Mapping[str, float]
    weight_decay: float
    weight_averaging: float
    n_negatives: int | None
