"""Comparison of models on the same newest events, with confidence intervals."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from numbers import Integral
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import Bunch

from .._data.interactions import alike
from .._data.naming import check_columns
from .._data.reading import read_columns
from .._utils.arguments import check_ties
from .._utils.warn import warn_caller
from .._utils.words import counted
from ..metrics._bootstrap import bootstrap_interval, check_confidence
from ..metrics._names import gains, metric_names
from ..metrics._ranks import ranks_from_reciprocal
from ..metrics._scorers import score_samples
from ._split import TemporalSplit, take_rows

Folds = list[tuple[NDArray[np.int64], NDArray[np.int64]]]


class Evaluated(NamedTuple):
    """What came of one model over all folds: a reciprocal rank per tested event, and seconds per fold."""

    reciprocal_ranks: NDArray[np.float64]
    fit_seconds: list[float]
    score_seconds: list[float]
    ties: str | None
    n_events: int


def compare(
    models: Mapping[str, Any],
    log: Any,
    *,
    cv: Any = None,
    metrics: str | Sequence[str] = ("mrr", "recall@10", "ndcg@10"),
    ties: str | None = None,
    judge: Any = None,
    columns: Mapping[str, str] | None = None,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    random_state: Any = None,
    verbose: int = 0,
) -> Bunch:
    """Compare models on the same newest events of a log, with confidence intervals.

    A clone of each model is fitted on the training part of each fold, and its test part is evaluated prequentially. The
    intervals are bootstrapped over users (:func:`~skautoseqrec.metrics.bootstrap_interval`). Differences are to the
    first model, paired event by event: put the baseline first.

    Parameters
    ----------
    models : dict of str to estimator
        Each has ``fit`` and ``score_samples``, as the recommender, its pipelines and the baselines have.
    log : dataframe, array-like of shape (n_events, 2 or 3), list of tuples or Interactions
        The log.
    cv : cross-validator, iterable of (train, test) or None, default=None
        Folds. None takes the last tenth as one test part: ``TemporalSplit(1, test_size=0.1)``.
    metrics : str or sequence of str, default=("mrr", "recall@10", "ndcg@10")
        "mrr", "recall@k", "precision@k", "ndcg@k" or "map@k".
    ties : {"row", "together"} or None, default=None
        How all models rank events of one timestamp. None leaves it to each, and warns if they differ.
    judge : str, int or None, default=None
        Kind of the events that are compared, "buy" for instance; the log then needs a column of events. Models learn
        from all events. None compares all.
    columns : dict or None, default=None
        Names of the columns of the log, as in :class:`TemporalSplit`. None takes those of the first model with some.
    confidence : float, default=0.95
        Probability of the intervals; in (0, 1).
    n_resamples : int, default=1000
        Number of resamples; at least 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the bootstrap.
    verbose : int, default=0
        0 prints nothing, 1 a line on stderr for each model and fold.

    Returns
    -------
    comparison : Bunch
        ``table`` has a row per model and metric, as under Notes. ``reciprocal_ranks`` is a dict from the name of a
        model to an array with a value per tested event, (n_tests,). ``rows``, ``users`` and ``folds`` (n_tests,) are
        the row in the log, the user and the number of the fold of each tested event.

    Raises
    ------
    ValueError, TypeError
        If there is no model, one lacks a method, a metric is unknown, fewer than 2 users are tested, or another
        argument is out of range. All this is checked before anything is fitted.

    Notes
    -----
    The columns of ``table`` are model, metric, value, low, high, difference, difference_low, difference_high,
    fit_seconds (mean of a fold) and events_per_second (evaluated). The first model has no difference. The table is a
    frame of the library of ``log``, else of pandas if it is installed, else a list of dicts.

    Examples
    --------
    >>> from skautoseqrec import AutoSeqRecRecommender
    >>> from skautoseqrec.datasets import make_interactions
    >>> from skautoseqrec.model_selection import compare
    >>> log = make_interactions(n_users=30, n_items=20, n_events=300, random_state=0)
    >>> models = {
    ...     name: AutoSeqRecRecommender(objective="closed_form", blend=blend, early_stopping=False)
    ...     for name, blend in {"popularity": {"trend": (0, 0, 0, 1)}, "transitions": {"direct": 1.0}}.items()
    ... }
    >>> comparison = compare(models, [*map(tuple, log)], metrics=["mrr"], random_state=0)
    >>> comparison.reciprocal_ranks["transitions"].shape
    (30,)
    """
    _check_models(models)
    names = metric_names(metrics)
    _check_metrics(names)
    check_confidence(confidence, n_resamples)
    check_ties(ties)
    if not isinstance(verbose, Integral) or verbose < 0:
        raise ValueError(f"verbose must be a whole number of at least 0, not {verbose!r}.")
    columns = _columns_of(models) if columns is None else columns
    read = read_columns(log, check_columns(columns), judge is not None)
    is_judged = read.judged(judge)
    for name, model in models.items():
        if not getattr(model, "_counts_weights", True):  # its own fit would say so after those before it
            alike(read, name)
    folds = _folds(log, read.user_ids, is_judged, cv, columns)
    every_row = np.concatenate([test for _, test in folds])
    kept = np.ones(len(every_row), dtype=bool) if is_judged is None else is_judged[every_row]
    rows = every_row[kept]
    import_module("torch")  # the first fit of a process loads it, which takes seconds that are not the model's
    evaluated = {name: _evaluate(name, model, log, folds, ties, verbose) for name, model in models.items()}
    evaluated = {
        name: found._replace(reciprocal_ranks=found.reciprocal_ranks[kept]) for name, found in evaluated.items()
    }
    _warn_of_different_ties({name: found.ties for name, found in evaluated.items()})
    users = read.user_ids[rows]
    records = _records(evaluated, names, users, (confidence, n_resamples, random_state))
    return Bunch(
        table=_as_frame(records, log),
        reciprocal_ranks={name: found.reciprocal_ranks for name, found in evaluated.items()},
        rows=rows,
        users=users,
        folds=np.repeat(np.arange(len(folds)), [len(test) for _, test in folds])[kept],
    )


def _check_models(models: Any) -> None:
    if not isinstance(models, Mapping) or not models:
        raise TypeError(f"models must be a dict of estimators by name, one at least, not {models!r}.")
    for name, model in models.items():
        if not isinstance(name, str):
            raise TypeError(f"The names of models must be strings, not {name!r}.")
        for method in ("fit", "score_samples"):
            if not hasattr(model, method):
                raise TypeError(f"The model {name!r} ({type(model).__name__}) has no method {method}.")
        clone(model)  # what cannot be cloned is refused by scikit-learn


def _columns_of(models: Mapping[str, Any]) -> Any:
    """Return the names of columns of the first model, or step of one, that has some; None if none has."""
    for model in models.values():
        for name, value in model.get_params().items():
            if name.split("__")[-1] == "columns" and value is not None:
                return value
    return None


def _check_metrics(names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise ValueError(f"metrics must hold each name once, not {names!r}.")
    for name in names:
        gains(name, np.ones(1))


def _folds(
    log: Any,
    users: NDArray[Any],
    is_judged: NDArray[np.bool_] | None,
    cv: Any,
    columns: Mapping[str, str] | None,
) -> Folds:
    """Return the rows of each fold of the log."""
    splitter: Any = TemporalSplit(1, test_size=0.1, columns=columns) if cv is None else cv
    is_iterable = hasattr(splitter, "__iter__") and np.iterable(splitter)  # a LazyFrame is the second alone
    if isinstance(splitter, str) or not (hasattr(splitter, "split") or is_iterable):
        raise TypeError(f"cv must be a cross-validator or pairs of rows, such as TemporalSplit(3), not {cv!r}.")
    folds = [_fold(pair, len(users)) for pair in (splitter.split(log) if hasattr(splitter, "split") else splitter)]
    tested = np.concatenate([test for _, test in folds]) if folds else np.zeros(0, dtype=np.int64)
    if len(np.unique(users[tested if is_judged is None else tested[is_judged[tested]]])) < 2:
        raise ValueError("The test parts hold fewer than 2 users: intervals over users need more. Enlarge them.")
    return folds


def _fold(pair: Any, n_rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of the training and of the test part of a fold."""
    try:
        train, test = (np.arange(n_rows)[np.asarray(part)].ravel() for part in pair)
    except (IndexError, TypeError, ValueError) as error:
        raise ValueError(
            f"cv must give pairs of row numbers below {n_rows}, to train on and to test: {error}"
        ) from error
    return train, test


