"""Because of which past items an item is recommended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._utils.arguments import check_k
from .._utils.words import counted
from ._drawing import NEUTRAL, PALETTE, axes_to_draw, check_matplotlib, styled, tidy
from ._estimators import recommender_of
from ._labels import label_of, plain_id, read_titles

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ExplanationDisplay:
    """Shares of a user's past items in what the part "neighbours" adds to the score of an item.

    Shares add up to 1 over all past items that the part reads, the last ``neighbour_window``. An item that was met more
    than once has one bar. All parameters are stored as attributes.

    Read more in the :ref:`user guide <displays>`.

    Parameters
    ----------
    item : id
        The item that is explained.
    past_items : list of ids
        The past items, the largest share first.
    contributions : ndarray of shape (n_past_items,)
        What each of them adds to the score; at least 0.
    titles : dict of id to str
        What each item is called.

    Attributes
    ----------
    shares : ndarray of shape (n_past_items,)
        Their contributions, divided by the sum.
    ax_ : matplotlib Axes
        Axes with the bars.
    figure_ : matplotlib Figure
        Figure of the axes.
    bars_ : matplotlib BarContainer
        The bars, the largest first, and that of all other items.

    See Also
    --------
    skautoseqrec.AutoSeqRecRecommender.explain : The numbers.

    Examples
    --------
    >>> from skautoseqrec import AutoSeqRecRecommender
    >>> from skautoseqrec.inspection import ExplanationDisplay
    >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "milk", 3), ("bob", "jam", 4), ("cid", "tea", 5)]
    >>> recommender = AutoSeqRecRecommender(objective="closed_form", blend={"neighbours": 1.0}).fit(log)
    >>> display = ExplanationDisplay.from_estimator(recommender, "cid", titles={"tea": "Green tea", "milk": "Oat milk"})
    >>> display.item, display.past_items, display.shares
    ('milk', ['tea'], array([1.]))
    """

    def __init__(
        self, *, item: Any, past_items: Sequence[Any], contributions: NDArray[np.float64], titles: Mapping[Any, str]
    ) -> None:
        self.item = item
        self.past_items = past_items
        self.contributions = contributions
        self.titles = titles

    @property
    def shares(self) -> NDArray[np.float64]:
        """Share of each past item."""
        return self.contributions / self.contributions.sum()

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        user: Any,
        item: Any = None,
        *,
        titles: Any = None,
        at: Any = None,
        max_items: int = 8,
        ax: Axes | None = None,
        bar_kw: Mapping[str, Any] | None = None,
    ) -> ExplanationDisplay:
        """Explain the score of an item for a user, and draw the shares of the past items.

        Parameters
        ----------
        estimator : fitted AutoSeqRecRecommender, or a fitted pipeline or search around one
            What recommends.
        user : id
            A user with a history.
        item : id or None, default=None
            A known item; None takes the user's best recommendation.
        titles : mapping, series, dataframe, array of records or None, default=None
            Titles of items; an item without one is shown by its id.
        at : time or None, default=None
            When it is asked for, as in ``predict_topk``.
        max_items : int, default=8
            Number of past items with a bar of their own; at least 1.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.
        bar_kw : dict or None, default=None
            Keywords of matplotlib for the bars.

        Returns
        -------
        display : ExplanationDisplay
            The bars, drawn.

        Raises
        ------
        ValueError
            If the item is not known, the user has no history or no candidate, or no past item speaks for the item.
        TypeError
            If there is no recommender in the estimator, or ids are of another kind than the known ones.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        recommender = recommender_of(estimator, "explain")
        if item is None:
            best = recommender.predict_topk([user], k=1, at=at)
            if np.ma.is_masked(best):
                raise ValueError(f"User {user!r} has no candidate left to recommend; give an item to explain.")
            item = best[0, 0]
        explanation = recommender.explain([user], [item], at=at)
        return cls.from_predictions(explanation, item, titles=titles, max_items=max_items, ax=ax, bar_kw=bar_kw)

    @classmethod
    def from_predictions(
        cls,
        explanation: Any,
        item: Any,
        *,
        row: int = 0,
        column: int = 0,
        titles: Any = None,
        max_items: int = 8,
        ax: Axes | None = None,
        bar_kw: Mapping[str, Any] | None = None,
    ) -> ExplanationDisplay:
        """Draw the shares of the past items in an explanation.

        Parameters
        ----------
        explanation : Bunch
            What ``explain`` returned.
        item : id
            The item that is explained.
        row, column : int, default=0
            The places of the user and of the item among those that were explained.
        titles : mapping, series, dataframe, array of records or None, default=None
            Titles of items; an item without one is shown by its id.
        max_items : int, default=8
            Number of past items with a bar of their own; at least 1.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.
        bar_kw : dict or None, default=None
            Keywords of matplotlib for the bars.

        Returns
        -------
        display : ExplanationDisplay
            The bars, drawn.

        Raises
        ------
        ValueError
            If the user has no history, or no past item speaks for the item.
        IndexError
            If there is no such row or column.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib(f"{cls.__name__}.from_predictions")
        past, values = explanation["past_items"][row], np.asarray(explanation["neighbours"][row])[:, column]
        item = plain_id(item)
        if not len(past):
            raise ValueError("The user has no history, or neighbour_window is 0: there are no past items to show.")
        by_item: dict[Any, float] = {}
        for one, value in zip(past, values.tolist(), strict=True):
            by_item[plain_id(one)] = by_item.get(plain_id(one), 0.0) + value
        if not sum(by_item.values()) > 0:
            raise ValueError(
                f"No past item speaks for {item!r}: none has it as a neighbour, or the blend gives the part neighbours "
                "no weight (blend_ shows it). explain has what the other parts add."
            )
        ordered = sorted(by_item, key=lambda one: -by_item[one])
        display = cls(
            item=item,
            past_items=ordered,
            contributions=np.array([by_item[one] for one in ordered]),
            titles=read_titles(titles, [item, *ordered]),
        )
        return display.plot(ax, max_items=max_items, bar_kw=bar_kw)

    def plot(
        self, ax: Axes | None = None, *, max_items: int = 8, bar_kw: Mapping[str, Any] | None = None
    ) -> ExplanationDisplay:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.
        max_items : int, default=8
            Number of past items with a bar of their own; at least 1.
        bar_kw : dict or None, default=None
            Keywords of matplotlib for the bars.

        Returns
        -------
        self : ExplanationDisplay
            The display, with ``ax_`` and ``figure_``.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        n_shown = min(check_k(max_items), int((self.contributions > 0).sum()))
        values, n_others = [*self.shares[:n_shown]], len(self.past_items) - n_shown
        labels = [label_of(self.titles[item]) for item in self.past_items[:n_shown]]
        colours = [PALETTE[0]] * n_shown
        if self.contributions[n_shown:].sum() > 0:
            values, labels = [*values, self.shares[n_shown:].sum()], [*labels, counted(n_others, "other past item")]
            colours.append(NEUTRAL)
        ax = axes_to_draw(ax, f"{type(self).__name__}.plot", (6.4, 1.4 + 0.3 * len(values)))
        from matplotlib.patches import Rectangle
        from matplotlib.ticker import PercentFormatter

        places = np.arange(len(values))[::-1]
        self.bars_ = ax.barh(places, values, **styled({"color": colours, "height": 0.7}, bar_kw, Rectangle, "bar_kw"))
        ax.bar_label(self.bars_, [f"{100 * value:.0f} %" for value in values], padding=3, fontsize="small")
        ax.set_yticks(places, labels)
        ax.tick_params(axis="y", length=0)
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        ax.set(xlabel="share of what past items add to the score (part neighbours)", xlim=(0, 1.12 * max(values)))
        tidy(ax, "x")
        ax.set_title(f"{label_of(self.titles[self.item], 60)}, because of", loc="left", fontsize="medium")
        self.ax_, self.figure_ = ax, ax.figure
        return self
