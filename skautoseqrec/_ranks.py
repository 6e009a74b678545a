"""Ranking metrics as functions of ranks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._utils.sample_weight import weighted_mean


def mean_reciprocal_rank(ranks: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    r"""Return the mean reciprocal rank.

    .. math:: \frac{1}{|E|} \sum_{e \in E} \frac{1}{rank(e)}

    Parameters
    ----------
    ranks : array-like of shape (n_events,)
        Rank of the true item of each event, at least 1; infinite where it could not be recommended. Halves
        stand for ties.
    sample_weight : array-like of shape (n_events,) or None, default=None
        Weight of each event in the mean.

    Returns
    -------
    mrr : float
        In [0, 1].

    Raises
    ------
    ValueError
        If there is no rank, one is below 1 or NaN, or the weights are not one for each event, finite, at least 0 and
        not all 0.

    Examples
    --------
    >>> mean_reciprocal_rank([1, 2, float("inf")])
    0.5
    >>> mean_reciprocal_rank([1, 2, float("inf")], sample_weight=[3, 0, 1])
    0.75
    """
    return weighted_mean(1 / _check_ranks(ranks), sample_weight)


def recall_at_k(ranks: ArrayLike, k: int = 10, *, sample_weight: ArrayLike | None = None) -> float:
    r"""Return the share of events whose true item is among the first k (also called hit rate).

    .. math:: \frac{1}{|E|} \sum_{e \in E} [rank(e) \le k]

    Parameters
    ----------
    ranks : array-like of shape (n_events,)
        Rank of the true item of each event, at least 1; infinite where it could not be recommended.
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
        If there is no rank, one is below 1 or NaN, k < 1, or the weights are not one for each event, finite, at least
        0 and not all 0.

    Examples
    --------
    >>> recall_at_k([1, 2, 11, 40], k=10)
    0.5
    """
    return weighted_mean(_check_ranks(ranks) <= check_k(k), sample_weight)


def ndcg_at_k(ranks: ArrayLike, k: int = 10, *, sample_weight: ArrayLike | None = None) -> float:
    r"""Return the normalised discounted cumulative gain of lists with one right answer.

    .. math:: \frac{1}{|E|} \sum_{e \in E} \frac{[rank(e) \le k]}{\log_2(1 + rank(e))}

    Parameters
    ----------
    ranks : array-like of shape (n_events,)
        Rank of the true item of each event, at least 1; infinite where it could not be recommended.
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
        If there is no rank, one is below 1 or NaN, k < 1, or the weights are not one for each event, finite, at least
        0 and not all 0.

    Examples
    --------
    >>> ndcg_at_k([1, 3, 100], k=10)
    0.5
    """
    checked = _check_ranks(ranks)
    return weighted_mean(np.where(checked <= check_k(k), 1 / np.log2(1 + checked), 0.0), sample_weight)


def ranks_from_reciprocal(values: ArrayLike) -> NDArray[np.float64]:
    """Return ranks from reciprocal ranks: whole or half numbers, infinite for 0.

    Parameters
    ----------
    values : array-like of shape (n_events,)
        What ``score_samples`` returns.

    Returns
    -------
    ranks : ndarray of shape (n_events,)
        Exact: 1 / (1 / 49) is not 49 in floating point, so halves are restored.

    Examples
    --------
    >>> from skautoseqrec.metrics import ranks_from_reciprocal
    >>> ranks_from_reciprocal([1.0, 0.4, 1 / 49, 0.0])
    array([ 1. ,  2.5, 49. ,  inf])
    """
    with np.errstate(divide="ignore"):
        return np.rint(2 / np.asarray(values, dtype=np.float64)) / 2


def _check_ranks(ranks: ArrayLike) -> NDArray[np.float64]:
    checked = np.asarray(ranks, dtype=np.float64)
    if checked.size == 0:
        raise ValueError("There is no rank to average.")
    if not (checked >= 1).all():
        row = int((~(checked >= 1)).argmax())
        raise ValueError(f"Ranks start at 1; row {row} holds {checked[row]}.")
    return checked


def check_k(k: int) -> int:
    """Return the length of a list, or raise ValueError if it is none."""
    if k != int(k) or k < 1:
        raise ValueError(f"k must be a whole number of at least 1, not {k!r}.")
    return int(k)
