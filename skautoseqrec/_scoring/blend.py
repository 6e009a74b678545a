"""The blend: how much each part of a score weighs, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from .._network.heads import Heads
from .parts import COLD_PARTS, PARTS, Part

#: Scores are float32, which ends at 3.4e38. Parts of a score are tens, if need be thousands; over 2**26 candidates of a
#: validation they are summed at most, and a saved model may have 2**16 trends, so that no sum comes near the end.
LARGEST_WEIGHT = 1e15
#: A blend whose largest weight is less would score near the least that float32 tells from zero.
LEAST_LARGEST_WEIGHT = 1e-15

BY_NAME: dict[str, Part] = {part.NAME: part for part in (*PARTS, *COLD_PARTS)}


@dataclass(frozen=True)
class Blend(Mapping[str, Any]):
    """Weight of every part of a score, a mapping by name that is never changed.

    Parameters
    ----------
    weights : mapping
        A float for each part; for the trend a tuple, one for each half-life.
    """

    weights: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        """Return the weight of a part."""
        return self.weights[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the parts."""
        return iter(self.weights)

    def __len__(self) -> int:
        """Return the number of parts."""
        return len(self.weights)

    @classmethod
    def read(
        cls, blend: Mapping[str, Any], n_trends: int, parts: tuple[Part, ...] = PARTS, may_be_zero: bool = False
    ) -> Blend:
        """Return a user's weights, checked; parts that are not named weigh nothing.

        Parameters
        ----------
        blend : mapping
            Weight of each part by name.
        n_trends : int
            Number of half-lives.
        parts : tuple of Part, default=PARTS
            The parts that there are.
        may_be_zero : bool, default=False
            Whether all of them may weigh nothing.

        Raises
        ------
        ValueError
            If a part is unknown, a weight is negative, not finite or too large to be summed, all are zero, or the
            trend has not one per half-life.
        """
        unknown = sorted(set(blend) - {part.NAME for part in parts})
        if unknown:
            raise ValueError(f"blend has unknown parts {unknown}; known are {[part.NAME for part in parts]}.")
        weights = {part.NAME: blend.get(part.NAME, (0.0,) * n_trends if part.IS_TREND else 0.0) for part in parts}
        named: list[tuple[str, Any]] = []
        for part in parts:
            name, weight = f"blend['{part.NAME}']", weights[part.NAME]
            if part.IS_TREND:
                weights[part.NAME] = _one_for_each(weight, name, n_trends)
                named += [(f"{name}[{place}]", each) for place, each in enumerate(weights[part.NAME])]
            else:
                named.append((name, weight))
        _check_weights(named)
        if not may_be_zero:
            _check_largest(named)
        numbers = {name: tuple(map(float, w)) if isinstance(w, tuple) else float(w) for name, w in weights.items()}
        return cls(numbers)

    @classmethod
    def default(cls, heads: Heads, n_trends: int, exclude_seen: bool) -> Blend:
        """Return the fixed blend of an objective, trends sharing their weight.

        Parameters
        ----------
        heads : Heads
            The objective's.
        n_trends : int
            Number of half-lives.
        exclude_seen : bool
            Whether parts that only tell seen items apart weigh nothing.
        """
        weights: dict[str, Any] = {}
        for part in PARTS:
            weight = part.DEFAULT_WEIGHT if heads.BLEND is None else heads.BLEND.get(part.NAME, 0.0)
            if exclude_seen and part.NEEDS_SEEN:
                weight = 0.0
            weights[part.NAME] = (weight / max(n_trends, 1),) * n_trends if part.IS_TREND else weight
        return cls(weights)

    @classmethod
    def cold(cls, n_trends: int) -> Blend:
        """Return the fixed blend of users without history: equal trends, or event counts if there is none."""
        weights: dict[str, Any] = {part.NAME: 0.0 for part in COLD_PARTS}
        weights["trend"] = (1 / max(n_trends, 1),) * n_trends
        weights["popularity"] = 0.0 if n_trends else 1.0
        return cls(weights)

    def used(self) -> list[tuple[Part, Any]]:
        """Return the parts that weigh anything, and their weights."""
        weighed = [(BY_NAME[name], weight) for name, weight in self.weights.items()]
        return [(part, weight) for part, weight in weighed if (any(weight) if part.IS_TREND else weight)]

    def terms(self) -> dict[str, float]:
        """Return the weights as single numbers by name, as a fit sees them: each trend has one of its own."""
        terms: dict[str, float] = {}
        for name, weight in self.weights.items():
            numbers = weight if BY_NAME[name].IS_TREND else (weight,)
            terms |= dict(zip(BY_NAME[name].terms(len(numbers)), numbers, strict=True))
        return terms

    def with_terms(self, terms: Mapping[str, float]) -> Blend:
        """Return the blend with other numbers in place of those that :meth:`terms` returned; others stay."""
        numbers = self.terms() | dict(terms)
        weights: dict[str, Any] = {}
        for name, weight in self.weights.items():
            is_trend = BY_NAME[name].IS_TREND
            fitted = tuple(numbers[term] for term in BY_NAME[name].terms(len(weight) if is_trend else 1))
            weights[name] = fitted if is_trend else fitted[0]
        return Blend(weights)


def _one_for_each(weight: Any, name: str, n_trends: int) -> tuple[Any, ...]:
    """Return weights of the trend as a tuple, or raise ValueError unless there is one for each half-life."""
    if not np.iterable(weight):
        raise ValueError(f"{name} must be a tuple of {n_trends} weights, one for each half-life, not {weight!r}.")
    weights = tuple(weight)
    if len(weights) != n_trends:
        raise ValueError(f"{name} has {len(weights)} weights for {n_trends} half-lives; give one for each.")
    return weights


def _check_weights(named: list[tuple[str, Any]]) -> None:
    """Raise ValueError, naming the weight, unless all are numbers that scores can be summed with."""
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


def _check_largest(named: list[tuple[str, Any]]) -> None:
    """Raise ValueError if no weight is large enough to be told from zero in a score."""
    if not any(weight for _, weight in named):
        raise ValueError("All weights of blend are zero: nothing would be scored.")
    if max(float(weight) for _, weight in named) < LEAST_LARGEST_WEIGHT:
        raise ValueError(
            f"All weights of blend are below {LEAST_LARGEST_WEIGHT:g}, and scores would be rounded to zero. Multiply "
            "all weights by one number: only their ratios rank."
        )
