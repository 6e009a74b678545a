"""What a fit tells while it goes on: scikit-learn's callbacks are called, and lines or a bar are printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from time import perf_counter
from typing import TYPE_CHECKING, Any

import sklearn
from sklearn.utils.fixes import parse_version

if TYPE_CHECKING:
    from .result import TrainingResult

HAS_CALLBACKS = parse_version(sklearn.__version__) >= parse_version("1.9")
if HAS_CALLBACKS:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
else:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing: an older scikit-learn has no callbacks to set."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method as it is."""
        return method


class Monitor:
    """Tells of a fit while it goes on: scikit-learn's callbacks, and whoever reads the printed progress.

    Its methods are called in this order:

    - ``Monitor(...)`` when the fit begins;
    - ``with training(...)`` around each training: with a held-out part, then of the whole log;
    - ``epoch_begins()`` and ``epoch_ends(...)`` around each epoch; one that is interrupted does not end;
    - ``fit_ends()`` when the fit has succeeded.

    Parameters
    ----------
    estimator : estimator instance
        The one whose ``fit``, decorated with ``with_callbacks``, has begun.
    X, y : object
        What it is fitted on; y is ignored but by callbacks that want one.
    max_epochs : int or None
        The largest number of epochs; None if it is not known.
    """

    def __init__(self, estimator: Any, X: Any, y: Any, max_epochs: int | None) -> None:
        self._told = {"estimator": estimator, "X": X, "y": y}
        self._verbose = estimator.verbose
        self._progress = Progress(0, "", 0)
        #: The contexts of the fit and of the epoch that began last; None without callbacks.
        self._fit: Any = None
        self._epoch: Any = None
        if HAS_CALLBACKS:
            self._fit = estimator._init_callback_context(max_subtasks=max_epochs)
            self._fit.call_on_fit_task_begin(**self._told)

    @property
    def prints(self) -> bool:
        """Whether progress is printed."""
        return bool(self._verbose >= 1)

    @contextmanager
    def training(self, unit: str, n_epochs: int) -> Iterator[None]:
        """Show the progress of a training.

        Parameters
        ----------
        unit : str
            What its epochs are called.
        n_epochs : int
            The largest number of them.
        """
        self._progress = Progress(self._verbose, unit, n_epochs)
        try:
            yield
        finally:
            self._progress.close()

    def epoch_begins(self) -> None:
        """Tell that an epoch begins."""
        if self._fit is not None:
            self._epoch = self._fit.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(**self._told)

    def epoch_ends(self, result: TrainingResult, quality: str = "") -> bool:
        """Tell that an epoch has ended, and return whether a callback asks to stop.

        Parameters
        ----------
        result : TrainingResult
            What the fit would come to if it stopped here. Callbacks that want a fitted estimator get one with it.
        quality : str, default=""
            How good it is, to be printed after the losses of the epoch.
        """
        self._progress.say(result.loss_curve[-1], quality)
        if self._epoch is None:
            return False
        return bool(self._epoch.call_on_fit_task_end(**self._told, reconstruction_attributes=result.attributes))

    def fit_ends(self) -> None:
        """Tell that the fit has ended."""
        if self._fit is not None:
            self._fit.call_on_fit_task_end(**self._told)


class Progress:
    """The progress of a training, as lines or as a bar.

    Parameters
    ----------
    verbose : int
        0 prints nothing, 1 a line for each epoch, more shows a bar.
    unit : str
        What the epochs are called.
    n_epochs : int
        The largest number of them.
    """

    def __init__(self, verbose: int, unit: str, n_epochs: int) -> None:
        self._prints, self._unit = verbose >= 1, unit
        self._n_told, self._start = 0, perf_counter()
        self._bar: Any = None
        if verbose >= 2:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=n_epochs, desc=unit, unit="epoch")

    def say(self, losses: Mapping[str, float], quality: str = "") -> None:
        """Show one epoch: its losses, how good the weights are by now, and the seconds that it took."""
        self._n_told += 1
        now = perf_counter()
        told = ", ".join(f"{part} loss {loss:.5g}" for part, loss in losses.items()) + quality
        if self._bar is not None:
            self._bar.set_postfix_str(told, refresh=False)
            self._bar.update()
        elif self._prints:
            print(f"{self._unit} {self._n_told}: {told}, {now - self._start:.1f} s", flush=True)
        self._start = now

    def close(self) -> None:
        """Close the bar, which may stand before its end."""
        if self._bar is not None:
            self._bar.close()


def require_bar(verbose: int) -> None:
    """Raise ImportError if a bar is wanted and there is none."""
    if verbose >= 2 and find_spec("tqdm") is None:
        raise ImportError(f"verbose={verbose} shows a bar of tqdm, which is not installed: pip install tqdm.")
