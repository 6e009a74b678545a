"""Metrics by name, as scorers and comparisons take them: "mrr", "recall@10"."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from ._positions import mean_rank, median_rank
from ._ranks import (
    GAINS,
    Ranks,
    mean_average_precision_at_k,
    mean_reciprocal_rank,
    ndcg_at_k,
    precision_at_k,
    recall_at_k,
)

AT_K = {
    "recall": recall_at_k,
    "precision": precision_at_k,
    "ndcg": ndcg_at_k,
    "map": mean_average_precision_at_k,
}
#: Other words for a metric that has a name here.
SYNONYMS = {"hit_rate": "recall", "hitrate": "recall", "hit": "recall", "hr": "recall", "mrr": "map"}
USAGE = (
    "use 'mrr', 'recall@k', 'precision@k', 'ndcg@k', 'map@k', such as 'recall@10', 'neg_mean_rank' or 'neg_median_rank'"
)


def _neg_mean_rank(ranks: Ranks, *, sample_weight: object = None) -> float:
    return -mean_rank(ranks, sample_weight=sample_weight)  # type: ignore[arg-type]


def _neg_median_rank(ranks: Ranks, *, sample_weight: object = None) -> float:
    return -median_rank(ranks, sample_weight=sample_weight)  # type: ignore[arg-type]


WHOLE: dict[str, Callable[..., float]] = {
    "mrr": mean_reciprocal_rank,
    "neg_mean_rank": _neg_mean_rank,
    "neg_median_rank": _neg_median_rank,
}


def parse_metric(name: object) -> Callable[..., float]:
    """Return the function of ranks that has a name; the higher, the better.

    Raises
    ------
    ValueError
        If no metric has that name; the message says which there are, and names the one that was meant.
    """
    if isinstance(name, str) and name in WHOLE:
        return WHOLE[name]
    match = re.fullmatch(r"(\w+)@([1-9]\d*)", name) if isinstance(name, str) else None
    if match is not None and match[1] in AT_K:
        return partial(AT_K[match[1]], k=int(match[2]))
    raise ValueError(f"Unknown metric {name!r}: {_hint(name, match)}{USAGE}.")


def metric_names(metrics: object) -> list[str]:
    """Return one name, or several, as a list of names that are known.

    Raises
    ------
    ValueError, TypeError
        If there is none, they are no names, or no metric has one of them.
    """
    try:
        names = [metrics] if isinstance(metrics, str) else list(metrics)  # type: ignore[call-overload]
    except TypeError:
        names = None
    if names is None or not hasattr(metrics, "__len__"):
        raise TypeError(f"metrics must be the name of a metric, or a list of names, not {metrics!r:.80}.")
    if not names:
        raise ValueError("metrics holds no name: give one metric or more, such as 'mrr'.")
    for name in names:
        parse_metric(name)
    return names


def gains(name: str, ranks: Ranks) -> Ranks:
    """Return what each event adds to a metric that is a mean over events, shape (n_events,).

    Raises
    ------
    ValueError
        If no metric has that name, or it is none of these.
    """
    parse_metric(name)
    metric, _, k = name.partition("@")
    if metric not in GAINS:
        raise ValueError(f"{name!r} is no mean of shares over events: take 'mrr', 'recall@k', 'ndcg@k' or 'map@k'.")
    return GAINS[metric](ranks, int(k or 1))


def _hint(name: object, match: re.Match[str] | None) -> str:
    if not isinstance(name, str):
        return ""
    if match is not None and match[1] in SYNONYMS:
        return f"with one right answer it is '{SYNONYMS[match[1]]}@{match[2]}'; "
    if name in ("mean_rank", "median_rank"):
        return f"a score is the better the higher it is, so it is called 'neg_{name}'; "
    if name in ("auc", "roc_auc"):
        return "it needs the number of candidates: call skautoseqrec.metrics.roc_auc; "
    return ""
