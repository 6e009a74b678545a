"""Sequential recommendation that learns while it serves, for scikit-learn."""

from ._data.interactions import Interactions, SequenceMatrices
from ._loading import load_model
from .exceptions import ModelFileError
from .recommender import PAPER_PARAMS, AutoSeqRecRecommender

__all__ = [
    "PAPER_PARAMS",
    "AutoSeqRecRecommender",
    "Interactions",
    "ModelFileError",
    "SequenceMatrices",
    "__version__",
    "load_model",
]

from ._version import __version__
