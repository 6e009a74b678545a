"""The gate: how the situation in which somebody is asked for changes the weights of a blend."""

import dataclasses

import numpy as np
import pytest
import torch
from comparisons import assert_same_answers
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import gated, gates
from worlds import LONG_LOG, SMALL

from skautoseqrec import AutoSeqRecRecommender, load_model
from skautoseqrec._counts.histories import Histories
from skautoseqrec._fitting.blend_fit import Choices, fit_gate, fit_weights
from skautoseqrec._scoring.gate import FEATURES, Gate, describe
from skautoseqrec.exceptions import ModelFileError

DAY = 86400
CLOSED_FORM = {"objective": "closed_form", "exclude_seen": False, "device": "cpu"}
TERMS = ("direct 0", "direct 1", "neighbours", "collaborative")


def habits(n_users=60, n_visits=60, seed=0):
    """Return a log in which people go on to the next item within a minute, and start at item 0 after a day."""
    rng, rows = np.random.default_rng(seed), []
    for user in range(n_users):
        time, item = int(rng.integers(DAY)), 0
        for _ in range(n_visits):
            is_new_visit = rng.random() < 0.3
            time += DAY * int(rng.integers(1, 4)) if is_new_visit else 60
            item = int(rng.integers(20, 23)) if is_new_visit else (item + 1) % 20
            rows.append((user, item, time))
    return sorted(rows, key=lambda row: row[2])


def test_a_situation_is_described_by_logs_of_what_is_known():
    histories = Histories(
        np.array([3, 1, 1]), np.array([0, 2, 3]), np.array([2, 3, 3]), seconds=np.array([10.0, 14.0, np.nan])
    )
    found = describe(histories, np.array([20.0, 20.0, 20.0]), np.array([7, 2]))
    nothing = np.nan
    expected = [[6, 4, 2, 7], [nothing, nothing, 1, 2], [nothing, nothing, 0, 0]]
    np.testing.assert_allclose(found, np.log1p(expected))


def test_what_is_not_known_is_as_it_is_on_average():
    gate = Gate.neutral(np.array([[1.0, np.nan, 2.0, 5.0], [3.0, np.nan, np.nan, 5.0]]))
    phi = gate.standardised(np.array([[4.0, 9.0, np.nan, 7.0], [-90.0, 0.0, 2.0, 5.0]]))
    np.testing.assert_allclose(phi, [[2.0, 0, 0, 0], [-4.0, 0, 0, 0]])


@pytest.mark.parametrize("value", [0.0, 0.1, np.log1p(3), np.log1p(86400)])
def test_what_is_the_same_everywhere_is_no_feature(value):
    assert np.isinf(Gate.neutral(np.full((300, len(FEATURES)), value)).scales).all()


def test_without_a_part_that_has_a_gate_there_is_none():
    choices = Choices(("collaborative", "trend"), torch.randn(300, 9, 2), torch.zeros(300, 9), np.zeros((300, 4)))
    start = {"collaborative": 0.5, "trend": 0.0}
    fit = fit_gate(choices, start, None)
    assert fit.gate is None
    assert fit.weights["trend"] == 0


