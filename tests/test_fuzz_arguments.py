"""A sample of benchmarks/reliability_arguments.py, and what it has found: arguments that were met, and not refused."""

import io
from collections import Counter
from datetime import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from argument_attempts import Subjects, state_of, try_arguments
from argument_calls import BASELINE, HYBRID, RECOMMENDER
from argument_functions import FUNCTIONS
from argument_values import HOSTILE, ROWS

from skautoseqrec import AutoSeqRecRecommender, load_model, metrics
from skautoseqrec.baselines import PopularityRecommender
from skautoseqrec.datasets import fetch_movielens, load_interactions, load_titles, make_interactions
from skautoseqrec.model_selection import TemporalSplit, compare


def test_every_call_works_or_is_refused_by_the_package_and_changes_nothing():
    counted = Counter()
    assert try_arguments(100, seed=0, counted=counted) == []
    assert min(sum(n for (_, outcome), n in counted.items() if outcome == each) for each in ("worked", "refused")) > 20


def test_faults_are_noticed(monkeypatch):
    def dislike(self, users, **options):
        self.dislike([("ann", "tea")])
        raise ValueError("users")

    def leak(self, users, **options):
        return {}[len(options)]

    for replaced, expected in ((dislike, "it changed what was asked"), (leak, "of a kind that is not promised")):
        with monkeypatch.context() as patch:
            patch.setattr(AutoSeqRecRecommender, "similar_users", replaced)
            faults = [fault for fault in try_arguments(150, seed=1) if fault.startswith("similar_users")]
        assert expected in "".join(faults)


@pytest.mark.filterwarnings("ignore::UserWarning")  # tiny logs are all that such warnings are about
def test_calls_that_make_sense_work():
    subjects = Subjects()
    before = state_of(subjects.recommenders[0])
    of_tables = [(RECOMMENDER, subjects.recommenders[1]), (FUNCTIONS, None)]
    of_tables += [(BASELINE, subjects.baseline), (HYBRID, subjects.hybrid)]
    for table, subject in of_tables:
        for name, call in table.items():
            given = {
                key: good[0]() if callable(good[0]) and good[0].__name__ == "<lambda>" else good[0]
                for key, good in call.good.items()
            }
            if name.startswith(("forget", "fetch")) or name == "load_model":
                continue  # with these nothing is asked for, or there
            call.check(call.ask(subject, **given), given)
    assert state_of(subjects.recommenders[0]) == before
    assert len(HOSTILE) > 80


@pytest.fixture(scope="module")
def fitted():
    return AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}, early_stopping=False).fit(ROWS)


NOT_ONE = [np.array(3), np.array(["tea", "jam"]), pd.Series(["tea"]), pl.DataFrame({"a": [1]}), [["tea"]], {"tea": 1}]


@pytest.mark.parametrize("metric", [metrics.recall_at_k, metrics.mean_rank, metrics.ranks_from_reciprocal])
@pytest.mark.parametrize("ranks", ["tea", b"tea", ["1", "2"], [[1], [2, 3]], {"tea": 1}, [datetime(2024, 1, 1)], [1j]])
def test_ranks_that_are_no_numbers_are_named(metric, ranks):
    with pytest.raises(TypeError, match=r"^(ranks|values) must be numbers"):
        metric(ranks)


def test_masked_ranks_are_not_read_under_the_mask():
    with pytest.raises(ValueError, match="ranks holds masked places"):
        metrics.mean_rank(np.ma.masked_array([1.0, 50.0], [0, 1]))
    with pytest.raises(ValueError, match="values holds masked places"):
        metrics.bootstrap_interval(np.ma.masked_array([1.0, 0.5], [0, 1]))
    with pytest.raises(TypeError, match="n_candidates must be numbers"):
        metrics.roc_auc([1], "five")


@pytest.mark.parametrize(
    "names", [*NOT_ONE, None, 2.5, len, pd.NaT, (name for name in ["mrr"])], ids=lambda x: type(x).__name__
)
def test_names_of_metrics_that_are_none_are_named(names, fitted):
    asked = [lambda: metrics.RankingScorer(names), lambda: compare({"a": PopularityRecommender()}, ROWS, metrics=names)]
    asked += [] if callable(names) else [lambda: metrics.get_scorer(names)]
    for ask in asked:
        with pytest.raises((TypeError, ValueError), match="metric"):
            ask()


@pytest.mark.parametrize("flag", [1, "yes", None, pd.Series([True]), np.array([1, 0])], ids=lambda x: type(x).__name__)
def test_whether_scores_are_wanted_is_true_or_false(flag, fitted):
    for ask in (
        lambda: fitted.predict_topk(["ann"], return_scores=flag),
        lambda: fitted.predict_topk_sequences([["tea"]], return_scores=flag),
        lambda: fitted.predict_users(["tea"], return_scores=flag),
        lambda: fitted.similar_users(["ann"], k=1, return_scores=flag),
        lambda: fitted.similar_items(["tea"], k=1, return_scores=flag),
        lambda: PopularityRecommender().fit(ROWS).predict_topk(["ann"], return_scores=flag),
    ):
        with pytest.raises(ValueError, match="return_scores must be True or False"):
            ask()


@pytest.mark.parametrize(
    "ties", [pd.Series(["row"]), pl.LazyFrame({"a": [1]}), pl.Series([None]), ["row"]], ids=lambda x: type(x).__name__
)
def test_ties_that_are_no_choice_are_named(ties, fitted):
    with pytest.raises(ValueError, match="ties must be 'row' or 'together'"):
        fitted.score_samples(ROWS, ties=ties)


def test_nobody_is_like_nobody(fitted):
    for by in ("histories", "auto"):
        assert fitted.similar_users([], k=1, by=by).shape == (0, 1)


