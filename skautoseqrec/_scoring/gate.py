"""The gate: how much each part of a score counts in the situation in which it is asked for.

What matters to somebody who comes back after a month is not what matters a minute later. With a gate, the weight of a
part for one row is ``w exp(clip(a . phi, -2, 2))``, phi the standardised situation of the row. The neural parts have
none: they are the measure that the others are scaled by, and their score stays a product of embeddings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._counts.histories import Histories
from .parts import PARTS

#: What a situation is described by.
FEATURES = (
    "time since the last event",
    "time between the last two events",
    "length of the history",
    "popularity of the last item",
)
#: The exponent of a gate, and a standardised feature, are cut there.
STEEPEST, FARTHEST = 2.0, 4.0
#: The parts that may have a gate.
GATED_PARTS = tuple(part.NAME for part in PARTS if not part.IS_NEURAL)


def describe(
    histories: Histories, asked_at: NDArray[np.float64] | float, popularity: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return the situation of each row: the logs of 1 plus each of :data:`FEATURES`, NaN where one is not known.

    Parameters
    ----------
    histories : Histories
        What is known of the user of each row.
    asked_at : ndarray of shape (n_rows,) or float
        The time at which each row is asked for, as a number.
    popularity : ndarray of shape (n_entries,)
        Number of events of each item of ``histories.newest_moments()``; the log's mean is taken over a moment.

    Returns
    -------
    situations : ndarray of shape (n_rows, n_features)
        Features as columns.
    """
    last, before = histories.last_times()
    newest = histories.newest_moments()
    rows = np.repeat(np.arange(len(histories)), newest.lengths)
    popular = np.bincount(rows, np.log1p(popularity) * newest.values, minlength=len(histories))
    waited = (np.maximum(time, 0.0) for time in (asked_at - last, last - before))
    return np.column_stack([*map(np.log1p, (*waited, histories.lengths)), popular])


def describe_one(last_times: tuple[float, float], asked_at: float, length: int, popularity: int) -> list[float]:
    """Return the situation of one history without moments, as :func:`describe` does.

    Parameters
    ----------
    last_times : tuple of float
        The times of its last two events, the newest first, NaN where there is none.
    asked_at : float
        The time at which it is asked for.
    length : int
        How many events it has.
    popularity : int
        Number of events of its last item.
    """
    last, before = last_times
    # NaN stays: it stands first in the comparison.
    return [math.log1p(max(number, 0.0)) for number in (asked_at - last, last - before, length, popularity)]


@dataclass(frozen=True)
class Gate:
    """Fitted gates.

    Parameters
    ----------
    means, scales : ndarray of shape (n_features,)
        What situations are standardised by; an infinite scale leaves a feature out.
    coefficients : mapping
        For each part that has a gate, by name, a ndarray of shape (n_features,).
    """

    means: NDArray[np.float64]
    scales: NDArray[np.float64]
    coefficients: Mapping[str, NDArray[np.float64]]

    def standardised(self, situations: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return situations in units of how much they differ; what is not known is as it is on average."""
        distances = np.clip((situations - self.means) / self.scales, -FARTHEST, FARTHEST)
        return np.where(np.isnan(distances), 0.0, distances)

    def factors(self, situations: NDArray[np.float64]) -> dict[str, NDArray[np.float32]]:
        """Return by what each part is multiplied in each row, by name."""
        rows = np.reshape([*self.coefficients.values()], (-1, len(self.means)))
        exponents = np.clip(rows @ self.standardised(situations).T, -STEEPEST, STEEPEST)
        return dict(zip(self.coefficients, np.exp(exponents).astype(np.float32), strict=True))

    def factors_of_one(self, situation: list[float]) -> dict[str, float]:
        """Return what :meth:`factors` does for one row; numbers take Python less time than arrays take numpy."""
        phi = [
            0.0 if math.isnan(number) else min(max((number - mean) / scale, -FARTHEST), FARTHEST)
            for number, mean, scale in zip(situation, self.means.tolist(), self.scales.tolist(), strict=True)
        ]
        factors = {}
        for name, row in self.coefficients.items():
            exponent = sum(weight * number for weight, number in zip(row.tolist(), phi, strict=True))
            factors[name] = math.exp(min(max(exponent, -STEEPEST), STEEPEST))
        return factors

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers that :meth:`read` makes the gate of, as JSON holds them."""
        scales = [float(scale) if np.isfinite(scale) else None for scale in self.scales]
        coefficients = {name: row.tolist() for name, row in self.coefficients.items()}
        return {"means": self.means.tolist(), "scales": scales, "coefficients": coefficients}

    @classmethod
    def read(cls, numbers: Mapping[str, Any]) -> Gate:
        """Return the gate that :meth:`to_dict` wrote.

        Raises
        ------
        KeyError, TypeError, ValueError
            If these are not the numbers of one.
        """
        means, coefficients = _row(numbers["means"]), numbers["coefficients"]
        if not isinstance(coefficients, dict):
            raise TypeError("coefficients are no dict.")
        scales = _row([np.inf if scale is None else scale for scale in numbers["scales"]], may_be_infinite=True)
        if (scales <= 0).any():
            raise ValueError("a scale is not positive.")
        unknown = sorted(set(coefficients) - set(GATED_PARTS))
        if unknown:
            raise ValueError(f"{unknown} are no parts that have a gate.")
        return cls(means, scales, {name: _row(row) for name, row in coefficients.items()})

    def by_feature(self) -> dict[str, dict[str, float]]:
        """Return the coefficients by part and feature."""
        return {part: dict(zip(FEATURES, row.tolist(), strict=True)) for part, row in self.coefficients.items()}

    @classmethod
    def neutral(cls, situations: NDArray[np.float64]) -> Gate:
        """Return a gate that standardises like some situations, and changes nothing yet."""
        known = np.isfinite(situations)
        n_known = np.maximum(known.sum(0), 1)
        means = np.where(known, situations, 0.0).sum(0) / n_known
        scales = np.sqrt((np.where(known, situations - means, 0.0) ** 2).sum(0) / n_known)
        # A mean of equal numbers is not quite one of them.
        scales = np.where(scales > 1e-6 * np.maximum(1.0, np.abs(means)), scales, np.inf)
        return cls(means, scales, {name: np.zeros(len(means)) for name in GATED_PARTS})


def _row(numbers: Any, may_be_infinite: bool = False) -> NDArray[np.float64]:
    """Return one number for each feature, or raise TypeError or ValueError."""
    if not isinstance(numbers, list) or any(type(number) is not float for number in numbers):
        raise TypeError(f"{numbers!r} are not numbers.")
    row = np.array(numbers)
    if row.shape != (len(FEATURES),) or np.isnan(row).any() or (np.isinf(row).any() and not may_be_infinite):
        raise ValueError(f"there must be {len(FEATURES)} finite numbers, one for each feature, not {numbers!r}.")
    return row
