"""What can be asked of the package, which arguments make sense of it, and what an answer then looks like."""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
from sklearn.utils import Bunch

from skautoseqrec import Interactions, baselines, datasets, metrics
from skautoseqrec.model_selection import TemporalSplit, compare, temporal_train_test_split
from skautoseqrec.reranking import MaximalMarginalRelevance, MaxPerGroup

USERS, ITEMS = ["ann", "bob", "cid"], ["tea", "milk", "jam", "salt"]
ROWS = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3), ("cid", "jam", 4), ("bob", "salt", 5), ("cid", "tea", 6)]
MORE = [("ann", "jam", 7), ("dan", "tea", 8), ("dan", "cake", 9)]
FOLDER = Path(tempfile.gettempdir())  # where nothing is written to
#: Files that are read, by name; broken ones too.
FILES = {
    "log.csv": b"user,item,when\nann,tea,1\nbob,jam,2\n", "log.tsv": b"user\titem\nann\ttea\n",
    "bare.csv": b"ann,tea,1\nbob,jam,2\n", "dates.csv": b"user,item,time\nann,tea,2024-01-05 10:00\nbob,jam,2024-02-01\n",
    "log.jsonl": b'{"user": "ann", "item": 3}\n{"user": "bob", "item": 4}\n', "broken.jsonl": b'{"user": "ann", "item"\n',
    "quotes.csv": b'user,item\n"ann,tea\nbob,jam\n', "latin.csv": b"user,item\nj\xe9,tea\n", "empty.csv": b"",
    "header.csv": b"user,item,time\n", "ragged.csv": b"user,item,time\nann,tea\nbob,jam,2,3\n", "nul.csv": b"user,item\na\0,b\n",
    "log.csv.gz": b"no gzip", "log.parquet": b"no parquet", "log.xlsx": b"PK", "missing.csv": b"user,item,time\nann,,1\nbob,tea,2\n",
    "titles.csv": b"item_id,title\ntea,Green Tea\njam,\n", "decimals.csv": b'user;item;time\nann;tea;"1,5"\nbob;jam;2,5\n',
}  # fmt: skip


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


LOGS = [lambda: ROWS, lambda: pd.DataFrame(ROWS, columns=["user_id", "item_id", "timestamp"]), lambda: MORE,
        lambda: np.array(ROWS, dtype=object), lambda: pl.DataFrame(MORE, schema=["who", "what", "t"], orient="row"),
        lambda: [{"user": "ann", "sku": "tea", "rating": 3}]]  # fmt: skip
COLUMNS = [None, {}, {"user": "who"}, {"user": "who", "item": "what"}, {"time": "t"}, {"user": "user_id", "time": "timestamp"}]
TITLES = [None, {"tea": "Tea", "jam": None}, lambda: pd.DataFrame({"item_id": ["tea"], "title": ["Tea"]}),
          lambda: pd.Series({"tea": "Tea"}), {"nothing": "Nothing"}, {}]  # fmt: skip
