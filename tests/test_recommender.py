"""The estimator as a whole: what it learns, says, keeps and refuses."""

import copy
import pickle
import random
import re

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from worlds import CYCLE_PARAMS, SMALL, cycle

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._fitting.reporting import Expected, Progress
from skautoseqrec.datasets import make_interactions
from skautoseqrec.model_selection import temporal_train_test_split
from skautoseqrec.preprocessing import SequenceMatrixTransformer


@pytest.fixture
def log():
    return cycle()


@pytest.fixture(scope="module")
def walker():
    return AutoSeqRecRecommender(**CYCLE_PARAMS).fit(cycle())


def test_the_cycle_is_learnt(log, walker):
    last = log[log[:, 2] == 8]
    following = (last[:, 1] + 1) % 12
    assert (walker.predict_topk(last[:, 0], k=1)[:, 0] == following).all()
    assert walker.score(np.column_stack([last[:, 0], following, last[:, 2] + 1])) == 1


def test_an_update_moves_the_answer(walker):
    walker = copy.deepcopy(walker)
    answers = [walker.partial_update([(999, item, 9)]).predict([(999, item)])[0] for item in range(12)]
    assert answers == [*range(1, 12), 0]


def test_the_published_model_learns_most_of_the_cycle(log):
    published = AutoSeqRecRecommender(**{**CYCLE_PARAMS, "objective": "paper"}).fit(log)
    last = log[log[:, 2] == 8]
    # Not all of it: a relu head that starts below zero for its one right row gets no gradient there and stays dark.
    assert (published.predict_topk(last[:, 0], k=1)[:, 0] == (last[:, 1] + 1) % 12).mean() > 0.5


def test_one_loss_per_matrix_and_epoch(log):
    recommender = AutoSeqRecRecommender(**{**SMALL, "max_iter": 30, "learning_rate": 0.01}).fit(log)
    assert recommender.n_iter_ == len(recommender.loss_curve_) == 30
    assert list(recommender.loss_curve_[0]) == ["collaborative", "source", "target"]
    for part in ("collaborative", "source"):
        assert recommender.loss_curve_[-1][part] < recommender.loss_curve_[0][part]


def test_the_same_seed_gives_the_same_model(log):
    first, second = (AutoSeqRecRecommender(**SMALL).fit(log) for _ in range(2))
    other = AutoSeqRecRecommender(**{**SMALL, "random_state": 1}).fit(log)
    for name, weight in first.module_.state_dict().items():
        assert torch.equal(weight, second.module_.state_dict()[name])
    assert not torch.equal(first.module_.encoder_weight, other.module_.encoder_weight)


def numpy_global_state():
    return np.random.get_state()[1].copy()  # noqa: NPY002 - the legacy state is the one meant


@pytest.mark.parametrize("random_state", [0, None])
def test_global_random_states_are_untouched(log, random_state):
    train, test = temporal_train_test_split(log)
    before = torch.get_rng_state(), numpy_global_state(), random.getstate()
    AutoSeqRecRecommender(**{**SMALL, "random_state": random_state}).fit(train).score_samples(test)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (numpy_global_state() == before[1]).all()
    assert random.getstate() == before[2]


def test_without_a_seed_models_differ(log):
    first, second = (AutoSeqRecRecommender(**{**SMALL, "random_state": None}).fit(log) for _ in range(2))
    assert not torch.equal(first.module_.encoder_weight, second.module_.encoder_weight)


def test_rows_in_any_order_are_one_log(log):
    shuffled = np.random.default_rng(1).permutation(log)
    distinct_times = log.copy()
    distinct_times[:, 2] = np.arange(len(log))
    order = np.random.default_rng(1).permutation(len(log))
    first = AutoSeqRecRecommender(**SMALL).fit(distinct_times)
    second = AutoSeqRecRecommender(**SMALL).fit(distinct_times[order])
    assert torch.equal(first.module_.encoder_weight, second.module_.encoder_weight)
    assert (first.item_ids_ == second.item_ids_).all()
    assert set(AutoSeqRecRecommender(**SMALL).fit(shuffled).item_ids_) == set(first.item_ids_)