def test_the_factor_is_bounded():
    gate = Gate(np.zeros(4), np.ones(4), {"trend": np.array([9.0, 0, 0, 0]), "direct": np.array([0.5, 0, 0, 0])})
    factors = gate.factors(np.array([[1.0, 0, 0, 0], [-1.0, 0, 0, 0]]))
    np.testing.assert_allclose(factors["trend"], np.exp([2.0, -2.0]), rtol=1e-6)
    np.testing.assert_allclose(factors["direct"], np.exp([0.5, -0.5]), rtol=1e-6)


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_the_gradient_is_that_of_the_likelihood(seed):
    generator, captured = torch.Generator().manual_seed(seed), {}
    features = torch.randn(40, 9, len(TERMS), generator=generator)
    situations = torch.randn(40, len(FEATURES), generator=generator).double().numpy()
    choices, start = Choices(TERMS, features, torch.zeros(40, 9), situations), dict.fromkeys(TERMS, 0.5)

    def capture(function, start, **options):
        captured["function"] = function
        return type("Result", (), {"x": start, "fun": 0.0})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skautoseqrec._fitting.blend_fit.optimize.minimize", capture)
        patch.setattr("skautoseqrec._fitting.blend_fit.GATE_PENALTY", 0.5)  # large enough to be seen
        fit_gate(choices, start, start)
        at = np.random.default_rng(seed).uniform(0.1, 0.6, size=len(TERMS) + 2 * len(FEATURES))
        sides = ([captured["function"](at + step)[0] for step in side * np.eye(len(at))] for side in (1e-4, -1e-4))
        numeric = np.subtract(*sides) / 2e-4
        np.testing.assert_allclose(captured["function"](at)[1], numeric, atol=2e-3)


def test_a_part_that_only_some_situations_listen_to_gets_a_gate():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2000, 9, 2, generator=generator)
    situations = np.zeros((2000, len(FEATURES)))
    situations[:, 2] = np.random.default_rng(0).normal(size=2000)
    features[torch.from_numpy(situations[:, 2] > 0), 0, 0] += 1.5  # there, and only there, direct knows the truth
    choices = Choices(("direct", "trend"), features, torch.zeros(2000, 9), situations)
    start = {"direct": 0.5, "trend": 0.5}
    plain = fit_weights(choices, start)
    fit = fit_gate(choices, plain.weights, start)
    assert fit.log_likelihood > plain.log_likelihood + 0.02
    assert fit.gate.coefficients["direct"][2] > 0.3
    assert abs(fit.gate.coefficients["direct"][0]) < 1e-6  # that feature is the same everywhere


@pytest.mark.parametrize("unit", ["numbers", "datetimes"])
def test_time_tells_a_visit_from_a_step(unit):
    log = habits()
    if unit == "datetimes":
        log = [(user, item, np.datetime64(time, "s")) for user, item, time in log]
    fitted, later = log[:3200], log[3200:]
    plain, with_gate = (AutoSeqRecRecommender(gate=gate, **CLOSED_FORM).fit(fitted) for gate in (False, True))
    assert plain.gate_ is None
    assert set(with_gate.gate_) <= {"direct", "neighbours", "linear", "repeat", "trend"}
    assert set(with_gate.gate_["direct"]) == set(FEATURES)
    assert with_gate.score(later) > plain.score(later) + 0.01
    user, _, last = fitted[-1]
    waits = (wait if unit == "numbers" else np.timedelta64(wait, "s") for wait in (60, 3 * DAY))
    items = with_gate.item_ids_
    soon, late = (with_gate.explain([user], items, at=last + wait).scores[0] for wait in waits)
    margins = [scores[items >= 20].mean() - scores[items < 20].max() for scores in (soon, late)]
    assert margins[0] < margins[1] - 0.1
    np.testing.assert_array_equal(with_gate.predict_topk([user], k=5), with_gate.predict_topk([user], k=5, at=last))


