"""What events count in training and in the fit of the blend: a weighted loss, and targets that weigh something."""

import numpy as np
import pytest
import torch
from networks import SETTINGS
from worlds import LONG_LOG

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._counts.counted_log import count_log
from skautoseqrec._data.reading import read_columns
from skautoseqrec._fitting.blend_fit import Choices, _likelihood
from skautoseqrec._fitting.validation import Validation, _shares
from skautoseqrec._network.functions import SoftmaxCrossEntropy
from skautoseqrec._network.module import HISTORY_ENCODERS, SHARED
from skautoseqrec._scoring.gate import FEATURES
from skautoseqrec._scoring.parts import PARTS
from skautoseqrec._training.batches import Snapshots


def counted(log, weights):
    columns = read_columns(log)._replace(weights=np.array(weights) * 1024)
    return count_log(columns, None, SETTINGS, 0)


def test_the_weighted_loss_is_the_mean_of_weighted_rows():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 9, generator=generator, dtype=torch.float64)
    targets, weights = torch.randint(9, (6,), generator=generator), torch.rand(6, generator=generator).double()
    mine, other = (logits.clone().requires_grad_() for _ in range(2))
    ones = torch.ones(6, dtype=torch.float64)
    loss = SoftmaxCrossEntropy.apply(mine * 1, torch.arange(6), targets, ones, weights)
    expected = (torch.nn.functional.cross_entropy(other, targets, reduction="none") * weights).mean()
    loss.backward()
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(mine.grad, other.grad)


def test_what_weighs_nothing_is_nobodys_target():
    log = [("ann", item) for item in range(6)]
    counts = counted(log, [1, 0, 2, 0, 4, 1]).counts
    snapshots = Snapshots(counts, SETTINGS, sequence_length=None)
    assert snapshots.events.tolist() == [2, 4, 5]
    batch = snapshots.batch(snapshots.events, snapshots.target_rates(snapshots.events))
    torch.testing.assert_close(batch.shares, torch.tensor([2, 4, 1]) * 3 / 7)


@pytest.mark.parametrize("least_foretold", [0.0, 0.01])
def test_an_event_of_weight_two_is_as_likely_as_two_events(least_foretold):
    generator = torch.Generator().manual_seed(0)
    features, weights = torch.randn(5, 7, 2, generator=generator), np.array([1, 2, 1, 3, 2])
    situations = np.zeros((5, len(FEATURES)))
    weighted = Choices(("direct", "trend"), features, torch.zeros(5, 7), situations, _shares(weights * 1024))
    rows = np.repeat(np.arange(5), weights)
    repeated = Choices(("direct", "trend"), features[rows], torch.zeros(9, 7), situations[rows])
    (mine, slopes), (other, others) = (
        _likelihood(choices, choices.scores(np.array([0.3, 0.7])), least_foretold) for choices in (weighted, repeated)
    )
    assert mine == pytest.approx(other)
    gradients = [
        residuals.flatten() @ choices.features.flatten(0, 1) / len(residuals)
        for residuals, choices in ((slopes, weighted), (others, repeated))
    ]
    torch.testing.assert_close(*gradients)
    assert weighted.n_effective == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    assert weighted.mean_reciprocal_rank({"direct": 1, "trend": 1}) == pytest.approx(
        repeated.mean_reciprocal_rank({"direct": 1, "trend": 1})
    )


def test_a_validation_judges_what_weighs_something():
    rng = np.random.default_rng(0)
    log = [(int(user), int(item)) for user, item in rng.integers(0, 6, (80, 2))]
    weights = rng.integers(0, 3, 80)
    store = counted(log, weights)
    events = store.events.log(6, 6)
    parts = 60, 60, SETTINGS.step_weights, False, np.arange(20)
    every = Validation.of_log(events._replace(weights=None), *parts)
    some = Validation.of_log(events, *parts)
    assert every.count_usable() == 20
    assert some.count_usable() == (weights[60:] > 0).sum()
    model = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}, exclude_seen=False)
    fitted = model.fit(log[:60], sample_weight=weights[:60])._serving.scorer.model
    choices = some.choices(
        fitted,
        10**6,
        dict.fromkeys([name for part in PARTS for name in part.terms(fitted.settings)], 1.0),
        torch.device("cpu"),
    )
    judged = weights[60:][weights[60:] > 0]
    np.testing.assert_allclose(choices.shares.numpy(), judged / judged.mean(), rtol=1e-6)


def test_what_counts_more_is_learned_though_it_is_rarer():
    def steps(item, n_users):
        return [(f"{item} {user}", of, time) for user in range(n_users) for time, of in enumerate(("a", item))]

    log = steps("b", 20) + steps("c", 40)
    weights = [8.0 if row[1] == "b" else 1.0 for row in log]
    parameters = {"n_components": 8, "max_iter": 30, "random_state": 0, "early_stopping": False, "device": "cpu"}
    for given, best in ((None, "c"), (weights, "b")):
        recommender = AutoSeqRecRecommender(**parameters, blend={"collaborative": 1.0})
        recommender.fit(log, sample_weight=given)
        assert recommender.predict_topk_sequences([["a"]], k=1).tolist() == [[best]]


def test_only_ratios_of_weights_matter_in_training():
    log = LONG_LOG.tolist()
    weights = np.random.default_rng(0).choice([0.5, 1, 2], len(log))
    parameters = {"n_components": 4, "max_iter": 2, "random_state": 0, "device": "cpu", "linear_penalty": None}
    losses = [
        AutoSeqRecRecommender(**parameters, early_stopping=False, blend={"collaborative": 1.0})
        .fit(log, sample_weight=weights * factor)
        .loss_curve_
        for factor in (1, 4)
    ]
    for mine, other in zip(*losses, strict=True):
        assert mine == pytest.approx(other, rel=1e-5)


@pytest.mark.parametrize("objective", ["multinomial", "closed_form"])
def test_a_log_that_weighs_something_only_at_its_end_is_fitted_without_a_validation(objective):
    weights = np.arange(len(LONG_LOG)) >= 0.95 * len(LONG_LOG)
    recommender = AutoSeqRecRecommender(objective=objective, n_components=4, max_iter=1, random_state=0, device="cpu")
    with pytest.warns(UserWarning, match="nothing is validated"):
        recommender.fit(LONG_LOG, sample_weight=weights)
    assert np.isfinite(recommender.score_samples(np.add(LONG_LOG[-5:], [0, 0, 10**6]))).all()


@pytest.mark.parametrize("n_negatives", [None, 2])
@pytest.mark.parametrize("history_encoder", [SHARED, *HISTORY_ENCODERS])
def test_events_after_nothing_that_counts_are_learned(history_encoder, n_negatives):
    log = [(f"user {user}", item) for user in range(20) for item in ("a", "b" if user % 4 else "c")]
    recommender = AutoSeqRecRecommender(
        history_encoder=history_encoder,
        n_negatives=n_negatives,
        n_components=4,
        max_iter=50,
        learning_rate=0.05,
        early_stopping=False,
        random_state=0,
        device="cpu",
        blend={"collaborative": 1.0},
    )
    recommender.fit(log, sample_weight=[0, 1] * 20)
    assert recommender.predict_topk_sequences([[]], k=2).tolist() == [["b", "c"]]
