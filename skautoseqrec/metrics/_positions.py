"""Metrics of where true items stand: the mean and the median rank, and the share of candidates below."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .._utils.arguments import as_floats, check_weights, weighted_mean
from .._utils.words import counted
from ._ranks import check_ranks


def roc_auc(ranks: ArrayLike, n_candidates: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    r"""Return the mean share of the other candidates that stand below the true item.

    .. math:: \frac{1}{|E|} \sum_{e \in E} \frac{n(e) - rank(e)}{n(e) - 1}

    It is the mean over events of the area under the ROC curve. A true item that was not a candidate gives 0.

    Parameters
    ----------
    ranks : array-like of shape (n_events,)
        Rank of the true item of each event, at least 1; infinite if it was not a candidate. Ties give half ranks.
    n_candidates : int or array-like of shape (n_events,)
        Number of candidates, the true item among them; at least 2. One number for all events, or one for each.
    sample_weight : array-like of shape (n_events,) or None, default=None
        Weight of each event in the mean.

    Returns
    -------
    auc : float
        In [0, 1]; .5 is chance.

    Raises
    ------
    ValueError
        If there is no rank, a rank is below 1 or NaN, ``sample_weight`` does not hold one finite weight of at least 0
        for each event, not all of them 0, or ``n_candidates`` is below 2, below a finite rank, or of another length.

    Examples
    --------
    >>> roc_auc([1, 6, float("inf"), 11], n_candidates=11)
    0.375
    """
    checked, counts = check_ranks(ranks), as_floats(n_candidates, "n_candidates")
    if counts.shape not in ((), checked.shape):
        raise ValueError(
            f"n_candidates has shape {counts.shape} for {counted(len(checked), 'rank')}: give one number, or each's."
        )
    counts = np.broadcast_to(counts, checked.shape)
    is_candidate = np.isfinite(checked)
    is_wrong = ~(counts >= 2) | ~np.isfinite(counts) | (is_candidate & (checked > counts))
    if is_wrong.any():
        row = int(is_wrong.argmax())
        raise ValueError(
            f"n_candidates must be at least 2, and at least the rank; row {row} holds {counts[row]:g} for rank "
            f"{checked[row]:g}."
        )
    below = np.where(is_candidate, counts - np.where(is_candidate, checked, 1.0), 0.0)
    return weighted_mean(below / (counts - 1), sample_weight)


def mean_rank(ranks: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Return the mean rank, which is infinite if any true item was not a candidate.

    Parameters
    ----------
    ranks : array-like of shape (n_events,)
        Rank of the true item of each event, at least 1; infinite if it was not a candidate. Ties give half ranks.
    sample_weight : array-like of shape (n_events,) or None, default=None
        Weight of each event in the mean.

    Returns
    -------
    rank : float
        At least 1; lower is better.

    Raises
    ------
    ValueError
        If there is no rank, a rank is below 1 or NaN, or ``sample_weight`` does not hold one finite weight of at least
        0 for each event, not all of them 0.

    Examples
    --------
    >>> mean_rank([1, 2.5, 10])
    4.5
    """
    checked, weights = check_ranks(ranks), check_weights(sample_weight, np.size(ranks))
    if weights is not None:
        checked, weights = checked[weights > 0], weights[weights > 0]  # 0 times infinity is no number
    return weighted_mean(checked, weights)


def median_rank(ranks: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Return the median rank, which is finite if more than half of the true items were candidates.

    Parameters
    ----------
    ranks : array-like of shape (n_events,)
        Rank of the true item of each event, at least 1; infinite if it was not a candidate. Ties give half ranks.
    sample_weight : array-like of shape (n_events,) or None, default=None
        Weight of each event. One of weight 2 counts like two events.

    Returns
    -------
    rank : float
        At least 1; lower is better. The mean of the two middle ranks where there are two.

    Raises
    ------
    ValueError
        If there is no rank, a rank is below 1 or NaN, or ``sample_weight`` does not hold one finite weight of at least
        0 for each event, not all of them 0.

    Examples
    --------
    >>> median_rank([1, 2, 10, float("inf"), 4])
    4.0
    """
    checked, weights = check_ranks(ranks), check_weights(sample_weight, np.size(ranks))
    if weights is None:
        return float(np.median(checked))
    order = np.argsort(checked, kind="stable")
    # A power of two keeps the weights exact, and their sum from overflowing.
    totals = np.cumsum(np.ldexp(weights[order], -np.frexp(weights.max())[1]))
    middle = [int(np.searchsorted(totals, totals[-1] / 2, side=side)) for side in ("left", "right")]
    return float(checked[order][middle].mean())