SOME_USERS = [["ann"], USERS, [], ["nobody", "ann"], lambda: np.array(["bob"]), lambda: pd.Series(["cid"]), ("ann", "ann")]
SOME_ITEMS = [["tea"], ITEMS, lambda: np.array(["jam"], dtype=object), lambda: pl.Series(["milk", "tea"])]
RESTRICTIONS = {
    "exclude_seen": [None, True, False, np.True_],
    "candidates": [None, ITEMS, ["tea"], [], [["tea"]], ["brick", "jam"], lambda: np.ma.masked_array(["tea", "jam"], [0, 1])],
    "exclude": [None, ["tea"], [["jam"]], [], ["brick"]],
}
FORMS = {"output": ["array", "list", "frame"], "return_scores": [False, True], "titles": TITLES}
UNKNOWN = {"on_unknown": [None, "ignore", "warn", "raise"]}
RERANK = {
    "rerank": [None, lambda: lambda users, ids, scores: ids, lambda: MaxPerGroup(1, {"tea": "drink", "milk": "drink"}),
               lambda: MaximalMarginalRelevance(0.5, {item: [1.0, place] for place, item in enumerate(ITEMS)}),
               lambda: lambda *page: None, lambda: lambda *page: [["brick"]], lambda: lambda: None],
    "rerank_size": [None, 1, 3, 100],
}  # fmt: skip
K = {"k": [2, 1, 5, np.int64(3)]}
AT = {"at": [None, 9, [9], 0.5, lambda: np.array([10])]}
SAMPLE_WEIGHT = {"sample_weight": [None, [1.0] * len(ROWS), lambda: np.arange(len(ROWS)), [0] * len(ROWS), [1.0]]}
RANKS = {"ranks": [[1, 2, np.inf], [1.0], lambda: np.array([3, 1]), [0.5], [], [np.nan]]}
RECOMMENDED = {"recommended": [[["tea", "jam"]], [["tea"], []], lambda: np.array([["tea", "milk"]]),
                               lambda: np.ma.masked_array([["tea", "jam"]], [[0, 1]]), [["brick"]], [[]]]}  # fmt: skip
CATALOGUE = {"log": [*LOGS, {"tea": 2, "jam": 1, "milk": 1}, {"tea": 0}], "columns": COLUMNS}


def weighted(metric, **more):
    return Call(lambda subject, **arguments: metric(**arguments), {**RANKS, **more, "sample_weight": [None, [1, 2, 0]]}, check_number)


def of_lists(metric):
    return Call(lambda subject, **arguments: metric(**arguments), {**RECOMMENDED, **CATALOGUE}, check_number)


RECOMMENDER = {
    "predict_topk": Call(method("predict_topk"), {"users": SOME_USERS, **K, **RESTRICTIONS, **FORMS, **UNKNOWN, **RERANK, **AT}, check_lists),
    "predict_topk_sequences": Call(
        method("predict_topk_sequences"),
        {"sequences": [[["tea"]], [[], ["jam", "brick"]], []], **K, **RESTRICTIONS, **FORMS, **UNKNOWN, **RERANK},
        lambda answer, given: check_lists(answer, given, "sequences"),
    ),
    "predict_users": Call(
        method("predict_users"),
        {"items": SOME_ITEMS, **K, "users": [None, *SOME_USERS[:2]], "exclude_seen": [None, False], **AT,
         "output": FORMS["output"], "return_scores": [False, True]},
        lambda answer, given: check_lists(answer, given, "items"),
    ),
    "similar_users": Call(
        method("similar_users"),
        {"users": SOME_USERS, "k": [2, 1], "by": ["auto", "embeddings", "histories"], "output": FORMS["output"], "return_scores": [False, True]},
        check_lists,
    ),
    "similar_items": Call(
        method("similar_items"),
        {"items": SOME_ITEMS, "k": [2, 1], "side": ["target", "source"], **FORMS},
        lambda answer, given: check_lists(answer, given, "items"),
    ),
    "explain": Call(
        method("explain"),
        {"users": [*SOME_USERS, "ann"], "items": [*SOME_ITEMS, "tea"], **AT, **RESTRICTIONS, **UNKNOWN, "titles": TITLES, "output": ["bunch", "frame"]},
        check_explanation,
    ),
    "user_embeddings": Call(method("user_embeddings"), {"users": SOME_USERS}, check_nothing),
    "predict": Call(method("predict"), {"X": LOGS}, check_nothing),
    "score_samples": Call(method("score_samples"), {"X": LOGS, "ties": [None, "row", "together"]}, check_nothing),
    "score": Call(method("score"), {"X": LOGS, **SAMPLE_WEIGHT, "ties": [None, "row", "together"]}, check_number),
    "with_blend": Call(
        method("with_blend"), {"blend": [None, {"direct": 1.0}, {"trend": (1.0,)}, {"brick": 1}], "exclude_seen": [None, False]}, check_nothing
    ),
    "dislike": Call(method("dislike"), {"X": [*LOGS, [], [("nobody", "tea")]], "withdraw": [False, True, np.False_]}, check_nothing, True),
    "partial_update": Call(method("partial_update"), {"X": LOGS}, check_nothing, True),
    "forget": Call(
        method("forget"),
        {"users": [None, ["ann"], ["nobody"], []], "items": [None, ["milk"], ["brick"]], "interactions": [None, lambda: ROWS[:1], lambda: MORE[:1]]},
        check_nothing, True,
    ),
    "mrr_scorer": Call(lambda subject, **arguments: metrics.mrr_scorer(subject, **arguments), {"X": LOGS, **SAMPLE_WEIGHT}, check_number),
    "RankingScorer": Call(
        lambda subject, metrics_, ties: metrics.RankingScorer(metrics_, ties=ties)(subject, ROWS),
        {"metrics_": ["mrr", ["mrr", "recall@2"], "ndcg@3", "neg_mean_rank", "recall@0", [], "hit@10"], "ties": [None, "row", "together"]},
        check_nothing,
    ),
    "get_scorer": Call(
        lambda subject, scoring, ties: metrics.get_scorer(scoring, ties=ties)(subject, ROWS),
        {"scoring": ["mrr", "recall@3", "map@2", "accuracy", "mrr@5"], "ties": [None, "row", "together"]}, check_nothing,
    ),
}  # fmt: skip