def _evaluate(name: str, model: Any, log: Any, folds: Folds, ties: str | None, verbose: int) -> Evaluated:
    values, fit_seconds, score_seconds = [], [], []
    for number, (train, test) in enumerate(folds):
        started = time.perf_counter()
        fitted = clone(model).fit(take_rows(log, train))
        fit_seconds.append(time.perf_counter() - started)
        tested = take_rows(log, test)
        started = time.perf_counter()
        values.append(np.asarray(score_samples(fitted, tested, ties), dtype=np.float64))
        score_seconds.append(time.perf_counter() - started)
        _check_values(name, values[-1], len(test))
        if verbose >= 1:
            print(
                f"{name}, fold {number + 1} of {len(folds)}: fitted in {fit_seconds[-1]:.1f} s, "
                f"{counted(len(test), 'event')} in {score_seconds[-1]:.1f} s, MRR {values[-1].mean():.4f}",
                file=sys.stderr,
                flush=True,
            )
    ties = ties or getattr(fitted, "ties_", None)
    return Evaluated(np.concatenate(values), fit_seconds, score_seconds, ties, sum(map(len, values)))


def _check_values(name: str, values: NDArray[np.float64], n_events: int) -> None:
    if values.shape != (n_events,) or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(
            f"score_samples of the model {name!r} returned no reciprocal ranks: one number in [0, 1] for each of "
            f"{counted(n_events, 'event')} is needed, but it returned an array of shape {values.shape}."
        )


