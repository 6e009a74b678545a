import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec.inspection import TransitionGraphDisplay
from skautoseqrec.preprocessing import ItemTransitionTransformer


def texts_of(display):
    return [text.get_text() for text in display.ax_.texts]


@given(st.lists(st.lists(st.integers(0, 9), min_size=6, max_size=6), min_size=6, max_size=6), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_the_heaviest_of_row_and_column_are_drawn(matrix, place):
    ids, item = list("abcdef"), "abcdef"[place]
    after = sorted(((-weight, other) for weight, other in zip(matrix[place], ids, strict=True) if weight))[:3]
    before = sorted(((-row[place], other) for row, other in zip(matrix, ids, strict=True) if row[place]))[:3]
    if not after and not before:
        with pytest.raises(ValueError, match=f"Item '{item}' has no transition"):
            TransitionGraphDisplay.from_predictions(np.array(matrix), ids, item, k=3)
        return
    display = TransitionGraphDisplay.from_predictions(np.array(matrix), ids, item, k=3)
    pyplot.close(display.figure_)
    assert [*display.after.items()] == [(other, -weight) for weight, other in after]
    assert [*display.before.items()] == [(other, -weight) for weight, other in before]
    assert len(display.curves_) == len(after) + len(before)
    widths = [curve.get_linewidth() for curve in display.curves_]
    weights = [*display.before.values(), *display.after.values()]
    assert np.argmax(widths) == np.argmax(weights)
    assert len(set(widths)) == len(set(weights))


def test_a_recommender_shows_what_its_transformer_counts(world):
    past, _, recommender, _ = world
    transformer = ItemTransitionTransformer().fit(past)
    matrix = transformer.transform(past)
    for item in transformer.item_ids_[:5]:
        counted = TransitionGraphDisplay.from_predictions(matrix, transformer.item_ids_, item)
        fitted = TransitionGraphDisplay.from_estimator(recommender, item)
        for side in ("before", "after"):
            assert [*getattr(counted, side)] == [*getattr(fitted, side)]
            np.testing.assert_allclose([*getattr(counted, side).values()], [*getattr(fitted, side).values()], rtol=1e-6)


def test_titles_are_labels():
    log = [("ann", "tea"), ("ann", "milk"), ("ann", "jam")]
    recommender = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0}).fit(log)
    titles = {"tea": "Green tea", "milk": "The milk of the oats of last summer"}
    display = TransitionGraphDisplay.from_estimator(recommender, "milk", titles=titles)
    assert texts_of(display) == [
        "The milk of the\noats of last\nsummer",
        "before it →",
        "Green tea\n1",
        "→ after it",
        "jam\n1",
    ]
    assert "Green tea\n0.7" in texts_of(TransitionGraphDisplay.from_estimator(recommender, "jam", titles=titles))


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        ((np.eye(2), ["a", "b"], "c"), {}, ValueError, "Item 'c' is not known"),
        ((np.eye(2), ["a"], "a"), {}, ValueError, r"a row and a column for each of 1 item, not \(2, 2\)"),
        ((np.eye(2), ["a", "b"], "a"), {"k": 0}, ValueError, "k must be"),
        ((np.eye(2), ["a", "b"], "a"), {"titles": 3}, TypeError, "titles must be a dict"),
        ((np.eye(2), "ab", "a"), {}, TypeError, "item_ids must be a list"),
    ],
)
def test_bad_input_is_refused_in_words(arguments, keywords, error, message):
    with pytest.raises(error, match=message):
        TransitionGraphDisplay.from_predictions(*arguments, **keywords)
    assert not pyplot.get_fignums()
