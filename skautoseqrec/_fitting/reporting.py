"""What a fit tells while it goes on: scikit-learn's callbacks are called, and lines or a bar are printed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing import parent_process
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import sklearn
from sklearn.utils.fixes import parse_version

from .._utils.words import counted

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
        self._progress = Progress(estimator.verbose)
        #: The contexts of the fit and of the epoch that began last; None without callbacks.
        self._fit: Any = None
        self._epoch: Any = None
        if HAS_CALLBACKS:
            self._fit = estimator._init_callback_context(max_subtasks=max_epochs)
            self._fit.call_on_fit_task_begin(**self._told)

    @property
    def prints(self) -> bool:
        """Whether progress is printed."""
        return self._progress.prints

    @contextmanager
    def training(self, unit: str, expected: Expected) -> Iterator[None]:
        """Show the progress of a training.

        Parameters
        ----------
        unit : str
            What its epochs are called.
        expected : Expected
            How many of them, and of the refit that follows.
        """
        self._progress.begin(unit, expected)
        try:
            yield
        except BaseException:
            self._progress.close()
            raise

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
        self._progress.close()
        if self._fit is not None:
            self._fit.call_on_fit_task_end(**self._told)


class Expected(NamedTuple):
    """How many epochs a fit takes.

    Parameters
    ----------
    most, fewest : int
        Of the training with a held-out part, or of the only training: what stops early may take any number between.
    refit : int
        About how many the refit takes at most; 0 if there is none.
    """

    most: int
    fewest: int
    refit: int = 0

    def describe(self) -> str:
        """Return this in words."""
        stops = f", fewer if the held-out part no longer gets likelier ({self.fewest} at least)"
        refit = f", then about {self.refit} on the whole log" if self.refit else ""
        return f"at most {counted(self.most, 'epoch')}{stops if self.fewest < self.most else ''}{refit}"


class Progress:
    """The progress of a fit: one line where it will take long, a line for each epoch, or a bar.

    Parameters
    ----------
    verbose : int or "auto"
        0 prints nothing, 1 a line for each epoch, more shows a bar. "auto" prints one line on stderr once it is known
        that the fit takes longer than some seconds.
    """

    #: Whoever waits longer than so many seconds is told.
    LONG = 10.0

    def __init__(self, verbose: int | str) -> None:
        # A search that fits in many processes is one wait, not many.
        self._tells_of_waiting = verbose == "auto" and parent_process() is None
        self._verbose = verbosity(verbose)
        self._expected, self._unit, self._n_told = Expected(0, 0), "", 0
        self._start = self._epoch_start = perf_counter()
        self._bar: Any = None

    @property
    def prints(self) -> bool:
        """Whether every epoch is described."""
        return self._verbose >= 1

    def begin(self, unit: str, expected: Expected) -> None:
        """Begin a training, whose epochs are called ``unit``; the bar of the one before goes on."""
        self._expected, self._unit, self._n_told = expected, unit, 0
        self._epoch_start = perf_counter()
        if self._verbose >= 2:
            n_epochs = expected.most + expected.refit
            if self._bar is None:
                from tqdm.auto import tqdm

                self._bar = tqdm(total=n_epochs, unit="epoch")
            else:  # how long the training before it took is known by now
                self._bar.total = self._bar.n + n_epochs
            self._bar.set_description(f"{unit}, {expected.describe()}")

    def say(self, losses: Mapping[str, float], quality: str = "") -> None:
        """Show one epoch: its losses, how good the weights are by now, and the seconds that it took."""
        self._n_told += 1
        now = perf_counter()
        seconds = now - self._epoch_start
        told = ", ".join(f"{part} loss {loss:.5g}" for part, loss in losses.items()) + quality
        if self._bar is not None:
            self._bar.set_postfix_str(told, refresh=False)
            self._bar.update()
        elif self.prints:
            print(f"{self._unit} {self._n_told}: {told}, {seconds:.1f} s", flush=True)
        elif self._tells_of_waiting:
            self._tell_of_waiting(now - self._start, seconds)
        self._epoch_start = perf_counter()

    def close(self) -> None:
        """Close the bar, which may stand before its end."""
        if self._bar is not None:
            self._bar.close()

    def _tell_of_waiting(self, so_far: float, seconds_per_epoch: float) -> None:
        if self._n_told == 1 and so_far < self.LONG:
            return  # the first epoch is slower than those that follow
        most, fewest, refit = self._expected
        least_left, most_left = (
            seconds_per_epoch * max(n_epochs - self._n_told, 0) for n_epochs in (fewest + min(refit, 1), most + refit)
        )
        if most_left and so_far + least_left > self.LONG:
            self._tells_of_waiting = False
            print(
                f"AutoSeqRecRecommender.fit: {self._expected.describe()}; {so_far:.0f} s so far, "
                f"{_span(least_left, most_left)} s to go. verbose=0: silent, 1: a line per epoch, 2: a bar.",
                file=sys.stderr,
                flush=True,
            )


def _span(least: float, most: float) -> str:
    """Return two bounds in words, one of them where both read alike, and no lower bound where it reads 0."""
    low, high = f"{least:.0f}", f"{most:.0f}"
    if low == high:
        return high
    return f"at most {high}" if low == "0" else f"{low} to {high}"


def verbosity(verbose: int | str) -> int:
    """Return how much is printed of each epoch, as a number: "auto" prints nothing of them."""
    return 0 if verbose == "auto" else int(verbose)


def require_bar(verbose: int | str) -> None:
    """Raise ImportError if a bar is wanted and there is none."""
    if verbosity(verbose) >= 2 and find_spec("tqdm") is None:
        raise ImportError(f"verbose={verbose} shows a bar of tqdm, which is not installed: pip install tqdm.")
