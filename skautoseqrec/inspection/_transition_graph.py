"""What comes before an item and after it: its strongest transitions."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from .._data.reading import read_ids
from .._utils.arguments import check_k
from .._utils.words import counted
from ._drawing import PALETTE, axes_to_draw, check_matplotlib, text_colour
from ._estimators import recommender_of, transitions_of
from ._labels import label_of, plain_id, read_titles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Where the labels on the left end, in widths of the axes; those on the right begin as far from their side.
LABEL_END = 0.325
#: How far from the middle curves have come together: at the sides of the box of a title.
BOX_SIDE = 0.09
#: Width of the lightest and of the heaviest transition, in points.
THINNEST, WIDEST = 0.8, 8.0


class TransitionGraphDisplay:
    """The strongest transitions into an item and out of it.

    Items on the left came before it, items on the right after it; the wider a curve, the heavier the transition. All
    parameters are stored as attributes.

    Read more in the :ref:`user guide <displays>`.

    Parameters
    ----------
    item : id
        The item in the middle.
    before, after : dict of id to float
        Weight of the transition from each item into this one, and out of this one into each, the heaviest first.
    titles : dict of id to str
        What each item is called.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the graph.
    figure_ : matplotlib Figure
        Figure of the axes.
    curves_ : list of matplotlib PathPatch
        The transitions, those into the item first.

    See Also
    --------
    skautoseqrec.preprocessing.ItemTransitionTransformer : All transitions of a log.

    Examples
    --------
    >>> from skautoseqrec import AutoSeqRecRecommender
    >>> from skautoseqrec.inspection import TransitionGraphDisplay
    >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("ann", "jam", 3), ("bob", "tea", 4), ("bob", "milk", 5)]
    >>> parameters = {"objective": "closed_form", "blend": {"direct": 1.0}, "transition_window": 1}
    >>> recommender = AutoSeqRecRecommender(**parameters).fit(log)
    >>> display = TransitionGraphDisplay.from_estimator(recommender, "milk")
    >>> display.before, display.after
    ({'tea': 2.0}, {'jam': 1.0})
    """

    def __init__(
        self, *, item: Any, before: Mapping[Any, float], after: Mapping[Any, float], titles: Mapping[Any, str]
    ) -> None:
        self.item = item
        self.before = before
        self.after = after
        self.titles = titles

    @classmethod
    def from_estimator(
        cls, estimator: Any, item: Any, *, k: int = 6, titles: Any = None, ax: Axes | None = None
    ) -> TransitionGraphDisplay:
        """Draw the transitions that a recommender has counted around an item, updates included.

        Parameters
        ----------
        estimator : fitted AutoSeqRecRecommender, or a fitted pipeline or search around one
            What has counted.
        item : id
            A known item.
        k : int, default=6
            Most transitions on either side; at least 1.
        titles : mapping, series, dataframe, array of records or None, default=None
            Titles of items; an item without one is shown by its id.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : TransitionGraphDisplay
            The graph, drawn.

        Raises
        ------
        ValueError
            If the item is not known or has no transition, or k < 1.
        TypeError
            If there is no recommender in the estimator.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        recommender = recommender_of(estimator)
        return cls.from_predictions(transitions_of(recommender), recommender.item_ids_, item, k=k, titles=titles, ax=ax)

    @classmethod
    def from_predictions(
        cls,
        transitions: Any,
        item_ids: ArrayLike,
        item: Any,
        *,
        k: int = 6,
        titles: Any = None,
        ax: Axes | None = None,
    ) -> TransitionGraphDisplay:
        """Draw the transitions around an item that a matrix holds.

        Parameters
        ----------
        transitions : sparse matrix or array-like of shape (n_items, n_items)
            Weight of each transition, from the item of the row to that of the column; at least 0.
            ``ItemTransitionTransformer`` counts it.
        item_ids : array-like of shape (n_items,)
            The item of each row and column.
        item : id
            One of them.
        k : int, default=6
            Most transitions on either side; at least 1.
        titles : mapping, series, dataframe, array of records or None, default=None
            Titles of items; an item without one is shown by its id.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : TransitionGraphDisplay
            The graph, drawn.

        Raises
        ------
        ValueError
            If the matrix is not square with a row per id, the item is not among them or has no transition, or k < 1.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib(f"{cls.__name__}.from_predictions")
        ids, matrix = read_ids(item_ids, "item_ids").tolist(), sparse.csr_matrix(transitions)
        k, item = check_k(k), plain_id(item)
        if matrix.shape != (len(ids), len(ids)):
            raise ValueError(
                f"transitions must have a row and a column for each of {counted(len(ids), 'item')}, not {matrix.shape}."
            )
        if item not in ids:
            raise ValueError(f"Item {item!r} is not known: no event with it was counted. Items are in item_ids_.")
        place = ids.index(item)
        before = _heaviest(matrix[:, [place]].toarray().ravel(), ids, k)
        after = _heaviest(matrix[[place]].toarray().ravel(), ids, k)
        if not before and not after:
            raise ValueError(f"Item {item!r} has no transition: nothing came before or after it in any history.")
        read = read_titles(titles, [item, *before, *after])
        return cls(item=item, before=before, after=after, titles=read).plot(ax)

    def plot(self, ax: Axes | None = None) -> TransitionGraphDisplay:
        """Draw the graph.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        self : TransitionGraphDisplay
            The display, with ``ax_`` and ``figure_``.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        n_rows = max(len(self.before), len(self.after), 3)
        ax = axes_to_draw(ax, f"{type(self).__name__}.plot", (6.4, 0.6 + 0.46 * n_rows))
        ax.set(xlim=(0, 1), ylim=(-0.02, 1.12))
        ax.set_axis_off()
        lines = textwrap.wrap(self.titles[self.item], 16, max_lines=5, placeholder=" …") or [""]
        ax.text(
            0.5,
            0.5,
            "\n".join(label_of(line, 18) for line in lines),
            ha="center",
            va="center",
            fontweight="bold",
            bbox={"boxstyle": "round,pad=0.4", "facecolor": ax.get_facecolor(), "edgecolor": text_colour()},
        )
        self.curves_: list[Any] = []
        self._plot_side(ax, self.before, is_before=True)
        self._plot_side(ax, self.after, is_before=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _plot_side(self, ax: Axes, weights: Mapping[Any, float], *, is_before: bool) -> None:
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        heaviest = max([*self.before.values(), *self.after.values()])
        end, sign, towards = (LABEL_END, 1, "right") if is_before else (1 - LABEL_END, -1, "left")
        header = "before it →" if is_before else "→ after it"
        ax.text(end, 1.06, header, ha=towards, va="center", style="italic")
        for place, (item, weight) in enumerate(weights.items()):
            height = 1 - (place + 0.5) / len(weights)
            label = f"{label_of(self.titles[item], 32)}\n{weight:.3g}"
            ax.text(end, height, label, ha=towards, va="center", fontsize="small", multialignment=towards)
            # All curves end behind the box, close together.
            meets, start = 0.5 + 0.03 * (height - 0.5), end + sign * 0.015
            side = 0.5 - sign * BOX_SIDE
            half = (start + side) / 2
            points = [(start, height), (half, height), (half, meets), (side, meets), (0.5, meets)]
            curve = PathPatch(
                Path(points, [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO]),
                facecolor="none",
                edgecolor=PALETTE[0] if is_before else PALETTE[1],
                linewidth=THINNEST + (WIDEST - THINNEST) * weight / heaviest,
                capstyle="butt",
            )
            self.curves_.append(ax.add_patch(curve))


def _heaviest(weights: NDArray[Any], ids: Sequence[Any], k: int) -> dict[Any, float]:
    """Return the k largest weights above 0 by their items, the largest first; of equal ones the earlier items."""
    order = np.argsort(-weights, kind="stable")[:k]
    return {ids[place]: float(weights[place]) for place in order.tolist() if weights[place] > 0}
