"""Curves of recall against the length of the list, and what none of them can be above."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._utils.words import counted
from ..metrics import recall_at_k
from ._estimators import read_ranks

#: The ``upper_bound`` that no list can beat, since it leaves out only what was no candidate.
CANDIDATES = "candidates"
#: A curve this many standard errors above an upper bound shows that it is none there.
BEYOND_CHANCE = 2.0


def recall_curve(
    ranks: NDArray[np.float64], lengths: NDArray[np.int64], weights: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Return the recall at each length of list."""
    return np.array([recall_at_k(ranks, k, sample_weight=weights) for k in lengths.tolist()])


def upper_bound_of(
    given: Any,
    ranks: Mapping[str, NDArray[np.float64]],
    lengths: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """Return the upper bound at each length, or refuse what is none."""
    if isinstance(given, str):
        return _candidate_bound(given, ranks, lengths, weights)
    n_events = len(next(iter(ranks.values())))
    oracle = read_ranks({"upper_bound": given})["upper_bound"]
    if len(oracle) != n_events:
        raise ValueError(
            f"upper_bound has {counted(len(oracle), 'rank')} for {counted(n_events, 'event')}; give one for each."
        )
    shares = np.ones(len(oracle)) if weights is None else weights / weights.max()
    bound, shares = recall_curve(oracle, lengths, weights), shares / shares.sum()
    for place, k in enumerate(lengths.tolist()):
        above = next((name for name, values in ranks.items() if _is_above(values <= k, oracle <= k, shares)), None)
        if above is not None and place == 0:
            raise ValueError(
                f"upper_bound is none: at k={k} the recall of {above} is above it by more than chance allows "
                f"({BEYOND_CHANCE:g} standard errors). An oracle must know more than every model."
            )
        if above is not None:
            bound[place:] = np.nan
            break
    return bound


def _is_above(found: NDArray[np.bool_], bound: NDArray[np.bool_], shares: NDArray[np.float64]) -> bool:
    """Tell whether more was found than what should bound it, by more than chance allows."""
    gain = found.astype(np.float64) - bound
    mean = float(shares @ gain)
    return mean > max(BEYOND_CHANCE * float(np.sqrt(np.square(shares * (gain - mean)).sum())), 1e-9)


def _candidate_bound(
    given: str,
    ranks: Mapping[str, NDArray[np.float64]],
    lengths: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    if given != CANDIDATES:
        raise ValueError(f"upper_bound must be the ranks of an oracle, {CANDIDATES!r} or None, not {given!r}.")
    (first, known), *others = ((name, np.isfinite(model_ranks)) for name, model_ranks in ranks.items())
    for name, other in others:
        if (other != known).any():
            row = int((other != known).argmax())
            raise ValueError(
                f"{first} and {name} had other candidates (row {row} is ranked by one of them alone), so that no upper "
                "bound holds for both. Give them the same exclude_seen and the same fitted log."
            )
    return recall_curve(np.where(known, 1.0, np.inf), lengths, weights)
