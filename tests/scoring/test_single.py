"""One history scored by itself: the formula, and what a batch of the same rows scores."""

import numpy as np
import pytest
import torch
from comparisons import PAIR_LAYOUTS, UPDATE_PATHS, answered
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Oracle
from strategies import consecutive_logs, gated, gates, recommenders, weighted_logs
from worlds import LOG, SMALL

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._scoring.parts import PARTS
from skautoseqrec._scoring.single import is_single, score_single

LOGS = st.one_of(consecutive_logs(n_parts=2), weighted_logs(n_parts=2))
pytestmark = pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning")  # tiny logs repeat everything


def asked_each(recommender):
    """Yield the scorer and, for each user, the question what to recommend."""
    state, scorer = recommender._serving
    for user in recommender.user_ids_:
        yield scorer, state.asked([user])


@settings(max_examples=40)
@given(LOGS, recommenders(), gates(), st.sampled_from([*UPDATE_PATHS.values()]))
def test_single_histories_score_as_the_formula_says(parts, recommender, gate, path):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in path.items():
            patch.setattr(name, value)
        gated(recommender.fit(parts[0]), gate).partial_update(parts[1])
        oracle = Oracle(recommender, parts[0])
        oracle.let_in_log(parts[1])
        for user in recommender.user_ids_.tolist():
            expected = oracle.eligible_scores(user, exclude_seen=False)
            assert answered(recommender, user, exclude_seen=False) == pytest.approx(expected, rel=1e-4, abs=1e-4)


@torch.inference_mode()
@settings(max_examples=60)
@given(
    LOGS,
    recommenders(),
    gates(),
    st.sampled_from([*UPDATE_PATHS.values()]),
    st.sampled_from([*PAIR_LAYOUTS.values()]),
)
def test_single_histories_score_as_batches_do(parts, recommender, gate, path, pair_layout):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (path | pair_layout).items():
            patch.setattr(name, value)
        gated(recommender.fit(parts[0]), gate)
        for log in (None, parts[1]):
            if log is not None:
                recommender.partial_update(log)
            for scorer, asked in asked_each(recommender):
                if is_single(scorer, asked):
                    batch = scorer.score(scorer.view(asked))
                    single = score_single(scorer, asked)
                    torch.testing.assert_close(single, batch, rtol=1e-4, atol=1e-5)


def test_answers_to_one_user_are_single():
    recommender = AutoSeqRecRecommender(**SMALL).fit(LOG)
    assert all(is_single(*asked) for asked in asked_each(recommender))
    assert not any(is_single(*asked) for asked in unanswerable(recommender))


def unanswerable(recommender):
    """Yield questions that are not of one history with events."""
    state, scorer = recommender._serving
    yield scorer, state.asked([-1])
    yield scorer, state.asked([*recommender.user_ids_[:2]])
    together = AutoSeqRecRecommender(**SMALL, ties="together").fit(LOG)
    yield next(asked_each(together))
    paper = AutoSeqRecRecommender(**(SMALL | {"objective": "paper", "trend_half_lives": ()})).fit(LOG)
    yield next(asked_each(paper))


@torch.inference_mode()
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.NAME)
def test_every_part_is_scored(part):
    recommender = AutoSeqRecRecommender(**SMALL).fit(LOG)
    weight = part.spread(1.0, recommender._serving.scorer.model.settings)
    spreads = []
    for scorer, asked in asked_each(recommender.with_blend({part.NAME: weight})):
        single = score_single(scorer, asked)
        torch.testing.assert_close(single, scorer.score(scorer.view(asked)))
        spreads.append(np.ptp(single.numpy()))
    assert max(spreads) > 0