@pytest.mark.parametrize("how", ["joblib", "pickle", "deepcopy"])
def test_a_saved_model_goes_on_where_it_was(log, how, tmp_path):
    recommender = AutoSeqRecRecommender(**SMALL).fit(log).partial_update([(999, 3, 100)])
    if how == "joblib":
        joblib.dump(recommender, tmp_path / "model.joblib")
        loaded = joblib.load(tmp_path / "model.joblib")
    else:
        loaded = copy.deepcopy(recommender) if how == "deepcopy" else pickle.loads(pickle.dumps(recommender))
    for model in (recommender, loaded):
        model.partial_update([(999, 4, 101), (1000, 77, 102)])
    users = recommender.user_ids_
    actual, expected = (model.predict_topk(users, k=5, return_scores=True) for model in (loaded, recommender))
    np.testing.assert_array_equal(actual[0], expected[0])
    np.testing.assert_array_equal(actual[1], expected[1])


def test_matrices_of_other_settings_are_recounted_and_said(log, capsys):
    recommender = AutoSeqRecRecommender(**SMALL, transition_window=2, verbose=1)
    expected = clone(recommender).fit(log)
    capsys.readouterr()
    matrices = SequenceMatrixTransformer(transition_window=3).fit_transform(log)
    actual = recommender.fit(matrices)
    assert "recounting with (2, 0.7)" in capsys.readouterr().out
    assert torch.equal(actual.module_.encoder_weight, expected.module_.encoder_weight)


def test_matrices_of_other_weights_are_recounted_and_said(log, capsys):
    weights = np.arange(len(log)) % 3 + 1.0
    matrices = SequenceMatrixTransformer(transition_window=2).fit_transform(log)
    recommender = AutoSeqRecRecommender(**SMALL, transition_window=2, verbose=1)
    expected = clone(recommender).fit(log, sample_weight=weights)
    capsys.readouterr()
    actual = recommender.fit(matrices, sample_weight=weights)
    assert "counted with other weights of events; recounting" in capsys.readouterr().out
    assert torch.equal(actual.module_.encoder_weight, expected.module_.encoder_weight)
    recommender.fit(matrices)
    assert "recounting" not in capsys.readouterr().out


def test_verbose_prints_one_line_per_epoch(log, capsys):
    AutoSeqRecRecommender(**SMALL, verbose=1).fit(log)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(re.fullmatch(r"epoch .*\d: collaborative loss .*, source loss .*, \d+\.\d s", line) for line in lines)
    AutoSeqRecRecommender(**SMALL).fit(log)
    assert capsys.readouterr().out == ""


def test_more_verbose_shows_a_bar(log, capsys):
    AutoSeqRecRecommender(**SMALL, verbose=2).fit(log)
    told = capsys.readouterr()
    assert "epoch of the whole log, at most 2 epochs: 100%" in told.err
    assert told.out == ""


def test_one_bar_counts_the_training_and_its_refit(capsys):
    parameters = SMALL | {"blend": "auto", "early_stopping": True, "max_iter": 3, "n_iter_no_change": 1, "tol": 100.0}
    recommender = AutoSeqRecRecommender(**parameters, verbose=2).fit(make_interactions(random_state=0))
    bar = capsys.readouterr().err
    assert "fewer if the held-out part no longer gets likelier (2 at least), then about 1 on the whole log" in bar
    n_kept = 1 + int(np.argmax(recommender.validation_scores_))
    n_epochs = len(recommender.validation_scores_) + recommender.n_iter_ - n_kept
    assert len(recommender.validation_scores_) == 2
    assert f"{n_epochs}/{n_epochs}" in bar
    assert bar.count("\n") == 1


