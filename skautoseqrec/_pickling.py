"""What a recommender is copied and pickled as, and the numbers and text that it is for skops."""

from __future__ import annotations

import copyreg
import json
from typing import Any

from ._data.packing import require_arrays
from ._persistence.format import describe_fitted, read_fitted, state_arrays
from .exceptions import ModelFileError

#: What skops has no way to hold: their classes are not ours, and they refer back to the estimator.
LEFT_OUT = ("_metadata_request", "_skl_callbacks")
#: Where a state of numbers and text has what save_model writes: the description, and the arrays.
DESCRIPTION, ARRAYS = "_description", "_arrays"


class PicklingMixin:
    """``__reduce__`` and ``__getstate__`` of the recommender.

    Pickle and copy ask for ``__reduce__`` and get everything as it is, so that nothing has to be counted again. skops
    asks for ``__getstate__`` and gets arrays: it cannot make a tensor, and whoever loads its file has to trust
    each class in it by name. So that is one, the recommender's own. A subclass with a ``__getstate__`` of its own is
    asked for that by all of them.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what is pickled and copied."""
        is_ours = type(self).__getstate__ is PicklingMixin.__getstate__
        state = self._attributes() if is_ours else self.__getstate__()
        return copyreg.__newobj__, (type(self),), state  # type: ignore[attr-defined]

    def __getstate__(self) -> dict[str, Any]:
        """Return parameters, and a fit as its description and arrays; without callbacks and metadata requests."""
        attributes = {name: value for name, value in self._attributes().items() if name not in LEFT_OUT}
        if "_served" in attributes:
            served = attributes.pop("_served")
            attributes[DESCRIPTION] = json.dumps(describe_fitted(self, served.scorer))
            attributes[ARRAYS] = state_arrays(served.state)
        return attributes

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what either of the two returned.

        Raises
        ------
        ModelFileError
            If it describes no fit.
        """
        attributes = dict(state)
        if ARRAYS in attributes:
            arrays = require_arrays(attributes.pop(ARRAYS))
            attributes |= read_fitted(_read_description(attributes.pop(DESCRIPTION, None)), arrays)
        super().__setstate__(attributes)  # type: ignore[misc]

    def _attributes(self) -> dict[str, Any]:
        # Two writers must not share a journal.
        return {name: value for name, value in super().__getstate__().items() if name != "_journal"}  # type: ignore[attr-defined]


def _read_description(text: Any) -> dict[str, Any]:
    try:
        description = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"the description of the fitted recommender is not JSON ({error}).") from error
    if not isinstance(description, dict):
        raise ModelFileError(f"the fitted recommender is described by a {type(description).__name__}, not by a dict.")
    return description
