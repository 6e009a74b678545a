"""How well models rank as time goes by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._data.naming import check_columns
from .._data.reading import read_columns
from .._utils.words import counted
from ..metrics._names import gains
from ..metrics._scorers import columns_of
from ._drawing import add_legend, axes_to_draw, check_matplotlib, line_style, styled, tidy
from ._estimators import named, read_ranks, walked
from ._labels import label_of
from ._windows import NORMAL_95, means_by_window, standard_errors, windows_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METRIC_NAMES = {"mrr": "MRR", "recall": "Recall", "precision": "Precision", "ndcg": "NDCG", "map": "MAP"}


class WalkForwardDisplay:
    """A ranking metric of one or several models over time, with a band of its uncertainty.

    :meth:`from_estimator` evaluates fitted models and draws; :meth:`from_predictions` takes ranks that are known.
    All parameters are stored as attributes.

    Read more in the :ref:`user guide <displays>`.

    Parameters
    ----------
    middles : ndarray of shape (n_windows,)
        Where each window is drawn: a number of events, or a time.
    scores : dict of str to ndarray of shape (n_windows,)
        By the name of each model, its metric in each window; NaN for a window without events.
    errors : dict of str to ndarray of shape (n_windows,), or None
        By the name of each model, the standard errors of the scores; None for no band.
    n_events : ndarray of shape (n_windows,)
        Number of events in each window.
    span : tuple of two
        Where the first window begins and the last one ends, in the unit of ``middles``.
    metric : str, default="mrr"
        What the scores are.
    label : str, default="events walked"
        What the windows are of, as the label of the axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : list of matplotlib Line2D
        One curve per model, in the order of ``scores``.
    bands_ : list of matplotlib PolyCollection
        Their bands; empty without errors.

    Examples
    --------
    >>> from skautoseqrec.inspection import WalkForwardDisplay
    >>> log = [("ann", "tea", 1), ("bob", "jam", 2), ("ann", "jam", 3), ("bob", "tea", 4)]
    >>> display = WalkForwardDisplay.from_predictions([1, 2, 4, 1], log, n_windows=2)
    >>> display.scores["model"]
    array([0.75 , 0.625])
    """

    def __init__(
        self,
        *,
        middles: NDArray[Any],
        scores: Mapping[str, NDArray[np.float64]],
        errors: Mapping[str, NDArray[np.float64]] | None,
        n_events: NDArray[np.int64],
        span: tuple[Any, Any],
        metric: str = "mrr",
        label: str = "events walked",
    ) -> None:
        self.middles = middles
        self.scores = scores
        self.errors = errors
        self.n_events = n_events
        self.span = span
        self.metric = metric
        self.label = label

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        metric: str = "mrr",
        n_windows: int = 10,
        width: float | timedelta | np.timedelta64 | None = None,
        time_unit: str | None = None,
        band: str | None = "users",
        columns: Mapping[str, str] | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        line_kw: Mapping[str, Any] | None = None,
    ) -> WalkForwardDisplay:
        """Evaluate models prequentially (walking forward) on a log, and draw their metric window by window.

        Parameters
        ----------
        estimator : fitted estimator with ``score_samples``, or dict of such
            The model, or several by name: recommenders, pipelines, searches, baselines.
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The log, usually the events after the fitted ones.
        metric : str, default="mrr"
            "mrr", "recall@k", "precision@k", "ndcg@k" or "map@k" for any k >= 1.
        n_windows : int, default=10
            Number of windows of equally many events; at least 1. Ignored with ``width``.
        width : float, timedelta or None, default=None
            Duration of a window: a timedelta for datetimes, a number for times that are numbers. Windows begin at
            multiples of it (since 1970), so those of a day begin at midnight UTC. None makes windows of events.
        time_unit : {"s", "ms", "us", "ns"} or None, default=None
            What times that are numbers count since 1970; then they are dates, and ``width`` a timedelta. None takes
            them as numbers.
        band : {"users", "events"} or None, default="users"
            What the band of 1.96 standard errors takes for independent. The events of a user seldom are.
        columns : dict or None, default=None
            Names of the columns of the log, by what they hold: ``{"user": ..., "item": ..., "time": ...}``. None takes
            the ``columns`` of the first model, if it has any, and otherwise the usual names.
        name : str or None, default=None
            Name of a single model; None takes that of its class.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.
        line_kw : dict or None, default=None
            Keywords of matplotlib for all curves.

        Returns
        -------
        display : WalkForwardDisplay
            The curves, drawn.

        Raises
        ------
        ValueError, TypeError
            If the log cannot be used, or an argument is out of range.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> from skautoseqrec.datasets import make_interactions
        >>> from skautoseqrec.inspection import WalkForwardDisplay
        >>> log = make_interactions(n_users=30, n_items=20, n_events=300, random_state=0)
        >>> parameters = {"objective": "closed_form", "blend": {"direct": 1.0}}
        >>> recommender = AutoSeqRecRecommender(**parameters).fit(log[:200])
        >>> WalkForwardDisplay.from_estimator(recommender, log[200:], n_windows=5).n_events
        array([20, 20, 20, 20, 20])
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        estimators = named(estimator, name, "estimator", type(estimator).__name__)
        columns = columns_of(next(iter(estimators.values()))) if columns is None else columns
        windows: dict[str, Any] = {"n_windows": n_windows, "width": width, "time_unit": time_unit}
        _check(X, columns, metric, band, windows)  # before the walk, which may take long
        ranks = walked(estimators, X)
        return cls.from_predictions(
            ranks, X, metric=metric, band=band, columns=columns, ax=ax, line_kw=line_kw, **windows
        )

    @classmethod
    def from_predictions(
        cls,
        ranks: Any,
        X: Any,
        *,
        metric: str = "mrr",
        n_windows: int = 10,
        width: float | timedelta | np.timedelta64 | None = None,
        time_unit: str | None = None,
        band: str | None = "users",
        columns: Mapping[str, str] | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        line_kw: Mapping[str, Any] | None = None,
    ) -> WalkForwardDisplay:
        """Draw the metric of ranks window by window.

        Parameters
        ----------
        ranks : array-like of shape (n_events,), or dict of such
            Rank of the true item of each event, at least 1, infinite if it was not a candidate; of one model, or of
            several by name. ``ranks_from_reciprocal`` makes them of ``score_samples``.
        X : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
            The log of these events, row for row: whose they are, and when.
        metric : str, default="mrr"
            "mrr", "recall@k", "precision@k", "ndcg@k" or "map@k" for any k >= 1.
        n_windows : int, default=10
            Number of windows of equally many events; at least 1. Ignored with ``width``.
        width : float, timedelta or None, default=None
            Duration of a window: a timedelta for datetimes, a number for times that are numbers. Windows begin at
            multiples of it (since 1970), so those of a day begin at midnight UTC. None makes windows of events.
        time_unit : {"s", "ms", "us", "ns"} or None, default=None
            What times that are numbers count since 1970; then they are dates, and ``width`` a timedelta. None takes
            them as numbers.
        band : {"users", "events"} or None, default="users"
            What the band of 1.96 standard errors takes for independent. The events of a user seldom are.
        columns : dict or None, default=None
            Names of the columns of the log, by what they hold: ``{"user": ..., "item": ..., "time": ...}``.
        name : str or None, default=None
            Name of a single model; None is "model".
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.
        line_kw : dict or None, default=None
            Keywords of matplotlib for all curves.

        Returns
        -------
        display : WalkForwardDisplay
            The curves, drawn.

        Raises
        ------
        ValueError, TypeError
            If ranks are not one for each event, the log cannot be used, or an argument is out of range.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib(f"{cls.__name__}.from_predictions")
        wanted = {"n_windows": n_windows, "width": width, "time_unit": time_unit}
        log, windows = _check(X, columns, metric, band, wanted)
        read = read_ranks(named(ranks, name, "ranks", "model"))
        n_ranks, n_events = len(next(iter(read.values()))), len(log.user_ids)
        if n_ranks != n_events:
            raise ValueError(f"ranks has {counted(n_ranks, 'rank')} for {counted(n_events, 'event')}: give one each.")
        values = {model: gains(metric, model_ranks) for model, model_ranks in read.items()}
        errors = None
        if band is not None:
            groups = np.unique(log.user_ids, return_inverse=True)[1] if band == "users" else np.arange(n_ranks)
            errors = {model: standard_errors(windows, of_events, groups) for model, of_events in values.items()}
        return cls(
            middles=windows.middles,
            scores={model: means_by_window(windows, of_events) for model, of_events in values.items()},
            errors=errors,
            n_events=windows.n_events,
            span=windows.span,
            metric=metric,
            label=windows.label,
        ).plot(ax, line_kw=line_kw)

    def plot(self, ax: Axes | None = None, *, line_kw: Mapping[str, Any] | None = None) -> WalkForwardDisplay:
        """Draw the curves and their bands.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.
        line_kw : dict or None, default=None
            Keywords of matplotlib for all curves.

        Returns
        -------
        self : WalkForwardDisplay
            The display, with ``ax_`` and ``figure_``.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes_to_draw(ax, f"{type(self).__name__}.plot")
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
        from matplotlib.lines import Line2D

        self.lines_, self.bands_ = [], []
        for place, (name, scores) in enumerate(self.scores.items()):
            defaults = {**line_style(place), "linewidth": 2.0, "marker": "o", "markersize": 4.0}
            (line,) = ax.plot(self.middles, scores, **styled(defaults, line_kw, Line2D, "line_kw"))
            self.lines_.append(line)
            if self.errors is not None:
                half = NORMAL_95 * self.errors[name]
                low, high = np.maximum(scores - half, 0), np.minimum(scores + half, 1)
                self.bands_.append(
                    ax.fill_between(self.middles, low, high, color=line.get_color(), alpha=0.22, linewidth=0)
                )
        if self.middles.dtype.kind == "M":
            locator = AutoDateLocator()
            ax.xaxis.set_major_locator(locator)
            ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        metric, at, k = self.metric.partition("@")
        shown = METRIC_NAMES[metric] + at + k
        ax.set(xlabel=self.label, ylabel=shown, xlim=self.span, ylim=(0, None))
        tidy(ax, "both")
        some = self.n_events > 0
        labels = [
            f"{label_of(name)} ({np.average(scores[some], weights=self.n_events[some]):.3f})"
            for name, scores in self.scores.items()
        ]
        add_legend(ax, self.lines_, labels, f"in brackets: {shown} of all events")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _check(X: Any, columns: Any, metric: str, band: Any, windows: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the log and its windows, all arguments checked."""
    if band not in ("users", "events", None):
        raise ValueError(f"band must be 'users', 'events' or None, not {band!r}.")
    gains(metric, np.ones(1))  # refuses what is no mean over events
    log = read_columns(X, check_columns(columns))
    return log, windows_of(log, **windows)
