"""The blend: how much each part of a score weighs, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from .._counts.settings import SequenceSettings
from .._network.heads import Heads
from .._utils.words import counted
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
        A float for each part, or a tuple of them (direct, repeat, trend).
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
        cls,
        blend: Mapping[str, Any],
        settings: SequenceSettings,
        heads: type[Heads],
        parts: tuple[Part, ...] = PARTS,
        may_be_zero: bool = False,
    ) -> Blend:
        """Return a user's weights, checked; parts that are not named weigh nothing.

        Parameters
        ----------
        blend : mapping
            Weight of each part by name.
        settings : SequenceSettings
            How many weights the parts have.
        heads : type of Heads
            The objective's; a neural part that it has not must weigh nothing.
        parts : tuple of Part, default=PARTS
            The parts that there are.
        may_be_zero : bool, default=False
            Whether all of them may weigh nothing.

        Raises
        ------
        ValueError
            If a part is unknown, a weight is negative, not finite or too large to be summed, all are zero, or a part
            has not as many as it needs.
        """
        unknown = sorted(set(blend) - {part.NAME for part in parts}, key=str)
        if unknown:
            raise ValueError(f"blend has unknown parts {unknown}; known are {[part.NAME for part in parts]}.")
        weights: dict[str, Any] = {}
        named: list[tuple[str, Any]] = []
        for part in parts:
            name, weight = f"blend['{part.NAME}']", blend.get(part.NAME, part.spread(0.0, settings))
            if part.PER is None or (part.TAKES_NUMBER and (isinstance(weight, str) or not np.iterable(weight))):
                _check_weights([(name, weight)])
                weight = part.spread(float(weight), settings)
                named.append((name, max(np.atleast_1d(weight))))
            else:
                weight = _one_for_each(weight, name, part.n_weights(settings), part)
                named += [(f"{name}[{place}]", each) for place, each in enumerate(weight)]
            weights[part.NAME] = weight
        _check_weights(named)
        if not may_be_zero:
            _check_largest(named)
        absent = [part.NAME for part in parts if part.IS_NEURAL and part.NAME not in heads.PARTS and weights[part.NAME]]
        if absent:
            raise ValueError(f"blend weighs {absent}, which objective={heads.NAME!r} has not: it trains no network.")
        numbers = {name: tuple(map(float, w)) if isinstance(w, tuple) else float(w) for name, w in weights.items()}
        return cls(numbers)

    @classmethod
    def default(cls, heads: Heads, settings: SequenceSettings, exclude_seen: bool) -> Blend:
        """Return the fixed blend of an objective.

        Parameters
        ----------
        heads : Heads
            The objective's.
        settings : SequenceSettings
            How many weights the parts have.
        exclude_seen : bool
            Whether parts that only tell seen items apart weigh nothing.
        """
        weights: dict[str, Any] = {}
        for part in PARTS:
            weight = part.DEFAULT_WEIGHT if heads.BLEND is None else heads.BLEND.get(part.NAME, 0.0)
            if (exclude_seen and part.NEEDS_SEEN) or (part.IS_NEURAL and part.NAME not in heads.PARTS):
                weight = 0.0
            weights[part.NAME] = part.spread(weight, settings)
        return cls(weights)

    @classmethod
    def cold(cls, settings: SequenceSettings) -> Blend:
        """Return the fixed blend of users without history: equal trends, or event counts if there is none."""
        weighs = {"trend": 1.0} if settings.trend_half_lives else {"popularity": 1.0}
        return cls({part.NAME: part.spread(weighs.get(part.NAME, 0.0), settings) for part in COLD_PARTS})

    def used(self) -> list[tuple[Part, Any]]:
        """Return the parts that weigh anything, and their weights."""
        return [(BY_NAME[name], weight) for name, weight in self.weights.items() if np.any(weight)]

    def terms(self) -> dict[str, float]:
        """Return the weights as single numbers by name, as :meth:`Part.terms` names them and a fit sees them."""
        terms: dict[str, float] = {}
        for name, weight in self.weights.items():
            terms |= dict(zip(_term_names(name, weight), np.atleast_1d(weight).tolist(), strict=True))
        return terms

    def with_terms(self, terms: Mapping[str, float]) -> Blend:
        """Return the blend with other numbers in place of those that :meth:`terms` returned; others stay."""
        numbers = self.terms() | dict(terms)
        weights: dict[str, Any] = {}
        for name, weight in self.weights.items():
            fitted = tuple(numbers[term] for term in _term_names(name, weight))
            weights[name] = fitted if isinstance(weight, tuple) else fitted[0]
        return Blend(weights)


def part_of(term: str) -> str:
    """Return the name of the part that a term belongs to."""
    return term.split(" ")[0]


def _term_names(name: str, weight: Any) -> list[str]:
    return [f"{name} {place}" for place in range(len(weight))] if isinstance(weight, tuple) else [name]


def _one_for_each(weight: Any, name: str, n_weights: int, part: Part) -> tuple[Any, ...]:
    """Return weights as a tuple, or raise ValueError unless there are so many, but for those that may be left out."""
    if not np.iterable(weight):
        raise ValueError(
            f"{name} must be a tuple of {counted(n_weights, 'weight')}, one for each {part.PER}, not {weight!r}."
        )
    weights = tuple(weight)
    n_lacking = n_weights - len(weights)
    if not 0 <= n_lacking <= part.MAY_LACK:
        raise ValueError(
            f"{name} has {counted(len(weights), 'weight')}, and must have {n_weights}: one for each {part.PER}."
        )
    return (*weights, *[0.0] * n_lacking)


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