def test_times_that_are_no_list_of_times_are_named(fitted):
    for ask in (
        lambda: fitted.explain(["ann"], ["tea"], at=[[1], 2]),
        lambda: fitted.predict_users(["tea"], at=[[1], 2]),
    ):
        with pytest.raises(ValueError, match="at must be one time"):
            ask()


@pytest.mark.parametrize(
    "cv",
    ["tea", [1, 2], [["tea"], "jam"], [([0, 1], [99])], [([0, 1],)], [([0.5], [1])], pl.LazyFrame({"a": [1]})],
    ids=lambda cv: repr(cv)[:12],
)
def test_folds_that_are_none_are_named(cv):
    with pytest.raises((TypeError, ValueError), match="cv must"):
        compare({"popularity": PopularityRecommender()}, ROWS, cv=cv)
    with pytest.raises(ValueError, match="verbose must be a whole number"):
        compare({"popularity": PopularityRecommender()}, ROWS, cv=TemporalSplit(1, test_size=3), verbose=[[]])


@pytest.mark.parametrize(
    "path", [*NOT_ONE, None, 5, b"log.csv", len, "\ud800.csv", "a\0.csv"], ids=lambda x: repr(x)[:20]
)
def test_paths_that_are_none_are_named(path, fitted, tmp_path):
    for ask in (
        lambda: load_interactions(path),
        lambda: load_titles(path),
        lambda: load_model(path),
        lambda: fitted.save_model(path),
    ):
        with pytest.raises((TypeError, ValueError), match="path must be a path"):
            ask()
    if path is not None:
        with pytest.raises((TypeError, ValueError), match="journal must be a path"):
            fitted.save_model(tmp_path / "model", journal=path)
        with pytest.raises((TypeError, ValueError), match="data_home must be a path"):
            fetch_movielens(data_home=path, download_if_missing=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sep": ["a"]}, "sep must be a text"),
        ({"sep": "\n"}, "sep must hold no quote and no end of a line"),
        ({"encoding": ["utf-8"]}, "There is no encoding"),
        ({"encoding": "rot13"}, "There is no encoding"),
        ({"encoding": "utf-16"}, "log.csv' is no text in UTF-16"),
        ({"names": np.False_}, "names must be a list of the names"),
        ({"names": [1, 2]}, "names must be a list of the names"),
        ({"time_format": 5}, "time_format must be a text"),
        ({"decimal": pd.Series(["."])}, "decimal must be"),
        ({"skip_missing": "no"}, "skip_missing must be True or False"),
        ({"columns": {"time": np.ma.masked}}, "columns has .* for 'time', and no column can be called that"),
        ({"columns": {"user": ["who"]}}, "columns has .* for 'user', and no column can be called that"),
    ],
    ids=str,
)
def test_spellings_of_files_that_are_none_are_named(options, message, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user,item,time\nann,tea,1\n")
    with pytest.raises((TypeError, ValueError), match=message):
        load_interactions(path, **options)
    if set(options) <= {"sep", "encoding"}:
        with pytest.raises(ValueError, match=message):
            load_titles(path, **options)


def test_a_parquet_file_that_is_none_is_named(tmp_path):
    path = tmp_path / "log.parquet"
    path.write_bytes(b"no parquet")
    with pytest.raises(ValueError, match=r"'log\.parquet' is no parquet file, or damaged"):
        load_interactions(path)


def test_more_resamples_than_memory_holds_are_refused():
    for n_resamples in (10**12, 10**30):
        with pytest.raises(MemoryError, match="n_resamples=1,000"):
            metrics.bootstrap_interval([0.0, 1.0], n_resamples=n_resamples)


def test_other_arguments_of_files_are_named(tmp_path):
    path = tmp_path / "titles.csv"
    path.write_text("item,title\ntea,Tea\n")
    for option in ({"item": ["item"]}, {"title": len}):
        with pytest.raises(TypeError, match=f"{next(iter(option))} must be the name of a column"):
            load_titles(path, **option)
    with pytest.raises(ValueError, match="path is an open file without a name"):
        load_interactions(io.StringIO("user,item\nann,tea\n"))
    for option in ({"variant": ["100k"]}, {"n_retries": -1}, {"n_retries": "three"}, {"download_if_missing": "no"}):
        with pytest.raises(ValueError, match=f"{next(iter(option))} must be"):
            fetch_movielens(**{"data_home": tmp_path, "download_if_missing": False, **option})
    for option in ({"noise": []}, {"return_rate": ""}, {"basket_size": pl.Series([None])}, {"return_oracle": 1}):
        with pytest.raises(ValueError, match=f"{next(iter(option))} must"):
            make_interactions(5, 6, 10, n_successors=2, **option)


def test_what_lists_are_measured_by_is_named(fitted):
    lists = [["tea", "jam"]]
    for recommended in ([np.ma.masked], [["tea"], np.array(3)]):
        with pytest.raises(ValueError, match="recommended must hold a list of item ids"):
            metrics.catalogue_coverage(recommended, ROWS)
    for vectors in (np.array(3), [], range(2), set(), [[]]):
        with pytest.raises((TypeError, ValueError), match="vectors must have a row of numbers"):
            metrics.intra_list_diversity(lists, ["tea", "jam"], vectors)
    with pytest.raises(ValueError, match="metric must be 'precomputed'"):
        metrics.intra_list_diversity(lists, ["tea", "jam"], np.eye(2), metric={"cosine": 1})
    with pytest.raises(ValueError, match="item_ids holds no item"):
        metrics.intra_list_diversity(lists, {}, np.eye(2))
    with pytest.raises(ValueError, match="blend has unknown parts"):
        fitted.with_blend({"brick": 1, True: 1})
