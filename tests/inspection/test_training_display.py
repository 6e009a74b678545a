import numpy as np
import pytest
from matplotlib import pyplot
from worlds import LEARNING, LOG, LONG_LOG, SMALL

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.inspection import TrainingDisplay

LOSSES = [{"collaborative": loss, "source": loss + 1} for loss in (3.0, 2.0, 1.5, 1.25)]


@pytest.fixture(scope="module")
def validated():
    return AutoSeqRecRecommender(**LEARNING).fit(LONG_LOG)


def labels_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_what_a_fit_recorded_is_drawn(validated):
    display = TrainingDisplay.from_estimator(validated)
    assert set(display.losses) == {"collaborative", "source", "target"}
    for decoder, line in display.lines_.items():
        assert line.get_ydata().tolist() == [losses[decoder] for losses in validated.loss_curve_]
        assert line.get_xdata().tolist() == [*range(1, validated.n_iter_ + 1)]
    (scores, kept) = display.score_ax_.lines
    assert scores.get_ydata().tolist() == validated.validation_scores_
    assert kept.get_ydata().tolist() == [max(validated.validation_scores_)]
    # A refit takes a third of the epochs before it, or more where the log is short: it is all that is left.
    assert display.n_kept < validated.n_iter_
    assert display.n_kept == 1 + int(np.argmax(validated.validation_scores_))


def test_the_refit_begins_where_a_fit_without_one_ends(validated):
    without = AutoSeqRecRecommender(**LEARNING, refit=False).fit(LONG_LOG)
    display = TrainingDisplay.from_estimator(without)
    assert display.n_kept == without.n_iter_ == TrainingDisplay.from_estimator(validated).n_kept
    assert without.loss_curve_ == validated.loss_curve_[: without.n_iter_]
    assert not any("refit" in label for label in labels_of(display.loss_ax_))


def test_the_refit_and_the_stop_are_marked():
    display = TrainingDisplay.from_predictions(LOSSES, [-3.0, -2.0, -2.5, -2.1])
    assert display.n_kept == 2
    assert labels_of(display.loss_ax_)[-1] == "refit, from epoch 3"
    (span,) = display.loss_ax_.patches
    corners = span.get_path().vertices @ span.get_patch_transform().get_matrix()[:2, :2].T
    corners += span.get_patch_transform().get_matrix()[:2, 2]  # a rectangle or, in older versions, a polygon
    assert (corners[:, 0].min(), corners[:, 0].max()) == (2.5, 4.5)
    assert labels_of(display.score_ax_)[-1] == "kept: epoch 2, stopped after epoch 4"


def test_without_early_stopping_the_last_epoch_is_kept():
    display = TrainingDisplay.from_predictions(LOSSES, [-3.0, -2.0, -2.5], early_stopping=False)
    assert display.n_kept == 3
    fixed = TrainingDisplay.from_estimator(AutoSeqRecRecommender(**SMALL).fit(LOG))
    assert fixed.score_ax_ is None
    assert fixed.n_kept == 2
    assert len(labels_of(fixed.loss_ax_)) == 3


def test_what_cannot_be_drawn_is_refused_in_words():
    with pytest.raises(ValueError, match="loss_curve has 4 epochs, but validation_scores say that 5 were kept"):
        TrainingDisplay.from_predictions(LOSSES, [-5.0, -4.0, -3.0, -2.0, -1.0])
    closed = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}).fit(LOG)
    with pytest.raises(ValueError, match="objective='closed_form' trains no network"):
        TrainingDisplay.from_estimator(closed)
    assert not pyplot.get_fignums()
