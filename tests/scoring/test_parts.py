"""Every part of the score stands in every place that it must: the table, the oracle, the docs and the docstring."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from oracle import Oracle
from worlds import LOG

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._network.heads import HEADS
from skautoseqrec._network.vectors import NEURAL_PARTS
from skautoseqrec._scoring.parts import COLD_PARTS, PARTS, Part

GUIDE = Path(__file__).parents[2] / "docs" / "user_guide" / "model.rst"
NAMES = [part.NAME for part in PARTS]


@pytest.fixture(scope="module")
def fitted():
    blend = {part.NAME: 0.5 if part.PER is None else (0.5, 2.0) for part in PARTS} | {"repeat": (0.5, 2.0, 1.0, 0.5)}
    parameters = {"trend_half_lives": (3, 30), "context_size": 2, "early_stopping": False, "exclude_seen": False}
    return AutoSeqRecRecommender(4, max_iter=1, blend=blend, random_state=0, **parameters).fit(LOG)


def all_parts():
    """Return every class that says it is a part, and that is no base of others."""
    found = [Part]
    for kind in found:
        found += kind.__subclasses__()
    return {kind for kind in found if hasattr(kind, "NAME")}


def test_every_part_that_is_written_is_in_a_table():
    assert all_parts() == {type(part) for part in (*PARTS, *COLD_PARTS)}


def test_names_tell_parts_apart():
    assert len({*NAMES, *(part.NAME for part in COLD_PARTS)}) == len({*PARTS, *COLD_PARTS})
    assert {part.NAME for part in PARTS if part.IS_NEURAL} == set(NEURAL_PARTS)


@pytest.mark.parametrize("name", NAMES)
def test_a_part_is_documented(name):
    assert re.search(rf"^{name} +\S", GUIDE.read_text(encoding="utf-8"), re.MULTILINE), (
        "it has no row in the guide's table"
    )
    assert f'"{name}"' in AutoSeqRecRecommender.__doc__


@pytest.mark.parametrize("part", PARTS, ids=NAMES)
def test_a_part_is_what_the_oracle_says_it_is(part, fitted):
    parts = Oracle(fitted, LOG).parts(LOG[0, 0])
    weight = fitted.blend_[part.NAME]
    terms = [part.NAME] if part.PER is None else [(part.NAME, place) for place in range(len(weight))]
    weights = dict(zip(terms, np.atleast_1d(weight), strict=True))
    items = fitted.item_ids_.tolist()
    expected = [sum(weights[term] * parts[term][item] for term in terms) for item in items]
    explained = fitted.explain(LOG[:1, 0], items).parts[part.NAME]
    np.testing.assert_allclose(explained[0], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", HEADS)
def test_a_fixed_blend_names_parts_that_there_are(name):
    assert set(HEADS[name].BLEND or ()) <= set(NAMES)
    assert set(NAMES) >= HEADS[name].LEFT_OUT


def test_a_part_that_is_not_weighed_is_not_computed(fitted, monkeypatch):
    for part in PARTS:
        monkeypatch.setattr(type(part), "add", lambda *arguments: pytest.fail("computed"))
    only_neural = fitted.with_blend({"collaborative": 1.0})
    assert torch.tensor(only_neural.predict_topk([LOG[0, 0]], k=3, return_scores=True)[1]).isfinite().all()
