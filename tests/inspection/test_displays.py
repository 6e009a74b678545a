"""What all displays promise alike."""

import subprocess
import sys
from inspect import signature
from itertools import combinations

import numpy as np
import pytest
from matplotlib import pyplot, rcParams
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from worlds import LOG, SMALL

from skautoseqrec import AutoSeqRecRecommender, inspection
from skautoseqrec.ensemble import HybridRecommender
from skautoseqrec.inspection import _drawing
from skautoseqrec.metrics import mrr_scorer
from skautoseqrec.model_selection import Reblended, TemporalSplit
from skautoseqrec.preprocessing import InteractionEncoder

LOSSES = [{"collaborative": 2.0, "source": 3.0}, {"collaborative": 1.0, "source": 2.5}]


def draw(name, world, **keywords):
    """Return a display of each kind, drawn."""
    _, test, recommender, _ = world
    display = getattr(inspection, name)
    if name in ("RecallAtKDisplay", "WalkForwardDisplay"):
        return display.from_estimator(recommender, test, **keywords)
    if name == "TrainingDisplay":
        return display.from_predictions(LOSSES, [-1.0], **keywords)
    if name == "BlendDisplay":
        return display.from_estimator(recommender, test[:20, 0], **keywords)
    if name == "ExplanationDisplay":
        return display.from_estimator(recommender, test[0, 0], **keywords)
    return display.from_estimator(recommender, test[0, 1], **keywords)


@pytest.mark.parametrize("name", inspection.__all__)
def test_a_display_draws_where_it_is_told_and_again(name, world):
    before = dict(rcParams)
    figure, ax = pyplot.subplots()
    display = draw(name, world, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert display.plot() is display
    assert isinstance(display.figure_, Figure)
    assert display.figure_ is not figure
    display.figure_.canvas.draw()
    assert dict(rcParams) == before
    with pytest.raises(TypeError, match="ax must be one matplotlib Axes"):
        display.plot(figure)


@pytest.mark.parametrize("name", inspection.__all__)
@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_nothing_is_cut_off_and_no_texts_overlap(name, style, world):
    with pyplot.style.context(style):
        display = draw(name, world)
        figure = display.figure_
        figure.canvas.draw()
    renderer, axes = figure.canvas.get_renderer(), [*figure.axes, *figure.axes[0].child_axes]
    axes = [ax for ax in axes if ax.axison or ax.texts]
    for legend in (ax.get_legend() for ax in axes if ax.get_legend() is not None):
        box, ax = legend.get_window_extent(renderer), legend.axes
        assert ax.get_window_extent(renderer).padded(1).containsx(box.x1)
        assert box.y1 <= ax.get_window_extent(renderer).y1 + 1
        for line in ax.lines:
            assert ax.transData.transform(np.column_stack([line.get_xdata(), line.get_ydata()]))[:, 1].max() < box.y0
        for bar in (bar for bars in ax.containers for bar in bars):
            assert not bar.get_window_extent(renderer).overlaps(box)
    texts = [text for ax in axes for text in [*ax.texts, *ax.get_xticklabels(), *ax.get_yticklabels(), ax.xaxis.label]]
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts if text.get_text()]
    inside = [(text, box) for text, box in boxes if box.width and _is_drawn(box, figure)]
    assert len(inside) >= 4
    for (text, box), (other, other_box) in combinations(inside, 2):
        assert not box.padded(-1).overlaps(other_box.padded(-1)), (text, other)
    for text, box in inside:
        assert box.x0 >= -1, text
        assert box.x1 <= figure.bbox.width + 1, text


def _is_drawn(box, figure):
    """Tell whether a text stands in the figure: ticks beyond the limits of an axis do not."""
    return box.overlaps(figure.bbox)


@pytest.mark.parametrize("name", inspection.__all__)
@pytest.mark.parametrize("how", ["from_estimator", "from_predictions", "plot"])
def test_without_matplotlib_the_message_says_how_to_install_it(name, how, world, monkeypatch):
    display = draw(name, world)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    required = [p for p in signature(getattr(display, how)).parameters.values() if p.default is p.empty]
    arguments = (None,) * len(required)
    with pytest.raises(ImportError, match=rf"{name}\.{how} needs matplotlib: pip install matplotlib\."):
        getattr(display, how)(*arguments)


