"""Sequential recommendation that learns while it serves, for scikit-learn."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from ._data.interactions import Interactions, SequenceMatrices
    from .exceptions import ModelFileError
    from .recommender import PAPER_PARAMS, AutoSeqRecRecommender, load_model

#: What the package offers at its top, by the module that it is imported from when it is first asked for.
_ORIGINS = {
    "PAPER_PARAMS": ".recommender",
    "AutoSeqRecRecommender": ".recommender",
    "Interactions": "._data.interactions",
    "ModelFileError": ".exceptions",
    "SequenceMatrices": "._data.interactions",
    "load_model": ".recommender",
}

__all__ = [
    "PAPER_PARAMS",
    "AutoSeqRecRecommender",
    "Interactions",
    "ModelFileError",
    "SequenceMatrices",
    "__version__",
    "load_model",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _ORIGINS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_ORIGINS[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported or not yet."""
    return sorted({*globals(), *__all__})
