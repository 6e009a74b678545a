"""Values of an estimator as JSON and back: tuples stay tuples, and what is read is of the kind it should be."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from ..exceptions import ModelFileError

#: Of what this version writes, and the newest that it reads.
FORMAT_VERSION = 2
#: Tags of what JSON has no notation for, or that would be taken for a tag.
TUPLE, DICT, PAIRS = "tuple", "dict", "pairs"


def to_json(value: Any, name: str) -> Any:
    """Return a value as JSON holds it.

    Parameters
    ----------
    value : None, str, bool, number, tuple, list or mapping with str or int keys
        Of such values.
    name : str
        What it is, for messages.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, Integral) and -(2**63) <= int(value) < 2**63:
        return int(value)
    if isinstance(value, Real) and not isinstance(value, Integral):
        return float(value)
    if isinstance(value, list):
        return [to_json(element, name) for element in value]
    if isinstance(value, tuple):
        return {TUPLE: [to_json(element, name) for element in value]}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {DICT: {key: to_json(element, name) for key, element in value.items()}}
    if isinstance(value, Mapping) and all(isinstance(key, str | Integral) for key in value):
        return {PAIRS: [[to_json(each, name) for each in pair] for pair in value.items()]}
    raise ValueError(
        f"{name} is {value!r} ({type(value).__name__}), which a saved model cannot hold: numbers of 64 bits, strings, "
        f"None, and lists, tuples and dicts of them. For a random_state, set_params(random_state=None) before saving."
    )


def from_json(value: Any, name: str) -> Any:
    """Return the value that :func:`to_json` was given.

    Raises
    ------
    ModelFileError
        If it was given none such.
    """
    if value is None or isinstance(value, str | bool | float):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return value
    if isinstance(value, list):
        return [from_json(element, name) for element in value]
    if isinstance(value, dict) and len(value) == 1:
        ((tag, content),) = value.items()
        if tag == TUPLE and isinstance(content, list):
            return tuple(from_json(element, name) for element in content)
        if tag == DICT and isinstance(content, dict):
            return {key: from_json(element, name) for key, element in content.items()}
        if tag == PAIRS and isinstance(content, list) and all(map(_is_pair, content)):
            return {key: from_json(element, name) for key, element in content}
    raise ModelFileError(f"the manifest's entry {name!r} is malformed: {str(value)[:80]}.")


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and type(value[0]) in (str, int)


def check_version(manifest: Mapping[str, Any]) -> int:
    """Return the format that a manifest says, or raise ModelFileError if there is none, or a newer one than is read."""
    version = manifest.get("version")
    if type(version) is not int or version < 1:
        raise ModelFileError("the manifest does not say which version of the format this is.")
    if version > FORMAT_VERSION:
        raise ModelFileError(
            f"the file has format {version}, and this version of skautoseqrec reads up to {FORMAT_VERSION}. Update it."
        )
    return version


def take(manifest: Mapping[str, Any], name: str, kind: type) -> Any:
    """Return an entry of a manifest, of the kind it should be.

    Raises
    ------
    ModelFileError
        If it is missing or of another kind.
    """
    if name not in manifest:
        raise ModelFileError(f"the manifest has no {name!r}.")
    value = from_json(manifest[name], name)
    # bool is a kind of int, and no entry that should be a number is one.
    if type(value) is not kind:
        raise ModelFileError(f"the manifest holds a {type(value).__name__} in {name!r}, not a {kind.__name__}.")
    return value
