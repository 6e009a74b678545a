"""What is kept of a fit that is interrupted."""

import numpy as np
import pytest
from comparisons import assert_same_weights
from sklearn.base import clone
from worlds import FIXED, LEARNING, LONG_LOG

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._fitting import learner as _learning
from skautoseqrec._training.sampled_steps import RowSteps
from skautoseqrec._training.steps import WholeSteps

PARAMETERS = LEARNING | {"exclude_seen": False}


@pytest.fixture
def steps(monkeypatch):
    """The steps of training, counted; those whose numbers are in ``interrupted`` are interrupted half-way."""

    class Steps:
        taken, interrupted = 0, frozenset()

    def interruptible(take):
        def taken(self, batch):
            loss = take(self, batch)
            Steps.taken += 1
            if Steps.taken in Steps.interrupted:
                raise KeyboardInterrupt
            return loss

        return taken

    for kind in (WholeSteps, RowSteps):
        monkeypatch.setattr(kind, "take", interruptible(kind.take))
    return Steps


def steps_per_epoch(steps, recommender):
    """Return the steps of an epoch of the whole log, and of the part before the validation."""
    counts = []
    for log in (LONG_LOG, LONG_LOG[: round(0.9 * len(LONG_LOG))]):
        steps.taken = 0
        clone(recommender).set_params(**FIXED, max_iter=1).fit(log)
        counts.append(steps.taken)
    steps.taken = 0
    return counts


@pytest.mark.parametrize("n_negatives", [None, 5])
@pytest.mark.parametrize("weight_averaging", [0.0, 0.9])
def test_whole_epochs_are_kept(steps, n_negatives, weight_averaging):
    options = {**PARAMETERS, **FIXED, "n_negatives": n_negatives, "weight_averaging": weight_averaging}
    recommender = AutoSeqRecRecommender(**options, warm_start=True)
    whole, _ = steps_per_epoch(steps, recommender)
    steps.interrupted = {2 * whole + 3}
    with pytest.warns(UserWarning, match="Training was interrupted; kept: 2 of 4 epochs of the whole log"):
        recommender.fit(LONG_LOG)
    expected = AutoSeqRecRecommender(**{**options, "max_iter": 2}).fit(LONG_LOG)
    assert recommender.n_iter_ == len(recommender.loss_curve_) == 2
    assert_same_weights(recommender, expected)
    np.testing.assert_array_equal(recommender.score_samples(LONG_LOG[-50:]), expected.score_samples(LONG_LOG[-50:]))
    # And another fit goes on from there.
    again = expected.set_params(warm_start=True, max_iter=4).fit(LONG_LOG)
    assert_same_weights(recommender.fit(LONG_LOG), again)


def test_an_interrupted_validation_fits_the_blend_and_skips_the_refit(steps):
    recommender = AutoSeqRecRecommender(**PARAMETERS)
    _, head = steps_per_epoch(steps, recommender)
    steps.interrupted = {2 * head + 3}
    with pytest.warns(UserWarning, match="kept: 2 epochs of the part before the validation, without a refit"):
        recommender.fit(LONG_LOG)
    expected = AutoSeqRecRecommender(**{**PARAMETERS, "max_iter": 2}, refit=False).fit(LONG_LOG)
    assert recommender.blend_ == expected.blend_
    assert recommender.validation_scores_ == expected.validation_scores_
    assert len(recommender.validation_scores_) == 2
    assert_same_weights(recommender, expected)


@pytest.mark.parametrize("n_whole", [0, 1])
def test_an_interrupted_refit_keeps_its_epochs_or_what_was_learnt_before_it(steps, n_whole):
    recommender = AutoSeqRecRecommender(**PARAMETERS, early_stopping=False)
    whole, head = steps_per_epoch(steps, recommender)
    steps.interrupted = {4 * head + n_whole * whole + 3}
    kept = "1 of 4 epochs of the whole log" if n_whole else "the training before the validation"
    with pytest.warns(UserWarning, match=f"kept: {kept}"):
        recommender.fit(LONG_LOG)
    expected = AutoSeqRecRecommender(**PARAMETERS, early_stopping=False, refit=False).fit(LONG_LOG)
    if n_whole:
        going_on = {"early_stopping": False, "blend": recommender.blend_, "warm_start": True, "max_iter": 1}
        expected.set_params(**going_on).fit(LONG_LOG)
    assert recommender.n_iter_ == 4 + n_whole
    assert_same_weights(recommender, expected)
    assert len(recommender.validation_scores_) == 4


@pytest.mark.parametrize("parameters", [FIXED, {}], ids=["whole log", "validation"])
def test_without_a_whole_epoch_the_interrupt_is_raised(steps, parameters):
    recommender = AutoSeqRecRecommender(**PARAMETERS, **parameters).fit(LONG_LOG)
    before = dict(vars(recommender))
    steps.interrupted = {steps.taken + 3}
    with pytest.raises(KeyboardInterrupt):
        recommender.fit(LONG_LOG)
    assert vars(recommender) == before


@pytest.mark.parametrize("parameters", [FIXED, {"refit": False}], ids=["whole log", "validation"])
def test_an_epoch_counts_when_its_weights_are_kept(monkeypatch, parameters):
    copied, settled = [], _learning._settled

    def interrupt_the_third(module):
        copied.append(module)
        if len(copied) == 3:
            raise KeyboardInterrupt
        return settled(module)

    recommender = AutoSeqRecRecommender(**PARAMETERS, **parameters)
    monkeypatch.setattr(_learning, "_settled", interrupt_the_third)
    with pytest.warns(UserWarning, match=r"kept: 2 (of 4 )?epochs"):
        recommender.fit(LONG_LOG)
    monkeypatch.undo()
    expected = AutoSeqRecRecommender(**{**PARAMETERS, "max_iter": 2}, **parameters).fit(LONG_LOG)
    assert recommender.loss_curve_ == expected.loss_curve_
    assert_same_weights(recommender, expected)


def test_a_second_interrupt_is_raised(steps, monkeypatch):
    recommender = AutoSeqRecRecommender(**PARAMETERS).fit(LONG_LOG)
    before = dict(vars(recommender))
    _, head = steps_per_epoch(steps, recommender)
    steps.interrupted = {head + 3}

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("skautoseqrec._fitting.blending.Blending.fitted", interrupt)
    with pytest.warns(UserWarning, match="kept: 1 epoch of"), pytest.raises(KeyboardInterrupt):
        recommender.fit(LONG_LOG)
    assert vars(recommender) == before
