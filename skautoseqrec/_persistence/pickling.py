"""What a recommender is pickled and copied as, and the numbers and text that it is for skops.

Pickle and copy ask for ``__reduce__`` and get everything as it is, so that nothing has to be counted again. skops asks
for ``__getstate__`` and gets arrays: it cannot make a tensor, and whoever loads its file has to trust each class in it
by name. So that is one, the recommender's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .._data.packing import require_arrays
from .._utils.torch_state import in_usual_torch_state
from ..exceptions import ModelFileError
from .description import describe_fitted
from .format import read_fitted, state_arrays

#: What skops has no way to hold: their classes are not ours, and they refer back to the estimator.
NOT_STORED = ("_metadata_request", "_skl_callbacks")
#: Where a state of numbers and text has what save_model writes: the description, and the arrays.
DESCRIPTION, ARRAYS = "_description", "_arrays"


def without_journal(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that a copy takes along: two writers must not share a journal."""
    return {name: value for name, value in attributes.items() if name != "_journal"}


def describe(recommender: Any, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes with the fit as its description and arrays, without callbacks and metadata requests."""
    described = {name: value for name, value in without_journal(attributes).items() if name not in NOT_STORED}
    if "_serving" in described:
        serving = described.pop("_serving")
        described[DESCRIPTION] = json.dumps(describe_fitted(recommender, serving.scorer))
        described[ARRAYS] = state_arrays(serving.state)
    return described


@in_usual_torch_state
def restore(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that a state stands for, described or as they are.

    Raises
    ------
    ModelFileError
        If it describes no fit.
    """
    attributes = dict(state)
    if ARRAYS in attributes:
        arrays = require_arrays(attributes.pop(ARRAYS))
        attributes |= read_fitted(_read_description(attributes.pop(DESCRIPTION, None)), arrays)
    return attributes


def _read_description(text: Any) -> dict[str, Any]:
    try:
        description = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"the description of the fitted recommender is not JSON ({error}).") from error
    if not isinstance(description, dict):
        raise ModelFileError(f"the fitted recommender is described by a {type(description).__name__}, not by a dict.")
    return description
