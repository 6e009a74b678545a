"""Recall against the length of the list, for several models in one figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.arguments import check_k, check_weights, count_events
from ._drawing import NEUTRAL, add_legend, axes_to_draw, check_matplotlib, line_style, styled, tidy
from ._estimators import named, read_ranks, walked
from ._labels import label_of
from ._upper_bounds import recall_curve, upper_bound_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class RecallAtKDisplay:
    """Recall@k curves of one or several models, and what is at best possible.

    :meth:`from_estimator` evaluates fitted models and draws; :meth:`from_predictions` takes ranks that are known.
    All parameters are stored as attributes.

    Read more in the :ref:`user guide <displays>`.

    Parameters
    ----------
    k : ndarray of shape (n_lengths,)
        Lengths of the list.
    recall : dict of str to ndarray of shape (n_lengths,)
        By the name of each model, its recall at each length; in [0, 1].
    upper_bound : ndarray of shape (n_lengths,) or None, default=None
        The best possible recall at each length, NaN from where it is not known; None for none.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : list of matplotlib Line2D
        One curve per model, in the order of ``recall``.
    upper_bound_ : matplotlib Line2D or None
        The line of the upper bound.

    See Also
    --------
    skautoseqrec.metrics.recall_at_k : One value of a curve.

    Examples
    --------
    >>> from skautoseqrec.inspection import RecallAtKDisplay
    >>> ranks = {"model": [1, 2, 4], "popularity": [3, 5, float("inf")]}
    >>> display = RecallAtKDisplay.from_predictions(ranks, max_k=4)
    >>> display.recall["model"].round(2)
    array([0.33, 0.67, 0.67, 1.  ])
    """

    def __init__(
        self,
        *,
        k: NDArray[np.int64],
        recall: Mapping[str, NDArray[np.float64]],
        upper_bound: NDArray[np.float64] | None = None,
    ) -> None:
        self.k = k
        self.recall = recall
        self.upper_bound = upper_bound

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        max_k: int = 50,
        upper_bound: Any = None,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        line_kw: Mapping[str, Any] | None = None,
    ) -> RecallAtKDisplay:
        """Evaluate models prequentially (walking forward) on a log, and draw their curves.

        Parameters
        ----------
        estimator : fitted estimator with ``score_samples``, or dict of such
            The model, or several by name: recommenders, pipelines, searches, baselines.
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The log, usually the events after the fitted ones.
        max_k : int, default=50
            Greatest length of the list; at least 1.
        upper_bound : array-like of shape (n_events,), "candidates" or None, default=None
            Ranks that an oracle gives to the same events; drawn as far as they are a bound, as the notes of
            :meth:`from_predictions` say. "candidates" is the share of events whose item was a candidate, if all models
            had the same. None draws no bound.
        sample_weight : array-like of shape (n_events,) or None, default=None
            Weight of each event.
        name : str or None, default=None
            Name of a single model; None takes that of its class.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.
        line_kw : dict or None, default=None
            Keywords of matplotlib for all curves.

        Returns
        -------
        display : RecallAtKDisplay
            The curves, drawn.

        Raises
        ------
        ValueError, TypeError
            If the log cannot be used, an argument is out of range, or ``upper_bound`` is none.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> from skautoseqrec.datasets import make_interactions
        >>> from skautoseqrec.inspection import RecallAtKDisplay
        >>> log = make_interactions(n_users=30, n_items=20, n_events=300, random_state=0)
        >>> parameters = {"objective": "closed_form", "blend": {"direct": 1.0}}
        >>> recommender = AutoSeqRecRecommender(**parameters).fit(log[:250])
        >>> display = RecallAtKDisplay.from_estimator({"transitions": recommender}, log[250:], max_k=10)
        >>> display.recall["transitions"].shape
        (10,)
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        estimators, weights = (
            named(estimator, name, "estimator", type(estimator).__name__),
            check_weights(sample_weight, count_events(X)),
        )
        check_k(max_k)
        return cls.from_predictions(
            walked(estimators, X), max_k=max_k, upper_bound=upper_bound, sample_weight=weights, ax=ax, line_kw=line_kw
        )

    @classmethod
    def from_predictions(
        cls,
        ranks: Any,
        *,
        max_k: int = 50,
        upper_bound: Any = None,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        line_kw: Mapping[str, Any] | None = None,
    ) -> RecallAtKDisplay:
        """Draw the curves of ranks.

        Parameters
        ----------
        ranks : array-like of shape (n_events,), or dict of such
            Rank of the true item of each event, at least 1, infinite if it was not a candidate; of one model, or of
            several by name, all for the same events. ``ranks_from_reciprocal`` makes them of ``score_samples``.
        max_k : int, default=50
            Greatest length of the list; at least 1.
        upper_bound : array-like of shape (n_events,), "candidates" or None, default=None
            Ranks that an oracle gives to the same events; drawn as far as they are a bound (see Notes). "candidates"
            is the share of events whose item was a candidate, if all models had the same. None draws no bound.
        sample_weight : array-like of shape (n_events,) or None, default=None
            Weight of each event.
        name : str or None, default=None
            Name of a single model; None is "model".
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.
        line_kw : dict or None, default=None
            Keywords of matplotlib for all curves.

        Returns
        -------
        display : RecallAtKDisplay
            The curves, drawn.

        Raises
        ------
        ValueError, TypeError
            If ranks are below 1, missing or not as many for each model, or an argument is out of range. Also if
            ``upper_bound`` is none: a model is above it at k = 1 already, or models had other candidates.
        ImportError
            If matplotlib is not installed.

        Notes
        -----
        The ranks of an oracle count ties at half. What it cannot tell apart is therefore found by no short list, and by
        every list beyond the middle of the tied items. In between, recall may be higher by luck. So the bound ends
        before the first length at which a model is above it by more than two standard errors.
        """
        check_matplotlib(f"{cls.__name__}.from_predictions")
        read = read_ranks(named(ranks, name, "ranks", "model"))
        lengths = np.arange(1, check_k(max_k) + 1)
        weights = check_weights(sample_weight, len(next(iter(read.values()))))
        recall = {model: recall_curve(model_ranks, lengths, weights) for model, model_ranks in read.items()}
        bound = None if upper_bound is None else upper_bound_of(upper_bound, read, lengths, weights)
        return cls(k=lengths, recall=recall, upper_bound=bound).plot(ax, line_kw=line_kw)

    def plot(self, ax: Axes | None = None, *, line_kw: Mapping[str, Any] | None = None) -> RecallAtKDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.
        line_kw : dict or None, default=None
            Keywords of matplotlib for all curves.

        Returns
        -------
        self : RecallAtKDisplay
            The display, with ``ax_`` and ``figure_``.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes_to_draw(ax, f"{type(self).__name__}.plot")
        from matplotlib.lines import Line2D

        self.lines_ = []
        for place, curve in enumerate(self.recall.values()):
            defaults = {**line_style(place), "linewidth": 2.0, "marker": "o" if len(self.k) == 1 else ""}
            style = styled(defaults, line_kw, Line2D, "line_kw")
            self.lines_ += ax.plot(self.k, curve, **style)
        handles, labels = [*self.lines_], list[str]()
        self.upper_bound_ = None
        if self.upper_bound is not None:
            (self.upper_bound_,) = ax.plot(self.k, self.upper_bound, color=NEUTRAL, linestyle=(0, (5, 2)))
            handles, labels = [self.upper_bound_, *handles], ["upper bound"]
        margin = 0.0 if len(self.k) > 1 else 0.5
        ax.set(xlabel="length of the list k", xlim=(self.k[0] - margin, self.k[-1] + margin))
        ax.set(ylabel="Recall@k", ylim=(0, None))
        tidy(ax, "both")
        place = int(np.searchsorted(self.k, 10, side="right")) - 1
        labels += [f"{label_of(name)} ({curve[place]:.3f})" for name, curve in self.recall.items()]
        add_legend(ax, handles, labels, f"in brackets: Recall@{self.k[place]}")
        self.ax_, self.figure_ = ax, ax.figure
        return self
