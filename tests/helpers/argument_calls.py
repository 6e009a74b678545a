"""What can be asked of recommenders, which arguments make sense of it, and what an answer then looks like."""

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from argument_values import (
    AT,
    FORMS,
    LOGS,
    MORE,
    RERANK,
    RESTRICTIONS,
    ROWS,
    SAMPLE_WEIGHT,
    SOME_ITEMS,
    SOME_USERS,
    TITLES,
    UNKNOWN,
    K,
)  # fmt: skip
from sklearn.utils import Bunch

from skautoseqrec import Interactions, metrics
from skautoseqrec.ensemble import HybridRecommender


class Call(NamedTuple):
    """Something that can be called.

    Parameters
    ----------
    ask : callable
        Takes the subject and arguments by name.
    good : dict of str to list
        For each argument, values that make sense, or functions without arguments that make one; the first is usual.
    check : callable
        Takes the answer and the arguments as they were given; raises AssertionError if the answer is of another form.
    changes : bool
        Whether the subject is another one afterwards.
    """

    ask: Callable[..., Any]
    good: dict[str, list[Any]]
    check: Callable[[Any, dict[str, Any]], None]
    changes: bool = False


def method(name):
    return lambda subject, **arguments: getattr(subject, name)(**arguments)


def count(ids):
    return len(ids) if hasattr(ids, "__len__") else len(list(ids))


def check_lists(answer, given, key="users", score=np.floating):
    """Check ranked lists in whichever form was asked for."""
    n_rows, k, output = count(given[key]), given.get("k", 10), given.get("output", "array")
    if output == "frame":
        columns = list(answer.columns)
        assert "rank" in columns
        assert len(answer) <= n_rows * k
        return
    ids, scores = answer if given.get("return_scores") else (answer, None)
    if output == "list":
        assert len(ids) == n_rows
        assert all(isinstance(row, list) and len(row) <= k for row in ids)
        assert scores is None or [*map(len, scores)] == [*map(len, ids)]
        return
    assert ids.shape == (n_rows, k)
    if scores is not None:
        assert scores.shape == ids.shape
        assert issubclass(scores.dtype.type, score)
        assert not np.isnan(np.ma.compressed(scores)).any()


def check_number(answer, given):
    assert isinstance(answer, float)
    assert not np.isnan(answer)


def check_frames(answer, given):
    parts = [np.asarray(part) if not isinstance(part, Interactions) else part for part in answer]
    assert len(parts) == 2
    assert min(map(len, parts)) > 0


def check_explanation(answer, given):
    if given.get("output") == "frame":
        assert {"part", "value"} <= set(answer.columns)
        return
    assert isinstance(answer, Bunch)
    assert answer.scores.shape == answer.status.shape == answer.ranks.shape == answer.sentences.shape
    assert set(answer.status.ravel()) <= {"candidate", "seen", "disliked", "excluded", "not in candidates", "unknown"}


def check_nothing(answer, given):
    """The subject itself comes back, or something whose form is checked elsewhere."""
    assert answer is not None


def saved(subject, path, journal):
    with tempfile.TemporaryDirectory() as folder:
        path, journal = (Path(folder) / each if isinstance(each, str | Path) else each for each in (path, journal))
        copy.deepcopy(subject).save_model(path, journal=journal)


def asked_by_name(subject, scoring, ties):
    scorer = metrics.get_scorer(scoring, ties=ties)
    return scorer(subject, ROWS) if isinstance(scorer, metrics.RankingScorer) else scorer


