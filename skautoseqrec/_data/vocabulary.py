"""The two-way map between ids and codes, append-only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._utils.ragged import GrowableArray
from .checks import refuse_other_kind, shown
from .codes import HashedCodes, PlacedCodes, codes_of
from .ids import first_inexact
from .interactions import Columns, Interactions
from .weights import WEIGHT_UNIT


class Vocabulary:
    """Ids of one kind (numbers or strings) in the order they were added; the code of an id is its position.

    Parameters
    ----------
    name : str
        Name of the column the ids come from, for messages.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._codes: HashedCodes | PlacedCodes = PlacedCodes()
        self._ids: GrowableArray | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: not the codes, most of whose places may be empty, and which follow from the ids."""
        return {"name": self.name, "_ids": self._ids}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what was pickled."""
        vars(self).update(state)
        self._codes = codes_of(self.ids())

    def __len__(self) -> int:
        """Return the number of ids."""
        return len(self._codes)

    def ids(self, length: int | None = None) -> NDArray[Any]:
        """Return the first ``length`` ids (all by default), read-only; the position of an id is its code."""
        if self._ids is None:
            return np.empty(0, dtype=np.int64)
        ids = self._ids.view(length)
        ids.flags.writeable = False
        return ids

    def check_kind(self, ids: NDArray[Any]) -> None:
        """Raise TypeError if numbers are asked of string ids or strings of numbers."""
        if self._ids is not None and ids.dtype.kind != self._ids.dtype.kind:
            refuse_other_kind(f"Column {self.name!r}", self.ids(), ids)

    def check_new(self, ids: NDArray[Any]) -> None:
        """Raise TypeError if ids cannot stand beside the known ones, each as it is."""
        self.check_kind(ids)
        if self._ids is None or len(ids) == 0 or ids.dtype.kind == self._ids.dtype.kind:
            return
        kinds = self.ids().dtype.kind, ids.dtype.kind
        if kinds == ("i", "f"):
            raise TypeError(f"Column {self.name!r}: the known ids are integers, but these are fractions. Round them.")
        if kinds == ("f", "i") and np.abs(ids.astype(np.float64)).max() >= first_inexact(self.ids().dtype):
            raise TypeError(
                f"Column {self.name!r}: the known ids are fractions, beside which integers from 2**53 on do not fit. "
                "Pass strings."
            )

    def find(self, ids: NDArray[Any], length: int | None = None) -> NDArray[np.int64]:
        """Return the code of each id, -1 where it is unknown or not among the first ``length``."""
        codes = self._codes.find(ids)
        if length is not None:
            codes[codes >= length] = -1
        return codes

    def codes_of(self, ids: NDArray[Any], length: int | None = None) -> NDArray[np.int64]:
        """Return what :meth:`find` returns, or raise TypeError if the ids are of another kind."""
        self.check_kind(ids)
        return self.find(ids, length)

    def known_codes(self, ids: NDArray[Any], name: str, length: int | None = None) -> NDArray[np.int64]:
        """Return the codes of ids that must be known.

        Parameters
        ----------
        ids : ndarray
            The ids.
        name : str
            The argument that they came in, for the message.
        length : int or None, default=None
            How many of the first ids are known; None for all.

        Raises
        ------
        ValueError
            If an id is not known.
        TypeError
            If the ids are of another kind.
        """
        codes = self.codes_of(ids, length)
        if (codes < 0).any():
            unknown = shown(ids.tolist()[int((codes < 0).argmax())])
            raise ValueError(
                f"{name} holds {unknown}, which is not known: no event with it was fitted or updated. "
                f"Keep those that stand in {self.name}s_."
            )
        return codes

    def add(self, ids: NDArray[Any]) -> NDArray[np.int64]:
        """Return the code of each id, appending the unknown ones in their order."""
        self.check_new(ids)
        codes, new_ids = self.codes_ahead(ids, len(self._codes))
        if new_ids:
            self._append(np.array(new_ids, dtype=ids.dtype))
        return codes

    def codes_ahead(self, ids: NDArray[Any], length: int) -> tuple[NDArray[np.int64], list[Any]]:
        """Return the code of each id, those behind the first ``length`` getting the next ones, and these ids once."""
        codes = self.find(ids, length)
        unknown = np.flatnonzero(codes < 0)
        if not len(unknown):  # most events of a service are of users and items that are known
            return codes, []
        new_codes: dict[Any, int] = {}
        codes[unknown] = [new_codes.setdefault(key, length + len(new_codes)) for key in ids[unknown].tolist()]
        return codes, [*new_codes]

    @classmethod
    def of(cls, name: str, ids: NDArray[Any]) -> Vocabulary:
        """Return the vocabulary of ids as they are; it is the shorter one where an id stands among them twice."""
        vocabulary = cls(name)
        vocabulary._codes, vocabulary._ids = codes_of(ids), GrowableArray(ids)
        return vocabulary

    def take(self, codes: NDArray[np.int64]) -> Vocabulary:
        """Return a vocabulary of some of the ids, in the order of the given codes."""
        return Vocabulary.of(self.name, self.ids()[codes])

    def truncate(self, length: int) -> None:
        """Forget the ids from ``length`` on."""
        self._codes.truncate(length)
        if self._ids is not None:
            self._ids.truncate(min(length, len(self._ids)))

    def copy(self) -> Vocabulary:
        """Return an independent vocabulary with the same ids."""
        twin = Vocabulary(self.name)
        twin._codes = self._codes.copy()
        twin._ids = None if self._ids is None else GrowableArray(self._ids.view())
        return twin

    def _append(self, new_ids: NDArray[Any]) -> None:
        if not self._codes.can_hold(new_ids):
            self._codes = HashedCodes(self.ids())
        self._codes.put(new_ids)
        if self._ids is None:
            self._ids = GrowableArray(new_ids)
        else:
            self._ids.extend(new_ids)


def learn_ids(columns: Columns) -> tuple[Vocabulary, Vocabulary]:
    """Return the vocabularies of a log, ids in order of first appearance in time."""
    in_time = columns.take(columns.time_order())
    users, items = Vocabulary("user_id"), Vocabulary("item_id")
    users.add(in_time.user_ids)
    items.add(in_time.item_ids)
    return users, items


def encode(columns: Columns, users: Vocabulary, items: Vocabulary) -> Interactions:
    """Encode a log with two vocabularies, which grow by its unknown ids."""
    user_codes, item_codes = users.add(columns.user_ids), items.add(columns.item_ids)
    weights = None if columns.weights is None else columns.weights / WEIGHT_UNIT
    events = None if columns.kinds is None else columns.kinds.values
    ids = users.ids(), items.ids()
    return Interactions(user_codes, item_codes, columns.times, *ids, weights=weights, events=events)


def decode_answers(
    codes: NDArray[np.int64], scores: NDArray[np.floating], item_ids: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.floating]]:
    """Return ids for codes; where a code is -1 both results are masked."""
    missing = codes < 0
    if not missing.any():
        return item_ids[codes], scores
    ids = item_ids[np.where(missing, 0, codes)]
    # No id stands under the mask: whoever looks there must not find a recommendation.
    ids[missing] = None if ids.dtype == object else np.iinfo(np.int64).min
    return np.ma.MaskedArray(ids, mask=missing), np.ma.MaskedArray(scores, mask=missing)
