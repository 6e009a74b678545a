"""Who would want an item, and who is like whom: against a loop over users, one at a time."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import consecutive_logs, recommenders
from worlds import TEA_LOG

from skautoseqrec import AutoSeqRecRecommender

PARAMETERS = {"objective": "closed_form", "blend": {"direct": 1.0}, "early_stopping": False, "device": "cpu"}
pytestmark = pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning")  # tiny logs repeat everything


@pytest.fixture(scope="module")
def fitted():
    return AutoSeqRecRecommender(**PARAMETERS).fit(TEA_LOG)


def probabilities(recommender, users, exclude_seen):
    """Return user -> item -> probability among what the user may be recommended, asked one user at a time."""
    found = {}
    for user in users:
        options = {"k": len(recommender.item_ids_), "exclude_seen": exclude_seen, "return_scores": True}
        (items,), (scores,) = recommender.predict_topk([user], output="list", **options)
        exponentials = np.exp(np.array(scores, dtype=np.float64) - max(scores, default=0.0))
        found[user] = dict(zip(items, (exponentials / exponentials.sum()).tolist(), strict=True))
    return found


@settings(max_examples=30)
@given(consecutive_logs(n_parts=2), recommenders(), st.integers(1, 6), st.booleans(), st.data())
def test_users_are_ranked_by_their_own_alternatives(parts, recommender, k, exclude_seen, data):
    recommender.fit(parts[0]).partial_update(parts[1])
    chosen = data.draw(st.none() | st.lists(st.sampled_from(recommender.user_ids_.tolist()), max_size=4))
    users = recommender.user_ids_.tolist() if chosen is None else [*dict.fromkeys(chosen)]
    items = recommender.item_ids_.tolist()
    expected = probabilities(recommender, users, exclude_seen)
    options = {"users": chosen, "exclude_seen": exclude_seen, "return_scores": True}
    ids, numbers = recommender.predict_users(items, k, output="list", **options)
    for item, listed, values in zip(items, ids, numbers, strict=True):
        shares = {user: share[item] for user, share in expected.items() if item in share}
        assert len(listed) == len(set(listed)) == min(k, len(shares))
        assert values == sorted(values, reverse=True)
        np.testing.assert_allclose(values, [shares[user] for user in listed], rtol=1e-3, atol=1e-5)
        left = [share for user, share in shares.items() if user not in listed]
        assert max(left, default=0.0) <= min(values, default=1.0) * (1 + 1e-3) + 1e-5


def test_users_are_compared_in_blocks_as_at_once(fitted, monkeypatch):
    log = [(user, (user * 7 + step * step) % 11, step) for user in range(30) for step in range(4)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recommender = AutoSeqRecRecommender(**PARAMETERS | {"exclude_seen": False}).fit(log)
    asks = [
        lambda: recommender.predict_users([3, 5], 7, return_scores=True),
        lambda: recommender.similar_users([4, 9], 7, return_scores=True),
    ]
    at_once = [ask() for ask in asks]
    monkeypatch.setattr("skautoseqrec._scoring.scorer.BLOCK_SIZE", 4)
    for ask, (ids, values) in zip(asks, at_once, strict=True):
        again, others = ask()
        assert again.tolist() == ids.tolist()
        np.testing.assert_allclose(others, values, rtol=1e-5)


def test_whoever_has_seen_it_is_left_out(fitted):
    assert fitted.predict_users(["tea"], k=2, output="list") == [[]]
    assert fitted.predict_users(["tea"], k=2).mask.all()
    assert fitted.predict_users(["jam"], k=2, output="list") == [["ann"]]
    assert fitted.predict_users(["tea"], k=2, exclude_seen=False).shape == (1, 2)
    frame = fitted.predict_users(["jam", "tea"], output="frame")
    assert list(frame) == ["item_id", "user_id", "rank", "probability"]
    assert frame.values.tolist() == [["jam", "ann", 1, 1.0]]


def history_cosine(one, other, decay):
    """Return the cosine of two decayed histories, given as items from the oldest to the newest."""
    rows = []
    for history in (one, other):
        row = {}
        for age, item in enumerate(reversed(history)):
            if decay == 1 or decay**age >= 0.002:
                row[item] = row.get(item, 0.0) + decay**age
        rows.append(row)
    product = sum(value * rows[1].get(item, 0.0) for item, value in rows[0].items())
    return product / np.sqrt(np.prod([sum(value**2 for value in row.values()) for row in rows]))


@settings(max_examples=30)
@given(consecutive_logs(n_parts=2), recommenders(ties="row"), st.integers(1, 4), st.sampled_from(["auto", "histories"]))
def test_similar_users_are_those_of_similar_vectors(parts, recommender, k, by):
    recommender.fit(parts[0]).partial_update(parts[1])
    users = recommender.user_ids_.tolist()
    if k >= len(users):
        with pytest.raises(ValueError, match=f"k must be below the {len(users)} known users, not {k}"):
            recommender.similar_users(users, k)
        return
    weighs = any(recommender.blend_[part] for part in ("collaborative", "one_hop", "two_hop"))
    if by == "auto" and recommender.objective == "multinomial" and weighs:
        vectors = recommender.user_embeddings(users).astype(np.float64)
        unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        cosines = unit @ unit.T
    else:
        histories = {user: [] for user in users}
        for part in parts:
            for user, item, *_ in sorted(part, key=lambda row: row[2:]):
                histories[user].append(item)
        decay = recommender.history_decay
        cosines = np.array([[history_cosine(histories[a], histories[b], decay) for b in users] for a in users])
    ids, values = recommender.similar_users(users, k, by=by, return_scores=True)
    for row, (listed, found) in enumerate(zip(ids.tolist(), values, strict=True)):
        assert users[row] not in listed
        assert len(set(listed)) == k
        expected = np.delete(cosines[row], row)
        np.testing.assert_allclose(found, np.sort(expected)[::-1][:k], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(found, [cosines[row, users.index(user)] for user in listed], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda fitted: fitted.predict_users(["salt"]), ValueError, "items holds 'salt', which is not known"),
        (lambda fitted: fitted.predict_users("tea"), TypeError, "items must be a list or array of ids"),
        (lambda fitted: fitted.predict_users(["tea"], users=["zoe"]), ValueError, "users holds 'zoe'"),
        (lambda fitted: fitted.predict_users(["tea"], k=0), ValueError, "k must be a whole number"),
        (lambda fitted: fitted.predict_users(["tea"], at=[1, 2]), ValueError, "at must be one time, for all users"),
        (lambda fitted: fitted.predict_users(["tea"], output="set"), ValueError, "output must be"),
        (lambda fitted: fitted.predict_users(["tea"], exclude_seen="no"), ValueError, "exclude_seen must be"),
        (lambda fitted: fitted.similar_users(["zoe"]), ValueError, "users holds 'zoe', which is not known"),
        (lambda fitted: fitted.similar_users(["ann"], k=2), ValueError, "k must be below the 2 known users, not 2"),
        (lambda fitted: fitted.similar_users(["ann"], k=1, by="taste"), ValueError, "by must be 'auto' or"),
        (lambda fitted: fitted.similar_users(["ann"], k=1, by="embeddings"), ValueError, "needs a network"),
    ],
)
def test_bad_questions_are_refused(fitted, ask, error, message):
    with pytest.raises(error, match=message):
        ask(fitted)
