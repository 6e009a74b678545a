"""Displays of what a model does: how well, when, and why. Each computes first, and draws when it is asked to."""

from ._blend import BlendDisplay
from ._explanation import ExplanationDisplay
from ._recall_curve import RecallAtKDisplay
from ._training import TrainingDisplay
from ._transition_graph import TransitionGraphDisplay
from ._walk_forward import WalkForwardDisplay

__all__ = [
    "BlendDisplay",
    "ExplanationDisplay",
    "RecallAtKDisplay",
    "TrainingDisplay",
    "TransitionGraphDisplay",
    "WalkForwardDisplay",
]
