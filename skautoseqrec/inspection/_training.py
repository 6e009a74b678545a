"""How a training went: losses, what the held-out part said, where it stopped and where the refit begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._utils.words import counted
from ._drawing import NEUTRAL, PALETTE, add_legend, axes_to_draw, check_matplotlib, tidy
from ._estimators import recommender_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Decoders keep their colour, whichever of them a fit has.
DECODER_COLOURS = dict(zip(("collaborative", "source", "target"), PALETTE, strict=False))
LINE: dict[str, Any] = {"linewidth": 2.0, "marker": "o", "markersize": 4.0}


class TrainingDisplay:
    """Losses of each decoder and scores of the held-out part, epoch by epoch.

    The upper panel has the losses of the epochs that the weights were trained for, with the refit shaded. The lower one
    has the validation scores of all epochs that were tried: those after the kept one did not help. All parameters are
    stored as attributes.

    Read more in the :ref:`user guide <displays>`.

    Parameters
    ----------
    losses : dict of str to ndarray of shape (n_iter,)
        By decoder, its mean loss in each epoch that the weights were trained for.
    validation_scores : ndarray of shape (n_validated,)
        Log-likelihood of the held-out part after each epoch; empty if nothing was held out.
    n_kept : int
        Number of epochs before the refit; the last of them is the one that was kept.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What bounds the panels.
    figure_ : matplotlib Figure
        Figure of the axes.
    loss_ax_ : matplotlib Axes
        The panel of the losses.
    score_ax_ : matplotlib Axes or None
        The panel of the validation scores; None if nothing was held out.
    lines_ : dict of str to matplotlib Line2D
        The curve of each decoder.

    Examples
    --------
    >>> from skautoseqrec.inspection import TrainingDisplay
    >>> losses = [{"collaborative": 3.1}, {"collaborative": 2.9}, {"collaborative": 2.8}]
    >>> TrainingDisplay.from_predictions(losses, [-2.2, -2.0, -2.1]).n_kept
    2
    """

    def __init__(
        self, *, losses: Mapping[str, NDArray[np.float64]], validation_scores: NDArray[np.float64], n_kept: int
    ) -> None:
        self.losses = losses
        self.validation_scores = validation_scores
        self.n_kept = n_kept

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Axes | None = None) -> TrainingDisplay:
        """Draw how the training of a recommender went.

        Parameters
        ----------
        estimator : fitted AutoSeqRecRecommender, or a fitted pipeline or search around one
            What was trained.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : TrainingDisplay
            The curves, drawn.

        Raises
        ------
        ValueError
            If there was no training: ``objective="closed_form"`` has no epochs.
        TypeError
            If there is no recommender in the estimator.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> from skautoseqrec import AutoSeqRecRecommender
        >>> from skautoseqrec.inspection import TrainingDisplay
        >>> log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
        >>> parameters = {"blend": {"collaborative": 1.0}, "early_stopping": False, "max_iter": 3}
        >>> recommender = AutoSeqRecRecommender(n_components=4, random_state=0, **parameters).fit(log)
        >>> TrainingDisplay.from_estimator(recommender).losses["collaborative"].shape
        (3,)
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        recommender = recommender_of(estimator)
        return cls.from_predictions(
            recommender.loss_curve_,
            recommender.validation_scores_,
            early_stopping=recommender.early_stopping,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        loss_curve: Sequence[Mapping[str, float]],
        validation_scores: ArrayLike = (),
        *,
        early_stopping: bool = True,
        ax: Axes | None = None,
    ) -> TrainingDisplay:
        """Draw what a fit recorded.

        Parameters
        ----------
        loss_curve : sequence of dict
            ``loss_curve_`` of a recommender: the loss of each decoder, one dict per epoch.
        validation_scores : array-like of shape (n_validated,), default=()
            Its ``validation_scores_``.
        early_stopping : bool, default=True
            Whether the epoch with the best score was kept; otherwise it was the last one.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : TrainingDisplay
            The curves, drawn.

        Raises
        ------
        ValueError
            If there is no epoch, or fewer losses than epochs that were kept.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib(f"{cls.__name__}.from_predictions")
        if not len(loss_curve):
            raise ValueError(
                "There is no epoch to show: loss_curve is empty. objective='closed_form' trains no network."
            )
        scores = np.asarray(validation_scores, dtype=np.float64)
        n_kept = len(loss_curve)
        if len(scores):
            n_kept = 1 + int(scores.argmax()) if early_stopping else len(scores)
        if n_kept > len(loss_curve):
            raise ValueError(
                f"loss_curve has {counted(len(loss_curve), 'epoch')}, but validation_scores say that {n_kept} were "
                "kept: they are not of one fit."
            )
        decoders = dict.fromkeys(decoder for epoch in loss_curve for decoder in epoch)
        losses = {
            decoder: np.array([epoch.get(decoder, np.nan) for epoch in loss_curve], dtype=np.float64)
            for decoder in decoders
        }
        return cls(losses=losses, validation_scores=scores, n_kept=n_kept).plot(ax)

    def plot(self, ax: Axes | None = None) -> TrainingDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw: both panels within its bounds. None makes a figure.

        Returns
        -------
        self : TrainingDisplay
            The display, with ``ax_`` and ``figure_``.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes_to_draw(ax, f"{type(self).__name__}.plot", (6.4, 4.8))
        ax.set_axis_off()
        has_scores = len(self.validation_scores) > 0
        self.loss_ax_ = ax.inset_axes((0, 0.55, 1, 0.45) if has_scores else (0, 0, 1, 1))
        self._plot_losses(self.loss_ax_)
        self.score_ax_ = None
        if has_scores:
            self.score_ax_ = ax.inset_axes((0, 0, 1, 0.36))
            self._plot_scores(self.score_ax_)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _plot_losses(self, ax: Axes) -> None:
        self.lines_ = {}
        for decoder, losses in self.losses.items():
            style: dict[str, Any] = {"color": DECODER_COLOURS.get(decoder, NEUTRAL)} | LINE
            (self.lines_[decoder],) = ax.plot(np.arange(1, len(losses) + 1), losses, **style)
        handles: list[Any] = [*self.lines_.values()]
        labels = [f"{decoder} decoder" for decoder in self.losses]
        n_iter = len(next(iter(self.losses.values())))
        if self.n_kept < n_iter:
            handles.append(ax.axvspan(self.n_kept + 0.5, n_iter + 0.5, color=NEUTRAL, alpha=0.2, linewidth=0))
            labels.append(f"refit, from epoch {self.n_kept + 1}")
        _number_epochs(ax, n_iter)
        ax.set(xlabel="epoch of the weights", ylabel="loss")
        tidy(ax)
        add_legend(ax, handles, labels)

    def _plot_scores(self, ax: Axes) -> None:
        scores = self.validation_scores
        epochs = np.arange(1, len(scores) + 1)
        (line,) = ax.plot(epochs, scores, color=PALETTE[4], **LINE)
        kept = ax.plot(
            self.n_kept, scores[self.n_kept - 1], "o", markersize=10, markeredgewidth=2, color=PALETTE[1], mfc="none"
        )
        stopped = f", stopped after epoch {len(scores)}" if len(scores) > self.n_kept else ""
        _number_epochs(ax, len(scores))
        ax.set(xlabel="epoch with the newest part held out", ylabel="log-likelihood")
        ax.ticklabel_format(axis="y", useOffset=False)
        tidy(ax)
        add_legend(ax, [line, *kept], ["held-out part", f"kept: epoch {self.n_kept}{stopped}"])


def _number_epochs(ax: Axes, n_epochs: int) -> None:
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlim(0.5, n_epochs + 0.5)
