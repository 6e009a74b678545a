"""Use inside scikit-learn: pipelines, searches, caching, routing, display."""

import joblib
import numpy as np
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - registers HalvingGridSearchCV
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.utils.fixes import parse_version
from strategies import consecutive_logs, recommenders
from worlds import LOG, SMALL

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.metrics import RankingScorer, mrr_scorer, recall_scorer
from skautoseqrec.model_selection import TemporalSplit, temporal_train_test_split
from skautoseqrec.preprocessing import InteractionEncoder, SequenceMatrixTransformer


@pytest.fixture(scope="module")
def log():
    return LOG.copy()


def pipeline(*names, recommender=None, window=5, decay=0.7, **options):
    steps = {
        "encode": InteractionEncoder(),
        "matrices": SequenceMatrixTransformer(transition_window=window, transition_decay=decay),
        "recommend": recommender or AutoSeqRecRecommender(**SMALL),
    }
    return Pipeline([(name, steps[name]) for name in names], **options)


@settings(max_examples=40)
@given(consecutive_logs(n_parts=3), recommenders(), st.booleans())
@pytest.mark.filterwarnings("ignore:The items of:UserWarning")  # tiny logs repeat everything
@pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning")
def test_four_spellings_are_one_model(parts, recommender, same_settings):
    fitted, updated, walked = parts
    counts = {"window": recommender.transition_window, "decay": recommender.transition_decay} if same_settings else {}
    spellings = [
        ("recommend",),
        ("encode", "recommend"),
        ("matrices", "recommend"),
        ("encode", "matrices", "recommend"),
    ]
    expected = None
    for names in spellings:
        pipe = pipeline(*names, recommender=clone(recommender), **counts).fit(fitted)
        last = pipe[-1].partial_update(pipe[:-1].transform(updated) if len(names) > 1 else updated)
        actual = (
            last.predict_topk(last.user_ids_, k=len(last.item_ids_), return_scores=True),
            pipe.score_samples(walked),
            last.predict_topk(["nobody"] if last.user_ids_.dtype == object else [-1], k=1),
            pipe.predict(walked),
        )
        expected = expected or actual
        for mine, theirs in zip((*actual[0], *actual[1:]), (*expected[0], *expected[1:]), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_matrices_with_other_codes_are_the_same_model(log):
    # The transformer knows more ids, and in another order, than the log that the recommender is fitted on.
    backwards = np.column_stack([log[::-1, :2], log[:, 2]])
    matrices = SequenceMatrixTransformer().fit(backwards).transform(log[:200])
    assert matrices.item_ids.tolist() != InteractionEncoder().fit(log[:200]).item_ids_.tolist()
    actual, expected = (AutoSeqRecRecommender(**SMALL).fit(X) for X in (matrices, log[:200]))
    np.testing.assert_array_equal(actual.score_samples(log[200:]), expected.score_samples(log[200:]))


@pytest.mark.parametrize("search", [GridSearchCV, HalvingGridSearchCV])
def test_searches_over_a_recommender(log, search):
    options = {"cv": TemporalSplit(2), "scoring": mrr_scorer, "n_jobs": 2}
    if search is HalvingGridSearchCV:
        options |= {"resource": "max_iter", "max_resources": 2, "min_resources": 1, "factor": 2}
    found = search(AutoSeqRecRecommender(**SMALL), {"n_components": [2, 4]}, **options).fit(log)
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()
    assert found.best_estimator_.predict_topk([0], k=3).shape == (1, 3)


@pytest.mark.parametrize("search", [GridSearchCV, HalvingGridSearchCV])
def test_searches_over_a_pipeline_with_nested_parameters(log, search):
    options = {"cv": TemporalSplit(2), "scoring": recall_scorer(5), "n_jobs": 2}
    if search is HalvingGridSearchCV:
        options |= {"resource": "recommend__max_iter", "max_resources": 2, "min_resources": 1, "factor": 2}
    grid = {"matrices__transition_window": [1, 5], "recommend__context_size": [1, 2]}
    found = search(pipeline("encode", "matrices", "recommend"), grid, **options).fit(log)
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()
    assert set(found.best_params_) >= set(grid)


def test_several_metrics_cost_one_walk_and_one_is_refitted(log):
    search = GridSearchCV(
        AutoSeqRecRecommender(**SMALL),
        {"context_size": [1, 3]},
        scoring=RankingScorer(("mrr", "recall@10")),
        refit="mrr",
        cv=TemporalSplit(1, test_size=0.2),
    ).fit(log[:-9])
    assert {"mean_test_mrr", "mean_test_recall@10"} <= set(search.cv_results_)
    assert search.score_samples(log[-9:]).shape == (9,)


def test_a_log_that_was_encoded_can_be_cross_validated(log):
    encoded = InteractionEncoder().fit_transform(log)
    raw, coded = (
        cross_validate(AutoSeqRecRecommender(**SMALL), X, cv=TemporalSplit(2), scoring=mrr_scorer)["test_score"]
        for X in (log, encoded)
    )
    np.testing.assert_allclose(coded, raw)


def test_a_pipeline_with_memory_fits_its_transformers_once(log, tmp_path):
    memory = joblib.Memory(tmp_path, verbose=0)
    pipe = pipeline("encode", "matrices", "recommend", memory=memory)
    first = pipe.fit(log[:-9]).score_samples(log[-9:])
    n_cached = len(memory.store_backend.get_items())
    second = clone(pipe).fit(log[:-9]).score_samples(log[-9:])
    np.testing.assert_array_equal(first, second)
    assert n_cached == len(memory.store_backend.get_items()) == 2


@pytest.mark.parametrize("routing", [False, True])
def test_scores_with_and_without_metadata_routing(log, routing):
    train, test = temporal_train_test_split(log)
    weights = np.arange(1, len(test) + 1)
    with sklearn.config_context(enable_metadata_routing=routing):
        recommender = AutoSeqRecRecommender(**SMALL)
        if routing:
            recommender.set_score_request(sample_weight=True)
        pipe = pipeline("encode", "recommend", recommender=recommender).fit(train)
        expected = np.average(pipe.score_samples(test), weights=weights)
        assert pipe.score(test, sample_weight=weights) == pytest.approx(expected)
        assert pipe.score(test) == pytest.approx(pipe.score_samples(test).mean())
        search = GridSearchCV(pipe, {"recommend__context_size": [1]}, cv=TemporalSplit(1), scoring=mrr_scorer)
        assert search.fit(train).best_score_ > 0


@pytest.mark.parametrize("wrap", [lambda scorer: scorer, lambda scorer: {"mrr": scorer}], ids=["alone", "in a dict"])
@pytest.mark.parametrize("in_pipeline", [False, True])
def test_a_search_weighs_the_events_of_its_folds(log, wrap, in_pipeline):
    weights = np.random.default_rng(0).integers(0, 9, len(log)).astype(float)
    known, later = slice(0, 250), slice(250, None)
    with sklearn.config_context(enable_metadata_routing=True):
        recommender = AutoSeqRecRecommender(**SMALL).set_fit_request(sample_weight=False)
    if in_pipeline:
        recommender = pipeline("encode", "recommend", recommender=recommender)
    grid = {"recommend__context_size" if in_pipeline else "context_size": [2]}
    with sklearn.config_context(enable_metadata_routing=True):
        scoring = wrap(mrr_scorer.set_score_request(sample_weight=True))
        options = {"scoring": scoring, "cv": TemporalSplit(2), "error_score": "raise", "refit": "mrr"}
        search = GridSearchCV(recommender, grid, **options).fit(log[known], sample_weight=weights[known])
        score = search.score(log[later], sample_weight=weights[later])
    assert score == pytest.approx(np.average(search.score_samples(log[later]), weights=weights[later]))
    metric = "mrr" if isinstance(scoring, dict) else "score"
    for fold, (train, test) in enumerate(TemporalSplit(2).split(log[known])):
        values = clone(search.best_estimator_).fit(log[train]).score_samples(log[test])
        found = search.cv_results_[f"split{fold}_test_{metric}"][0]
        assert found == pytest.approx(np.average(values, weights=weights[test]))
        assert found != pytest.approx(values.mean())


def test_a_cross_validation_weighs_by_what_its_scorer_asks_for(log):
    trust = np.random.default_rng(0).random(len(log))
    scores = {}
    with sklearn.config_context(enable_metadata_routing=True):
        for alias in ("trust", True):
            scorer = RankingScorer(("mrr", "recall@5")).set_score_request(sample_weight=alias)
            params = {"trust" if alias == "trust" else "sample_weight": trust}
            options = {"cv": TemporalSplit(2), "scoring": scorer, "params": params, "error_score": "raise"}
            recommender = AutoSeqRecRecommender(**SMALL).set_fit_request(sample_weight=False)
            scores[alias] = cross_validate(recommender, log, **options)
        with pytest.raises(ValueError, match=r"sample_weight.*not explicitly set as requested or not"):
            cross_validate(recommender, log, **{**options, "scoring": mrr_scorer})
    for metric in ("test_mrr", "test_recall@5"):
        np.testing.assert_allclose(scores["trust"][metric], scores[True][metric])


def test_a_saved_pipeline_goes_on(log, tmp_path):
    pipe = pipeline("encode", "matrices", "recommend").fit(log[:250])
    joblib.dump(pipe, tmp_path / "pipe.joblib")
    loaded = joblib.load(tmp_path / "pipe.joblib")
    for each in (pipe, loaded):
        each[-1].partial_update(each[:-1].transform(log[250:]))
    np.testing.assert_array_equal(loaded[-1].predict_topk([0, 1], k=3), pipe[-1].predict_topk([0, 1], k=3))


def test_the_html_repr_shows_what_parameters_mean(log):
    html = AutoSeqRecRecommender(n_components=7)._repr_html_()
    assert "n_components" in html
    if parse_version(sklearn.__version__) >= parse_version("1.8"):
        assert "Size of the hidden representation" in html
    assert "recommend" in pipeline("encode", "recommend")._repr_html_()
