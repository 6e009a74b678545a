"""Fitting the blend: the likelihood, its gradient, and what a log says of the parts."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from comparisons import answered
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracle import TIE_TOLERANCE, Oracle
from scipy.optimize import approx_fprime
from strategies import logs
from worlds import LEARNING

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._counts.counted_log import count_log
from skautoseqrec._counts.settings import SequenceSettings
from skautoseqrec._data.reading import read_columns
from skautoseqrec._fit_settings import resolve_parameters
from skautoseqrec._fitting.blend_fit import Choices, fit_weights
from skautoseqrec._fitting.learner import Learner, refit_epochs
from skautoseqrec._fitting.result import EpochRecord
from skautoseqrec._fitting.validation import choose, lift_highest
from skautoseqrec._fitting.warm_start import WarmStart
from skautoseqrec._scoring.gate import FEATURES
from skautoseqrec._scoring.parts import PARTS
from skautoseqrec.datasets import make_interactions
from skautoseqrec.model_selection import temporal_train_test_split

SETTINGS = SequenceSettings(2, 0.5, 0.9, 1, 1.0, ())
SMALL = LEARNING | {"batch_size": 64}


TERMS = ("a", "b", "c")
START = dict.fromkeys(TERMS, 1.0)


def choices_of(seed, n_events=40, n_candidates=9, n_parts=3):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(n_events, n_candidates, n_parts, generator=generator)
    offsets = torch.where(torch.rand(n_events, n_candidates, generator=generator) < 0.2, -torch.inf, 0.0)
    offsets[:, 0] = 0.0
    return Choices(TERMS[:n_parts], features, offsets, np.zeros((n_events, len(FEATURES))))


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_the_gradient_is_that_of_the_likelihood(seed):
    choices, captured = choices_of(seed), {}

    def capture(function, start, **options):
        captured["function"] = function
        return type("Result", (), {"x": start, "fun": 0.0})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skautoseqrec._fitting.blend_fit.optimize.minimize", capture)
        fit_weights(choices, START)
    at = np.array([0.5, 1.0, 0.2])
    numeric = approx_fprime(at, lambda weights: captured["function"](weights)[0], 1e-3)
    np.testing.assert_allclose(captured["function"](at)[1], numeric, atol=1e-3)


def test_parts_that_tell_nothing_weigh_little_and_misleading_ones_nothing():
    choices = choices_of(0, n_events=3000)
    choices.features[:, 0, 0] += 1.5  # part 0 knows the truth
    choices.features[:, 0, 1] -= 1.0  # part 1 says the opposite
    weights = fit_weights(choices, START).weights
    assert weights["a"] > 1.0
    assert weights["b"] == 0.0
    assert weights["c"] < 0.1


def test_the_likelihood_is_that_of_the_true_items_under_the_weights():
    choices = choices_of(1)
    weights, log_likelihood, _ = fit_weights(choices, START)
    vector = choices.vector(weights)
    scores = choices.features.double().numpy() @ vector + choices.offsets.double().numpy()
    odds = np.exp(scores - scores.max(1, keepdims=True))
    expected = np.mean(np.log(0.01 + odds[:, 0] / odds.sum(1)))
    expected -= (vector**2).sum() / 10**2 / len(scores) / 2
    assert log_likelihood == pytest.approx(expected, abs=1e-5)


def test_few_events_are_not_believed_against_the_prior():
    prior = {"a": 0.7, "b": 0.2, "c": 0.0}

    def distance(n_events, prior_of_fit):
        choices = choices_of(2, n_events)
        choices.features[:, 0, 0] += 1.5
        weights = fit_weights(choices, START, prior=prior_of_fit).weights
        return sum(abs(weights[term] - prior[term]) for term in TERMS)

    assert distance(20, prior) < distance(20, None) - 0.05
    assert distance(5000, prior) == pytest.approx(distance(5000, None), abs=0.05)


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(2, 14))
def test_candidates_are_the_best_and_a_sample_that_stands_for_the_rest(seed, n_candidates):
    generator = torch.Generator().manual_seed(seed)
    scores, denied = torch.randn(5, 12, generator=generator), torch.rand(5, 12, generator=generator) < 0.3
    candidates, offsets = choose(scores, denied, n_candidates, generator)
    for row in range(5):
        eligible = torch.isfinite(offsets[row])
        kept = candidates[row][eligible].tolist()
        assert len(kept) == len(set(kept))
        assert not denied[row, kept].any()
        best = scores[row].masked_fill(denied[row], -torch.inf).argsort(descending=True)[: n_candidates // 2]
        assert {item for item in best.tolist() if not denied[row, item]} <= set(kept)
        # The rest is stood for in full wherever a candidate fell into it.
        if (offsets[row][eligible] > 0).any() or n_candidates >= 12:
            assert offsets[row].exp().sum().item() == pytest.approx((~denied[row]).sum().item())


@given(st.integers(0, 1000))
def test_the_highest_of_each_part_are_lifted_above_all_others(seed):
    generator = torch.Generator().manual_seed(seed)
    parts = list(torch.randn(3, 4, 12, generator=generator))
    denied = torch.rand(4, 12, generator=generator) < 0.3
    scores = sum(parts)
    lifted = lift_highest(scores, parts, denied, n_lifted=6)
    for row in range(4):
        best = [part[row].masked_fill(denied[row], -torch.inf).argsort(descending=True)[:2].tolist() for part in parts]
        high = {item for items in best for item in items if not denied[row, item]}
        others = [item for item in range(12) if not denied[row, item] and item not in high]
        assert not others or min(lifted[row, item] for item in high) > max(lifted[row, item] for item in others)
        assert torch.equal(lifted[row, others], scores[row, others])


@given(st.integers(0, 1000))
@example(619)  # two scores are tied but for rounding
def test_the_mean_reciprocal_rank_of_choices_counts_what_a_candidate_stands_for(seed):
    choices, weights = choices_of(seed), {"a": 0.5, "b": 1.0, "c": 0.0}
    choices.offsets[:, -1] += np.log(3)  # the last candidate stands for three items, if it was eligible
    scores, expected = (choices.features @ torch.from_numpy(choices.vector(weights)).float()).tolist(), []
    for row, offsets in zip(scores, choices.offsets.exp().tolist(), strict=True):
        tolerance = TIE_TOLERANCE * max(abs(score) for score, offset in zip(row, offsets, strict=True) if offset)
        others = [*zip(row, offsets, strict=True)][1:]
        higher = sum(offset for score, offset in others if score > row[0] + tolerance)
        tied = sum(offset for score, offset in others if abs(score - row[0]) <= tolerance)
        expected.append(1 / (1 + higher + tied / 2))
    assert choices.mean_reciprocal_rank(weights) == pytest.approx(np.mean(expected), rel=1e-5)


def test_blended_choices_have_one_part():
    choices = choices_of(2)
    weights = {"c": 2.0, "a": 0.5, "b": 0.0}
    torch.testing.assert_close(choices.blended(weights).scores(np.ones(1)), choices.scores(choices.vector(weights)))


def test_the_blend_is_a_readable_mapping_that_can_be_given_back():
    train, test = temporal_train_test_split(make_interactions(random_state=0))
    fitted = AutoSeqRecRecommender(**SMALL).fit(train)
    assert list(fitted.blend_) == [part.NAME for part in PARTS]
    assert len(fitted.blend_["trend"]) == 4
    assert fitted.with_blend({"repeat": (1, 2, 3)}).blend_["repeat"] == (1.0, 2.0, 3.0, 0.0)
    for weights in ((1, 2), (1, 2, 3, 4, 5)):
        with pytest.raises(ValueError, match=f"has {len(weights)} weights, and must have 4"):
            fitted.with_blend({"repeat": weights})
    assert fitted.blend_["repeat"] == (0.0, 0.0, 0.0, 0.0)  # exclude_seen leaves it nothing to say
    given_back = AutoSeqRecRecommender(
        **{**SMALL, "max_iter": fitted.n_iter_}, blend=fitted.blend_, early_stopping=False
    ).fit(train)
    assert given_back.blend_ == fitted.blend_
    np.testing.assert_allclose(given_back.score_samples(test), fitted.score_samples(test), atol=1e-3)


def test_the_fitted_blend_finds_the_transitions_of_a_world_of_transitions():
    X, oracle = make_interactions(n_users=300, random_state=0, return_oracle=True)
    train, test = temporal_train_test_split(X)
    fitted = AutoSeqRecRecommender(**SMALL).fit(train)
    best = (1 / oracle.ranks[-len(test) :]).mean()
    assert fitted.score(test) > 0.75 * best
    assert max(fitted.validation_scores_) > -np.log(len(fitted.item_ids_))  # better than a guess


def test_without_refit_the_weights_are_those_of_the_first_part():
    train = make_interactions(random_state=0)
    with_refit, without = (AutoSeqRecRecommender(**SMALL, refit=refit).fit(train) for refit in (True, False))
    assert with_refit.loss_curve_[: without.n_iter_] == without.loss_curve_
    assert with_refit.n_iter_ == without.n_iter_ + refit_epochs(without.n_iter_, n_steps=1)
    assert with_refit.blend_ == without.blend_
    assert not torch.equal(with_refit.module_.encoder_weight, without.module_.encoder_weight)


def test_early_stopping_keeps_the_best_epoch():
    parameters = {**SMALL, "max_iter": 40, "learning_rate": 0.02, "n_iter_no_change": 2, "tol": 1e-6}
    fitted = AutoSeqRecRecommender(**parameters).fit(make_interactions(random_state=0))
    scores = fitted.validation_scores_
    kept = AutoSeqRecRecommender(**parameters, refit=False).fit(make_interactions(random_state=0))
    assert kept.n_iter_ == 1 + int(np.argmax(scores)) == len(scores) - 2
    only = AutoSeqRecRecommender(**{**parameters, "max_iter": kept.n_iter_}, refit=False)
    only.fit(make_interactions(random_state=0))
    torch.testing.assert_close(kept.module_.state_dict(), only.module_.state_dict())
    longer = AutoSeqRecRecommender(**parameters, early_stopping=False, refit=False).set_params(max_iter=5)
    assert longer.fit(make_interactions(random_state=0)).n_iter_ == 5


@pytest.mark.parametrize(
    ("n_iter", "n_steps", "expected"),
    [(29, 147, 10), (27, 147, 9), (40, 1000, 14), (8, 60, 8), (30, 60, 17), (1, 10**6, 1), (8, 334, 3)],
)
def test_a_refit_takes_a_third_of_the_epochs_and_many_steps(n_iter, n_steps, expected):
    assert refit_epochs(n_iter, n_steps) == expected


def test_a_refit_goes_on_from_the_validated_weights(monkeypatch):
    starts = []
    carry_into = WarmStart.carry_into
    monkeypatch.setattr(
        WarmStart, "carry_into", lambda self, *given: starts.append(self.module) or carry_into(self, *given)
    )
    log = make_interactions(random_state=0)
    without = AutoSeqRecRecommender(**SMALL, refit=False).fit(log)
    assert starts == []
    AutoSeqRecRecommender(**SMALL).fit(log)
    (start,) = starts
    torch.testing.assert_close(start.state_dict(), without.module_.state_dict())


def test_early_stopping_does_not_wait_for_less_than_the_tolerance():
    parameters = {**SMALL, "max_iter": 40, "n_iter_no_change": 2, "tol": 100.0}
    fitted = AutoSeqRecRecommender(**parameters).fit(make_interactions(random_state=0))
    # The first epoch beats none at all; no later one beats it by so much.
    assert len(fitted.validation_scores_) == 3


def test_early_stopping_judges_the_blend_that_was_given(monkeypatch):
    judged, blended = [], Choices.blended
    monkeypatch.setattr(
        Choices, "blended", lambda self, weights: judged.append(dict(weights)) or blended(self, weights)
    )
    blend = {"direct": 2.0, "trend": (0.0, 1.0, 0.0, 0.0)}
    AutoSeqRecRecommender(**SMALL, blend=blend).fit(make_interactions(random_state=0))
    lags = {f"direct {lag}": 2.0 * 0.5**lag for lag in range(5)}
    expected = lags | {"trend 1": 1.0}
    assert [{term: weight for term, weight in weights.items() if weight} for weights in judged] == (
        [expected] * SMALL["max_iter"]
    )


def test_equal_half_lives_are_parts_of_their_own():
    fitted = AutoSeqRecRecommender(**SMALL, trend_half_lives=(30, 30)).fit(make_interactions(random_state=0))
    assert len(fitted.blend_["trend"]) == 2


def test_a_short_log_takes_fixed_weights_and_says_so():
    log = make_interactions(n_users=10, n_items=20, n_events=90, random_state=0)
    with pytest.warns(UserWarning, match="newest 10% of the log hold fewer than 50 usable events"):
        fitted = AutoSeqRecRecommender(**SMALL).fit(log)
    assert fitted.blend_["collaborative"] == 1.0
    assert fitted.validation_scores_ == []
    assert fitted.n_iter_ == SMALL["max_iter"]


def test_cold_users_get_what_has_come_into_fashion():
    log = make_interactions(n_users=600, n_events=6000, random_state=0)
    fitted = AutoSeqRecRecommender(**SMALL).fit(log)
    assert answered(fitted, -1) == pytest.approx(Oracle(fitted, log.tolist()).eligible_scores(-1), rel=1e-4, abs=1e-4)
    assert fitted.predict_topk([-1], k=1) != 77
    fitted.partial_update([(10_000 + user, 77) for user in range(300)])
    assert fitted.predict_topk([-1], k=1).tolist() == [[77]]


def test_cold_users_get_what_decoders_expect_of_anybody():
    # The trend forgets within a few events what is popular; the biases of the decoders do not.
    popularity = 1 / np.arange(1, 41)
    rng = np.random.default_rng(0)
    baskets = [rng.choice(40, size=3, replace=False, p=popularity / popularity.sum()) for _ in range(1500)]
    log = [(user, item) for user, basket in enumerate(baskets) for item in basket.tolist()]
    fitted = AutoSeqRecRecommender(**SMALL, trend_half_lives=(3.0,)).fit(log)
    expected = Oracle(fitted, log).eligible_scores(-1)
    assert answered(fitted, -1) == pytest.approx(expected, rel=1e-4, abs=1e-4)
    parts = fitted.explain([-1], fitted.item_ids_).parts
    spreads = {name: np.ptp(part) for name, part in parts.items()}
    for part, decoder in (("collaborative", "collaborative"), ("one_hop", "source")):
        biases = fitted.module_.decoders[decoder].bias.numpy()
        weight = spreads[part] / np.ptp(biases)
        assert weight > 0
        np.testing.assert_allclose(parts[part][0], weight * biases, rtol=1e-3, atol=1e-5)
    # Most of the order is theirs: of what is most popular, and not of what came last.
    assert spreads["collaborative"] > spreads["trend"]
    best = fitted.predict_topk([-1], k=5)[0]
    counts = np.bincount([item for _, item in log])
    assert set(best.tolist()) <= set(np.argsort(-counts)[:10].tolist())


def log_of(rows):
    """Return (user, item) rows that come in this order."""
    return [(f"user {user}", f"item {item}") for user, item in rows]


@pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning")
@pytest.mark.parametrize("blend", ["auto", {"direct": 1.0}])
@pytest.mark.parametrize(
    "rows",
    [
        [(user, user % 7) for user in range(1000)],
        [(row % 50, (row + row // 50) % 20) for row in range(900)] + [(row % 50, row % 50 % 20) for row in range(100)],
        [(row % 50, row % 45 % 20) for row in range(900)] + [(row % 50, f"new {row}") for row in range(100)],
    ],
    ids=["newcomers", "repeats", "new items"],
)
def test_a_tail_without_usable_events_is_said_and_validates_nothing(rows, blend):
    with pytest.warns(UserWarning, match="fewer than 50 usable events") as warned:
        fitted = AutoSeqRecRecommender(**SMALL, blend=blend).fit(log_of(rows))
    assert {record.filename for record in warned} == {__file__}
    assert fitted.validation_scores_ == []


@settings(max_examples=100)
@given(logs(min_size=4, kind="int"), st.booleans(), st.sampled_from(["row", "together"]))
@example([(-7, 10, 2), (-7, 9, 1), (993, 10, 0), (993, 9, 1)], False, "together")
def test_usable_events_are_those_that_can_be_ranked(log, exclude_seen, ties):
    counted = count_log(read_columns(log), None, replace(SETTINGS, ties=ties), 0)
    parameters = {"validation_fraction": 0.5, "exclude_seen": exclude_seen, "ties": ties}
    learner = Learner(resolve_parameters(AutoSeqRecRecommender(**SMALL, **parameters).get_params()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skautoseqrec._fitting.learner.FEWEST_EVENTS", 0)
        validation = learner.hold_out(counted, 1000)
    if validation is None:
        return
    events, times = counted.events.log(len(counted.user_vocabulary), len(counted.item_vocabulary)), counted.events.times
    pairs, start = [*zip(events.users.tolist(), events.items.tolist(), strict=True)], len(validation.known_items)
    expected = 0
    for event, (user, item) in enumerate(pairs[start:], start):
        # What was held out is cut between moments, which are of one user: others of that time may be known.
        by_time = ties == "together" and times is not None
        before = pairs[: max(start, int(np.searchsorted(times, times[event]))) if by_time else event]
        known = user in [earlier for earlier, _ in before] and item in [earlier for _, earlier in before]
        expected += known and not (exclude_seen and (user, item) in before)
    assert validation.count_usable() == expected


@pytest.mark.parametrize("objective", ["closed_form", "multinomial"])
def test_a_tail_whose_users_all_come_at_one_time_validates_nothing(objective):
    rows = [(user, user % 7 + step, 10 * user + step) for user in range(90) for step in range(5)]
    rows += [(1000 + row % 10, row % 7, 10**6) for row in range(50)]  # five rows a user, but none before the others
    with pytest.warns(UserWarning, match="fewer than 50 usable events"):
        fitted = AutoSeqRecRecommender(4, objective=objective, max_iter=1, ties="together", random_state=0).fit(rows)
    assert fitted.validation_scores_ == []


def test_without_trends_newcomers_are_answered_by_event_counts():
    log = make_interactions(random_state=0)
    fitted = AutoSeqRecRecommender(**SMALL, trend_half_lives=()).fit(log)
    names, counts = np.unique(np.asarray(log)[:, 1], return_counts=True)
    assert fitted.predict_topk([-1], k=1)[0, 0] in names[counts == counts.max()]


def test_one_hop_is_left_out_of_a_fitted_blend_only():
    log = make_interactions(n_users=100, n_items=50, n_events=2000, random_state=0)
    fitted = AutoSeqRecRecommender(**SMALL).fit(log)
    assert fitted.blend_["one_hop"] == 0.0
    assert sum(fitted.blend_["direct"]) > 0.0
    choices = choices_of(0)
    weights = fit_weights(choices, START, left_out={"b"}).weights
    assert weights["b"] == 0.0 < weights["a"] + weights["c"]
    assert (
        AutoSeqRecRecommender(**SMALL, blend={"one_hop": 2.0}, early_stopping=False).fit(log).blend_["one_hop"] == 2.0
    )


def test_one_weight_of_direct_fades_over_the_last_items_and_a_tuple_names_each():
    log = make_interactions(n_users=30, n_items=20, n_events=300, random_state=0)
    fitted = AutoSeqRecRecommender(**SMALL, context_size=3, blend={"direct": 2.0}, early_stopping=False).fit(log)
    assert fitted.blend_["direct"] == (2.0, 1.0, 0.5)
    assert fitted.with_blend({"direct": (0.0, 1.0, 3.0)}).blend_["direct"] == (0.0, 1.0, 3.0)
    assert fitted.with_blend(fitted.blend_).blend_ == fitted.blend_
    with pytest.raises(ValueError, match=r"blend\['direct'\] has 2 weights, and must have 3: one for each last item"):
        fitted.with_blend({"direct": (1.0, 2.0)})
    with pytest.raises(ValueError, match=r"blend\['direct'\]\[1\] must be a finite number of at least 0, not -1"):
        fitted.with_blend({"direct": (1.0, -1, 1.0)})
    with pytest.raises(ValueError, match=r"blend\['direct'\] must be a finite number of at least 0, not 'much'"):
        fitted.with_blend({"direct": "much"})


@pytest.mark.parametrize(
    ("scores", "n_iter_no_change", "is_over"),
    [
        ((-5.0, -5.3, -5.4), 2, True),
        ((-5.0, -5.3, -5.4), 3, False),  # patience is left
        ((-5.508, -5.534, -5.532, -5.525, -5.515), 4, False),  # measured: it went on to -5.365
        ((-5.0, -5.3, -5.3, -5.295), 3, True),  # a rise of less than the tolerance
        ((-5.0, -5.2, -5.4, -5.3), 3, True),  # better than the epoch before alone
        ((-5.0, -5.3), 1, True),
        ((-5.0, -4.9), 1, False),
    ],
)
def test_patience_ends_unless_the_likelihood_rises_from_a_fall(scores, n_iter_no_change, is_over):
    record = EpochRecord({}, scores=scores)
    assert record.is_out_of_patience(n_iter_no_change, tol=1e-2 if -5.295 in scores else 1e-3) is is_over