def fold(subject, X, **arguments):
    folds = list(TemporalSplit(**arguments).split(X))
    assert all(len(train) and len(test) for train, test in folds)
    return folds


def compared(subject, **arguments):
    return compare(**arguments)


def check_comparison(answer, given):
    assert len(answer.rows) == len(answer.users) == len(answer.folds)
    assert all(values.shape == answer.rows.shape for values in answer.reciprocal_ranks.values())


def loaded(read):
    def load(subject, path, **arguments):
        with tempfile.TemporaryDirectory() as folder:
            if isinstance(path, str) and path in FILES:
                place = Path(folder) / path
                place.write_bytes(FILES[path])
                path = place
            return read(path, **arguments)

    return load


MODELS = [
    lambda: {"popularity": baselines.PopularityRecommender(), "markov": baselines.MarkovRecommender()},
    lambda: {"popularity": baselines.PopularityRecommender(exclude_seen=False)}, {}, {"text": "no model"}, {3: None},
]  # fmt: skip
FUNCTIONS = {
    "TemporalSplit": Call(
        fold, {"X": LOGS, "n_splits": [2, 1, 5], "test_size": [None, 1, 0.3, 0.9], "gap": [0, 1], "columns": COLUMNS}, check_nothing
    ),
    "temporal_train_test_split": Call(
        lambda subject, **arguments: temporal_train_test_split(**arguments), {"X": LOGS, "test_size": [0.3, 1, 5], "columns": COLUMNS}, check_frames
    ),
    "compare": Call(
        compared,
        {"models": MODELS, "log": LOGS[:4], "cv": [None, lambda: TemporalSplit(1, test_size=3), lambda: [([0, 1, 2], [3, 4])]],
         "metrics": ["mrr", ["mrr", "recall@2"], ["mrr", "mrr"], ["brick"]], "ties": [None, "row"], "columns": [None, {}],
         "confidence": [0.9, 0.5], "n_resamples": [3, 1], "random_state": [0, None], "verbose": [0]},
        check_comparison,
    ),
    "bootstrap_interval": Call(
        lambda subject, **arguments: metrics.bootstrap_interval(**arguments),
        {"values": [[0.5, 1.0, 0.0], lambda: np.ones((3, 2)), [np.nan, 1.0], []], "users": [None, ["ann", "bob", "ann"], [1, 2, 3]],
         "confidence": [0.9, 0.5], "n_resamples": [3, 1], "random_state": [0, None]},
        check_nothing,
    ),
    **{metric.__name__: weighted(metric, k=[2, 1, 10]) for metric in (
        metrics.recall_at_k, metrics.precision_at_k, metrics.ndcg_at_k, metrics.mean_average_precision_at_k)},
    **{metric.__name__: weighted(metric) for metric in (metrics.mean_reciprocal_rank, metrics.mean_rank, metrics.median_rank)},
    "roc_auc": weighted(metrics.roc_auc, n_candidates=[5, [5, 6, 7], 1]),
    "ranks_from_reciprocal": Call(
        lambda subject, values: metrics.ranks_from_reciprocal(values), {"values": [[1, 0.5, 0], [2], [-1], []]}, check_nothing
    ),
    **{metric.__name__: of_lists(metric) for metric in (
        metrics.catalogue_coverage, metrics.gini_index, metrics.mean_popularity, metrics.novelty)},
    "intra_list_diversity": Call(
        lambda subject, **arguments: metrics.intra_list_diversity(**arguments),
        {**RECOMMENDED, "item_ids": [ITEMS, lambda: np.array(ITEMS)], "vectors": [lambda: np.eye(4), lambda: np.ones((4, 2)), lambda: np.eye(3)],
         "metric": ["cosine", "jaccard", "euclidean"]},
        check_number,
    ),
    "serendipity": Call(
        lambda subject, **arguments: metrics.serendipity(**arguments),
        {**RECOMMENDED, "expected": [[["tea"]], [["jam"], []]], "relevant": [["tea"], [["tea"]], [["jam"], ["milk"]]]}, check_number,
    ),
    "recall_scorer": Call(lambda subject, **arguments: metrics.recall_scorer(**arguments), {"k": [10, 1], "ties": [None, "row"]}, check_nothing),
    "load_interactions": Call(
        loaded(datasets.load_interactions),
        {"path": [*FILES, "nothing.csv", lambda: io.StringIO("user,item\nann,tea\n")], "columns": [None, {}, {"time": "when"}, {"user": "who"}],
         "names": [None, ["user", "item", "time"], ["user", "item"], ["a"]], "sep": [None, ",", ";", "\t", "::"],
         "encoding": ["utf-8", "latin-1", "utf-16", "brick"], "time_format": [None, "%Y-%m-%d", "%d.%m.%Y", "%Q"],
         "decimal": [".", ","], "skip_missing": [False, True]},
        check_nothing,
    ),
    "load_titles": Call(
        loaded(datasets.load_titles),
        {"path": ["titles.csv", *FILES, "nothing.csv"], "item": [None, "item_id", "user"], "title": [None, "title", "item"],
         "sep": [None, ",", ";"], "encoding": [None, "utf-8", "latin-1", "brick"]},
        check_nothing,
    ),
    "make_interactions": Call(
        lambda subject, **arguments: datasets.make_interactions(**arguments),
        {"n_users": [5, 1], "n_items": [6, 2], "n_events": [20, 1], "n_successors": [2, 1], "n_tastes": [2, 1], "noise": [0.1, 0, 1],
         "return_rate": [0.0, 0.5], "basket_size": [1.0, 3], "random_state": [0, None], "return_oracle": [False, True]},
        check_nothing,
    ),
    **{fetch.__name__: Call(
        lambda subject, fetch=fetch, **arguments: fetch(data_home=FOLDER / "nothing is here", download_if_missing=False, **arguments),
        {"n_retries": [0, 1]} | more, check_nothing,
    ) for fetch, more in ((datasets.fetch_movielens, {"variant": ["100k", "1m", "brick"]}), (datasets.fetch_online_retail, {}))},
    "columns of fit": Call(
        lambda subject, columns, X: baselines.PopularityRecommender(columns=columns).fit(X), {"columns": COLUMNS, "X": LOGS}, check_nothing
    ),
}  # fmt: skip
BASELINE = {"predict_topk of a baseline": Call(
    method("predict_topk"), {"users": SOME_USERS, **K, **RESTRICTIONS, **FORMS, **UNKNOWN}, check_lists)}  # fmt: skip
