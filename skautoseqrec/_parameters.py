"""The estimator's parameters: what each may be, and what they are for the published model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from numbers import Integral, Real
from typing import Any, cast

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from ._counts.counts import Counts
from ._counts.settings import SequenceSettings
from ._network.heads import HEADS
from ._network.module import ACTIVATIONS, DECODERS, HISTORY_ENCODERS, SHARED
from ._scoring.blend import Blend

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
    "objective": [StrOptions(set(HEADS))],
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
    "history_encoder": [StrOptions({"auto", SHARED, *HISTORY_ENCODERS})],
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


#: From so many on, a history encoder of its own pays. Validation MRR / Recall@10 with it and without: Amazon Video (22
#: events per item) .099 / .193 and .106 / .204, for it overfits and takes the two-hop part along; MovieLens-100K (74)
#: .0987 / .214 and .0991 / .218. MovieLens-1M (293) learns faster with it: the collaborative part alone, after four
#: epochs, .106 and .083.
EVENTS_PER_ITEM = 100
#: With more items than this, a batch's softmax is summed over so many sampled items and those that its rows ask for.
#: MovieTweetings (10,000 items), next tenth: MRR .0967 with 512 of them, .0959 with 2,048. MovieLens-1M, though it has
#: but 3,400 items: .1661 with 512 of them, .1663 with all, after twice as many epochs.
MANY_ITEMS, FEW_NEGATIVES = 8192, 1024


def resolve_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters with one rate per part of the network and one weight per part of the score.

    What depends on the log is left as it is: ``history_encoder`` and ``n_negatives``.
    """
    resolved = {
        **parameters,
        "trend_half_lives": check_half_lives(parameters["trend_half_lives"]),
        "learning_rate": per_part(parameters["learning_rate"], "learning_rate", upper=np.inf),
        "dropout": per_part(parameters["dropout"], "dropout", upper=1),
    }
    if parameters["blend"] != "auto":
        resolved["blend"] = Blend.read(parameters["blend"], len(resolved["trend_half_lives"]))
    return resolved


def sequence_settings(parameters: Mapping[str, Any]) -> SequenceSettings:
    """Return those of the resolved parameters that say how time enters the matrices."""
    return SequenceSettings(**{field.name: parameters[field.name] for field in fields(SequenceSettings)})


def check_half_lives(half_lives: Sequence[float]) -> tuple[float, ...]:
    """Return half-lives as floats, or raise ValueError if one is not a positive number."""
    for half_life in half_lives:
        if not isinstance(half_life, Real) or not 0 < float(half_life) < np.inf:
            raise ValueError(f"trend_half_lives must be positive numbers of events, not {half_life!r}.")
    return tuple(map(float, half_lives))


def per_part(value: float | Mapping[str, float], name: str, upper: float) -> dict[str, float]:
    """Return one value for the encoder and each decoder from a float or a dict.

    Parameters
    ----------
    value : float or mapping
        As the user gave it.
    name : str
        The parameter's name, for messages.
    upper : float
        Values lie in [0, upper).

    Raises
    ------
    ValueError
        If a mapping lacks a part, has an unknown one, or a value is out of range.
    """
    parts = ("encoder", *DECODERS)
    values = dict(value) if isinstance(value, Mapping) else dict.fromkeys(parts, value)
    if set(values) != set(parts):
        raise ValueError(f"{name} must have exactly the keys {sorted(parts)}; it has {sorted(values)}.")
    for part, number in values.items():
        if not isinstance(number, Real) or not 0 <= number < upper:
            raise ValueError(f"{name}[{part!r}] must be a number in [0, {upper}), not {number!r}.")
    return {part: float(number) for part, number in values.items()}


def resolve_history_encoder(encoder: str, objective: str, counts: Counts) -> str:
    """Return the history encoder to train; "auto" takes the residual one where a log has enough to teach it.

    Raises
    ------
    ValueError
        If the published model is asked for a residual one: it trains on rows of the user-item matrix.
    """
    if objective == "paper" and encoder == "residual":
        raise ValueError("objective='paper' trains on rows of the user-item matrix: history_encoder must be 'shared'.")
    if encoder != "auto":
        return encoder
    is_dense = len(counts.history) >= EVENTS_PER_ITEM * counts.n_items
    return "residual" if is_dense and objective != "paper" else "shared"


def resolve_n_negatives(n_negatives: str | int | None, objective: str, n_items: int) -> int | None:
    """Return how many items are sampled for a batch's softmax, None to sum over all.

    Raises
    ------
    ValueError
        If the published model is asked to sample: its loss reconstructs whole rows.
    """
    if objective == "paper" and n_negatives not in ("auto", None):
        raise ValueError("objective='paper' reconstructs whole rows: n_negatives must be None.")
    if n_negatives != "auto":
        return cast("int | None", n_negatives)
    return FEW_NEGATIVES if n_items > MANY_ITEMS and objective != "paper" else None


def draw_seed(random_state: Any) -> int:
    """Return a seed for torch that leaves the caller's global random state alone, also for None."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
