"""scikit-learn's callbacks, called around every epoch of a training. They exist from version 1.9 on."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
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
