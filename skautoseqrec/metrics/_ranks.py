"""Metrics that are means over events of what a rank is worth, where each event has one right answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.arguments import as_floats, check_k, weighted_mean

Ranks = NDArray[np.float64]

#: What an event adds to a metric that is a mean over events, given its rank and k.
GAINS: dict[str, Callable[[Ranks, int], Ranks]] = {
    "mrr": lambda ranks, k: 1 / ranks,
    "recall": lambda ranks, k: (ranks <= k).astype(np.float64),
    "precision": lambda ranks, k: (ranks <= k) / k,
    "ndcg": lambda ranks, k: np.where(ranks <= k, 1 / np.log2(1 + ranks), 0.0),
    "map": lambda ranks, k: np.where(ranks <= k, 1 / ranks, 0.0),
}


def mean_reciprocal_rank(ranks: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    r"""Return the mean reciprocal rank.

    .. math:: \frac{1}{|E|} \sum_{e \in E} \frac{1}{rank(e)}

    Parameters
    ----------
    ranks : array-like of shape (n_events,)
        Rank of the true item of each event, at least 1; infinite if it was not a candidate. Ties give half ranks.
    sample_weight : array-like of shape (n_events,) or None, default=None
        Weight of each event in the mean.

    Returns
    -------
    mrr : float
        In [0, 1].

    Raises
    ------
    ValueError
        If there is no rank, a rank is below 1 or NaN, or ``sample_weight`` does not hold one finite weight of at least
        0 for each event, not all of them 0.

    Examples
    --------
    >>> mean_reciprocal_rank([1, 2, float("inf")])
    0.5
    >>> mean_reciprocal_rank([1, 2, float("inf")], sample_weight=[3, 0, 1])
    0.75
    """
    return _mean_gain("mrr", ranks, 1, sample_weight)


def recall_at_k(ranks: ArrayLike, k: int = 10, *, sample_weight: ArrayLike | None = None) -> float:
    r"""Return the share of events whose true item is among the first k.

    .. math:: \frac{1}{|E|} \sum_{e \in E} [rank(e) \le k]

    With one right answer the hit rate is the same number. This package has one word for it: recall.

    Parameters
    ----------
    ranks : array-like of shape (n_events,)
        Rank of the true item of each event, at least 1; infinite if it was not a candidate.
    k : int, default=10
        Length of the list; at least 1.
    sample_weight : array-like of shape (n_events,) or None, default=None
        Weight of each event in the mean.

    Returns
    -------
    recall : float
        In [0, 1].

    Raises
    ------
    ValueError
        If k is no whole number of at least 1, there is no rank, a rank is below 1 or NaN, or ``sample_weight`` does not
        hold one finite weight of at least 0 for each event, not all of them 0.

    Examples
    --------
    >>> recall_at_k([1, 2, 11, 40], k=10)
    0.5
    """
    return _mean_gain("recall", ranks, k, sample_weight)


def precision_at_k(ranks: ArrayLike, k: int = 10, *, sample_weight: ArrayLike | None = None) -> float:
    r"""Return the share of the first k places that hold the true item.

    .. math:: \frac{1}{|E|} \sum_{e \in E} \frac{[rank(e) \le k]}{k}

    With one right answer it is recall divided by k, and at most 1 / k.

    Parameters
    ----------
    ranks : array-like of shape (n_events,)
        Rank of the true item of each event, at least 1; infinite if it was not a candidate.
    k : int, default=10
        Length of the list; at least 1.
    sample_weight : array-like of shape (n_events,) or None, default=None
        Weight of each event in the mean.

    Returns
    -------
    precision : float
        In [0, 1 / k].

    Raises
    ------
    ValueError
        If k is no whole number of at least 1, there is no rank, a rank is below 1 or NaN, or ``sample_weight`` does not
        hold one finite weight of at least 0 for each event, not all of them 0.

    Examples
    --------
    >>> precision_at_k([1, 2, 11, 40], k=10)
    0.05
    """
    return _mean_gain("precision", ranks, k, sample_weight)


def ndcg_at_k(ranks: ArrayLike, k: int = 10, *, sample_weight: ArrayLike | None = None) -> float:
    r"""Return the normalised discounted cumulative gain of lists with one right answer.

    .. math:: \frac{1}{|E|} \sum_{e \in E} \frac{[rank(e) \le k]}{\log_2(1 + rank(e))}

    Parameters
    ----------
    ranks : array-like of shape (n_events,)
        Rank of the true item of each event, at least 1; infinite if it was not a candidate.
    k : int, default=10
        Length of the list; at least 1.
    sample_weight : array-like of shape (n_events,) or None, default=None
        Weight of each event in the mean.

    Returns
    -------
    ndcg : float
        In [0, 1].

    Raises
    ------
    ValueError
        If k is no whole number of at least 1, there is no rank, a rank is below 1 or NaN, or ``sample_weight`` does not
        hold one finite weight of at least 0 for each event, not all of them 0.

    Examples
    --------
    >>> ndcg_at_k([1, 3, 100], k=10)
    0.5
    """
    return _mean_gain("ndcg", ranks, k, sample_weight)


def mean_average_precision_at_k(ranks: ArrayLike, k: int = 10, *, sample_weight: ArrayLike | None = None) -> float:
    r"""Return the mean average precision (MAP) of lists of k items with one right answer.

    .. math:: \frac{1}{|E|} \sum_{e \in E} \frac{[rank(e) \le k]}{rank(e)}

    With one right answer it is the mean reciprocal rank cut at k.

    Parameters
    ----------
    ranks : array-like of shape (n_events,)
        Rank of the true item of each event, at least 1; infinite if it was not a candidate.
    k : int, default=10
        Length of the list; at least 1.
    sample_weight : array-like of shape (n_events,) or None, default=None
        Weight of each event in the mean.

    Returns
    -------
    map : float
        In [0, 1].

    Raises
    ------
    ValueError
        If k is no whole number of at least 1, there is no rank, a rank is below 1 or NaN, or ``sample_weight`` does not
        hold one finite weight of at least 0 for each event, not all of them 0.

    Examples
    --------
    >>> mean_average_precision_at_k([1, 2, 11, 40], k=10)
    0.375
    """
    return _mean_gain("map", ranks, k, sample_weight)


def ranks_from_reciprocal(values: ArrayLike) -> Ranks:
    """Return ranks from reciprocal ranks: whole or half ranks, infinite for 0.

    Parameters
    ----------
    values : array-like of shape (n_events,)
        What ``score_samples`` returns.

    Returns
    -------
    ranks : ndarray of shape (n_events,)
        Rounded to the exact half or whole rank, since 1 / (1 / 49) is not 49 in floating point.

    Examples
    --------
    >>> from skautoseqrec.metrics import ranks_from_reciprocal
    >>> ranks_from_reciprocal([1.0, 0.4, 1 / 49, 0.0])
    array([ 1. ,  2.5, 49. ,  inf])
    """
    with np.errstate(divide="ignore"):
        return np.rint(2 / as_floats(values, "values")) / 2


def check_ranks(ranks: Any) -> Ranks:
    """Return ranks as float64, or raise an error if there is none, or one is no number, below 1 or NaN."""
    checked = as_floats(ranks, "ranks")
    if checked.size == 0:
        raise ValueError("There is no rank to average.")
    if checked.ndim != 1:
        raise ValueError(f"Ranks must be one-dimensional, one for each event; they have shape {checked.shape}.")
    if not (checked >= 1).all():
        row = int((~(checked >= 1)).argmax())
        raise ValueError(f"Ranks start at 1; row {row} holds {checked[row]}.")
    return checked


def _mean_gain(metric: str, ranks: ArrayLike, k: int, sample_weight: ArrayLike | None) -> float:
    checked = check_ranks(ranks)
    return weighted_mean(GAINS[metric](checked, check_k(k)), sample_weight)
