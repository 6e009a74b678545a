import numpy as np
import pytest
from matplotlib import pyplot
from worlds import LOG, SMALL

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.inspection import BlendDisplay


def slow_contributions(recommender, user, k):
    """Return what each part adds to a user's best candidates beyond the mean candidate, straight from the scores."""
    every = recommender.item_ids_
    best = recommender.predict_topk([user], k=k)[0]
    unseen = np.isin(every, recommender.predict_topk([user], k=len(every)).compressed())
    parts = recommender.explain([user], every).parts
    chosen = np.isin(every, best)
    return {part: np.abs(values[0, chosen] - values[0, unseen].mean()).mean() for part, values in parts.items()}


def test_bars_are_the_mean_contributions_of_each_group(world):
    past, _, recommender, _ = world
    users = recommender.user_ids_[:12].tolist()
    lengths = {user: int((past[:, 0] == user).sum()) for user in users}
    edge = int(np.median([*lengths.values()]))
    display = BlendDisplay.from_estimator(recommender, users, k=4, length_edges=[1, edge])
    groups = [[user for user in users if lengths[user] < edge], [user for user in users if lengths[user] >= edge]]
    assert display.n_users.tolist() == [len(group) for group in groups]
    for place, group in enumerate(groups):
        slow = [slow_contributions(recommender, user, 4) for user in group]
        for part, values in display.contributions.items():
            assert values[place] == pytest.approx(np.mean([one[part] for one in slow]), abs=1e-5)
    shown = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert set(shown) == {"direct", "neighbours", "trend"}  # the others weigh nothing
    for place, bars in enumerate(display.bars_):
        widths = {part: bar.get_width() for part, bar in zip(shown, bars, strict=True)}
        assert widths == {part: display.contributions[part][place] for part in shown}


def test_signed_contributions_add_up_to_the_score(world):
    _, _, recommender, _ = world
    user = recommender.user_ids_[0]
    every = recommender.item_ids_
    best, scores = recommender.predict_topk([user], k=3, return_scores=True)
    explanation = recommender.explain([user], best[0])
    all_scores = recommender.explain([user], every).scores[0]
    candidates = np.isin(every, recommender.predict_topk([user], k=len(every)).compressed())
    added = np.sum([*explanation.centered.values()], axis=0)[0]
    np.testing.assert_allclose(added, scores[0] - all_scores[candidates].mean(), atol=1e-4)
    # One user and one item: no mean hides a sign.
    display = BlendDisplay.from_predictions(recommender.explain([user], best[0, :1]), [5])
    signs = {part: np.sign(values[0, 0]) for part, values in explanation.centered.items()}
    total = sum(signs[part] * values[0] for part, values in display.contributions.items())
    assert total == pytest.approx(scores[0, 0] - all_scores[candidates].mean(), abs=1e-4)


def test_groups_are_named_by_their_lengths(world):
    _, _, recommender, _ = world
    explanations = [recommender.explain([user], [1, 2]) for user in recommender.user_ids_[:6]]
    display = BlendDisplay.from_predictions(explanations, [0, 1, 4, 5, 100, 7])
    assert display.groups == ["0", "1 to 4", "5 to 19", "100 or more"]
    assert display.n_users.tolist() == [1, 2, 2, 1]
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["0 (1 user)", "1 to 4 (2 users)", "5 to 19 (2 users)", "100 or more (1 user)"]
    together = BlendDisplay.from_predictions(recommender.explain(recommender.user_ids_[:6], [1, 2]), [3] * 6)
    expected = np.mean([np.abs(one.centered["direct"]).mean() for one in explanations])
    assert together.contributions["direct"] == pytest.approx([expected], rel=1e-5)


def test_users_are_drawn_by_the_seed(world):
    _, _, recommender, _ = world
    one, other, third = (
        BlendDisplay.from_estimator(recommender, k=2, max_users=5, random_state=seed) for seed in (0, 0, 1)
    )
    assert one.n_users.sum() == 5
    assert one.contributions["direct"].tolist() == other.contributions["direct"].tolist()
    assert one.contributions["direct"].tolist() != third.contributions["direct"].tolist()


def test_the_unknown_and_those_who_have_seen_all_are_no_obstacle():
    recommender = AutoSeqRecRecommender(**SMALL).fit(LOG)
    items = recommender.item_ids_
    recommender.partial_update([(500, item, 10**6) for item in items])
    display = BlendDisplay.from_estimator(recommender, [500, 999])
    assert display.groups == ["0"]  # 500 has no candidate left


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"k": 0}, ValueError, "k must be"),
        ({"max_users": 0}, ValueError, "max_users must be a whole number of at least 1, not 0"),
        ({"length_edges": []}, ValueError, "length_edges must be rising whole numbers"),
        ({"length_edges": [5, 5]}, ValueError, "length_edges must be rising"),
        ({"length_edges": [0, 5]}, ValueError, "length_edges must be rising"),
        ({"length_edges": [1.5]}, ValueError, "length_edges must be rising"),
        ({"users": []}, ValueError, "There is no explained score to show"),
        ({"users": 3}, TypeError, "users must be a list"),
    ],
)
def test_bad_input_is_refused_in_words(keywords, error, message, world):
    with pytest.raises(error, match=message):
        BlendDisplay.from_estimator(world[2], **keywords)
    assert not pyplot.get_fignums()


@pytest.mark.parametrize("lengths", [[1], [1, 2, 3], [1, -1], [1.0, 2.0], 3])
def test_lengths_are_one_for_each_user(lengths, world):
    explanation = world[2].explain(world[2].user_ids_[:2], [1])
    with pytest.raises(ValueError, match="lengths must be one whole number of at least 0 for each of 2 users"):
        BlendDisplay.from_predictions(explanation, lengths)
