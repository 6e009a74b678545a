"""What all baselines share: the API of scikit-learn, cold start, refusals, copies, and what they must not load."""

import copy
import pickle
import subprocess
import sys

import hostile
import joblib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judgement import check_refusal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from worlds import LOG, TEA_LOG, TEA_UPDATE

from skautoseqrec import Interactions, baselines
from skautoseqrec.baselines import (
    DecayedPopularityRecommender,
    EASERecommender,
    ItemKNNRecommender,
    MarkovRecommender,
    PopularityRecommender,
    RandomRecommender,
)
from skautoseqrec.metrics import RankingScorer, ranks_from_reciprocal
from skautoseqrec.model_selection import TemporalSplit
from skautoseqrec.preprocessing import InteractionEncoder, SequenceMatrixTransformer

pytestmark = pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning")  # tiny logs repeat much
ALL = {
    "popularity": PopularityRecommender(),
    "decayed popularity": DecayedPopularityRecommender(20),
    "markov": MarkovRecommender(),
    "cosine": ItemKNNRecommender(),
    "nearest": ItemKNNRecommender(3),
    "tfidf": ItemKNNRecommender(weighting="tfidf"),
    "bm25": ItemKNNRecommender(5, weighting="bm25"),
    "ease": EASERecommender(10.0),
    "random": RandomRecommender(0),
}
FITTED, WALKED = LOG[:250], LOG[250:]


@pytest.fixture(params=ALL)
def unfitted(request):
    return clone(ALL[request.param])


def answers_of(recommender, users=None):
    """Return everything that a recommender says, as lists."""
    users = recommender.user_ids_ if users is None else users
    ids, scores = recommender.predict_topk(users, k=len(recommender.item_ids_), return_scores=True)
    return ids.tolist(), scores.tolist(), recommender.item_ids_.tolist(), recommender.user_ids_.tolist()


def test_every_public_class_is_tried_here():
    assert {type(recommender).__name__ for recommender in ALL.values()} == set(baselines.__all__)


def test_a_walk_and_questions_change_nothing(unfitted):
    recommender = unfitted.fit(FITTED).partial_update(WALKED[:10])
    before, answers = joblib.hash(recommender), answers_of(recommender)
    values = recommender.score_samples(WALKED[10:])
    recommender.predict(WALKED)
    assert joblib.hash(recommender) == before
    assert answers_of(recommender) == answers
    np.testing.assert_array_equal(recommender.score_samples(WALKED[10:]), values)
    assert recommender.score(WALKED[10:]) == pytest.approx(values.mean())


@pytest.mark.filterwarnings("ignore:More than 10%:UserWarning")  # the fold of tied times is not newer
def test_the_score_takes_ties_as_the_ranks_do(unfitted):
    recommender, tied = unfitted.fit(FITTED), WALKED // [1, 1, 40]
    for ties in (None, "row", "together"):
        assert recommender.score(tied, ties=ties) == recommender.score_samples(tied, ties=ties).mean()


def test_copies_are_the_same_and_independent(unfitted):
    recommender = unfitted.fit(FITTED).partial_update(WALKED[:10])
    answers = answers_of(recommender)
    for twin in (pickle.loads(pickle.dumps(recommender)), copy.deepcopy(recommender)):
        assert answers_of(twin) == answers
        twin.partial_update(WALKED[10:])
        assert answers_of(recommender) == answers


def test_rows_of_the_answer_are_in_row_order_whatever_the_times(unfitted):
    order = np.random.default_rng(0).permutation(len(WALKED))
    values = unfitted.fit(FITTED).score_samples(WALKED)
    np.testing.assert_array_equal(unfitted.score_samples(WALKED[order], ties="row"), values[order])


def test_all_spellings_of_a_log_are_one_model(unfitted):
    encoder, matrices = InteractionEncoder(), SequenceMatrixTransformer(transition_window=2)
    plain = unfitted.fit(FITTED)
    for steps in ([encoder], [matrices], [encoder, matrices]):
        pipeline = make_pipeline(*steps, clone(unfitted)).fit(FITTED)
        assert answers_of(pipeline[-1]) == answers_of(plain)
        np.testing.assert_array_equal(pipeline.score_samples(WALKED), plain.score_samples(WALKED))


def test_columns_name_what_is_read(unfitted):
    records = [{"who": user, "what": item, "when": time} for user, item, time in TEA_LOG]
    unfitted.set_params(columns={"user": "who", "item": "what", "time": "when"})
    named = clone(unfitted).fit(records).partial_update(records[:2])
    assert named.n_features_in_ == 3
    assert answers_of(named) == answers_of(clone(unfitted).fit(TEA_LOG).partial_update(TEA_LOG[:2]))


