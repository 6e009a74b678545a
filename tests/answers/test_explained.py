"""Explanations: past items add up to their parts, places are those of the lists, and words say the same."""

import warnings

import narwhals as nw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Oracle
from strategies import consecutive_logs, gated, gates, recommenders
from worlds import SMALL, TEA_LOG

from skautoseqrec import AutoSeqRecRecommender

PARAMETERS = {"objective": "closed_form", "blend": {"direct": 1.0, "neighbours": 1.0, "trend": (1.0,)}}
PARAMETERS |= {"trend_half_lives": (30.0,), "early_stopping": False, "device": "cpu"}
pytestmark = pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning")  # tiny logs repeat everything


@pytest.fixture(scope="module")
def fitted():
    return AutoSeqRecRecommender(**PARAMETERS).fit(TEA_LOG)


@settings(max_examples=30)
@given(consecutive_logs(n_parts=2), recommenders(), gates())
def test_reasons_share_what_the_summed_parts_add(parts, recommender, gate):
    gated(recommender.fit(parts[0]), gate).partial_update(parts[1])
    users, items = recommender.user_ids_, recommender.item_ids_
    whole = recommender.explain(users, items)
    oracle = Oracle(recommender, parts[0])
    oracle.let_in_log(parts[1])
    from skautoseqrec._scoring.past_items import ADDED_UP, PastItems

    state, scorer = recommender._serving
    asked = state.asked(users)
    past = PastItems(scorer, asked, scorer.gated(scorer.view(asked)), np.arange(len(items)))
    by_part = {name: past.of_part(name) for name in ADDED_UP}
    for row, user in enumerate(users.tolist()):
        for name, rows in by_part.items():
            np.testing.assert_allclose(rows[row][1].sum(0), whole.parts[name][row], rtol=1e-3, atol=1e-4)
        reasons, shares = whole.reasons[row].tolist(), whole.shares[row]
        assert len(set(reasons)) == len(reasons)
        assert set(reasons) <= set(oracle.histories[user])
        added = {reason: np.zeros(len(items)) for reason in reasons}
        for rows in by_part.values():
            for code, values in zip(*rows[row], strict=True):
                added[items[code]] += values
        positive = np.maximum(np.array([*added.values()]).reshape(-1, len(items)), 0)
        total = positive.sum(0)
        expected = np.divide(positive, total, out=np.zeros_like(positive), where=total > 0)
        is_clear = (total > 1e-3) | (total == 0)
        np.testing.assert_allclose(shares[:, is_clear], expected[:, is_clear], atol=1e-3)


@settings(max_examples=30)
@given(consecutive_logs(n_parts=1), recommenders(), st.booleans(), st.data())
def test_places_are_those_of_the_lists(parts, recommender, exclude_seen, data):
    recommender.fit(parts[0])
    items, users = recommender.item_ids_.tolist(), recommender.user_ids_.tolist()
    some = st.none() | st.lists(st.sampled_from(items), max_size=4)
    restriction = {"candidates": data.draw(some), "exclude": data.draw(some), "exclude_seen": exclude_seen}
    listed = recommender.predict_topk(users, k=len(items), output="list", **restriction)
    explained = recommender.explain(users, items, **restriction)
    seen = {user: {item for other, item, *_ in parts[0] if other == user} for user in users}
    for row, user in enumerate(users):
        for place, item in enumerate(items):
            status, rank = explained.status[row, place], explained.ranks[row, place]
            if exclude_seen and item in seen[user]:
                assert status == "seen"
            elif item in (restriction["exclude"] or []):
                assert status == "excluded"
            elif restriction["candidates"] is not None and item not in restriction["candidates"]:
                assert status == "not in candidates"
            else:
                assert status == "candidate"
            assert (rank is np.ma.masked) == (status != "candidate") == (item not in listed[row])
        mine = {items[place]: int(explained.ranks[row, place]) for place in np.flatnonzero(~explained.ranks.mask[row])}
        score = dict(zip(items, explained.scores[row].tolist(), strict=True))
        scale = 1e-4 * (1 + max(map(abs, score.values())))
        for rank, item in enumerate(listed[row], start=1):
            # Equal scores may stand in either order, where the products that they come from differ in shape.
            assert mine[item] == rank or abs(score[listed[row][mine[item] - 1]] - score[item]) < scale
        assert sorted(mine.values()) == list(range(1, len(mine) + 1))


