"""compare: the same figures as by hand, on the same events, and refused before anything is fitted."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.datasets import make_interactions
from skautoseqrec.metrics import (
    bootstrap_interval,
    mean_reciprocal_rank,
    ndcg_at_k,
    precision_at_k,
    ranks_from_reciprocal,
    recall_at_k,
)
from skautoseqrec.model_selection import TemporalSplit, _comparison, compare
from skautoseqrec.preprocessing import InteractionEncoder

QUICK = {"objective": "closed_form", "linear_penalty": None, "early_stopping": False, "device": "cpu"}
LOG = make_interactions(n_users=40, n_items=30, n_events=500, random_state=0)
FUNCTIONS = {"mrr": mean_reciprocal_rank, "recall@3": recall_at_k, "ndcg@3": ndcg_at_k, "precision@3": precision_at_k}


def models():
    return {
        "popularity": AutoSeqRecRecommender(blend={"trend": (0, 0, 1, 0)}, **QUICK),
        "transitions": AutoSeqRecRecommender(blend={"direct": 1.0}, **QUICK),
        "in a pipeline": make_pipeline(InteractionEncoder(), AutoSeqRecRecommender(blend={"direct": 1.0}, **QUICK)),
    }


class Fixed(BaseEstimator):
    """Ranks every event the same, and counts how often anything is fitted."""

    n_fits = 0

    def __init__(self, value=0.5, ties_=None):
        self.value = value
        self.ties_ = ties_

    def fit(self, X):
        Fixed.n_fits += 1
        return self

    def score_samples(self, X):
        return np.full(len(X), self.value)


@pytest.mark.parametrize("cv", [None, TemporalSplit(2, test_size=60)])
def test_figures_are_those_of_the_models_by_themselves(cv):
    found = compare(models(), LOG, cv=cv, metrics=list(FUNCTIONS), n_resamples=50, random_state=1)
    splits = list((cv or TemporalSplit(1, test_size=0.1)).split(LOG))
    np.testing.assert_array_equal(found.rows, np.concatenate([test for _, test in splits]))
    np.testing.assert_array_equal(found.users, LOG[found.rows, 0])
    np.testing.assert_array_equal(found.folds, np.repeat(np.arange(len(splits)), [len(test) for _, test in splits]))
    table = found.table.set_index(["model", "metric"])
    assert list(table.index) == [(model, metric) for model in models() for metric in FUNCTIONS]
    values = {}
    for name, model in models().items():
        of_folds = [model.fit(LOG[train]).score_samples(LOG[test]) for train, test in splits]
        np.testing.assert_array_equal(found.reciprocal_ranks[name], np.concatenate(of_folds))
        ranks = ranks_from_reciprocal(found.reciprocal_ranks[name])
        for metric, function in FUNCTIONS.items():
            k = {} if metric == "mrr" else {"k": 3}
            assert table.loc[(name, metric), "value"] == pytest.approx(function(ranks, **k))
            values[name, metric] = [function([rank], **k) for rank in ranks]
        options = {"n_resamples": 50, "random_state": 1}
        for metric in FUNCTIONS:
            row = table.loc[(name, metric)]
            interval = bootstrap_interval(values[name, metric], found.users, **options)
            assert (row["low"], row["high"]) == pytest.approx(interval)
            assert row["low"] <= row["value"] <= row["high"]
            assert row["fit_seconds"] > 0
            assert row["events_per_second"] > 0
            if name != "popularity":
                pairs = np.subtract(values[name, metric], values["popularity", metric])
                assert row["difference"] == pytest.approx(pairs.mean())
                interval = bootstrap_interval(pairs, found.users, **options)
                assert (row["difference_low"], row["difference_high"]) == pytest.approx(interval)
    assert table.loc["popularity"][["difference", "difference_low", "difference_high"]].isna().all(axis=None)
    assert table.loc[("transitions", "mrr"), "difference_low"] > 0  # the world is made of transitions


def test_equal_models_do_not_differ():
    same = {"one": models()["transitions"], "two": models()["in a pipeline"]}
    table = compare(same, LOG, random_state=0).table
    last = table[table["model"] == "two"]
    assert (last[["difference", "difference_low", "difference_high"]] == 0).all(axis=None)
    assert sorted(set(table["metric"])) == ["mrr", "ndcg@10", "recall@10"]


def test_the_models_themselves_are_left_as_they_are():
    given = models()
    compare(given, LOG, n_resamples=10)
    assert not hasattr(given["transitions"], "blend_")


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_the_table_is_a_frame_of_the_library_of_the_log(kind):
    log = kind({"who": LOG[:, 0], "what": LOG[:, 1], "when": LOG[:, 2]})
    columns = {"user": "who", "item": "what", "time": "when"}
    model = AutoSeqRecRecommender(blend={"direct": 1.0}, columns=columns, **QUICK)
    found = compare({"a": model}, log, columns=columns, metrics="mrr", random_state=0)
    assert type(found.table) is kind
    assert found.table["value"][0] == compare(models(), LOG, metrics="mrr", random_state=0).table["value"][1]
    assert compare({"a": model}, log, metrics="mrr", random_state=0).table["value"][0] == found.table["value"][0]


def test_without_frames_the_table_is_a_list(monkeypatch):
    monkeypatch.setattr(_comparison, "find_spec", lambda name: None)
    table = compare({"half": Fixed()}, LOG.tolist(), metrics=["mrr"]).table
    assert table[0] == table[0] | {"model": "half", "metric": "mrr", "value": 0.5, "low": 0.5, "difference": None}


def test_progress_is_told_on_stderr(capsys):
    compare({"half": Fixed()}, LOG, cv=TemporalSplit(2), n_resamples=10)
    assert capsys.readouterr() == ("", "")
    compare({"half": Fixed()}, LOG, cv=TemporalSplit(2), n_resamples=10, verbose=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert [line[:20] for line in err.splitlines()] == ["half, fold 1 of 2: f", "half, fold 2 of 2: f"]
    assert "166 events" in err
    assert "MRR 0.5000" in err


def test_models_that_rank_ties_differently_are_named():
    both = {"by row": Fixed(ties_="row"), "together": Fixed(ties_="together"), "silent": Fixed()}
    with pytest.warns(UserWarning, match=r"\{'by row': 'row', 'together': 'together'\}.*Pass ties="):
        compare(both, LOG, n_resamples=10)


@pytest.mark.parametrize("ties", ["row", "together"])
def test_ties_are_those_of_all_models(ties):
    log = LOG // (1, 1, 10)
    given = {"a": models()["transitions"].set_params(ties="together"), "b": models()["in a pipeline"]}
    found = compare(given, log, ties=ties, n_resamples=10)
    train, test = next(TemporalSplit(1, test_size=0.1).split(log))
    for name, model in (("a", given["a"]), ("b", models()["transitions"])):
        expected = model.fit(log[train]).score_samples(log[test], ties=ties)
        np.testing.assert_array_equal(found.reciprocal_ranks[name], expected)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"models": {}}, TypeError, "models must be a dict of estimators by name"),
        ({"models": [Fixed()]}, TypeError, "models must be a dict"),
        ({"models": {1: Fixed()}}, TypeError, "names of models must be strings, not 1"),
        ({"models": {"a": object()}}, TypeError, r"model 'a' \(object\) has no method fit"),
        ({"models": {"a": InteractionEncoder()}}, TypeError, "has no method score_samples"),
        ({"metrics": ["mrr", "taste@3"]}, ValueError, "Unknown metric 'taste@3'"),
        ({"metrics": ["neg_mean_rank"]}, ValueError, "is no mean of shares over events"),
        ({"metrics": []}, ValueError, "metrics holds no name"),
        ({"metrics": ["mrr", "mrr"]}, ValueError, "each name once"),
        ({"confidence": 2}, ValueError, "confidence must be"),
        ({"n_resamples": 0}, ValueError, "n_resamples must be"),
        ({"ties": "auto"}, ValueError, "ties must be 'row' or 'together', not 'auto'"),
        ({"cv": 3}, TypeError, "cv must be a cross-validator"),
        ({"cv": []}, ValueError, "fewer than 2 users"),
        ({"cv": TemporalSplit(1, test_size=1)}, ValueError, "fewer than 2 users"),
        ({"cv": TemporalSplit(900)}, ValueError, "is too short"),
        ({"log": []}, ValueError, "The log is empty"),
        ({"log": LOG[:, :1]}, ValueError, "A log needs at least 2 columns"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_fitted(changed, error, message):
    before = Fixed.n_fits
    with pytest.raises(error, match=message):
        compare(**{"models": {"a": Fixed()}, "log": LOG} | changed)
    assert Fixed.n_fits == before


@pytest.mark.parametrize("value", [float("nan"), -0.1, 1.5])
def test_what_is_no_reciprocal_rank_is_refused(value):
    with pytest.raises(ValueError, match="of the model 'odd' returned no reciprocal ranks"):
        compare({"odd": Fixed(value)}, LOG)


def test_the_first_fit_is_not_charged_for_what_a_process_loads():
    code = """
import sys
from skautoseqrec.model_selection import compare
class Model:
    def get_params(self, deep=False):
        return {}
    def fit(self, X):
        assert "torch" in sys.modules
        return self
    def score_samples(self, X):
        return [1.0] * len(X)
assert "torch" not in sys.modules
assert compare({"a": Model()}, [(row % 5, row) for row in range(60)]).reciprocal_ranks["a"].tolist() == [1.0] * 6
"""
    subprocess.run([sys.executable, "-c", code], check=True)
