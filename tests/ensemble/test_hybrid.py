"""A part from outside: added exactly, in answers and in walks, and weighed by what held-out events say."""

import inspect
import json
import pickle
import zlib
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from comparisons import answered, assert_walks_as
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Oracle
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from strategies import consecutive_logs, recommenders
from worlds import LONG_LOG, SMALL, TEA_LOG, TEA_UPDATE

from skautoseqrec import AutoSeqRecRecommender, load_model
from skautoseqrec.ensemble import HybridRecommender
from skautoseqrec.metrics import mrr_scorer
from skautoseqrec.model_selection import TemporalSplit

pytestmark = [
    pytest.mark.filterwarnings("ignore:The items of:UserWarning"),  # tiny logs repeat everything
    pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning"),
]

PAST, NEWER = LONG_LOG[:1300], LONG_LOG[1300:]
COUNTED = {"objective": "closed_form", "random_state": 0}


def draw_of(history, item):
    """Return a number that nothing but a history and an item decides; of every fifth item nothing is known."""
    number = zlib.crc32(repr((history, item)).encode())
    return np.nan if zlib.crc32(repr(item).encode()) % 5 == 0 else number / 2**32


def draws(histories, item_ids):
    """Score as :func:`draw_of` says; nobody without a history is asked for."""
    assert all(histories)
    return np.array([[draw_of(history, item) for item in item_ids.tolist()] for history in histories])


def nothing(histories, item_ids):
    """Score all items the same."""
    return np.zeros((len(histories), len(item_ids)))


class HybridOracle(Oracle):
    """The formula with the part from outside."""

    def __init__(self, hybrid, fitted):
        super().__init__(hybrid.recommender_, fitted)
        self.outside_weight = hybrid.weight_

    def scores(self, user, at=None):
        scores, history = super().scores(user, at), self.histories.get(user)
        if not history:
            return scores
        added = {item: draw_of(history, item) for item in scores}
        return {
            item: score + self.outside_weight * (0 if np.isnan(added[item]) else added[item])
            for item, score in scores.items()
        }


class Recorder:
    """A part that counts items, and keeps the logs that its clones were fitted on."""

    logs: list = []

    def fit(self, log):
        Recorder.logs.append(len(log))
        self.counts = dict(zip(*np.unique(np.asarray(log)[:, 1], return_counts=True), strict=True))

    def __call__(self, histories, item_ids):
        return np.tile([float(self.counts.get(item, np.nan)) for item in item_ids.tolist()], (len(histories), 1))


