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
#: How products can be taken: what is patched to have it so.
PRODUCTS = {
    "by numpy's own": {"torch.get_num_threads": lambda: 1},
    "row by row": {"torch.get_num_threads": lambda: 2, "skautoseqrec._utils.products.MOST_UNSHARED": 0},
    "shared out": {
        "torch.get_num_threads": lambda: 6,
        "skautoseqrec._utils.products.MOST_UNSHARED": 0,
        "skautoseqrec._utils.products.MOST_BY_ONE": 0,
    },
}
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
    st.sampled_from([*PRODUCTS.values()]),
)
def test_single_histories_score_as_batches_do(parts, recommender, gate, path, pair_layout, products):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (path | pair_layout | products).items():
            patch.setattr(name, value)
        gated(recommender.fit(parts[0]), gate)
        for log in (None, parts[1]):
            if log is not None:
                recommender.partial_update(log)
            for scorer, asked in asked_each(recommender):
                if is_single(scorer, asked):
                    batch = scorer.score(scorer.view(asked))
                    single = torch.from_numpy(score_single(scorer, asked))[None]
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
        single = torch.from_numpy(score_single(scorer, asked))[None]
        torch.testing.assert_close(single, scorer.score(scorer.view(asked)))
        spreads.append(np.ptp(single.numpy()))
    assert max(spreads) > 0


@settings(max_examples=40)
@given(LOGS, recommenders(), st.sampled_from([*UPDATE_PATHS.values()]))
def test_a_history_asked_for_alone_is_that_of_a_batch(parts, recommender, path):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in path.items():
            patch.setattr(name, value)
        recommender.fit(parts[0]).partial_update(parts[1])
        snapshot = recommender._serving.state.snapshot
        codes = np.arange(-1, snapshot.n_users)
        together = snapshot.histories(codes)
        for code, start, end in zip(codes, together.starts, together.ends, strict=True):
            alone = snapshot.histories(np.array([code]))
            own = slice(int(alone.starts[0]), int(alone.ends[0]))
            for name in ("items", "seconds", "weights"):
                mine, theirs = getattr(alone, name), getattr(together, name)
                if own.start < own.stop:
                    assert (mine is None) == (theirs is None)
                if mine is not None and theirs is not None:
                    np.testing.assert_array_equal(mine[own], theirs[start:end])
            if alone.moments is not None and own.start < own.stop:
                mine, theirs = alone.moments.numbers[own], together.moments.numbers[start:end]
                np.testing.assert_array_equal(mine - mine[0], theirs - theirs[0])