def test_importing_displays_imports_no_matplotlib():
    code = "import skautoseqrec.inspection, sys; assert not {'torch', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_recommender_is_found_in_what_wraps_it(world):
    past, test, recommender, _ = world
    item = test[0, 1]
    expected = inspection.TransitionGraphDisplay.from_estimator(recommender, item).after
    fixed = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0})
    pipeline = make_pipeline(InteractionEncoder(), fixed).fit(past)
    search = GridSearchCV(fixed, {"context_size": [1]}, scoring=mrr_scorer, cv=TemporalSplit(1, test_size=50)).fit(past)
    for estimator in (pipeline, search, Reblended(fixed).fit(past)):
        assert inspection.TransitionGraphDisplay.from_estimator(estimator, item).after == expected
    with pytest.raises(TypeError, match=r"needs a fitted AutoSeqRecRecommender, .* not InteractionEncoder"):
        inspection.TransitionGraphDisplay.from_estimator(InteractionEncoder(), item)
    with pytest.raises(NotFittedError):
        inspection.TransitionGraphDisplay.from_estimator(AutoSeqRecRecommender(), item)


def test_of_a_hybrid_its_explanations_are_shown_and_the_rest_of_its_recommender():
    user, item = LOG[-1, :2]
    alone = AutoSeqRecRecommender(objective="closed_form", blend={"direct": 1.0, "neighbours": 1.0}).fit(LOG)
    near = alone.explain(user, alone.item_ids_).parts["neighbours"][0]
    *_, least = [
        each for each in alone.predict_topk([user], k=9, output="list")[0] if near[alone.item_ids_ == each] > 0
    ]
    hybrid = HybridRecommender.from_fitted(alone, lambda histories, ids: [ids == least] * len(histories), weight=99)
    assert inspection.ExplanationDisplay.from_estimator(hybrid, user).item == least
    assert inspection.ExplanationDisplay.from_estimator(alone, user).item != least
    shown, expected = (inspection.BlendDisplay.from_estimator(each, [user]).contributions for each in (hybrid, alone))
    assert set(shown) - set(expected) == {"outside"}
    shown, expected = (inspection.TransitionGraphDisplay.from_estimator(each, item).after for each in (hybrid, alone))
    assert shown == expected


def test_updates_are_in_what_is_shown():
    recommender = AutoSeqRecRecommender(**SMALL).fit(LOG)
    user, last = LOG[-1, 0], LOG[-1, 1]
    recommender.partial_update([(user, 77, 10**6)])
    display = inspection.TransitionGraphDisplay.from_estimator(recommender, 77, k=1)
    assert display.before == {last: 1.0}
    assert display.after == {}
    blend = inspection.BlendDisplay.from_estimator(recommender, [user], length_edges=[(LOG[:, 0] == user).sum() + 1])
    assert blend.groups == [f"{(LOG[:, 0] == user).sum() + 1} or more"]


def _luminance(colour):
    """Return the relative luminance of a colour, as WCAG 2 defines it."""
    channels = np.array(to_rgb(colour))
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4) @ [
        0.2126,
        0.7152,
        0.0722,
    ]


@pytest.mark.parametrize("colour", [*_drawing.PALETTE, _drawing.NEUTRAL])
def test_colours_stand_out_on_white_and_on_black(colour):
    luminance = _luminance(colour)
    assert (1 + 0.05) / (luminance + 0.05) >= 3  # what WCAG 2 asks of graphics
    assert (luminance + 0.05) / 0.05 >= 3


#: What a colour in linear RGB is to the colour-blind (Machado et al. 2009, severity 1), and to others.
SIGHTS = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def _lab(colour, sight):
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(SIGHTS[sight] @ linear, 0, 1) / TO_XYZ.sum(1)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHTS)
def test_the_colour_blind_tell_the_colours_apart(sight):
    for one, other in combinations([*_drawing.PALETTE, _drawing.NEUTRAL], 2):
        assert np.linalg.norm(_lab(one, sight) - _lab(other, sight)) > 10, (one, other)


def test_long_names_of_many_models_leave_room_for_the_curves():
    ranks = {f"a model whose name is long, number {place}": [1, 2, 3 + place] for place in range(8)}
    display = inspection.RecallAtKDisplay.from_predictions(ranks)
    display.figure_.canvas.draw()
    legend, ax = display.ax_.get_legend().get_window_extent(), display.ax_.get_window_extent()
    assert legend.x1 <= ax.x1
    assert ax.width > 500
    assert display.ax_.transData.transform((50, 1))[1] < legend.y0
    assert max(display.ax_.get_yticks()) <= 1.05
