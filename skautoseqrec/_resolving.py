"""The estimator's parameters made explicit: one value per part of the model, and what "auto" stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from numbers import Real
from typing import Any, cast

import numpy as np
from sklearn.utils import check_random_state

from ._counts.counts import Counts
from ._counts.settings import SequenceSettings
from ._network.module import DECODERS
from ._scoring.scorer import PARTS

#: From so many on, a history encoder of its own pays. Validation MRR / Recall@10 with it and without: Amazon Video (22
#: events per item) .099 / .193 and .106 / .204, for it overfits and takes the two-hop part along; MovieLens-100K (74)
#: .0987 / .214 and .0991 / .218. MovieLens-1M (293) learns faster with it: the collaborative part alone, after four
#: epochs, .106 and .083.
EVENTS_PER_ITEM = 100
#: With more items than this, a batch's softmax is summed over so many sampled items and those that its rows ask for.
#: MovieTweetings (10,000 items), next tenth: MRR .0967 with 512 of them, .0959 with 2,048. MovieLens-1M, though it has
#: but 3,400 items: .1661 with 512 of them, .1663 with all, after twice as many epochs.
MANY_ITEMS, FEW_NEGATIVES = 8192, 1024

#: Scores are float32, which ends at 3.4e38. Parts of a score are tens, if need be thousands; over 2**26 candidates of a
#: validation they are summed at most, and a saved model may have 2**16 trends, so that no sum comes near the end.
LARGEST_WEIGHT = 1e15
#: A blend whose largest weight is less would score near the least that float32 tells from zero.
LEAST_LARGEST_WEIGHT = 1e-15


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
        resolved["blend"] = resolve_blend(parameters["blend"], PARTS, len(resolved["trend_half_lives"]))
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


def resolve_blend(blend: Mapping[str, Any], parts: tuple[str, ...], n_trends: int) -> dict[str, Any]:
    """Return the weight of every part of the score; parts that are not named weigh nothing.

    Raises
    ------
    ValueError
        If a part is unknown, a weight is negative, not finite or too large to be summed, all are zero, or "trend" has
        not one per half-life.
    """
    unknown = sorted(set(blend) - set(parts))
    if unknown:
        raise ValueError(f"blend has unknown parts {unknown}; known are {list(parts)}.")
    trend = blend.get("trend", (0.0,) * n_trends)
    if not np.iterable(trend):
        raise ValueError(
            f"blend['trend'] must be a tuple of {n_trends} weights, one for each half-life, not {trend!r}."
        )
    trend = tuple(trend)
    if len(trend) != n_trends:
        raise ValueError(f"blend['trend'] has {len(trend)} weights for {n_trends} half-lives; give one for each.")
    weights = {part: blend.get(part, 0.0) for part in parts if part != "trend"}
    named = [(f"blend['{part}']", weight) for part, weight in weights.items()]
    named += [(f"blend['trend'][{place}]", weight) for place, weight in enumerate(trend)]
    for name, weight in named:
        is_number = isinstance(weight, Real)
        # Not as a float, which an integer may be too large for.
        if not is_number or not 0 <= weight < np.inf:
            raise ValueError(f"{name} must be a finite number of at least 0, not {weight!r}.")
        if weight > LARGEST_WEIGHT:
            raise ValueError(
                f"{name} is above {LARGEST_WEIGHT:g}, and scores would overflow. Divide all weights by one number: "
                "only their ratios rank."
            )
    if not any(weight for _, weight in named):
        raise ValueError("All weights of blend are zero: nothing would be scored.")
    if max(float(weight) for _, weight in named) < LEAST_LARGEST_WEIGHT:
        raise ValueError(
            f"All weights of blend are below {LEAST_LARGEST_WEIGHT:g}, and scores would be rounded to zero. Multiply "
            "all weights by one number: only their ratios rank."
        )
    return {part: float(weight) for part, weight in weights.items()} | {"trend": tuple(map(float, trend))}


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