def _warn_of_different_ties(ties: dict[str, str | None]) -> None:
    known = {name: each for name, each in ties.items() if each is not None}
    if len(set(known.values())) > 1:
        warn_caller(
            f"The models rank events of one timestamp differently ({known}), so their figures do not compare. Pass "
            "ties='together', or 'row' if rows of one time stand in the order in which things happened."
        )


def _records(
    evaluated: Mapping[str, Evaluated], metrics: list[str], users: NDArray[Any], options: tuple[float, int, Any]
) -> list[dict[str, Any]]:
    """Return a row of the table per model and metric, all intervals from the same resamples."""
    confidence, n_resamples, random_state = options
    ranks = {name: ranks_from_reciprocal(found.reciprocal_ranks) for name, found in evaluated.items()}
    values = np.stack([[gains(metric, each) for metric in metrics] for each in ranks.values()])
    both = np.stack([values, values - values[0]])  # (2, n_models, n_metrics, n_tests)
    low, high = bootstrap_interval(
        both.reshape(-1, len(users)).T,
        users,
        confidence=confidence,
        n_resamples=n_resamples,
        random_state=random_state,
    )
    ends = np.stack([both.mean(axis=3), low.reshape(both.shape[:3]), high.reshape(both.shape[:3])], axis=3)
    records = []
    for place, (name, found) in enumerate(evaluated.items()):
        speeds = {
            "fit_seconds": float(np.mean(found.fit_seconds)),
            "events_per_second": found.n_events / max(sum(found.score_seconds), 1e-9),
        }
        for number, metric in enumerate(metrics):
            value, difference = ends[:, place, number].tolist()
            if place == 0:
                difference = [None] * 3
            named = zip(("value", "low", "high"), value, strict=True)
            compared = zip(("difference", "difference_low", "difference_high"), difference, strict=True)
            records.append({"model": name, "metric": metric, **dict(named), **dict(compared), **speeds})
    return records


def _as_frame(records: list[dict[str, Any]], log: Any) -> Any:
    """Return records as a frame of the library of a log, else of pandas, else as they are."""
    if nw.dependencies.is_into_dataframe(log):
        library = nw.from_native(log, eager_only=True).implementation
    elif find_spec("pandas") is not None:
        library = nw.Implementation.PANDAS
    else:
        return records
    table = {key: [record[key] for record in records] for key in records[0]}
    return nw.from_dict(table, backend=library).to_native()
