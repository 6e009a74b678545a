"""Metrics of ranks against their formulas, event by event."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skautoseqrec.metrics import (
    mean_average_precision_at_k,
    mean_rank,
    mean_reciprocal_rank,
    median_rank,
    ndcg_at_k,
    precision_at_k,
    ranks_from_reciprocal,
    recall_at_k,
    roc_auc,
)

INF = float("inf")
finite_ranks = st.integers(2, 4000).map(lambda n: n / 2)
ranks = st.lists(finite_ranks | st.just(INF), min_size=1, max_size=30)
AT_K = [recall_at_k, precision_at_k, ndcg_at_k, mean_average_precision_at_k]
ALL = [mean_reciprocal_rank, *AT_K, mean_rank, median_rank, partial(roc_auc, n_candidates=4000)]


@given(ranks)
def test_ranks_survive_their_reciprocals(ranks):
    assert ranks_from_reciprocal(1 / np.array(ranks)).tolist() == ranks


@given(ranks, st.integers(1, 50))
def test_metrics_are_their_formulas(ranks, k):
    found = [rank for rank in ranks if rank <= k]
    n = len(ranks)
    assert mean_reciprocal_rank(ranks) == pytest.approx(sum(1 / rank for rank in ranks) / n)
    assert recall_at_k(ranks, k) == pytest.approx(len(found) / n)
    assert precision_at_k(ranks, k) == pytest.approx(len(found) / n / k)
    assert ndcg_at_k(ranks, k) == pytest.approx(sum(1 / np.log2(1 + rank) for rank in found) / n)
    assert mean_average_precision_at_k(ranks, k) == pytest.approx(sum(1 / rank for rank in found) / n)
    assert mean_rank(ranks) == pytest.approx(sum(ranks) / n)
    assert median_rank(ranks) == np.median(ranks)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=10), st.integers(2, 30), st.randoms())
def test_auc_counts_pairs(scores, n_items, random):
    # One event per row: the true item's score, and those of the others; ties count at half.
    ranks, expected = [], []
    for score in scores:
        others = [random.randint(0, 40) for _ in range(n_items - 1)]
        higher, tied = sum(other > score for other in others), sum(other == score for other in others)
        ranks.append(1 + higher + tied / 2)
        expected.append((len(others) - higher - tied / 2) / len(others))
    assert roc_auc(ranks, n_items) == pytest.approx(np.mean(expected))
    assert roc_auc(ranks, [n_items] * len(ranks)) == pytest.approx(np.mean(expected))


def test_a_world_of_known_figures():
    # Three events of five candidates: found first, found last, not a candidate.
    ranks = [1, 5, INF]
    assert roc_auc(ranks, 5) == pytest.approx((1 + 0 + 0) / 3)
    assert mean_average_precision_at_k(ranks, 4) == pytest.approx(1 / 3)
    assert mean_average_precision_at_k(ranks, 5) == pytest.approx((1 + 0.2) / 3)
    assert precision_at_k(ranks, 5) == pytest.approx(2 / 15)
    assert median_rank(ranks) == 5
    assert mean_rank(ranks) == INF
    assert median_rank([1, INF]) == INF
    assert mean_rank([1, INF], sample_weight=[1, 0]) == 1


@given(ranks, st.data(), st.integers(1, 50))
def test_weighted_metrics_are_those_of_repeated_events(ranks, data, k):
    weights = data.draw(st.lists(st.integers(0, 7), min_size=len(ranks), max_size=len(ranks)).filter(any))
    repeated = np.repeat(ranks, weights)
    for metric in [mean_reciprocal_rank, mean_rank, median_rank, ALL[-1], *(partial(each, k=k) for each in AT_K)]:
        assert metric(ranks, sample_weight=weights) == pytest.approx(metric(repeated))
        assert metric(ranks, sample_weight=np.ldexp(np.array(weights, dtype=float), 1018)) == pytest.approx(
            metric(repeated)
        )


@given(ranks, st.randoms())
def test_the_order_of_events_means_nothing(ranks, random):
    shuffled = random.sample(ranks, len(ranks))
    for metric in ALL:
        assert metric(shuffled) == pytest.approx(metric(ranks))


@given(ranks, st.integers(1, 50))
def test_better_ranks_and_longer_lists_are_never_worse(ranks, k):
    better = [max(1, rank - 0.5) for rank in ranks]
    for metric in AT_K:
        assert metric(better, k) >= metric(ranks, k) - 1e-12
        assert metric is precision_at_k or metric(ranks, k + 1) >= metric(ranks, k) - 1e-12
    assert mean_reciprocal_rank(better) >= mean_reciprocal_rank(ranks)
    assert ALL[-1](better) >= ALL[-1](ranks)
    assert mean_rank(better) <= mean_rank(ranks)
    assert median_rank(better) <= median_rank(ranks)


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: getattr(metric, "__name__", "roc_auc"))
@pytest.mark.parametrize(
    ("ranks", "message"),
    [
        ([1, 0.5], r"row 1 holds 0\.5"),
        ([float("nan")], "row 0 holds nan"),
        ([1, -INF], "row 1 holds -inf"),
        ([], "no rank to average"),
        ([[1, 2], [3, 4]], "must be one-dimensional"),
    ],
)
def test_bad_ranks_are_refused(metric, ranks, message):
    with pytest.raises(ValueError, match=message):
        metric(ranks)


@pytest.mark.parametrize("metric", AT_K)
@pytest.mark.parametrize("k", [0, -1, 2.5, True, None])
def test_bad_k_is_refused(metric, k):
    with pytest.raises(ValueError, match="k must be a whole number of at least 1"):
        metric([1], k)


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: getattr(metric, "__name__", "roc_auc"))
def test_bad_weights_of_events_are_refused(metric):
    with pytest.raises(ValueError, match="sample_weight has 1 weight for 2 events"):
        metric([1, 2], sample_weight=[1])


@pytest.mark.parametrize(
    ("n_candidates", "message"),
    [
        (1, "row 0 holds 1 for rank 1"),
        (3, "row 1 holds 3 for rank 4"),
        ([9, 9], r"shape \(2,\) for 3 ranks"),
        (float("nan"), "row 0 holds nan"),
        (INF, "row 0 holds inf"),
        ([9, 9, 0], "row 2 holds 0 for rank inf"),
    ],
)
def test_bad_numbers_of_candidates_are_refused(n_candidates, message):
    with pytest.raises(ValueError, match=message):
        roc_auc([1, 4, INF], n_candidates)
