"""The blend: how much each part of a score weighs."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

#: The parts of a score, in the order of fitted weights; the trend has one for each half-life.
PARTS = ("collaborative", "one_hop", "two_hop", "direct", "repeat", "trend")

#: Scores are float32, which ends at 3.4e38. Parts of a score are tens, if need be thousands; over 2**26 candidates of a
#: validation they are summed at most, and a saved model may have 2**16 trends, so that no sum comes near the end.
LARGEST_WEIGHT = 1e15
#: A blend whose largest weight is less would score near the least that float32 tells from zero.
LEAST_LARGEST_WEIGHT = 1e-15

Blend = Mapping[str, Any]


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