def test_a_search_ranks_parameters():
    grid = [
        {"recommender": [DecayedPopularityRecommender()], "recommender__half_life": [10, 1000]},
        {"recommender": [PopularityRecommender(), MarkovRecommender(), EASERecommender(10.0)]},
    ]
    pipeline = make_pipeline(InteractionEncoder(), PopularityRecommender())
    pipeline.steps[-1] = ("recommender", pipeline[-1])
    scorer = RankingScorer(("mrr", "recall@10"))
    search = GridSearchCV(pipeline, grid, scoring=scorer, refit="mrr", cv=TemporalSplit(2), error_score="raise")
    results = search.fit(LOG).cv_results_
    assert isinstance(search.best_estimator_[-1], MarkovRecommender)
    assert (results["mean_test_mrr"] > 0).all()


def test_unknown_users_get_what_is_popular(unfitted):
    if isinstance(unfitted, RandomRecommender):
        pytest.skip("chance knows no popularity")
    popular = unfitted if isinstance(unfitted, DecayedPopularityRecommender) else PopularityRecommender()
    expected = clone(popular).fit(FITTED).predict_topk([10**6], k=5)
    np.testing.assert_array_equal(unfitted.fit(FITTED).predict_topk([10**6], k=5), expected)


def test_lists_are_padded_restricted_and_in_order(unfitted):
    recommender = unfitted.fit(TEA_LOG)
    assert recommender.predict_topk(["ann", "bob"], k=3).tolist() == [["jam", None, None], ["milk", None, None]]
    ids, scores = recommender.predict_topk(["ann"], k=3, exclude_seen=False, exclude=["tea"], return_scores=True)
    assert sorted(ids[0].compressed()) == ["jam", "milk"]
    assert scores.dtype == np.float64
    assert scores[0].compressed().tolist() == sorted(scores[0].compressed(), reverse=True)
    per_user = [["milk"], ["milk", "jam"]]
    assert recommender.predict_topk(["cid", "ann"], k=1, candidates=per_user).tolist() == [["milk"], ["jam"]]
    recommender.partial_update([("ann", "jam", 6)])
    assert recommender.predict([("ann", "tea", 7)])[0] in ("tea", "milk", "jam")  # she has seen all of them


def test_updates_make_known(unfitted):
    recommender = unfitted.fit(TEA_LOG).partial_update(TEA_UPDATE)
    assert recommender.item_ids_.tolist() == ["tea", "milk", "jam", "honey"]
    assert recommender.user_ids_.tolist() == ["ann", "bob", "cid"]
    assert "honey" in recommender.predict_topk(["ann"], k=4).compressed()


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        (lambda r: r.partial_update([(3, "tea", 8)]), TypeError),
        (lambda r: r.partial_update([("dan", 3, 8)]), TypeError),
        (lambda r: r.partial_update([("dan", "tea", np.datetime64("2024-01-01", "s"))]), TypeError),
        (lambda r: r.partial_update([("dan", None, 8)]), ValueError),
        (lambda r: r.partial_update([]), ValueError),
        (lambda r: r.score_samples([(3, "tea", 8)]), TypeError),
        (lambda r: r.score_samples(TEA_UPDATE, ties="any"), ValueError),
        (lambda r: r.score(TEA_UPDATE, sample_weight=[1.0]), ValueError),
        (lambda r: r.predict_topk(["ann"], k=0), ValueError),
        (lambda r: r.predict_topk("ann"), TypeError),
        (lambda r: r.predict_topk(["ann"], candidates="soap"), TypeError),
        (lambda r: r.predict_topk(["ann"], exclude_seen="no"), ValueError),
        (lambda r: r.predict_topk(["ann"], k=10**12), MemoryError),
        (lambda r: r.fit([("ann", None, 1)]), ValueError),
        (lambda r: r.set_params(exclude_seen=2).fit(TEA_LOG), ValueError),
    ],
)
def test_refusals_leave_everything_as_it_was(unfitted, refused, error):
    recommender = unfitted.fit(TEA_LOG)
    answers = answers_of(recommender)
    with pytest.raises(error):
        refused(recommender)
    recommender.exclude_seen = True
    assert answers_of(recommender) == answers


def test_an_interrupted_update_leaves_everything_as_it_was(unfitted, monkeypatch):
    recommender = unfitted.fit(FITTED).partial_update(WALKED[:20])
    answers, rule = answers_of(recommender), type(recommender._state.rule)
    whole, n_calls = rule.add_event, 0

    def interrupted(self, *event):
        nonlocal n_calls
        n_calls += 1
        if n_calls == 3:
            raise KeyboardInterrupt
        whole(self, *event)

    with monkeypatch.context() as patch:
        patch.setattr(rule, "add_event", interrupted)
        with pytest.raises(KeyboardInterrupt):
            recommender.partial_update(WALKED[20:])
    assert answers_of(recommender) == answers
    again = clone(unfitted).fit(FITTED).partial_update(WALKED[:20]).partial_update(WALKED[20:])
    assert answers_of(recommender.partial_update(WALKED[20:])) == answers_of(again)


