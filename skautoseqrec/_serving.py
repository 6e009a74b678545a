"""What a fitted recommender answers from, behind one reference that is set at once."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ._network.module import AutoSeqRecModule
from ._scoring.scorer import Scorer, Served
from ._state.state import State


class ServingMixin:
    """Fitted attributes that are read off what is served."""

    _served: Served

    @property
    def user_ids_(self) -> NDArray[Any]:
        """Ids of the known users."""
        return self._state.user_ids()

    @property
    def item_ids_(self) -> NDArray[Any]:
        """Ids of the known items."""
        return self._state.item_ids()

    @property
    def module_(self) -> AutoSeqRecModule:
        """The trained network."""
        return self._scorer.model.module

    @property
    def blend_(self) -> dict[str, Any]:
        """Weight of every part of the score."""
        return dict(self._scorer.blend)

    @property
    def _state(self) -> State:
        """The state; who needs the scorer too takes ``_served`` once."""
        return self._served.state

    @property
    def _scorer(self) -> Scorer:
        """The scorer; who needs the state too takes ``_served`` once."""
        return self._served.scorer

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether there is anything to answer from."""
        return hasattr(self, "_served")