RECOMMENDER = {
    "predict_topk": Call(
        method("predict_topk"),
        {"users": SOME_USERS, **K, **RESTRICTIONS, **FORMS, **UNKNOWN, **RERANK, **AT},
        check_lists,
    ),
    "predict_topk_sequences": Call(
        method("predict_topk_sequences"),
        {"sequences": [[["tea"]], [[], ["jam", "brick"]], []], **K, **RESTRICTIONS, **FORMS, **UNKNOWN, **RERANK},
        lambda answer, given: check_lists(answer, given, "sequences"),
    ),
    "predict_users": Call(
        method("predict_users"),
        {
            "items": SOME_ITEMS,
            **K,
            "users": [None, *SOME_USERS[:2]],
            "exclude_seen": [None, False],
            **AT,
            "output": FORMS["output"],
            "return_scores": [False, True],
        },
        lambda answer, given: check_lists(answer, given, "items"),
    ),
    "similar_users": Call(
        method("similar_users"),
        {
            "users": SOME_USERS,
            "k": [2, 1],
            "by": ["auto", "embeddings", "histories"],
            "output": FORMS["output"],
            "return_scores": [False, True],
        },
        check_lists,
    ),
    "similar_items": Call(
        method("similar_items"),
        {"items": SOME_ITEMS, "k": [2, 1], "side": ["target", "source"], **FORMS},
        lambda answer, given: check_lists(answer, given, "items"),
    ),
    "explain": Call(
        method("explain"),
        {
            "users": [*SOME_USERS, "ann"],
            "items": [*SOME_ITEMS, "tea"],
            **AT,
            **RESTRICTIONS,
            **UNKNOWN,
            "titles": TITLES,
            "output": ["bunch", "frame"],
        },
        check_explanation,
    ),
    "user_embeddings": Call(method("user_embeddings"), {"users": SOME_USERS}, check_nothing),
    "predict": Call(method("predict"), {"X": LOGS}, check_nothing),
    "score_samples": Call(method("score_samples"), {"X": LOGS, "ties": [None, "row", "together"]}, check_nothing),
    "score": Call(method("score"), {"X": LOGS, **SAMPLE_WEIGHT, "ties": [None, "row", "together"]}, check_number),
    "with_blend": Call(
        method("with_blend"),
        {"blend": [None, {"direct": 1.0}, {"trend": (1.0,)}, {"brick": 1}], "exclude_seen": [None, False]},
        check_nothing,
    ),
    "dislike": Call(
        method("dislike"),
        {"X": [*LOGS, [], [("nobody", "tea")]], "withdraw": [False, True, np.False_]},
        check_nothing,
        True,
    ),
    "partial_update": Call(method("partial_update"), {"X": LOGS}, check_nothing, True),
    "forget": Call(
        method("forget"),
        {
            "users": [None, ["ann"], ["nobody"], []],
            "items": [None, ["milk"], ["brick"]],
            "interactions": [None, lambda: ROWS[:1], lambda: MORE[:1]],
        },
        check_nothing,
        True,
    ),
    "save_model": Call(saved, {"path": ["model"], "journal": [None]}, lambda answer, given: None),
    "mrr_scorer": Call(
        lambda subject, **arguments: metrics.mrr_scorer(subject, **arguments),
        {"X": LOGS, **SAMPLE_WEIGHT},
        check_number,
    ),
    "RankingScorer": Call(
        lambda subject, metrics_, ties: metrics.RankingScorer(metrics_, ties=ties)(subject, ROWS),
        {
            "metrics_": ["mrr", ["mrr", "recall@2"], "ndcg@3", "neg_mean_rank", "recall@0", [], "hit@10"],
            "ties": [None, "row", "together"],
        },
        check_nothing,
    ),
    "get_scorer": Call(
        asked_by_name,
        {"scoring": ["mrr", "recall@3", "map@2", "accuracy", "mrr@5"], "ties": [None, "row", "together"]},
        check_nothing,
    ),
}


BASELINE = {
    "predict_topk of a baseline": Call(
        method("predict_topk"), {"users": SOME_USERS, **K, **RESTRICTIONS, **FORMS, **UNKNOWN}, check_lists
    )
}


def by_place(histories, item_ids):
    """Score the items of a hybrid's catalogue in falling order."""
    return np.tile(-np.arange(float(len(item_ids))), (len(histories), 1))


def answered_beside(subject, part, weight):
    hybrid = HybridRecommender.from_fitted(subject.recommender_, part, weight)
    return hybrid.predict_topk(["ann", "nobody"], k=2)


def answered_with(subject, part):
    """Ask a hybrid whose part returns this, whatever it is asked."""
    return answered_beside(subject, lambda histories, item_ids: part, 1.0)


OF_BOTH = ["predict_topk", "predict_topk_sequences", "predict_users", "explain", "predict", "score_samples", "score"]
HYBRID = {
    **{f"{name} of a hybrid": RECOMMENDER[name] for name in [*OF_BOTH, "dislike", "partial_update", "forget"]},
    "from_fitted": Call(answered_beside, {"part": [by_place], "weight": [1.0, 0, 0.5, 1e6]}, check_nothing),
    "what a part returns": Call(
        answered_with,
        {
            "part": [
                np.zeros((1, 4)),
                [[True, 1, 0.5, np.nan]],
                np.ma.masked_array([[1, 2, 3, 4]], [[1, 0, 1, 0]]),
                np.zeros((2, 4)),
                [[1.0, 2.0], [3.0]],
                np.array([[1, 2, 3, None]]),
                np.full((1, 4), np.inf),
            ]
        },
        check_nothing,
    ),
}