@pytest.mark.parametrize(
    "unusable",
    [
        DecayedPopularityRecommender(0),
        MarkovRecommender(0),
        MarkovRecommender(transition_decay=1.5),
        MarkovRecommender(context_size=0),
        ItemKNNRecommender(0),
        ItemKNNRecommender(weighting="jaccard"),
        EASERecommender(0),
        EASERecommender(history_decay=0),
        RandomRecommender("seed"),
    ],
)
def test_unusable_parameters_are_named(unusable):
    with pytest.raises(ValueError, match="parameter of"):
        unusable.fit(TEA_LOG)


@given(st.sampled_from(["fit", "partial_update", "score_samples", "predict"]), hostile.logs())
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@pytest.mark.filterwarnings("ignore")  # hostile logs earn all sorts of warnings
def test_hostile_logs_work_or_are_refused_in_words(call, case):
    recommender = MarkovRecommender(exclude_seen=False).fit(TEA_LOG)
    answers = answers_of(recommender, ["ann"])
    try:
        getattr(recommender, call)(case.make())
    except Exception as error:
        check_refusal(error)
        assert answers_of(recommender, ["ann"]) == answers
    else:
        assert case.columns is not None, "what is no log was read as one"


def test_unknown_candidates_are_left_out_with_a_warning():
    recommender = PopularityRecommender().fit([("ann", "tea"), ("bob", "milk")])
    with pytest.warns(UserWarning, match="brick"):
        listed = recommender.predict_topk(["zoe"], k=2, candidates=["brick", "milk"])
    assert listed.tolist() == [["milk", None]]


def test_most_zeros_earn_a_warning():
    with pytest.warns(UserWarning, match="Was this log fitted before"):
        PopularityRecommender().fit(LOG).score_samples(LOG)


def test_repeats_earn_a_warning():
    with pytest.warns(UserWarning, match="repeat an earlier"):
        PopularityRecommender().fit([("ann", "tea")] * 2)


def test_an_autoencoder_that_memory_cannot_hold_is_refused():
    n_items = 10**6
    codes = np.arange(n_items)
    with pytest.raises(MemoryError, match="linear autoencoder of 1,000,000 items"):
        EASERecommender().fit(Interactions(codes % 10, codes, None, np.arange(10), codes))


def test_chance_has_the_rank_of_chance_and_a_seed_means_the_same():
    n_users, n_items = 4000, 15
    fitted = [(user, user % n_items, 0) for user in range(n_users)]
    walked = [(user, (user + 1 + user // n_items % (n_items - 1)) % n_items, 1) for user in range(n_users)]
    chance = RandomRecommender(3).fit(fitted)
    ranks = ranks_from_reciprocal(chance.score_samples(walked))
    assert ranks.mean() == pytest.approx((n_items - 1 + 1) / 2, abs=0.25)  # one of them is seen
    assert set(ranks) == set(range(1, n_items))
    assert answers_of(clone(chance).fit(fitted)) == answers_of(chance)
    assert answers_of(clone(chance).set_params(random_state=4).fit(fitted)) != answers_of(chance)
    before = chance.predict_topk([0, 1], k=n_items, exclude_seen=False)
    assert (before[0] != before[1]).any()
    after = chance.partial_update([(0, 99, 2)]).predict_topk([0, 1], k=n_items + 1, exclude_seen=False)
    np.testing.assert_array_equal([row[row != 99] for row in after], before)


def test_baselines_need_no_torch():
    code = """
import sys
from skautoseqrec import baselines
log = [(user, user * step % 7, step) for user in range(9) for step in range(5)]
for name in baselines.__all__:
    recommender = getattr(baselines, name)(exclude_seen=False).fit(log).partial_update([(1, 2, 9)])
    recommender.score(log), recommender.predict(log), recommender.predict_topk([1], output="list", on_unknown="raise")
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_chance_has_one_order_for_all_users_that_are_new():
    chance = RandomRecommender(0, exclude_seen=False).fit([("ann", f"item {number}", number) for number in range(9)])
    places = {item: place for place, item in enumerate(chance.predict_topk(["zoe"], k=9)[0], start=1)}
    for item in ("item 3", "item 8"):
        assert chance.score_samples([("bob", item, 10)]).tolist() == [1 / places[item]]
