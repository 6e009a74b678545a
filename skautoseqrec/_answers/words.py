"""Why an item is recommended or is not, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._scoring.explain import CANDIDATE, DISLIKED, EXCLUDED, NOT_ALLOWED, SEEN

#: So many past items are named at most, each with a share of so much at least.
MOST_NAMED, SMALLEST_SHARE = 3, 0.05
OUTSIDE = "the part from outside"
LEFT_OUT = {
    SEEN: "Not recommended: the user has seen it.",
    EXCLUDED: "Not recommended: it is among the items to exclude.",
    NOT_ALLOWED: "Not recommended: it is not among the candidates.",
    DISLIKED: "Not recommended: the user dislikes it.",
}


class Wording(NamedTuple):
    """What the sentence about an item depends on: why it is in the list or not, and its place.

    Parameters
    ----------
    status : str
        "candidate", or why it is none.
    rank : int
        Its place; 0 if it has none.
    encodes : bool
        Whether a network encodes the history and has a weight in the score.
    is_lifted : bool
        Whether a part from outside speaks for it.
    """

    status: str
    rank: int
    encodes: bool
    is_lifted: bool

    def say(
        self, item: Any, names: Sequence[str], shares: NDArray[np.float32], n_candidates: int, is_known: bool
    ) -> str:
        """Return the sentence.

        Parameters
        ----------
        item : int, float or str
            The id of the item.
        names : sequence of str
            What the user's past items are called.
        shares : ndarray of shape (n_past,)
            Their shares of what speaks for the item.
        n_candidates : int
            How many places the list has.
        is_known : bool
            Whether the user is known.
        """
        if self.status in LEFT_OUT:
            return LEFT_OUT[self.status]
        if self.status != CANDIDATE:
            return f"Not recommended: {item!r} is not known, for no event with it was fitted or updated."
        return f"{self._reason(names, shares, is_known)} At place {self.rank:,} of {n_candidates:,}."

    def _reason(self, names: Sequence[str], shares: NDArray[np.float32], is_known: bool) -> str:
        if not is_known:
            return "By what is popular, for nothing is known of the user."
        best = np.argsort(-shares, kind="stable")[:MOST_NAMED]
        named = [
            f"{names[place]} ({shares[place]:.0%})".replace("%", " %")
            for place in best
            if shares[place] >= SMALLEST_SHARE
        ]
        outside = [OUTSIDE] * self.is_lifted
        if not named:
            *others, last = [*outside, *["the history as a whole"] * self.encodes, "what is popular"]
            whole = f"By {', by '.join(others)} and by {last}" if others else f"By {last}"
            return f"{whole}: no single past item speaks for it."
        *others, last = [*named, *outside]
        return f"Because of {', '.join(others)} and {last}." if others else f"Because of {last}."