@settings(max_examples=15)
@given(
    consecutive_logs(n_parts=3),
    recommenders(),
    st.sampled_from([0.3, 5.0]),
    st.sampled_from(["row", "together"]),
    st.sampled_from([1, 3, 256]),
)
def test_answers_and_walks_are_those_of_the_formula_with_the_part(parts, recommender, weight, ties, block_size):
    fitted, updated, walked = parts
    hybrid = HybridRecommender(recommender, draws, weight=weight).fit(fitted).partial_update(updated)
    oracle = HybridOracle(hybrid, fitted)
    oracle.let_in_log(updated)
    for user in [*hybrid.user_ids_.tolist()[:3], -1 if hybrid.user_ids_.dtype.kind == "i" else "nobody"]:
        assert answered(hybrid, user) == pytest.approx(oracle.eligible_scores(user), rel=1e-4, abs=1e-4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skautoseqrec._scoring.scorer.BLOCK_SIZE", block_size)
        assert_walks_as(oracle, hybrid, walked, ties)


def test_the_walk_changes_nothing_and_equals_asking_and_adding_one_by_one():
    hybrid = HybridRecommender(AutoSeqRecRecommender(**COUNTED), draws, weight=2.0).fit(PAST)
    walked = hybrid.score_samples(NEWER[:60])
    np.testing.assert_array_equal(hybrid.score_samples(NEWER[:60]), walked)
    for value, (user, item, time) in zip(walked, NEWER[:60].tolist(), strict=True):
        scores = answered(hybrid, user, at=time)
        if item in scores:
            n_higher = sum(score > scores[item] for score in scores.values())
            assert value == pytest.approx(1 / (1 + n_higher))
        else:
            assert value == 0
        hybrid.partial_update([(user, item, time)])


def test_a_weight_of_zero_is_the_recommender_alone():
    plain = AutoSeqRecRecommender(**SMALL).fit(PAST)
    hybrid = HybridRecommender(AutoSeqRecRecommender(**SMALL), draws, weight=0).fit(PAST)
    np.testing.assert_array_equal(hybrid.score_samples(NEWER), plain.score_samples(NEWER))
    np.testing.assert_array_equal(hybrid.predict(NEWER), plain.predict(NEWER))
    np.testing.assert_array_equal(hybrid.predict_topk([0, 1, -5]), plain.predict_topk([0, 1, -5]))


def test_the_weight_is_large_for_a_part_that_knows_and_zero_for_one_that_does_not():
    answers = {}  # the part knows what each user of the log takes next
    for user, item, _ in LONG_LOG.tolist():
        history = answers.setdefault(user, [])
        history.append(item)
    next_of = {}
    for history in answers.values():
        for length in range(1, len(history)):
            next_of.setdefault(tuple(history[:length]), set()).add(history[length])

    def oracle(histories, item_ids):
        return np.array([[float(item in next_of.get(tuple(h), ())) for item in item_ids.tolist()] for h in histories])

    def misleading(histories, item_ids):
        return -oracle(histories, item_ids)

    def weight_of(part):
        hybrid = HybridRecommender(AutoSeqRecRecommender(**COUNTED), part).fit(PAST)
        return hybrid.weight_, hybrid.score(NEWER)

    alone = AutoSeqRecRecommender(**COUNTED).fit(PAST).score(NEWER)
    weight, mrr = weight_of(oracle)
    assert weight > 1
    assert mrr > max(0.95, alone)
    assert weight_of(misleading) == (0, alone)
    assert weight_of(nothing) == (0, alone)


class Remembering(BaseEstimator):
    """Says nothing, and leaves every log that it is fitted on in a list that its clones share."""

    logs: ClassVar[list] = []

    def fit(self, X):
        self.logs.append(X)
        return self

    def __call__(self, histories, item_ids):
        return nothing(histories, item_ids)


@pytest.mark.parametrize(("ties", "n_past"), [("row", 420), ("together", 416)])
def test_the_weight_is_fitted_on_whole_moments_where_ties_are_together(ties, n_past):
    Remembering.logs.clear()
    log = np.array([(row % 40, (row // 40 + row % 40) % 13, row // 8) for row in range(600)])
    recommender = AutoSeqRecRecommender(**COUNTED, ties=ties)
    HybridRecommender(recommender, Remembering(), validation_fraction=0.3).fit(log)
    assert [len(fitted) for fitted in Remembering.logs] == [600, n_past]


def test_the_weight_does_not_depend_on_the_unit_of_the_scores():
    def weight_of(unit):
        return (
            HybridRecommender(AutoSeqRecRecommender(**COUNTED), lambda *asked: unit * follow(*asked)).fit(PAST).weight_
        )

    def follow(histories, item_ids):  # knows a little: which items often come after the last one
        return np.array([[float(follows.get((h[-1], item), 0)) for item in item_ids.tolist()] for h in histories])

    follows, last = {}, {}
    for user, item, _ in PAST.tolist():
        if user in last:
            follows[last[user], item] = follows.get((last[user], item), 0) + 1
        last[user] = item
    small, large = weight_of(0.01), weight_of(100.0)
    assert small > 0
    assert small == pytest.approx(large * 10**4, rel=0.02)


def test_a_part_with_fit_is_fitted_without_the_held_out_events_and_then_on_all():
    Recorder.logs.clear()
    part = Recorder()
    hybrid = HybridRecommender(AutoSeqRecRecommender(**COUNTED), part, validation_fraction=0.2).fit(PAST)
    assert sorted(Recorder.logs) == [1040, 1300]
    assert hybrid.part_ is not part
    assert not hasattr(part, "counts")
    Recorder.logs.clear()
    HybridRecommender(AutoSeqRecRecommender(**COUNTED), part, weight=1).fit(PAST)
    assert Recorder.logs == [1300]


def test_nobody_without_a_history_is_asked_for_while_the_weight_is_fitted():
    log = PAST[np.argsort(PAST[:, 2], kind="stable")]
    log[-120::3, 0] += 1000  # users whose first event is held out
    hybrid = HybridRecommender(AutoSeqRecRecommender(**COUNTED), draws).fit(log)  # draws refuses an empty history
    assert hybrid.score_samples(NEWER).shape == (len(NEWER),)


def test_too_few_held_out_events_weigh_nothing_and_say_so():
    hybrid = HybridRecommender(AutoSeqRecRecommender(**SMALL), draws)
    with pytest.warns(UserWarning, match="The newest 10% of the log hold too few usable events to weigh the part by"):
        assert hybrid.fit(TEA_LOG).weight_ == 0
    with pytest.warns(UserWarning, match="it weighs 0"):
        assert hybrid.fit(TEA_LOG[:1]).weight_ == 0


@pytest.mark.parametrize("told", [lambda hybrid: hybrid, lambda hybrid: hybrid.recommender_])
def test_what_the_recommender_is_told_the_hybrid_knows(told):
    hybrid = HybridRecommender(AutoSeqRecRecommender(**SMALL), draws, weight=1).fit(TEA_LOG)
    assert told(hybrid).partial_update(TEA_UPDATE) is told(hybrid)
    assert "honey" in hybrid.item_ids_
    assert "honey" in hybrid.predict_topk(["ann"], k=3)
    assert told(hybrid).dislike([("ann", "honey")]) is told(hybrid)
    assert "honey" not in hybrid.predict_topk(["ann"], k=3)
    told(hybrid).dislike([("ann", "honey")], withdraw=True)
    assert "honey" in hybrid.predict_topk(["ann"], k=3)
    assert told(hybrid).forget(items=["jam"]) is told(hybrid)
    assert "jam" not in hybrid.predict_topk(["ann"], k=3, exclude_seen=False)
    assert hybrid.user_ids_.tolist() == ["ann", "bob", "cid"]


def test_the_answers_of_a_history_are_those_of_a_user_who_has_it():
    hybrid = HybridRecommender(AutoSeqRecRecommender(**SMALL), draws, weight=3).fit(TEA_LOG)
    ids = hybrid.predict_topk_sequences([["tea", "jam"], []], k=1, exclude_seen=False)
    assert ids[0] == hybrid.predict_topk(["bob"], k=1, exclude_seen=False)[0]
    assert ids[1] == hybrid.predict_topk(["nobody"], k=1)[0]


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        ("jam", TypeError, "part must return an array of numbers, NaN for items of .* known, not 'jam'"),
        (None, TypeError, "an array of numbers, .* not None"),
        ([[1.0, None, 2.0]], TypeError, "an array of numbers, NaN for items of which nothing is known, not"),
        ([[1.0], [1.0, 2.0]], ValueError, "must return a row for each history, all of one length"),
        (np.ma.masked_array([["a", "b", "c"]]), TypeError, "an array of numbers"),
        ([[1.0, 2.0]], ValueError, r"of shape \(1, 2\) for 1 history and 3 items"),
        ([1.0, 2.0, 3.0], ValueError, r"of shape \(3,\) for 1 history and"),
        ([[1.0, np.inf, 2.0]], ValueError, "an infinite score, or one too large for float32, for item 'milk' after"),
        ([[1.0, 2.0, -1e300]], ValueError, "for item 'jam' after history 0"),
    ],
)
def test_what_is_no_scores_is_refused(returned, error, message):
    hybrid = HybridRecommender(AutoSeqRecRecommender(**SMALL), lambda histories, ids: returned, weight=1).fit(TEA_LOG)
    before = hybrid.recommender_._serving.state.snapshot
    for ask in (lambda: hybrid.predict_topk(["ann"]), lambda: hybrid.score_samples([("ann", "jam", 9)])):
        with pytest.raises(error, match=message):
            ask()
    assert hybrid.recommender_._serving.state.snapshot is before


@pytest.mark.parametrize(
    "returned",
    [
        np.ma.masked_array([[5.0, 1.0, 1e9]], [[False, False, True]]),
        np.ma.masked_array([[5, 1, 9]], [[False, False, True]]),
        np.array([[5.0, 1.0, np.nan]], dtype=np.float16),
        pd.DataFrame([[5.0, 1.0, np.nan]]),
        torch.tensor([[5.0, 1.0, 0.0]]),
        [[5, True, False]],
    ],
    ids=lambda returned: type(returned).__name__,
)
def test_what_is_masked_is_not_known_and_what_numpy_reads_are_scores(returned):
    hybrid = HybridRecommender(AutoSeqRecRecommender(**SMALL), lambda histories, ids: returned, weight=1).fit(TEA_LOG)
    alone, scores = (answered(each, "ann", exclude_seen=False) for each in (hybrid.recommender_, hybrid))
    added = dict(zip(hybrid.item_ids_, [5, 1, 0], strict=True))
    assert scores == pytest.approx({item: score + added[item] for item, score in alone.items()})


def test_a_part_that_says_whether_something_holds_counts_one_for_it():
    hybrid = HybridRecommender(AutoSeqRecRecommender(**SMALL), lambda _, ids: [ids == "jam"], weight=3).fit(TEA_LOG)
    alone, scores = (answered(each, "ann", exclude_seen=False) for each in (hybrid.recommender_, hybrid))
    assert scores == pytest.approx({item: score + 3 * (item == "jam") for item, score in alone.items()})


@pytest.mark.parametrize(
    "parameters",
    [
        {"recommender": "closed_form"},
        {"part": [1, 2]},
        {"weight": -1},
        {"weight": np.inf},
        {"weight": np.nan},
        {"weight": "fitted"},
        {"validation_fraction": 1.0},
    ],
)
def test_bad_parameters_are_refused_and_change_nothing(parameters):
    hybrid = HybridRecommender(AutoSeqRecRecommender(**SMALL), nothing, weight=1).fit(TEA_LOG)
    before = {name: value for name, value in vars(hybrid).items() if name not in parameters}
    (name,) = parameters
    with pytest.raises(ValueError, match=f"The '{name}' parameter of HybridRecommender"):
        hybrid.set_params(**parameters).fit(TEA_LOG)
    assert {key: value for key, value in vars(hybrid).items() if key not in parameters} == before


def test_weights_of_events_reach_both_fits_of_the_recommender():
    weights = np.linspace(0.5, 1, len(PAST))
    hybrid = HybridRecommender(AutoSeqRecRecommender(**COUNTED), nothing).fit(PAST, sample_weight=weights)
    plain = AutoSeqRecRecommender(**COUNTED).fit(PAST, sample_weight=weights)
    np.testing.assert_array_equal(hybrid.score_samples(NEWER), plain.score_samples(NEWER))
    assert hybrid.partial_update(NEWER, sample_weight=np.ones(len(NEWER))).score(NEWER[:1]) == 0


def test_it_is_cloned_pickled_and_searched_as_other_estimators():
    hybrid = HybridRecommender(AutoSeqRecRecommender(**COUNTED), draws, weight=1).fit(PAST)
    loaded = pickle.loads(pickle.dumps(hybrid))
    np.testing.assert_array_equal(loaded.score_samples(NEWER), hybrid.score_samples(NEWER))
    assert clone(hybrid).get_params()["part"] is draws
    grid = {"weight": [0, 100.0], "recommender__neighbour_window": [0, 20]}
    search = GridSearchCV(hybrid, grid, scoring=mrr_scorer, cv=TemporalSplit(1, test_size=0.1)).fit(LONG_LOG)
    assert search.best_params_["weight"] == 0
    assert hybrid.score(NEWER, sample_weight=np.ones(len(NEWER))) == hybrid.score_samples(NEWER).mean()


@settings(max_examples=15)
@given(consecutive_logs(n_parts=2), recommenders(), st.sampled_from([0.0, 0.3, 5.0]))
def test_an_explanation_has_the_part_as_one_more_row_and_adds_up(parts, recommender, weight):
    fitted, updated = parts
    hybrid = HybridRecommender(recommender, draws, weight=weight).fit(fitted).partial_update(updated)
    users, items = hybrid.user_ids_, hybrid.item_ids_
    whole, alone = hybrid.explain(users, items), hybrid.recommender_.explain(users, items)
    assert [*whole.parts] == [*alone.parts, "outside"]
    for name, values in alone.parts.items():
        np.testing.assert_array_equal(whole.parts[name], values)
    oracle = HybridOracle(hybrid, fitted)
    oracle.let_in_log(updated)
    for row, user in enumerate(users.tolist()):
        drawn = [draw_of(oracle.histories[user], item) for item in items.tolist()]
        np.testing.assert_allclose(whole.parts["outside"][row], weight * np.nan_to_num(drawn), rtol=1e-5)
        scores, listed = answered(hybrid, user), hybrid.predict_topk([user], k=len(items), output="list")[0]
        placed = {item: place for item, place in zip(items.tolist(), whole.ranks[row].tolist(), strict=True) if place}
        assert sorted(placed, key=placed.get) == listed
        rounding = 1e-4 * (1 + max(map(abs, scores.values()), default=0))
        of_listed = {
            item: score for item, score in zip(items.tolist(), whole.scores[row], strict=True) if item in scores
        }
        assert of_listed == pytest.approx(scores, rel=0, abs=rounding)
        is_open = np.isin(items, listed)
        if is_open.any():
            outside = whole.parts["outside"][row]
            expected = outside - outside[is_open].mean()
            np.testing.assert_allclose(whole.centered["outside"][row], expected, atol=1e-5)


def test_words_name_the_part_where_it_speaks_for_an_item():
    log = [("ann", "tea", 1), ("bob", "tea", 2), ("bob", "jam", 3), ("cid", "cake", 4), ("cid", "salt", 5)]
    parameters = {"objective": "closed_form", "blend": {"direct": 1.0, "trend": (1.0,)}, "trend_half_lives": (30.0,)}

    def sentences(part, items, weight=1, user="ann"):
        recommender = AutoSeqRecRecommender(**parameters, early_stopping=False)
        return HybridRecommender(recommender, part, weight=weight).fit(log).explain(user, items).sentences[0].tolist()

    def likes_jam_and_cake(histories, item_ids):
        return np.tile(np.isin(item_ids, ["jam", "cake"]), (len(histories), 1))

    assert sentences(likes_jam_and_cake, ["jam", "cake", "salt", "tea"]) == [
        "Because of 'tea' (100 %) and the part from outside. At place 1 of 3.",
        "By the part from outside and by what is popular: no single past item speaks for it. At place 2 of 3.",
        "By what is popular: no single past item speaks for it. At place 3 of 3.",
        "Not recommended: the user has seen it.",
    ]
    for silent in ((nothing, ["jam"]), (likes_jam_and_cake, ["jam"], 0), (likes_jam_and_cake, ["jam"], 1e-3)):
        assert sentences(*silent) == ["Because of 'tea' (100 %). At place 1 of 3."]
    assert sentences(likes_jam_and_cake, ["jam"], user="nobody")[0].startswith(
        "By what is popular, for nothing is known"
    )


@pytest.mark.parametrize(
    "ask",
    [
        lambda hybrid: hybrid.explain(["ann", "bob"], ["tea", "jam"]),
        lambda hybrid: hybrid.predict_topk(["ann", "bob"]),
        lambda hybrid: hybrid.predict_topk_sequences([["tea", "milk"], ["tea", "jam"]]),
        lambda hybrid: hybrid.predict_users(["jam"], users=["ann", "bob"]),
        lambda hybrid: hybrid.score_samples([("ann", "jam", 9), ("bob", "milk", 10)]),
    ],
    ids=["explain", "predict_topk", "predict_topk_sequences", "predict_users", "score_samples"],
)
def test_the_part_is_asked_once_of_each_history(ask):
    asked = []

    def part(histories, item_ids):
        asked.extend(map(tuple, histories))
        return nothing(histories, item_ids)

    ask(HybridRecommender(AutoSeqRecRecommender(**SMALL), part, weight=1).fit(TEA_LOG))
    assert len(asked) == len(set(asked)) == 2


def parameters_of(method):
    return [(each.name, each.kind, each.default) for each in inspect.signature(method).parameters.values()]


@pytest.mark.parametrize("name", ["predict_topk", "predict_topk_sequences", "predict_users", "explain"])
def test_it_is_asked_as_the_recommender_is_and_refuses_a_typo_in_its_own_name(name):
    own, alone = getattr(HybridRecommender, name), getattr(AutoSeqRecRecommender, name)
    assert parameters_of(own) == parameters_of(alone)
    hybrid = HybridRecommender(AutoSeqRecRecommender(**SMALL), nothing, weight=1).fit(TEA_LOG)
    with pytest.raises(TypeError, match=rf"^Hybrid\w+\.{name}\(\) got an unexpected .* 'exclude_sen'"):
        getattr(hybrid, name)(["ann"], ["jam"], exclude_sen=False)


@pytest.mark.parametrize("name", ["predict_topk", "predict_topk_sequences", "predict_users", "explain"])
def test_every_option_reaches_the_recommender(name, monkeypatch):
    asked = {}
    monkeypatch.setattr(AutoSeqRecRecommender, name, lambda self, *given, **options: asked.update(options))
    hybrid = HybridRecommender(AutoSeqRecRecommender(**SMALL), nothing, weight=1).fit(TEA_LOG)
    options = {
        option: object() for option, kind, _ in parameters_of(getattr(hybrid, name)) if kind.name == "KEYWORD_ONLY"
    }
    getattr(hybrid, name)(["ann"], ["jam"], **options)
    assert asked == options


def test_an_explanation_as_a_frame_has_a_line_for_each_part():
    hybrid = HybridRecommender(AutoSeqRecRecommender(**SMALL), nothing, weight=1).fit(TEA_LOG)
    frame = hybrid.explain("ann", "jam", output="frame", titles={"jam": "Plum jam"})
    assert frame["part"].tolist()[-2:] == ["trend", "outside"]
    assert frame["part"].is_unique
    assert set(frame["title"]) == {"Plum jam"}


def test_users_for_an_item_are_chosen_by_the_score_with_the_part():
    def of_bob(histories, item_ids):  # of the three, only bob ends with jam
        return np.array([(item_ids == "honey") * (5.0 if history[-1] == "jam" else -5.0) for history in histories])

    hybrid = HybridRecommender(AutoSeqRecRecommender(**SMALL), of_bob, weight=2).fit([*TEA_LOG, ("cid", "honey", 9)])
    ids, shares = hybrid.predict_users(["honey"], k=2, return_scores=True)
    assert ids.tolist() == [["bob", "ann"]]
    scores = {user: answered(hybrid, user) for user in ("ann", "bob")}
    for user, share in zip(ids[0], shares[0], strict=True):
        exponentials = {item: np.exp(score) for item, score in scores[user].items()}
        assert share == pytest.approx(exponentials["honey"] / sum(exponentials.values()), rel=1e-4)


class Popular:
    """A model of one's own, which is saved in its own way."""

    def __init__(self, counts=None):
        self.counts = counts

    def fit(self, log):
        items, counts = np.unique(np.asarray(log)[:, 1], return_counts=True)
        self.counts = dict(zip(items.tolist(), counts.tolist(), strict=True))
        return self

    def __call__(self, histories, item_ids):
        return np.tile([self.counts.get(item, np.nan) for item in item_ids.tolist()], (len(histories), 1))


def test_a_hybrid_is_saved_in_two_halves_and_put_together_again(tmp_path):
    hybrid = HybridRecommender(AutoSeqRecRecommender(**COUNTED), Popular(), weight=0.5).fit(PAST)
    with pytest.raises(TypeError, match=r"Save recommender_ .*from_fitted\(load_model\(path\), part, weight=0.5\)"):
        hybrid.save_model(tmp_path / "model")
    hybrid.recommender_.save_model(tmp_path / "model", journal=tmp_path / "journal")
    (tmp_path / "part.json").write_text(json.dumps(list(hybrid.part_.counts.items())))
    hybrid.partial_update(NEWER[:50])
    hybrid.recommender_.close_journal()

    part = Popular(dict(json.loads((tmp_path / "part.json").read_text())))
    recommender = load_model(tmp_path / "model", journal=tmp_path / "journal")
    again = HybridRecommender.from_fitted(recommender, part, weight=hybrid.weight_)
    np.testing.assert_allclose(again.score_samples(NEWER[50:]), hybrid.score_samples(NEWER[50:]), rtol=1e-6)
    again.partial_update(NEWER[50:60])  # which the journal has, for the recommender is that one
    again.recommender_.close_journal()
    known = load_model(tmp_path / "model", journal=tmp_path / "journal")
    assert len(known._serving.state.events) == len(PAST) + 60
    known.close_journal()
    assert again.n_features_in_ == 3
    assert clone(again).fit(PAST).weight_ == 0.5


def test_what_cannot_be_put_together_is_refused():
    fitted = AutoSeqRecRecommender(**SMALL).fit(TEA_LOG)
    for arguments, message in (
        ((fitted, nothing, "auto"), "weight must be a number where nothing is fitted"),
        ((fitted, nothing, -1), "The 'weight' parameter"),
        ((fitted, nothing, None), "The 'weight' parameter"),
        ((fitted, "soap", 1), "The 'part' parameter"),
        (("soap", nothing, 1), "The 'recommender' parameter"),
    ):
        with pytest.raises(ValueError, match=message):
            HybridRecommender.from_fitted(*arguments)
    with pytest.raises(NotFittedError):
        HybridRecommender.from_fitted(AutoSeqRecRecommender(), nothing, 1)
    for asked in ("explain", "predict_users", "forget", "dislike", "partial_update", "save_model"):
        with pytest.raises(NotFittedError):
            getattr(HybridRecommender(fitted, nothing), asked)(*["soap"] * (2 if asked == "explain" else 1))
