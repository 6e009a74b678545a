"""What is told of a fit while it goes on: to scikit-learn's callbacks, as lines, or as a bar."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from importlib.util import find_spec
from time import perf_counter
from typing import Any, TypeVar

import sklearn
from sklearn.utils.fixes import parse_version

HAS_CALLBACKS = parse_version(sklearn.__version__) >= parse_version("1.9")
if HAS_CALLBACKS:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
else:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing: an older scikit-learn has no callbacks to set."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method as it is."""
        return method


Epoch = TypeVar("Epoch")


class Watch:
    """Tells the callbacks of an estimator of its fit and of each epoch.

    Parameters
    ----------
    estimator : estimator instance
        In its ``fit``, which is decorated with ``with_callbacks``.
    X, y : object
        What it is fitted on; y is ignored but by callbacks that want one.
    max_epochs : int or None
        How many epochs there will be; None if that is not known.
    """

    def __init__(self, estimator: Any, X: Any, y: Any, max_epochs: int | None) -> None:
        self._told = {"estimator": estimator, "X": X, "y": y}
        self._fit = None
        if HAS_CALLBACKS:
            self._fit = estimator._init_callback_context(max_subtasks=max_epochs)
            self._fit.call_on_fit_task_begin(**self._told)

    def over(
        self,
        epochs: Generator[Epoch, None, None],
        attributes: Callable[[], Mapping[str, Any]],
        is_learnt: Callable[[], bool],
    ) -> Generator[Epoch, None, None]:
        """Yield epochs until a callback asks to stop.

        Parameters
        ----------
        epochs : generator
            Epochs without end.
        attributes : callable
            Returns the attributes that the estimator would be fitted with if it stopped after the epoch that was
            yielded last; it is called only where a callback wants them.
        is_learnt : callable
            Tells whether there are any: an epoch may be interrupted.
        """
        if self._fit is None:
            yield from epochs
            return
        stops = False
        while not stops:
            task = self._fit.subcontext(task_name="epoch")
            task.call_on_fit_task_begin(**self._told)
            epoch = next(epochs)
            try:
                yield epoch
            finally:
                # Also when the one who asked for epochs has had enough of them.
                learnt = {"reconstruction_attributes": attributes} if is_learnt() else {}
                stops = task.call_on_fit_task_end(**self._told, **learnt)

    def end(self) -> None:
        """Tell that fit has ended."""
        if self._fit is not None:
            self._fit.call_on_fit_task_end(**self._told)


class Progress:
    """Tells of each epoch of a training.

    Parameters
    ----------
    verbose : int
        0 tells nothing, 1 a line for each epoch, more a bar.
    unit : str
        What the epochs are called.
    n_epochs : int
        How many there are at most.

    Raises
    ------
    ImportError
        If a bar is wanted and tqdm is not installed.
    """

    def __init__(self, verbose: int, unit: str, n_epochs: int) -> None:
        self.is_told, self._unit = verbose >= 1, unit
        self._n_told, self._start = 0, perf_counter()
        self._bar: Any = None
        if verbose >= 2:
            require_bar(verbose)
            from tqdm.auto import tqdm

            self._bar = tqdm(total=n_epochs, desc=unit, unit="epoch")

    def say(self, losses: Mapping[str, float], quality: str = "") -> None:
        """Tell of one epoch: its losses, how good the weights are by now, and the seconds that it took."""
        self._n_told += 1
        now = perf_counter()
        told = ", ".join(f"{part} loss {loss:.5g}" for part, loss in losses.items()) + quality
        if self._bar is not None:
            self._bar.set_postfix_str(told, refresh=False)
            self._bar.update()
        elif self.is_told:
            print(f"{self._unit} {self._n_told}: {told}, {now - self._start:.1f} s", flush=True)
        self._start = now

    def close(self) -> None:
        """Close the bar; fewer epochs than the most may have been enough."""
        if self._bar is not None:
            self._bar.close()


def require_bar(verbose: int) -> None:
    """Raise ImportError if a bar is wanted and there is none."""
    if verbose >= 2 and find_spec("tqdm") is None:
        raise ImportError(f"verbose={verbose} shows a bar of tqdm, which is not installed: pip install tqdm.")