def test_each_user_may_be_asked_for_at_a_time_of_its_own():
    recommender = AutoSeqRecRecommender(**CLOSED_FORM).fit(habits())
    users, newest = recommender.user_ids_[:3], habits()[-1][2]
    at = [newest, newest + 60, newest + 9 * DAY]
    together = recommender.predict_topk(users, k=9, at=at, return_scores=True)[1]
    for row, user in enumerate(users):
        alone = recommender.predict_topk([user], k=9, at=at[row], return_scores=True)[1]
        np.testing.assert_allclose(together[row], alone[0], rtol=1e-5)
    explained = recommender.explain(users, recommender.item_ids_, at=at).scores
    np.testing.assert_allclose(np.sort(explained, 1)[:, :-10:-1], together, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("at", "error", "message"),
    [
        ([1, 2], ValueError, r"one for each of 3 users; it has shape \(2,\)"),
        ([[1, 2, 3]], ValueError, r"shape \(1, 3\)"),
        ([1], ValueError, r"shape \(1,\)"),
        (
            np.datetime64("2026-01-01"),
            TypeError,
            "at: the known times are numbers, but these are datetimes .*Convert them to numbers",
        ),
        (np.nan, ValueError, "'at' has a missing value"),
        ("soon", TypeError, "'at' has dtype"),
        ([], ValueError, "shape"),
    ],
)
def test_a_time_that_is_none_is_refused(at, error, message):
    recommender = AutoSeqRecRecommender(**SMALL).fit(LONG_LOG)
    for ask in (recommender.predict_topk, lambda users, at: recommender.explain(users, [1], at=at)):
        with pytest.raises(error, match=message):
            ask(recommender.user_ids_[:3], at=at)


def test_a_log_without_times_can_be_asked_at_no_time():
    recommender = AutoSeqRecRecommender(**SMALL).fit(LONG_LOG[:, :2])
    with pytest.raises(ValueError, match="at is given, but no known event has a time"):
        recommender.predict_topk([1], at=5)


def test_without_times_the_other_features_still_count():
    log = [row[:2] for row in habits()]
    gate = AutoSeqRecRecommender(**CLOSED_FORM).fit(log).gate_
    assert all(row[FEATURES[0]] == row[FEATURES[1]] == 0 for row in gate.values())
    assert any(row[FEATURES[2]] != 0 for row in gate.values())


def test_another_blend_has_no_gate():
    recommender = AutoSeqRecRecommender(**CLOSED_FORM).fit(habits())
    assert recommender.with_blend(exclude_seen=True).gate_ == recommender.gate_ is not None
    assert recommender.with_blend(recommender.blend_).gate_ is None
    assert AutoSeqRecRecommender(**CLOSED_FORM, blend={"direct": 1.0}).fit(habits()).gate_ is None


@settings(max_examples=10)
@given(gates())
def test_a_gate_is_saved(tmp_path_factory, gate):
    recommender = gated(AutoSeqRecRecommender(**SMALL).fit(LONG_LOG), gate)
    path = tmp_path_factory.mktemp("gate") / "model"
    recommender.save_model(path)
    loaded = load_model(path)
    assert loaded.gate_ == recommender.gate_
    assert_same_answers(loaded, recommender)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("means", [0.0, 1.0]),
        ("means", [0.0, 1.0, 2.0, float("inf")]),
        ("means", [0, 1, 2, 3]),
        ("scales", [1.0, 1.0, 0.0, 1.0]),
        ("scales", "1111"),
        ("coefficients", {"one_hop": [0.0] * 4}),
        ("coefficients", {"trend": [0.0] * 3}),
        ("coefficients", [0.0]),
        ("coefficients", ["trend"]),
        ("coefficients", []),
    ],
)
def test_what_is_no_gate_is_refused(name, value):
    numbers = Gate(np.zeros(4), np.ones(4), {"trend": np.zeros(4)}).to_dict()
    assert dataclasses.asdict(Gate.read(numbers))["coefficients"].keys() == {"trend"}
    with pytest.raises((TypeError, ValueError)):
        Gate.read({**numbers, name: value})


def test_a_file_with_a_damaged_gate_is_refused(tmp_path, monkeypatch):
    recommender = gated(AutoSeqRecRecommender(**SMALL).fit(LONG_LOG), Gate(np.zeros(4), np.ones(4), {}))
    monkeypatch.setattr(Gate, "to_dict", lambda self: {"means": []})
    recommender.save_model(tmp_path / "model")
    with pytest.raises(ModelFileError, match="the manifest's gate is none"):
        load_model(tmp_path / "model")
