import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot
from matplotlib.colors import to_hex

from skautoseqrec.inspection import RecallAtKDisplay
from skautoseqrec.inspection._drawing import PALETTE
from skautoseqrec.metrics import ranks_from_reciprocal, recall_at_k

RANK = st.integers(2, 60).map(lambda n: n / 2) | st.just(float("inf"))
EVENTS = st.lists(st.tuples(RANK, RANK, st.integers(0, 3)), min_size=1, max_size=30).filter(
    lambda rows: any(weight for *_, weight in rows)
)


@given(EVENTS, st.integers(1, 12))
@settings(max_examples=25, deadline=None)
def test_each_point_is_the_public_metric(rows, max_k):
    one, other, weights = zip(*rows, strict=True)
    display = RecallAtKDisplay.from_predictions({"a": one, "b": other}, max_k=max_k, sample_weight=weights)
    pyplot.close(display.figure_)
    for ranks, line, curve in zip((one, other), display.lines_, display.recall.values(), strict=True):
        expected = [recall_at_k(ranks, k, sample_weight=weights) for k in range(1, max_k + 1)]
        assert curve.tolist() == expected
        assert line.get_ydata().tolist() == expected
        assert line.get_xdata().tolist() == [*range(1, max_k + 1)]


def test_estimators_are_walked_and_named(world):
    _, test, recommender, oracle = world
    other = recommender.with_blend({"trend": (1.0, 0.0, 0.0, 0.0)})
    display = RecallAtKDisplay.from_estimator({"all": recommender, "popular": other}, test, upper_bound=oracle)
    for name, estimator in (("all", recommender), ("popular", other)):
        ranks = ranks_from_reciprocal(estimator.score_samples(test))
        assert display.recall[name].tolist() == [recall_at_k(ranks, k) for k in range(1, 51)]
    n_bounded = np.isfinite(display.upper_bound).sum()
    assert n_bounded >= 5
    assert display.upper_bound[:n_bounded].tolist() == [recall_at_k(oracle, k) for k in range(1, n_bounded + 1)]
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels[0] == "upper bound"
    assert labels[1] == f"all ({display.recall['all'][9]:.3f})"
    assert display.ax_.get_legend().get_title().get_text() == "in brackets: Recall@10"
    assert [*RecallAtKDisplay.from_estimator(recommender, test).recall] == ["AutoSeqRecRecommender"]
    assert [*RecallAtKDisplay.from_estimator(recommender, test, name="mine").recall] == ["mine"]


def test_the_candidates_bound_every_list():
    ranks = {"a": [1, 5, np.inf, 90], "b": [2, 60, np.inf, 1]}
    display = RecallAtKDisplay.from_predictions(ranks, upper_bound="candidates")
    assert set(display.upper_bound) == {0.75}
    with pytest.raises(ValueError, match=r"a and b had other candidates \(row 2 is ranked by one of them alone\)"):
        RecallAtKDisplay.from_predictions(ranks | {"b": [2, 60, 7, 1]}, upper_bound="candidates")


def test_what_a_model_beats_is_no_upper_bound():
    rng = np.random.default_rng(0)
    oracle, model = rng.integers(1, 60, 500), rng.integers(1, 60, 500)
    display = RecallAtKDisplay.from_predictions(model, upper_bound=oracle, max_k=40)
    assert (display.recall["model"] > display.upper_bound).any()  # by chance
    with pytest.raises(ValueError, match="upper_bound is none: at k=1 the recall of cheat is above it"):
        RecallAtKDisplay.from_predictions({"model": model, "cheat": np.ones(500)}, upper_bound=oracle)
    assert RecallAtKDisplay.from_predictions({"cheat": np.ones(500)}).upper_bound_ is None


def test_the_bound_ends_where_the_ties_of_an_oracle_begin():
    # It knows half of the items and cannot tell the others apart, 100 for each event: all stand in the middle.
    rng = np.random.default_rng(0)
    is_known = rng.random(2000) < 0.5
    oracle = np.where(is_known, 1, 51.5)
    model = np.where(is_known, 1, rng.integers(2, 102, 2000))
    display = RecallAtKDisplay.from_predictions(model, upper_bound=oracle, max_k=80)
    bounded = np.isfinite(display.upper_bound)
    assert bounded[0]
    assert not bounded[10:].any()
    assert (display.upper_bound[bounded] == is_known.mean()).all()
    assert (display.recall["model"][bounded] <= is_known.mean() + 0.01).all()


def test_lines_are_told_apart_and_styled():
    ranks = {f"model {place}": [place + 1] for place in range(7)}
    display = RecallAtKDisplay.from_predictions(ranks)
    looks = [(to_hex(line.get_color()), line.get_linestyle()) for line in display.lines_]
    assert len(set(looks)) == 7
    assert [colour.upper() for colour, _ in looks[:5]] == [*PALETTE]
    styled = display.plot(line_kw={"lw": 5, "c": "red"})
    assert {(line.get_linewidth(), line.get_color()) for line in styled.lines_} == {(5, "red")}
    with pytest.raises(TypeError, match="line_kw must be a dict"):
        display.plot(line_kw="red")


def test_names_are_spelled_as_they_are():
    display = RecallAtKDisplay.from_predictions({"_mine": [1, 2], "$x^2$": [3, 4]})
    legend = display.ax_.get_legend()
    display.figure_.canvas.draw()
    first, second = legend.get_texts()
    assert first.get_text().startswith(" _mine")
    assert second.get_text().startswith(r"\$x^2\$")


@pytest.mark.parametrize(
    ("ranks", "keywords", "error", "message"),
    [
        ({}, {}, ValueError, "ranks is an empty dict"),
        ([], {}, ValueError, "model: There is no rank to average"),
        ({"a": [1, 2], "b": [1]}, {}, ValueError, "b has 1 rank and a has 2"),
        ({"a": [[1]]}, {}, ValueError, "ranks of a must be one-dimensional"),
        ({"a": [1, 0.5]}, {}, ValueError, r"a: Ranks start at 1; row 1 holds 0.5. .*ranks_from_reciprocal"),
        ({"a": [1, float("nan")]}, {}, ValueError, "row 1 holds nan"),
        ({3: [1]}, {}, TypeError, "keys of ranks must be names"),
        ({"a": [1]}, {"name": "b"}, ValueError, "name is for one ranks"),
        ([1], {"max_k": 0}, ValueError, "k must be a whole number of at least 1"),
        ([1], {"upper_bound": "oracle"}, ValueError, "upper_bound must be the ranks of an oracle"),
        ([1], {"upper_bound": [1, 2]}, ValueError, "upper_bound has 2 ranks for 1 event;"),
        ([1], {"upper_bound": [0]}, ValueError, "upper_bound: Ranks start at 1"),
        ([1], {"sample_weight": [1, 2]}, ValueError, "2 weights for 1 event;"),
    ],
)
def test_bad_input_is_refused_in_words(ranks, keywords, error, message):
    with pytest.raises(error, match=message):
        RecallAtKDisplay.from_predictions(ranks, **keywords)
    assert not pyplot.get_fignums()


def test_what_cannot_walk_is_refused_before_anything_walks(world):
    _, test, recommender, _ = world
    with pytest.raises(TypeError, match="other must be a fitted estimator with score_samples, not 'popularity'"):
        RecallAtKDisplay.from_estimator({"all": recommender, "other": "popularity"}, test)
    with pytest.raises(ValueError, match="k must be"):
        RecallAtKDisplay.from_estimator(None, test, max_k=0)