@pytest.mark.parametrize(
    ("verbose", "longest", "is_told"), [("auto", 0.0, True), ("auto", 1e9, False), (0, 0.0, False), (1, 0.0, False)]
)
def test_who_waits_long_is_told_once(log, capsys, monkeypatch, verbose, longest, is_told):
    monkeypatch.setattr(Progress, "LONG", longest)
    parameters = SMALL | {"blend": "auto", "early_stopping": True, "max_iter": 6}
    AutoSeqRecRecommender(**parameters, verbose=verbose).fit(make_interactions(random_state=0))
    told = capsys.readouterr()
    assert told.err.count("to go. verbose=0: silent") == is_told
    assert told.err.count("\n") == is_told
    assert (told.out == "") == (verbose != 1)
    if is_told:
        assert "AutoSeqRecRecommender.fit: at most 6 epochs, fewer if" in told.err


@pytest.mark.parametrize(
    ("expected", "seconds", "words"),
    [
        (Expected(1, 1), 20, None),  # nothing is left to wait for
        (Expected(1, 1, 1), 29, "fit: at most 1 epoch, then about 1 on the whole log; 29 s so far, 29 s to go."),
        (Expected(6, 6), 20, "fit: at most 6 epochs; 20 s so far, 100 s to go."),
        (Expected(6, 2, 2), 20, "20 s so far, 40 to 140 s to go."),
        (Expected(6, 1), 20, "20 s so far, at most 100 s to go."),
    ],
)
def test_a_wait_is_told_in_plain_words(monkeypatch, capsys, expected, seconds, words):
    now = [0.0]
    monkeypatch.setattr("skautoseqrec._fitting.reporting.perf_counter", lambda: now[0])
    progress = Progress("auto")
    progress.begin("epoch", expected)
    now[0] += seconds
    progress.say({"source": 1.0})
    told = capsys.readouterr().err
    assert words in told if words else told == ""


def test_workers_of_a_search_do_not_tell_of_waiting(monkeypatch):
    monkeypatch.setattr("skautoseqrec._fitting.reporting.parent_process", lambda: object())
    monkeypatch.setattr(Progress, "LONG", 0.0)
    monkeypatch.setattr("builtins.print", lambda *given, **named: pytest.fail(str(given)))
    progress = Progress("auto")
    progress.begin("epoch", Expected(100, 6))
    progress.say({"source": 1.0})


def test_a_bar_that_is_not_installed_is_asked_for(log, monkeypatch):
    monkeypatch.setattr("skautoseqrec._fitting.reporting.find_spec", lambda name: None)
    recommender = AutoSeqRecRecommender(**SMALL, verbose=2)
    with pytest.raises(ImportError, match="pip install tqdm"):
        recommender.fit(log)
    assert not hasattr(recommender, "module_")


def test_many_repeats_warn_unless_seen_items_are_eligible():
    repeats = [(1, 2, 1), (1, 2, 2), (1, 3, 3)]
    with pytest.warns(UserWarning, match=r"1 of 3 events \(33\.3%\) repeat.*exclude_seen=False"):
        AutoSeqRecRecommender(**SMALL).fit(repeats)
    AutoSeqRecRecommender(**SMALL, exclude_seen=False).fit(repeats)


def test_scoring_the_fitted_log_warns(log):
    with pytest.warns(UserWarning, match=r"360 of 360 rows \(100\.0%\) had been seen.*exclude_seen.*fitted before"):
        assert AutoSeqRecRecommender(**SMALL).fit(log).score(log) == 0


def test_score_is_the_weighted_mean_of_score_samples(log):
    recommender = AutoSeqRecRecommender(**SMALL).fit(log[log[:, 2] < 5])
    later = log[log[:, 2] >= 5]
    values = recommender.score_samples(later)
    weights = np.arange(len(later))
    assert recommender.score(later) == pytest.approx(values.mean())
    with pytest.raises(ValueError, match=f"sample_weight has 2 weights for {len(later)} events"):
        recommender.score(later, sample_weight=[1, 2])
    for wrong in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match=f"at least 0; row 2 holds {float(wrong)}"):
            recommender.score(later, sample_weight=[1, 1, wrong, *weights[3:]])
    assert recommender.score(later, sample_weight=weights) == pytest.approx(np.average(values, weights=weights))


