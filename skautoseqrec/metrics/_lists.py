"""Metrics of recommended lists beyond accuracy: how much of the catalogue, how novel, how diverse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.metrics.pairwise import PAIRED_DISTANCES, paired_distances
from sklearn.utils import check_array

from .._data.checks import refuse_other_kind
from .._data.reading import read_ids
from .._utils.words import counted
from ._reading import read_catalogue, read_lists

#: So many numbers of vectors are gathered at a time, to compare pairs of items.
NUMBERS_AT_A_TIME = 2**22


def catalogue_coverage(recommended: Any, log: Any, *, columns: Mapping[str, str] | None = None) -> float:
    """Return the share of the catalogue that is recommended to anybody.

    Parameters
    ----------
    recommended : array-like of shape (n_users, k), masked array or list of lists
        Recommended item ids, as ``predict_topk`` returns them. Masked places and None hold no item.
    log : dataframe, array-like, Interactions or dict
        The log whose items are the catalogue, or the number of events by item id.
    columns : dict or None, default=None
        Names of the columns of the log, by what they hold: ``{"user": ..., "item": ...}``. None takes the usual names.

    Returns
    -------
    coverage : float
        In [0, 1].

    Raises
    ------
    ValueError, TypeError
        If nothing is recommended, an item is not in the log, or one of the two cannot be read.

    Examples
    --------
    >>> log = [("ann", "tea"), ("ann", "milk"), ("bob", "tea"), ("bob", "jam")]
    >>> catalogue_coverage([["tea", "milk"], ["tea", "milk"]], log).__round__(2)
    0.67
    """
    lists, catalogue = read_lists(recommended), read_catalogue(log, columns)
    return len(np.unique(catalogue.codes_of(lists))) / len(catalogue.counts)


def gini_index(recommended: Any, log: Any, *, columns: Mapping[str, str] | None = None) -> float:
    r"""Return how unequally recommendations are spread over the catalogue (Gini index).

    .. math:: \frac{1}{n - 1} \sum_{j=1}^{n} (2j - n - 1)\, p_j

    :math:`p_j` is the share of all recommendations that the j-th least recommended of n items has.

    Parameters
    ----------
    recommended : array-like of shape (n_users, k), masked array or list of lists
        Recommended item ids, as ``predict_topk`` returns them. Masked places and None hold no item.
    log : dataframe, array-like, Interactions or dict
        The log whose items are the catalogue, or the number of events by item id.
    columns : dict or None, default=None
        Names of the columns of the log, by what they hold: ``{"user": ..., "item": ...}``. None takes the usual names.

    Returns
    -------
    gini : float
        0 if all items of the catalogue are recommended equally often, 1 if always the same one.

    Raises
    ------
    ValueError, TypeError
        If nothing is recommended, an item is not in the log, or one of the two cannot be read.

    References
    ----------
    Shani and Gunawardana, "Evaluating Recommendation Systems", Recommender Systems Handbook (2011).

    Examples
    --------
    >>> gini_index([["tea"], ["tea"]], {"tea": 2, "milk": 1, "jam": 1})
    1.0
    """
    lists, catalogue = read_lists(recommended), read_catalogue(log, columns)
    n_items = len(catalogue.counts)
    shares = np.sort(np.bincount(catalogue.codes_of(lists), minlength=n_items)) / len(lists.items)
    return float((2 * np.arange(1, n_items + 1) - n_items - 1) @ shares / max(n_items - 1, 1))


def mean_popularity(recommended: Any, log: Any, *, columns: Mapping[str, str] | None = None) -> float:
    """Return the mean number of events of a recommended item, in the mean over lists.

    Parameters
    ----------
    recommended : array-like of shape (n_users, k), masked array or list of lists
        Recommended item ids, as ``predict_topk`` returns them. Masked places and None hold no item; lists without
        an item are left out.
    log : dataframe, array-like, Interactions or dict
        The log whose items are the catalogue, or the number of events by item id.
    columns : dict or None, default=None
        Names of the columns of the log, by what they hold: ``{"user": ..., "item": ...}``. None takes the usual names.

    Returns
    -------
    popularity : float
        In events, at least 0.

    Raises
    ------
    ValueError, TypeError
        If nothing is recommended, an item is not in the log, or one of the two cannot be read.

    Examples
    --------
    >>> mean_popularity([["tea", "milk"], ["tea", "jam"]], {"tea": 2, "milk": 1, "jam": 1})
    1.5
    """
    lists, catalogue = read_lists(recommended), read_catalogue(log, columns)
    return lists.mean(catalogue.counts[catalogue.codes_of(lists)])


def novelty(recommended: Any, log: Any, *, columns: Mapping[str, str] | None = None) -> float:
    r"""Return the mean self-information of a recommended item in bits, in the mean over lists.

    .. math:: \frac{1}{|L|} \sum_{l \in L} \frac{1}{|l|} \sum_{i \in l} -\log_2 p_i

    :math:`p_i` is the item's share of all events. One more bit is half the popularity.

    Parameters
    ----------
    recommended : array-like of shape (n_users, k), masked array or list of lists
        Recommended item ids, as ``predict_topk`` returns them. Masked places and None hold no item; lists without
        an item are left out.
    log : dataframe, array-like, Interactions or dict
        The log whose items are the catalogue, or the number of events by item id.
    columns : dict or None, default=None
        Names of the columns of the log, by what they hold: ``{"user": ..., "item": ...}``. None takes the usual names.

    Returns
    -------
    novelty : float
        In bits, at least 0.

    Raises
    ------
    ValueError, TypeError
        If nothing is recommended, an item is not in the log, or has 0 events, or one of the two cannot be read.

    References
    ----------
    Castells, Hurley and Vargas, "Novelty and Diversity in Recommender Systems", Recommender Systems Handbook (2015).

    Examples
    --------
    >>> novelty([["tea", "milk"], ["tea", "jam"]], {"tea": 2, "milk": 1, "jam": 1})
    1.5
    """
    lists, catalogue = read_lists(recommended), read_catalogue(log, columns)
    shares = (catalogue.counts / catalogue.counts.sum())[catalogue.codes_of(lists)]
    if not shares.all():
        item = lists.items[int(shares.argmin())]
        raise ValueError(f"recommended holds {item!r}, which has 0 events: its self-information is infinite.")
    return lists.mean(-np.log2(shares))


def intra_list_diversity(
    recommended: Any,
    item_ids: ArrayLike,
    vectors: Any,
    *,
    metric: str | Callable[[NDArray[Any], NDArray[Any]], float] = "cosine",
) -> float:
    """Return the mean distance of two items of the same list, in the mean over lists.

    Parameters
    ----------
    recommended : array-like of shape (n_users, k), masked array or list of lists
        Recommended item ids. Lists of less than two items are left out.
    item_ids : array-like of shape (n_items,)
        The items that the rows of ``vectors`` describe.
    vectors : array-like or sparse matrix of shape (n_items, n_features)
        What items are compared by: genres, say, or ``item_embeddings()``. With "precomputed", their pairwise
        distances, an array of shape (n_items, n_items).
    metric : {"cosine", "euclidean", "manhattan", "precomputed"} or callable, default="cosine"
        Distance of two items, as in scikit-learn's ``paired_distances``.

    Returns
    -------
    diversity : float
        In the unit of the distance.

    Raises
    ------
    ValueError, TypeError
        If no list has two items, an item has no vector, or an argument cannot be read.

    References
    ----------
    Ziegler et al., "Improving Recommendation Lists Through Topic Diversification", WWW 2005.

    Examples
    --------
    >>> genres = [[1, 0], [1, 0], [0, 1]]
    >>> intra_list_diversity([["tea", "mate"], ["tea", "jam"]], ["tea", "mate", "jam"], genres)
    0.5
    """
    if not callable(metric) and not (isinstance(metric, str) and metric in ("precomputed", *PAIRED_DISTANCES)):
        known = sorted(PAIRED_DISTANCES)
        raise ValueError(f"metric must be 'precomputed', a callable or one of {known}, not {metric!r}.")
    try:
        vectors = check_array(vectors, accept_sparse="csr", input_name="vectors")
    except (TypeError, ValueError) as error:
        raise type(error)(f"vectors must have a row of numbers for each item ({error})") from error
    ids = read_ids(item_ids, "item_ids")
    if not len(ids):
        raise ValueError("item_ids holds no item.")
    lists, catalogue, n_items = read_lists(recommended), read_catalogue(dict.fromkeys(ids.tolist(), 1)), len(ids)
    shape = (n_items, n_items if metric == "precomputed" else vectors.shape[1])
    if vectors.shape != shape or len(catalogue.counts) != n_items:
        raise ValueError(f"vectors has shape {vectors.shape} for {n_items} item_ids: give each, once, a row.")
    places = lists.padded(catalogue.codes_of(lists, "has no vector"))
    first, second = np.triu_indices(places.shape[1], 1)
    if not (places[:, :2] >= 0).all(axis=1).any():
        raise ValueError("No list has two items, whose distance could be taken.")
    of_lists = []
    step = max(1, NUMBERS_AT_A_TIME // (len(first) * vectors.shape[1]))
    for start in range(0, len(places), step):
        pairs = places[start : start + step, first], places[start : start + step, second]
        is_pair = pairs[1] >= 0  # items stand before empty places
        distances = np.zeros(is_pair.shape)
        distances[is_pair] = _distances(vectors, pairs[0][is_pair], pairs[1][is_pair], metric)
        counts = is_pair.sum(axis=1)
        of_lists.append(distances.sum(axis=1)[counts > 0] / counts[counts > 0])
    return float(np.concatenate(of_lists).mean())


def serendipity(recommended: Any, expected: Any, relevant: Any) -> float:
    """Return the share of recommended items that are relevant and unexpected, in the mean over lists.

    Parameters
    ----------
    recommended : array-like of shape (n_users, k), masked array or list of lists
        Recommended item ids. Lists without an item are left out.
    expected : array-like of shape (n_users, any), masked array or list of lists
        What anybody would have recommended, such as the lists of a popularity baseline for the same users.
    relevant : array-like of shape (n_users,) or (n_users, any), masked array or list of lists
        What the same users took.

    Returns
    -------
    serendipity : float
        In [0, 1].

    Raises
    ------
    ValueError, TypeError
        If nothing is recommended, the numbers of users differ, or an argument cannot be read.

    References
    ----------
    Ge, Delgado-Battenfeld and Jannach, "Beyond Accuracy: Evaluating Recommender Systems by Coverage and Serendipity",
    RecSys 2010.

    Examples
    --------
    >>> serendipity([["tea", "jam"], ["tea", "milk"]], expected=[["tea"], ["tea"]], relevant=["jam", "tea"])
    0.25
    """
    lists = read_lists(recommended)
    others = {
        "expected": read_lists(expected, "expected", may_be_empty=True),
        "relevant": read_lists(relevant, "relevant", may_be_empty=True, one_each=True),
    }
    for name, other in others.items():
        if other.n_lists != lists.n_lists:
            raise ValueError(
                f"{name} has {counted(other.n_lists, 'row')} for {counted(lists.n_lists, 'list')}: "
                "give one for each user."
            )
        refuse_other_kind(name, lists.items, other.items)
    is_expected, is_relevant = (lists.are_in(other) for other in others.values())
    return lists.mean((is_relevant & ~is_expected).astype(np.float64))


def _distances(vectors: Any, first: NDArray[np.int64], second: NDArray[np.int64], metric: Any) -> Any:
    if len(first) == 0:
        return 0.0
    if metric == "precomputed":
        return np.asarray(vectors[first, second]).ravel()
    both = (vectors[places] for places in (first, second))
    return paired_distances(*(each.toarray() if issparse(each) else each for each in both), metric=metric)
