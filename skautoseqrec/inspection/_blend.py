"""What each part of the score adds to the best candidates, for short histories and long ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from .._data.reading import read_ids
from .._utils.arguments import check_k
from .._utils.words import counted
from ._drawing import RAMP, add_legend, axes_to_draw, check_matplotlib, text_colour, tidy
from ._estimators import history_lengths, recommender_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Where groups of histories begin, by their number of events.
LENGTH_EDGES = (1, 5, 20, 100)


class BlendDisplay:
    """Contribution of each part to the scores of the best candidates, by length of history.

    The contribution of a part is the mean absolute value of what it adds to the k best candidates of a user, minus what
    it adds to the mean candidate. Only such differences rank items. All parameters are stored as attributes.

    Read more in the :ref:`user guide <displays>`.

    Parameters
    ----------
    contributions : dict of str to ndarray of shape (n_groups,)
        By part, its mean contribution in each group of users; at least 0.
    groups : list of str
        What each group is: the numbers of events in its histories.
    n_users : ndarray of shape (n_groups,)
        Number of users in each group.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the bars.
    figure_ : matplotlib Figure
        Figure of the axes.
    bars_ : list of matplotlib BarContainer
        The bars of each group.

    See Also
    --------
    skautoseqrec.AutoSeqRecRecommender.explain : The contributions to each score.

    Examples
    --------
    >>> from skautoseqrec import AutoSeqRecRecommender
    >>> from skautoseqrec.inspection import BlendDisplay
    >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
    >>> parameters = {"objective": "closed_form", "blend": {"direct": 1.0, "trend": (0.1,)}, "trend_half_lives": (30,)}
    >>> recommender = AutoSeqRecRecommender(**parameters).fit(log)
    >>> explanation = recommender.explain(["bob"], ["milk"])
    >>> display = BlendDisplay.from_predictions(explanation, [1])
    >>> display.contributions["direct"] == abs(explanation.centered["direct"][0, 0])
    array([ True])
    """

    def __init__(
        self, *, contributions: Mapping[str, NDArray[np.float64]], groups: Sequence[str], n_users: NDArray[np.int64]
    ) -> None:
        self.contributions = contributions
        self.groups = groups
        self.n_users = n_users

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        users: ArrayLike | None = None,
        *,
        k: int = 10,
        max_users: int = 200,
        length_edges: Sequence[int] = LENGTH_EDGES,
        random_state: Any = None,
        ax: Axes | None = None,
    ) -> BlendDisplay:
        """Explain the best candidates of some users, and draw what each part contributed.

        Parameters
        ----------
        estimator : fitted AutoSeqRecRecommender, or a fitted pipeline or search around one
            What is explained.
        users : array-like of user ids or None, default=None
            Whose candidates; an unknown user has a history of length 0. None draws ``max_users`` of the known users.
        k : int, default=10
            Number of best candidates; at least 1.
        max_users : int, default=200
            Number of users that are drawn if ``users`` is None; at least 1.
        length_edges : sequence of int, default=(1, 5, 20, 100)
            Lengths of history at which a group begins; rising, each at least 1.
        random_state : int, RandomState instance or None, default=None
            Seed of the draw.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : BlendDisplay
            The bars, drawn.

        Raises
        ------
        ValueError
            If an argument is out of range, or there is no user.
        TypeError
            If there is no recommender in the estimator.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> from skautoseqrec.inspection import BlendDisplay
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4)]
        >>> recommender = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}).fit(log)
        >>> BlendDisplay.from_estimator(recommender, k=2).n_users
        array([3])
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        recommender, k = recommender_of(estimator, "explain"), check_k(k)
        _check_edges(length_edges)
        if users is None:
            chosen = _draw_users(recommender.user_ids_, max_users, random_state)
        else:
            chosen = read_ids(users, "users")
        explanations = []
        best = recommender.predict_topk(chosen, k=min(k, len(recommender.item_ids_)))
        for user, items in zip(chosen, best, strict=True):
            explanations.append(recommender.explain([user], list(np.ma.compressed(items))))
        return cls.from_predictions(
            explanations, history_lengths(recommender_of(estimator), chosen), length_edges=length_edges, ax=ax
        )

    @classmethod
    def from_predictions(
        cls,
        explanations: Any,
        lengths: ArrayLike,
        *,
        length_edges: Sequence[int] = LENGTH_EDGES,
        ax: Axes | None = None,
    ) -> BlendDisplay:
        """Draw what each part contributed to scores that are explained.

        Parameters
        ----------
        explanations : Bunch or sequence of Bunch
            What ``explain`` returned, of one or several users each.
        lengths : array-like of shape (n_users,)
            Number of events in the history of each user, in the order of the explanations; at least 0.
        length_edges : sequence of int, default=(1, 5, 20, 100)
            Lengths of history at which a group begins; rising, each at least 1.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : BlendDisplay
            The bars, drawn.

        Raises
        ------
        ValueError
            If there is no user, the lengths are not one for each user, or ``length_edges`` is out of range.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib(f"{cls.__name__}.from_predictions")
        edges = _check_edges(length_edges)
        several = [explanations] if isinstance(explanations, Mapping) else list(explanations)
        sizes = [next(iter(one["centered"].values())).shape for one in several]
        n_users, counts = sum(n_rows for n_rows, _ in sizes), np.asarray(lengths)
        if counts.shape != (n_users,) or (n_users and counts.dtype.kind not in "iu") or (counts < 0).any():
            raise ValueError(f"lengths must be one whole number of at least 0 for each of {counted(n_users, 'user')}.")
        # A user without a candidate has no contribution, and is left out.
        counts = counts[np.repeat([n_items > 0 for _, n_items in sizes], [n_rows for n_rows, _ in sizes]).astype(bool)]
        if not len(counts):
            raise ValueError("There is no explained score to show: no user, or no candidate of any.")
        read = [one["centered"] for one, (_, n_items) in zip(several, sizes, strict=True) if n_items]
        by_user = {
            part: np.concatenate([np.abs(centered[part]).mean(1) for centered in read]).astype(np.float64)
            for part in read[0]
        }
        group_of_user = np.searchsorted(edges, counts, side="right")
        present, places, group_sizes = np.unique(group_of_user, return_inverse=True, return_counts=True)
        names = _group_names(edges)
        return cls(
            contributions={part: np.bincount(places, values) / group_sizes for part, values in by_user.items()},
            groups=[names[group] for group in present],
            n_users=group_sizes,
        ).plot(ax)

    def plot(self, ax: Axes | None = None) -> BlendDisplay:
        """Draw the bars, the strongest part on top; parts that contribute nothing are left out.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        self : BlendDisplay
            The display, with ``ax_`` and ``figure_``.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        means = {part: float(values.mean()) for part, values in self.contributions.items() if values.any()}
        parts = sorted(means, key=lambda part: means[part])
        n_groups = len(self.groups)
        ax = axes_to_draw(ax, f"{type(self).__name__}.plot", (6.4, max(2.4, 1.6 + 0.17 * (n_groups + 1) * len(parts))))
        height, self.bars_ = 0.8 / n_groups, []
        shades = np.linspace(0, len(RAMP) - 1, n_groups).round().astype(int) if n_groups > 1 else [2]
        for group, shade in enumerate(shades):
            places = np.arange(len(parts)) + 0.4 - (group + 0.5) * height
            values = [self.contributions[part][group] for part in parts]
            # The edge keeps the darkest and the lightest shade visible on any background.
            self.bars_.append(
                ax.barh(places, values, height, color=RAMP[shade], edgecolor=text_colour(), linewidth=0.5)
            )
        ax.set(xlabel="mean absolute contribution to the best candidates", ylim=(-0.5, len(parts) - 0.5))
        tidy(ax, "x")
        ax.tick_params(axis="y", length=0)
        labels = [
            f"{name} ({counted(size, 'user')})" for name, size in zip(self.groups, self.n_users.tolist(), strict=True)
        ]
        add_legend(ax, self.bars_, labels, "events in history")
        ax.set_yticks(range(len(parts)), parts)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _check_edges(length_edges: Any) -> NDArray[np.int64]:
    edges = np.asarray(length_edges)
    if edges.ndim != 1 or edges.dtype.kind not in "iu" or not len(edges) or edges[0] < 1 or (np.diff(edges) < 1).any():
        raise ValueError(f"length_edges must be rising whole numbers of at least 1, not {length_edges!r}.")
    return edges


def _group_names(edges: NDArray[np.int64]) -> list[str]:
    """Return what each group holds: below the first edge, between two, from the last one on."""
    starts = [0, *edges.tolist()]
    spans = [f"{start} to {end - 1}" if end - start > 1 else f"{start}" for start, end in pairwise(starts)]
    return [*spans, f"{starts[-1]} or more"]


def _draw_users(user_ids: NDArray[Any], max_users: Any, random_state: Any) -> NDArray[Any]:
    try:
        n_drawn = min(check_k(max_users), len(user_ids))
    except ValueError as error:
        raise ValueError(f"max_users must be a whole number of at least 1, not {max_users!r}.") from error
    return user_ids[check_random_state(random_state).permutation(len(user_ids))[:n_drawn]]
