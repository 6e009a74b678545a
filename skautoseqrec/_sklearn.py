"""What scikit-learn asks of every estimator that takes a log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from ._interactions import Columns
from ._reading import is_array, read_columns, refuse_masked


class LogTags:
    """Mixin: the tags and the documentation link that the package's estimators share."""

    _doc_link_module = "skautoseqrec"
    # scikit-learn shows the parameters' descriptions in notebooks only beside a link; the paper's never moves.
    _doc_link_template = "https://arxiv.org/abs/2308.06878"

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: ids may be strings, and no dtype is kept."""
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.string = True
        if tags.transformer_tags is not None:
            tags.transformer_tags.preserves_dtype = []
        return tags


@contextmanager
def all_or_nothing(estimator: Any) -> Iterator[None]:
    """Put the estimator's attributes back as they were if what is done to it fails or is interrupted."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def validate_log(estimator: Any, X: Any, *, reset: bool) -> Columns:
    """Read a log and do scikit-learn's bookkeeping of ``n_features_in_``.

    Parameters
    ----------
    estimator : estimator instance
        Whose ``n_features_in_`` is set (``reset=True``) or, for arrays, compared.
    X : dataframe, array-like or Interactions
        The log.
    reset : bool
        True in fit.

    Returns
    -------
    columns : Columns
        The validated log.
    """
    if is_array(X):
        refuse_masked(X)  # scikit-learn would take what stands under the mask
        X = validate_data(
            estimator, X, dtype=None, ensure_all_finite=False, ensure_min_features=2 if reset else 1, reset=reset
        )
        return read_columns(X)
    columns = read_columns(X)
    if reset:
        # Frames may come with other columns, and without times, the next time: only the number of those read is kept.
        width = 2 if columns.times is None else 3
        validate_data(estimator, np.broadcast_to(0, (len(columns.users), width)), reset=True, skip_check_array=True)
    return columns
