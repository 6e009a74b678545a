"""What can be asked of the public functions: metrics, splits, comparisons, files and data sets."""

import io
import tempfile
from pathlib import Path

import numpy as np
from argument_calls import Call, check_frames, check_nothing, check_number
from argument_values import CATALOGUE, COLUMNS, FILES, FOLDER, ITEMS, LOGS, RANKS, RECOMMENDED

from skautoseqrec import baselines, datasets, load_model, metrics
from skautoseqrec.model_selection import TemporalSplit, compare, temporal_train_test_split


def weighted(metric, **more):
    return Call(
        lambda subject, **arguments: metric(**arguments),
        {**RANKS, **more, "sample_weight": [None, [1, 2, 0]]},
        check_number,
    )


def of_lists(metric):
    return Call(lambda subject, **arguments: metric(**arguments), {**RECOMMENDED, **CATALOGUE}, check_number)


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
    lambda: {"popularity": baselines.PopularityRecommender(exclude_seen=False)},
    {},
    {"text": "no model"},
    {3: None},
]
FUNCTIONS = {
    "TemporalSplit": Call(
        fold,
        {"X": LOGS, "n_splits": [2, 1, 5], "test_size": [None, 1, 0.3, 0.9], "gap": [0, 1], "columns": COLUMNS},
        check_nothing,
    ),
    "temporal_train_test_split": Call(
        lambda subject, **arguments: temporal_train_test_split(**arguments),
        {"X": LOGS, "test_size": [0.3, 1, 5], "columns": COLUMNS},
        check_frames,
    ),
    "compare": Call(
        compared,
        {
            "models": MODELS,
            "log": LOGS[:4],
            "cv": [lambda: TemporalSplit(1, test_size=3), None, lambda: [([0, 1, 2], [3, 4])]],
            "metrics": ["mrr", ["mrr", "recall@2"], ["mrr", "mrr"], ["brick"]],
            "ties": [None, "row"],
            "columns": [None, {}],
            "confidence": [0.9, 0.5],
            "n_resamples": [3, 1],
            "random_state": [0, None],
            "verbose": [0],
        },
        check_comparison,
    ),
    "bootstrap_interval": Call(
        lambda subject, **arguments: metrics.bootstrap_interval(**arguments),
        {
            "values": [[0.5, 1.0, 0.0], lambda: np.ones((3, 2)), [np.nan, 1.0], []],
            "users": [None, ["ann", "bob", "ann"], [1, 2, 3]],
            "confidence": [0.9, 0.5],
            "n_resamples": [3, 1],
            "random_state": [0, None],
        },
        check_nothing,
    ),
    **{
        metric.__name__: weighted(metric, k=[2, 1, 10])
        for metric in (
            metrics.recall_at_k,
            metrics.precision_at_k,
            metrics.ndcg_at_k,
            metrics.mean_average_precision_at_k,
        )
    },
    **{
        metric.__name__: weighted(metric)
        for metric in (metrics.mean_reciprocal_rank, metrics.mean_rank, metrics.median_rank)
    },
    "roc_auc": weighted(metrics.roc_auc, n_candidates=[5, [5, 6, 7], 1]),
    "ranks_from_reciprocal": Call(
        lambda subject, values: metrics.ranks_from_reciprocal(values),
        {"values": [[1, 0.5, 0], [2], [-1], []]},
        check_nothing,
    ),
    **{
        metric.__name__: of_lists(metric)
        for metric in (metrics.catalogue_coverage, metrics.gini_index, metrics.mean_popularity, metrics.novelty)
    },
    "intra_list_diversity": Call(
        lambda subject, **arguments: metrics.intra_list_diversity(**arguments),
        {
            **RECOMMENDED,
            "item_ids": [ITEMS, lambda: np.array(ITEMS)],
            "vectors": [lambda: np.eye(4), lambda: np.ones((4, 2)), lambda: np.eye(3)],
            "metric": ["cosine", "jaccard", "euclidean"],
        },
        check_number,
    ),
    "serendipity": Call(
        lambda subject, **arguments: metrics.serendipity(**arguments),
        {**RECOMMENDED, "expected": [[["tea"]], [["jam"], []]], "relevant": [["tea"], [["tea"]], [["jam"], ["milk"]]]},
        check_number,
    ),
    "recall_scorer": Call(
        lambda subject, **arguments: metrics.recall_scorer(**arguments),
        {"k": [10, 1], "ties": [None, "row"]},
        check_nothing,
    ),
    "load_interactions": Call(
        loaded(datasets.load_interactions),
        {
            "path": [*FILES, "nothing.csv", lambda: io.StringIO("user,item\nann,tea\n")],
            "columns": [None, {}, {"time": "when"}, {"user": "who"}],
            "names": [None, ["user", "item", "time"], ["user", "item"], ["a"]],
            "sep": [None, ",", ";", "\t", "::"],
            "encoding": ["utf-8", "latin-1", "utf-16", "brick"],
            "time_format": [None, "%Y-%m-%d", "%d.%m.%Y", "%Q"],
            "decimal": [".", ","],
            "skip_missing": [False, True],
        },
        check_nothing,
    ),
    "load_titles": Call(
        loaded(datasets.load_titles),
        {
            "path": ["titles.csv", *FILES, "nothing.csv"],
            "item": [None, "item_id", "user"],
            "title": [None, "title", "item"],
            "sep": [None, ",", ";"],
            "encoding": [None, "utf-8", "latin-1", "brick"],
        },
        check_nothing,
    ),
    "make_interactions": Call(
        lambda subject, **arguments: datasets.make_interactions(**arguments),
        {
            "n_users": [9, 1],
            "n_items": [6, 2],
            "n_events": [20, 1],
            "n_successors": [2, 1],
            "n_tastes": [2, 1],
            "noise": [0.1, 0, 1],
            "return_rate": [0.0, 0.5],
            "basket_size": [1.0, 3],
            "random_state": [0, None],
            "return_oracle": [False, True],
        },
        check_nothing,
    ),
    **{
        fetch.__name__: Call(
            lambda subject, fetch=fetch, **arguments: fetch(
                data_home=FOLDER / "nothing is here", download_if_missing=False, **arguments
            ),
            {"n_retries": [0, 1]} | more,
            check_nothing,
        )
        for fetch, more in (
            (datasets.fetch_movielens, {"variant": ["100k", "1m", "brick"]}),
            (datasets.fetch_online_retail, {}),
        )
    },
    "load_model": Call(
        loaded(lambda path, **arguments: load_model(path, **arguments)),
        {"path": ["log.csv", *FILES], "journal": [None, "log.csv"]},
        check_nothing,
    ),
    "columns of fit": Call(
        lambda subject, columns, X: baselines.PopularityRecommender(columns=columns).fit(X),
        {"columns": COLUMNS, "X": LOGS},
        check_nothing,
    ),
}
