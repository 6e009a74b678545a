"""What the transformers of a log share: learning its ids and giving codes to any other log."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils.validation import check_is_fitted

from ._interactions import Columns, Interactions
from ._packing import pack_vocabularies, require_arrays, unpack_vocabularies
from ._sklearn import LogTags, all_or_nothing, validate_log
from ._vocabulary import Vocabulary

#: Where the state of a transformer has its ids.
IDS = "_ids"


class LogTransformer(LogTags, TransformerMixin, BaseEstimator):
    """Base of the transformers: they learn the ids of a log and give codes to any other."""

    _parameter_constraints: dict[str, Any] = {}

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Any:
        """Learn the ids of the users and items of a log.

        Parameters
        ----------
        X : dataframe, array-like of shape (n_events, 2 or 3) or Interactions
            The log: user, item and optionally time.
        y : None
            Ignored; there for the scikit-learn API.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        self._fit_columns(X)
        return self

    @property
    def user_ids_(self) -> NDArray[Any]:
        """Ids of the users of the fitted log, in order of first appearance in time."""
        return self._users.ids()

    @property
    def item_ids_(self) -> NDArray[Any]:
        """Ids of the items of the fitted log, in order of first appearance in time."""
        return self._items.ids()

    def _fit_columns(self, X: Any) -> None:
        with all_or_nothing(self):
            self._users, self._items = learn_ids(validate_log(self, X, reset=True))

    def _encode(self, X: Any) -> Interactions:
        check_is_fitted(self, "_users")
        return encode(validate_log(self, X, reset=False), self._users.copy(), self._items.copy())

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether ids have been learnt."""
        return hasattr(self, "_users")

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled and copied, ids as arrays: whoever loads it with skops then has one class to trust."""
        state = dict(super().__getstate__())
        if "_users" in state:
            state[IDS] = pack_vocabularies(state.pop("_users").ids(), state.pop("_items").ids())
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take that over.

        Raises
        ------
        ModelFileError
            If what stands for the ids is none.
        """
        state = dict(state)
        if IDS in state:
            state["_users"], state["_items"] = unpack_vocabularies(require_arrays(state.pop(IDS)))
        super().__setstate__(state)


def learn_ids(columns: Columns) -> tuple[Vocabulary, Vocabulary]:
    """Return the vocabularies of a log, ids in order of first appearance in time."""
    in_time = columns.take(columns.time_order())
    users, items = Vocabulary("user_id"), Vocabulary("item_id")
    users.add(in_time.users)
    items.add(in_time.items)
    return users, items


def encode(columns: Columns, users: Vocabulary, items: Vocabulary) -> Interactions:
    """Encode a log with two vocabularies, which grow by its unknown ids."""
    user_codes, item_codes = users.add(columns.users), items.add(columns.items)
    return Interactions(user_codes, item_codes, columns.times, users.ids(), items.ids())