@settings(max_examples=20)
@given(consecutive_logs(n_parts=2), recommenders(), gates(), st.data())
def test_users_are_explained_alike_however_many_at_a_time(parts, recommender, gate, data):
    gated(recommender.fit(parts[0]), gate).partial_update(parts[1])
    users, items = [*recommender.user_ids_.tolist(), "nobody"], recommender.item_ids_
    users = users if recommender.user_ids_.dtype == object else users[:-1]
    per_user = st.lists(st.sampled_from(items.tolist()), max_size=3)
    exclude = data.draw(st.lists(per_user, min_size=len(users), max_size=len(users)))
    recommender.dislike([(users[0], items[0])])
    whole = recommender.explain(users, items, exclude=exclude)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skautoseqrec._scoring.scorer.SCORES_PER_BLOCK", 0)
        one_by_one = recommender.explain(users, items, exclude=exclude)
    for name in ("parts", "centered"):
        assert {*whole[name]} == {*one_by_one[name]}
        for part, values in whole[name].items():
            np.testing.assert_allclose(values, one_by_one[name][part], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(whole.status, one_by_one.status)
    for name in ("past_items", "reasons", "neighbours", "shares"):
        for mine, other in zip(whole[name], one_by_one[name], strict=True):
            assert mine.shape == other.shape
            if name in ("past_items", "reasons"):
                np.testing.assert_array_equal(mine, other)


def test_one_user_and_one_item_are_explained_as_many_are(fitted):
    one, many = fitted.explain("bob", "milk"), fitted.explain(["bob"], ["milk"])
    assert one.scores.shape == (1, 1)
    np.testing.assert_array_equal(one.scores, many.scores)
    numbered = AutoSeqRecRecommender(**PARAMETERS).fit([(1, 5, 0), (1, 6, 1), (2, 5, 2)])
    assert numbered.explain(np.int64(2), 6).sentences.tolist() == [["Because of 5 (100 %). At place 1 of 1."]]
    with pytest.raises(TypeError, match="users must be a list or array of ids, not True"):
        numbered.explain(True, 6)


def test_sentences_say_why_and_why_not(fitted):
    answer = fitted.explain(
        ["ann", "zoe"],
        ["jam", "tea", "milk", "salt"],
        on_unknown="ignore",
        titles={"tea": "Green Tea"},
        exclude=["milk"],
    )
    ann, zoe = answer.sentences.tolist()
    assert ann[0].startswith("Because of 'Green Tea' (")
    assert ann[0].endswith(". At place 1 of 1.")
    assert ann[1:] == [
        "Not recommended: the user has seen it.",
        "Not recommended: the user has seen it.",
        "Not recommended: 'salt' is not known, for no event with it was fitted or updated.",
    ]
    assert zoe[0] == "By what is popular, for nothing is known of the user. At place 2 of 2."
    assert zoe[2] == "Not recommended: it is among the items to exclude."
    assert answer.status.tolist()[0] == ["candidate", "seen", "seen", "unknown"]
    assert np.isnan(answer.scores[:, 3]).all()
    assert not np.isnan(answer.scores[:, :3]).any()
    only = fitted.explain("zoe", ["jam"], candidates=["tea"]).sentences[0, 0]
    assert only == "Not recommended: it is not among the candidates."


def test_shares_are_spoken_in_their_order():
    log = [(f"user {n}", item, n) for n in range(6) for item in ("a", "x")]
    log += [(f"other {n}", item, 10 + n) for n in range(2) for item in ("b", "x")]
    recommender = AutoSeqRecRecommender(**PARAMETERS).fit([*log, ("me", "b", 30), ("me", "a", 31)])
    answer = recommender.explain("me", "x")
    shares = dict(zip(answer.reasons[0].tolist(), answer.shares[0][:, 0].tolist(), strict=True))
    assert shares["a"] > shares["b"] > 0.05
    said = f"Because of 'a' ({shares['a']:.0%}) and 'b' ({shares['b']:.0%}). At place 1 of 1.".replace("%)", " %)")
    assert answer.sentences[0, 0] == said


def test_no_past_item_speaks_for_what_nobody_took_beside_it():
    log = [*TEA_LOG, ("eve", "salt", 6)]
    alone = "By what is popular: no single past item speaks for it."
    counted = AutoSeqRecRecommender(**PARAMETERS).fit(log).explain("bob", "salt")
    assert counted.sentences[0, 0].startswith(alone)
    assert not counted.shares[0].any()
    encoded = AutoSeqRecRecommender(**SMALL).fit(log).explain("bob", "salt")
    assert encoded.sentences[0, 0].startswith("By the history as a whole and by what is popular: no single past item")


@settings(max_examples=10)
@given(consecutive_logs(n_parts=1), recommenders())
def test_the_frame_holds_the_parts(parts, recommender):
    recommender.fit(parts[0])
    users, items = recommender.user_ids_.tolist(), recommender.item_ids_[:2].tolist()
    parts = recommender.explain(users, items).parts
    frame = nw.from_native(recommender.explain(users, items, output="frame"), eager_only=True)
    assert frame.columns == ["user_id", "item_id", "part", "value"]
    expected = [
        (user, item, name, pytest.approx(float(part[row, column]), rel=1e-4, abs=1e-5))
        for row, user in enumerate(users)
        for column, item in enumerate(items)
        for name, part in parts.items()
    ]
    assert frame.rows() == expected


def test_unknown_ids_are_refused_unless_they_are_let_pass(fitted):
    with pytest.raises(ValueError, match="items holds 'salt', which is not known"):
        fitted.explain(["ann"], ["salt"])
    with pytest.raises(ValueError, match="users holds 'zoe', which is not known"):
        fitted.explain(["zoe"], ["tea"], on_unknown="raise")
    with pytest.warns(UserWarning, match="items holds 'salt', which is not known.*Nothing is said of their scores"):
        fitted.explain(["ann"], ["salt", "tea"], on_unknown="warn")
    with pytest.raises(ValueError, match="output must be 'bunch' or 'frame', not 'array'"):
        fitted.explain(["ann"], ["tea"], output="array")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.explain(["zoe"], ["salt", "tea"], on_unknown="ignore", output="frame")