def test_score_samples_are_in_the_order_of_the_rows(log):
    recommender = AutoSeqRecRecommender(**SMALL).fit(log[log[:, 2] < 5])
    later = log[log[:, 2] >= 5]
    later[:, 2] = np.random.default_rng(0).permutation(len(later))
    order = np.argsort(later[:, 2])
    np.testing.assert_allclose(recommender.score_samples(later)[order], recommender.score_samples(later[order]))


@pytest.mark.parametrize(
    "ask",
    [
        lambda recommender, log: recommender.partial_update(log),
        lambda recommender, log: recommender.predict_topk([1]),
        lambda recommender, log: recommender.predict(log),
        lambda recommender, log: recommender.score_samples(log),
    ],
    ids=["partial_update", "predict_topk", "predict", "score_samples"],
)
def test_fit_comes_first(log, ask):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        ask(AutoSeqRecRecommender(), log)


def test_a_failed_fit_leaves_the_model_as_it_was(log):
    recommender = AutoSeqRecRecommender(**SMALL).fit(log)
    expected = recommender.predict_topk([0, 1], k=3)
    with pytest.raises(ValueError, match="missing"):
        recommender.fit([(1, 2.0), (1, float("nan"))])
    with pytest.raises(ValueError, match="blend"):
        recommender.set_params(blend={"x": 1}).fit(log)
    np.testing.assert_array_equal(recommender.predict_topk([0, 1], k=3), expected)


def test_a_first_fit_that_fails_leaves_an_unfitted_estimator():
    recommender = AutoSeqRecRecommender(**SMALL)
    with pytest.raises(ValueError, match="missing value"):
        recommender.fit(np.array([[1.0, np.nan, 1.0]]))
    assert not hasattr(recommender, "n_features_in_")
    with pytest.raises(NotFittedError):
        recommender.predict_topk([1])


def test_a_refit_that_fails_keeps_the_columns_of_the_first(log):
    recommender = AutoSeqRecRecommender(**SMALL).fit(log)
    with pytest.raises(ValueError, match="missing value"):
        recommender.fit(np.array([[1.0, np.nan]]))
    assert recommender.n_features_in_ == 3


def test_divergence_is_an_error(log):
    with pytest.raises(ValueError, match=r"Training diverged: the \w+ loss is .*learning_rate"):
        AutoSeqRecRecommender(**{**SMALL, "learning_rate": 1e30, "max_iter": 5}).fit(log)


def test_a_saved_model_grows_by_its_events_only():
    log = np.column_stack([np.arange(2000), np.arange(2000)])
    recommender = AutoSeqRecRecommender(**SMALL, trend_half_lives=()).fit(log)
    before = len(pickle.dumps(recommender))
    for user in range(50):
        recommender.partial_update([(10_000 + user, user)])
    assert len(pickle.dumps(recommender)) - before < 50 * 2000


def test_ids_are_read_only(log):
    recommender = AutoSeqRecRecommender(**SMALL).fit(log)
    with pytest.raises(ValueError, match="read-only"):
        recommender.item_ids_[0] = 77


def test_ties_must_be_named(log):
    with pytest.raises(ValueError, match="ties must be 'row' or 'together', not 'random'"):
        AutoSeqRecRecommender(**SMALL).fit(log).score_samples(log, ties="random")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_trains_the_same_model(log):
    parameters = SMALL | {"dropout": 0.0}  # what is dropped is drawn by the device
    changes = {"start": {"learning_rate": 1e-30}, "cpu": {}, "cuda": {"device": "cuda"}}
    fitted = {name: AutoSeqRecRecommender(**parameters | change).fit(log) for name, change in changes.items()}
    weights = {name: recommender.module_.state_dict() for name, recommender in fitted.items()}
    for name, weight in weights["cuda"].items():
        assert weight.device.type == "cpu"
        # Rounding differs, and Adam makes steps of it where a gradient is next to nothing.
        moved, apart = (torch.dist(weights["cpu"][name], weights[other][name]) for other in ("start", "cuda"))
        assert moved > 0
        assert apart < 0.02 * moved
    for mine, theirs in zip(fitted["cuda"].loss_curve_, fitted["cpu"].loss_curve_, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-3)
