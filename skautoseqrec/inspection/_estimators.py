"""What displays ask of fitted estimators: ranks of a walk, and what only a recommender itself can tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from .._utils.words import counted
from ..metrics import mean_reciprocal_rank, ranks_from_reciprocal

#: Where what wraps a recommender has it.
WRAPPED = ("best_estimator_", "recommender_")


def named(given: Any, name: str | None, what: str, default: str) -> dict[str, Any]:
    """Return one thing or several by their names.

    Parameters
    ----------
    given : object or mapping
        One, or several by name.
    name : str or None
        The name of the one; None takes the default.
    what : str
        How the argument is called, for messages.
    default : str
        How the one is called otherwise.

    Raises
    ------
    ValueError
        If there is none, or ``name`` is given for several.
    TypeError
        If a name is not a str.
    """
    if not isinstance(given, Mapping):
        return {default if name is None else name: given}
    if not given:
        raise ValueError(f"{what} is an empty dict: there is nothing to show.")
    if name is not None:
        raise ValueError(f"name is for one {what}; the keys of a dict are the names.")
    unnamed = next((key for key in given if not isinstance(key, str)), None)
    if unnamed is not None:
        raise TypeError(f"The keys of {what} must be names (str), not {unnamed!r}.")
    return dict(given)


def walked(estimators: Mapping[str, Any], X: Any) -> dict[str, NDArray[np.float64]]:
    """Return the ranks that each estimator gives to the events of a log, in the order of its rows.

    Raises
    ------
    TypeError
        If an estimator has no ``score_samples``.
    """
    for name, estimator in estimators.items():
        if not hasattr(estimator, "score_samples"):
            raise TypeError(f"{name} must be a fitted estimator with score_samples, not {estimator!r}.")
    return {name: ranks_from_reciprocal(estimator.score_samples(X)) for name, estimator in estimators.items()}


def read_ranks(ranks: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float64]]:
    """Return the ranks of several models for the same events as arrays.

    Raises
    ------
    ValueError
        If they are not one-dimensional, not as many for each model, or no ranks.
    """
    read: dict[str, NDArray[np.float64]] = {}
    for name, values in ranks.items():
        array = np.asarray(values, dtype=np.float64)
        if array.ndim != 1:
            raise ValueError(f"The ranks of {name} must be one-dimensional, one for each event, not of {array.shape}.")
        first = next(iter(read), name)
        if read and len(array) != len(read[first]):
            raise ValueError(
                f"{name} has {counted(len(array), 'rank')} and {first} has {len(read[first])}: all models must have "
                "ranked the same events."
            )
        try:
            mean_reciprocal_rank(array)
        except ValueError as error:
            raise ValueError(f"{name}: {error} Reciprocal ranks become ranks by ranks_from_reciprocal.") from error
        read[name] = array
    return read


def recommender_of(estimator: Any, method: str = "with_blend") -> Any:
    """Return the fitted recommender in an estimator: itself, the last step of a pipeline, the best one of a search.

    Parameters
    ----------
    estimator : estimator instance
        What it is looked for in.
    method : str, default="with_blend"
        What it must have; the first that has it is taken. A hybrid explains, and has no blend itself.

    Raises
    ------
    TypeError
        If there is none.
    NotFittedError
        If it is not fitted.
    """
    inner = estimator
    while not hasattr(inner, method):
        wrapped = next((getattr(inner, name) for name in WRAPPED if hasattr(inner, name)), None)
        wrapped = inner.steps[-1][1] if wrapped is None and hasattr(inner, "steps") else wrapped
        if wrapped is None:
            raise TypeError(
                f"This display needs a fitted AutoSeqRecRecommender, or a fitted pipeline or search around one, not "
                f"{estimator!r}."
            )
        inner = wrapped
    check_is_fitted(inner)
    return inner


def history_lengths(recommender: Any, users: Any) -> NDArray[np.int64]:
    """Return the number of events of each user, 0 for unknown ones."""
    lengths: NDArray[np.int64] = recommender._serving.state.asked(users).histories.lengths
    return lengths


def transitions_of(recommender: Any) -> sparse.csr_matrix:
    """Return the transitions T between the known items, in order of ``item_ids_``."""
    return recommender._serving.state.merged().transitions
