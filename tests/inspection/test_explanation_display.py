import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib import pyplot

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.inspection import ExplanationDisplay

FIXED = {"objective": "closed_form", "blend": {"neighbours": 2.0, "direct": 1.0}, "exclude_seen": False}


def tick_labels(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


def test_contributions_are_the_part_neighbours_of_the_score(world):
    _, _, recommender, _ = world
    user = recommender.user_ids_[3]
    display = ExplanationDisplay.from_estimator(recommender, user, max_items=4)
    assert display.item == recommender.predict_topk([user], k=1)[0, 0]
    explanation = recommender.explain([user], [display.item])
    assert display.contributions.sum() == pytest.approx(explanation.parts["neighbours"][0, 0], rel=1e-4)
    assert sorted(display.past_items) == sorted(explanation.past_items[0].tolist())
    by_item = dict(zip(explanation.past_items[0].tolist(), explanation.neighbours[0][:, 0].tolist(), strict=True))
    assert display.contributions.tolist() == [by_item[item] for item in display.past_items]
    assert (np.diff(display.contributions) <= 0).all()
    widths = [bar.get_width() for bar in display.bars_]
    assert sum(widths) == pytest.approx(1)
    assert widths[:4] == display.shares[:4].tolist()
    assert tick_labels(display)[:4] == [str(item) for item in display.past_items[:4]]
    assert tick_labels(display)[4] == f"{len(display.past_items) - 4} other past items"


def test_places_in_an_explanation_of_many(world):
    _, _, recommender, _ = world
    users, items = recommender.user_ids_[:3], recommender.item_ids_[:4]
    explanation = recommender.explain(users, items)
    display = ExplanationDisplay.from_predictions(explanation, items[2], row=1, column=2)
    alone = ExplanationDisplay.from_estimator(recommender, users[1], items[2])
    np.testing.assert_allclose(display.contributions, alone.contributions, rtol=1e-5)
    assert display.past_items == alone.past_items
    with pytest.raises(IndexError):
        ExplanationDisplay.from_predictions(explanation, items[2], row=3)


def test_an_item_met_twice_has_one_bar():
    log = [("ann", item) for item in ("tea", "milk", "tea", "jam", "tea")] + [("bob", "milk"), ("bob", "tea")]
    recommender = AutoSeqRecRecommender(**FIXED).fit(log)
    display = ExplanationDisplay.from_estimator(recommender, "ann", "milk")
    assert len(set(display.past_items)) == len(display.past_items) == 3
    explanation = recommender.explain(["ann"], ["milk"])
    is_tea = explanation.past_items[0] == "tea"
    share = display.shares[display.past_items.index("tea")]
    assert share == pytest.approx(explanation.neighbours[0][is_tea, 0].sum() / explanation.neighbours[0][:, 0].sum())


TITLES = {1: "One", 2: "A title that goes on and on until nobody reads it", 3: "$3 and $4"}


@pytest.mark.parametrize("kind", [dict, "numpy", pd.DataFrame, pl.DataFrame, "three columns"])
def test_titles_stand_for_ids(kind):
    titles = TITLES
    if kind == "numpy":
        titles = {np.int64(item): title for item, title in TITLES.items()}
    elif kind == "three columns":
        titles = pd.DataFrame({"movie": [*TITLES], "genres": "Drama", "title": [*TITLES.values()]})
    elif kind is not dict:
        titles = kind({"movie": list(TITLES), "name": list(TITLES.values())})
    log = [(7, item) for item in (1, 2, 3, 4)] + [(8, item) for item in (1, 2, 3, 4, 5)]
    display = ExplanationDisplay.from_estimator(AutoSeqRecRecommender(**FIXED).fit(log), 7, 5, titles=titles)
    expected = {"One", "A title that goes on and on until…", r"\$3 and \$4", "4"}
    assert {*tick_labels(display)} == expected
    assert display.ax_.get_title(loc="left") == "5, because of"
    display.figure_.canvas.draw()  # a formula that is none would fail here


@pytest.mark.parametrize(
    ("titles", "error", "message"),
    [
        ({"1": "One"}, TypeError, r"titles has ids such as '1' \(str\), the log has ids such as \d+ \(int\)"),
        (
            ["One"],
            TypeError,
            "titles must be a dict from item ids, .* or a dataframe or an array of records with a column",
        ),
        (pd.DataFrame({"item_id": [1], "a": ["One"], "b": ["x"]}), ValueError, "which one is meant is not clear"),
        (pd.DataFrame({"item_id": [None], "title": ["One"]}), ValueError, "missing value"),
    ],
)
def test_bad_titles_are_refused_in_words(titles, error, message, world):
    with pytest.raises(error, match=message):
        ExplanationDisplay.from_estimator(world[2], world[2].user_ids_[0], titles=titles)


def test_what_nothing_speaks_for_is_refused_in_words(world):
    _, _, recommender, _ = world
    user = recommender.user_ids_[0]
    with pytest.raises(ValueError, match="The user has no history"):
        ExplanationDisplay.from_estimator(recommender, 10**6)
    with pytest.raises(
        ValueError, match=r"No past item speaks for 3: .* the blend gives the part neighbours no weight"
    ):
        ExplanationDisplay.from_estimator(recommender.with_blend({"direct": 1.0}), user, 3)
    with pytest.raises(ValueError, match="items holds 999, which is not known"):
        ExplanationDisplay.from_estimator(recommender, user, 999)
    with pytest.raises(ValueError, match="k must be"):
        ExplanationDisplay.from_estimator(recommender, user, max_items=0)
    seen_all = AutoSeqRecRecommender(**FIXED | {"exclude_seen": True}).fit([(1, 1), (1, 2), (2, 1)])
    with pytest.raises(ValueError, match="User 1 has no candidate left"):
        ExplanationDisplay.from_estimator(seen_all, 1)
    assert not [number for number in pyplot.get_fignums() if pyplot.figure(number).axes]
