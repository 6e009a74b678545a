"""Why a score is what it is: parts, embeddings, similar items."""

import numpy as np
import pytest
from hypothesis import given, settings
from oracle import Oracle
from strategies import consecutive_logs, gated, gates, recommenders
from worlds import CYCLE_PARAMS, SMALL, cycle

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.datasets import make_interactions

pytestmark = pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning")  # tiny logs repeat everything


@pytest.fixture(scope="module")
def walker():
    return AutoSeqRecRecommender(**CYCLE_PARAMS).fit(cycle())


@given(consecutive_logs(n_parts=2), recommenders(), gates())
@settings(max_examples=20)
def test_past_items_speak_for_their_neighbours(parts, recommender, gate):
    gated(recommender.fit(parts[0]), gate).partial_update(parts[1])
    oracle = Oracle(recommender, parts[0])
    oracle.let_in_log(parts[1])
    users, items = recommender.user_ids_, recommender.item_ids_
    explanation = recommender.explain(users, items)
    for user, past_items, values, part in zip(
        users.tolist(), explanation.past_items, explanation.neighbours, explanation.parts["neighbours"], strict=True
    ):
        n_near = len(oracle.within(oracle.moments[user], recommender.neighbour_window))
        assert past_items.tolist() == oracle.histories[user][::-1][:n_near]
        assert values.shape == (len(past_items), len(items))
        np.testing.assert_allclose(values.sum(0), part, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("layout")
@settings(max_examples=20)
@given(consecutive_logs(n_parts=2), recommenders(), gates())
def test_the_parts_sum_to_the_score(parts, recommender, gate):
    gated(recommender.fit(parts[0]), gate).partial_update(parts[1])
    users = [*recommender.user_ids_.tolist(), "nobody" if recommender.user_ids_.dtype == object else -99]
    explanation = recommender.explain(users, recommender.item_ids_)
    ids, scores = recommender.predict_topk(users, k=len(recommender.item_ids_), exclude_seen=False, return_scores=True)
    column = {item: place for place, item in enumerate(recommender.item_ids_.tolist())}
    for row in range(len(users)):
        expected = [explanation.scores[row, column[item]] for item in ids[row].tolist()]
        np.testing.assert_allclose(scores[row], expected, rtol=1e-4, atol=1e-4)


@settings(max_examples=20)
@given(consecutive_logs(n_parts=2), recommenders(exclude_seen=False))
def test_centered_parts_are_beside_the_mean_of_the_eligible(parts, recommender):
    recommender.fit(parts[0]).partial_update(parts[1])
    explanation = recommender.explain(recommender.user_ids_, recommender.item_ids_)
    for name, part in explanation.parts.items():
        expected = part - part.mean(1, keepdims=True)
        np.testing.assert_allclose(explanation.centered[name], expected, rtol=1e-3, atol=1e-3)


def test_embeddings_that_say_nothing_are_said_to():
    log = [("ann", "tea", 1), ("ann", "milk", 2), ("bob", "tea", 3)]
    recommender = AutoSeqRecRecommender(**SMALL | {"blend": {"direct": 1.0}}).fit(log)
    with pytest.warns(UserWarning, match="No learnt part weighs anything"):
        assert not recommender.user_embeddings(["ann"]).any()


@pytest.mark.usefixtures("layout")
@pytest.mark.filterwarnings("ignore:No learnt part weighs:UserWarning")  # drawn blends may be of counts alone
@settings(max_examples=15)
@given(consecutive_logs(n_parts=2), recommenders(objective="multinomial"))
def test_embeddings_multiply_to_the_neural_score(parts, recommender):
    recommender.fit(parts[0]).partial_update(parts[1])
    users = recommender.user_ids_
    explained = recommender.explain(users, recommender.item_ids_).parts
    neural = explained["collaborative"] + explained["one_hop"] + explained["two_hop"]
    product = recommender.user_embeddings(users) @ recommender.item_embeddings().T + recommender.item_biases()
    assert recommender.item_embeddings().shape == (len(recommender.item_ids_), 3 * recommender.n_components)
    np.testing.assert_allclose(product, neural, rtol=1e-3, atol=1e-3)


def test_the_published_model_has_no_linear_embeddings(walker):
    paper = AutoSeqRecRecommender(objective="paper")
    assert not hasattr(paper, "item_embeddings")
    assert hasattr(walker, "user_embeddings")


def test_similar_items_are_reached_from_or_lead_to_the_same_places():
    # 1 and 2 are both reached from 0 and lead to different places; 3 and 4 are the other way round.
    log = [(user, item, step) for user in range(20) for step, item in enumerate([0, 1 + user % 2, 3 + user % 2, 5])]
    recommender = AutoSeqRecRecommender(**{**CYCLE_PARAMS, "max_iter": 5}).fit(log)
    assert recommender.similar_items([1, 2], k=1).tolist() == [[2], [1]]
    assert recommender.similar_items([3, 4], k=1, side="source").tolist() == [[4], [3]]
    ids, cosines = recommender.similar_items([0], k=5, return_scores=True)
    assert 0 not in ids
    assert (np.diff(cosines) <= 0).all()
    assert (np.abs(cosines) <= 1 + 1e-6).all()


@pytest.mark.parametrize("objective", ["multinomial", "closed_form"])
@pytest.mark.parametrize("side", ["target", "source"])
def test_items_are_alike_however_many_are_compared_at_a_time(monkeypatch, objective, side):
    log = make_interactions(30, 20, 300, random_state=0)
    parameters = {"blend": {"direct": 1.0}, "early_stopping": False, "max_iter": 1, "random_state": 0}
    recommender = AutoSeqRecRecommender(4, objective=objective, **parameters).fit(log)
    items = recommender.item_ids_[::-1]
    ids, cosines = recommender.similar_items(items, k=4, return_scores=True)
    monkeypatch.setattr("skautoseqrec._scoring.scorer.SCORES_PER_BLOCK", 0)
    one_by_one = recommender.similar_items(items, k=4, return_scores=True)
    np.testing.assert_allclose(one_by_one[1], cosines, rtol=1e-5, atol=1e-6)
    apart = np.abs(np.diff(cosines)).min(1) > 1e-4
    np.testing.assert_array_equal(one_by_one[0][apart], ids[apart])
    assert apart.any()


@pytest.mark.usefixtures("layout")
@settings(max_examples=15)
@given(consecutive_logs(n_parts=2), recommenders(ties="row"))  # a list has an order
def test_a_history_is_answered_whoever_it_belongs_to(parts, recommender):
    recommender.fit(parts[0]).partial_update(parts[1])
    histories = {user: [] for user in recommender.user_ids_.tolist()}
    for part in parts:
        for user, item, *_ in sorted(part, key=lambda row: row[2:]):
            histories[user].append(item)
    by_user = recommender.predict_topk(list(histories), k=3, return_scores=True)
    by_history = recommender.predict_topk_sequences(list(histories.values()), k=3, return_scores=True)
    for mine, theirs in zip(by_history, by_user, strict=True):
        assert np.ma.MaskedArray(mine).tolist() == np.ma.MaskedArray(theirs).tolist()


def test_histories_of_unknown_items_are_answered_by_the_trend(walker):
    answers = walker.predict_topk_sequences([[], [777], [777, 3]], k=2, candidates=list(range(12)))
    assert answers[0].tolist() == answers[1].tolist() == walker.predict_topk([-1], k=2)[0].tolist()
    assert answers[2, 0] == 4


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda walker: walker.explain([0], [99]), "items holds 99, which is not known"),
        (lambda walker: walker.similar_items([99]), "items holds 99, which is not known"),
        (lambda walker: walker.similar_items([0], k=12), "below the 12 known items, not 12"),
        (lambda walker: walker.similar_items([0], k=0), "k must be a whole number of at least 1"),
        (lambda walker: walker.similar_items([0], side="both"), "side must be 'target' or 'source', not 'both'"),
        (lambda walker: walker.predict_topk_sequences([[0]], k=0), "k must be a whole number"),
    ],
)
def test_bad_questions_are_refused(walker, ask, message):
    with pytest.raises(ValueError, match=message):
        ask(walker)


def test_embeddings_are_a_copy(walker):
    before = walker.predict_topk(walker.user_ids_, k=3, return_scores=True)[1]
    embeddings = walker.item_embeddings()
    embeddings *= 2
    np.testing.assert_array_equal(walker.predict_topk(walker.user_ids_, k=3, return_scores=True)[1], before)


def test_nobody_is_explained(walker):
    assert walker.explain([], walker.item_ids_[:2]).scores.shape == (0, 2)
