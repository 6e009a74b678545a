"""What a part from outside weighs beside a fitted recommender: the weight that makes held-out items most likely."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from .._counts.moments import visible_events
from .._data.interactions import Columns
from .._scoring.outside import OutsidePart
from .._scoring.scorer import Serving
from .._scoring.view import View
from .._scoring.walk_forward import WalkForward
from .._utils.torch_state import in_usual_torch_state
from .blend_fit import fit_weights
from .blending import BLENDED_FEATURES, FEWEST_EVENTS
from .validation import collect_choices

RECOMMENDER, OUTSIDE = "recommender", "outside"
#: Beside more than so many times its scores, those of a recommender are lost in the rounding of float32.
LARGEST_WEIGHT = 1e6


@in_usual_torch_state
@torch.inference_mode()
def fit_outside_weight(
    serving: Serving, columns: Columns, function: Callable[..., Any], exclude_seen: bool
) -> float | None:
    """Return what a function's scores weigh beside those of a recommender; None if too few events tell.

    Both get a weight of at least 0, fitted as those of a blend are; what counts is the ratio of the two.

    Parameters
    ----------
    serving : Serving
        State and scorer of a recommender that does not know the held-out events; they are left as they are.
    columns : Columns
        The held-out events, which are walked forward.
    function : callable
        The part, as :class:`OutsidePart` calls it. It must not know the held-out events either.
    exclude_seen : bool
        Whether items that the user has seen are left out.
    """
    state, scorer = serving
    settings, base = scorer.model.settings, state.merged()
    in_time = columns.take(columns.time_order(by_moment=settings.by_moment))
    events = state.encode_ahead(in_time, base)
    outside = OutsidePart(function, state.item_vocabulary).ahead(in_time.item_ids, base.counts.n_items)

    def terms_of(view: View) -> Iterator[tuple[str, Tensor]]:
        yield RECOMMENDER, scorer.score(view)
        yield OUTSIDE, outside.weighted(view)

    visible = visible_events(in_time.times, len(events.items), settings.ties)
    walk = WalkForward(scorer.model, base, events, visible, exclude_seen, scorer.device)
    equal = {RECOMMENDER: 1.0, OUTSIDE: 1.0}
    choices = collect_choices(walk, events, terms_of, BLENDED_FEATURES, equal, each_part=True)
    if len(choices.features) < FEWEST_EVENTS:
        return None
    # The prior and the first step of the fit are made for terms of one width.
    widths = choices.features.std((0, 1))
    if not widths[1]:
        return 0.0
    scale = torch.stack([torch.ones_like(widths[0]), widths[0] / widths[1]])
    fit = fit_weights(choices._replace(features=choices.features * scale), {RECOMMENDER: 1.0, OUTSIDE: 0.0})
    weight = fit.weights[OUTSIDE] * float(scale[1])
    return min(weight / max(fit.weights[RECOMMENDER], 1 / LARGEST_WEIGHT), LARGEST_WEIGHT)
