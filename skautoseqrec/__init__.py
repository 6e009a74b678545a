"""Sequential recommendation that learns while it serves, for scikit-learn."""

from ._data.interactions import Interactions, SequenceMatrices
from .exceptions import ModelFileError
from .recommender import PAPER_PARAMS, AutoSeqRecRecommender, load_model

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
