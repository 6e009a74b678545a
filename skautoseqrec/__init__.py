"""Sequential recommendation that learns while it serves, for scikit-learn."""

from ._interactions import Interactions, SequenceMatrices
from .recommender import PAPER_PARAMS, AutoSeqRecRecommender

__all__ = ["PAPER_PARAMS", "AutoSeqRecRecommender", "Interactions", "SequenceMatrices", "__version__"]

from ._version import __version__
