"""What scikit-learn's callbacks are told of a fit."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from worlds import FIXED, LEARNING, LONG_LOG

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._fitting.reporting import HAS_CALLBACKS
from skautoseqrec.metrics import RankingScorer, mrr_scorer
from skautoseqrec.model_selection import TemporalSplit


class Recorder:
    """A callback that writes down what it is told, and asks to stop after some epochs."""

    def __init__(self, last_epoch=None):
        self.last_epoch = last_epoch
        self.told, self.scores, self.max_epochs = [], [], None

    def setup(self, estimator, context):
        self.max_epochs = context.max_subtasks

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.told.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        self.told.append(f"end {context.task_name}")
        if fitted_estimator is not None:
            assert len(X) == len(LONG_LOG)
            self.scores.append(fitted_estimator.score(LONG_LOG[-100:]))
        return context.task_name == "epoch" and context.task_id == self.last_epoch


pytestmark = [
    pytest.mark.skipif(not HAS_CALLBACKS, reason="scikit-learn has callbacks from version 1.9 on"),
    pytest.mark.filterwarnings("ignore:The items of:UserWarning"),  # the fitted log itself is scored
]


def test_callbacks_are_told_of_every_epoch():
    recorder = Recorder()
    recommender = AutoSeqRecRecommender(**LEARNING, **FIXED, learning_rate=0.02, exclude_seen=False)
    recommender.set_callbacks(recorder).fit(LONG_LOG)
    assert recorder.told == ["begin fit", *["begin epoch", "end epoch"] * 4, "end fit", "teardown"]
    assert recorder.max_epochs == 4
    assert recorder.scores[-1] == pytest.approx(recommender.score(LONG_LOG[-100:]))
    assert len(set(recorder.scores)) > 1


def test_callbacks_do_not_change_what_is_learnt():
    plain = AutoSeqRecRecommender(**LEARNING, exclude_seen=False).fit(LONG_LOG)
    recorder = Recorder()
    watched = AutoSeqRecRecommender(**LEARNING, exclude_seen=False).set_callbacks(recorder).fit(LONG_LOG)
    assert plain.blend_ == watched.blend_
    np.testing.assert_array_equal(plain.module_.encoder_weight, watched.module_.encoder_weight)
    n_kept = 1 + int(np.argmax(watched.validation_scores_))
    n_epochs = len(watched.validation_scores_) + watched.n_iter_ - n_kept
    assert recorder.told.count("begin epoch") == recorder.told.count("end epoch") == n_epochs


def test_a_callback_can_stop_a_fit():
    recommender = AutoSeqRecRecommender(**LEARNING, **FIXED).set_callbacks(Recorder(last_epoch=1)).fit(LONG_LOG)
    assert recommender.n_iter_ == 2
    recommender = (
        AutoSeqRecRecommender(**LEARNING, exclude_seen=False).set_callbacks(Recorder(last_epoch=1)).fit(LONG_LOG)
    )
    assert len(recommender.validation_scores_) == 2


@pytest.mark.parametrize("in_search", [False, True])
def test_a_progress_bar_comes_to_its_end(capsys, in_search):
    pytest.importorskip("rich", reason="rich is not installed")
    from sklearn.callback import ProgressBar

    estimator = AutoSeqRecRecommender(**LEARNING, **FIXED, exclude_seen=False)
    if in_search:
        estimator = GridSearchCV(estimator, {"context_size": [1, 2]}, scoring=mrr_scorer, cv=TemporalSplit(2))
    estimator.set_callbacks(ProgressBar()).fit(LONG_LOG)
    told = capsys.readouterr().out
    assert f"{type(estimator).__name__} - fit" in told
    assert ("AutoSeqRecRecommender - fit" in told) if in_search else ("100%" in told)


def test_a_scoring_monitor_scores_every_epoch_where_there_is_a_y():
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring=RankingScorer(("mrr", "recall@10")))
    recommender = AutoSeqRecRecommender(**LEARNING, **FIXED, learning_rate=0.02, exclude_seen=False)
    recommender.set_callbacks(monitor).fit(LONG_LOG, np.zeros(len(LONG_LOG)))
    scores = [row["mrr"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(set(scores)) == 4
    assert scores[-1] == pytest.approx(recommender.score(LONG_LOG))


def test_a_fit_that_fails_is_torn_down():
    recorder = Recorder()
    recommender = AutoSeqRecRecommender(**LEARNING, **FIXED).set_callbacks(recorder)
    with pytest.raises(ValueError, match="minimum of 1 is required"):
        recommender.fit(LONG_LOG[:0])
    assert recorder.told == ["begin fit", "teardown"]
    assert not hasattr(recommender, "module_")


@pytest.mark.parametrize("parameters", [FIXED, {"n_iter_no_change": 1}], ids=["last epoch", "early stopping"])
def test_an_error_of_a_callback_is_raised_at_any_epoch(parameters):
    class Failing(Recorder):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch" and context.task_id >= 1:
                raise RuntimeError("the monitor is full")

    recommender = AutoSeqRecRecommender(**{**LEARNING, "max_iter": 2}, **parameters, exclude_seen=False)
    with pytest.raises(RuntimeError, match="the monitor is full"):
        recommender.set_callbacks(Failing()).fit(LONG_LOG)
    assert not hasattr(recommender, "module_")


@pytest.mark.parametrize("parameters", [{}, FIXED])
def test_an_interrupt_before_an_epoch_is_whole_is_one_for_callbacks_too(monkeypatch, parameters):
    def interrupt(module):
        raise KeyboardInterrupt

    recorder = Recorder()
    recommender = AutoSeqRecRecommender(**LEARNING, **parameters, exclude_seen=False).set_callbacks(recorder)
    monkeypatch.setattr("skautoseqrec._fitting.learner._settled", interrupt)
    with pytest.raises(KeyboardInterrupt):
        recommender.fit(LONG_LOG)
    assert recorder.scores == []
