"""Metrics of lists against formulas that count by hand, in worlds of known answers, and over drawn lists."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import pairwise_distances

from skautoseqrec.metrics import (
    _lists,
    catalogue_coverage,
    gini_index,
    intra_list_diversity,
    mean_popularity,
    novelty,
    serendipity,
)
from skautoseqrec.preprocessing import InteractionEncoder

OF_CATALOGUE = [catalogue_coverage, gini_index, mean_popularity, novelty]
LOG = [("ann", "a", 1), ("ann", "b", 2), ("bob", "a", 3), ("bob", "c", 4), ("cid", "a", 5), ("cid", "d", 6)]
ITEMS = [f"item {number}" for number in range(8)]
lists_of_items = st.lists(st.lists(st.sampled_from(ITEMS), unique=True, max_size=5), min_size=1, max_size=6)
some_lists = lists_of_items.filter(any)
counts_of_items = st.lists(st.integers(1, 50), min_size=8, max_size=8).map(
    lambda counts: dict(zip(ITEMS, counts, strict=True))
)


def masked(lists, k=5):
    """Return lists as predict_topk returns them: padded, what is no item masked."""
    array = np.ma.masked_all((len(lists), k), dtype=object)
    for row, items in enumerate(lists):
        array[row, : len(items)] = items
    return array


@given(some_lists, counts_of_items)
def test_metrics_of_popularity_are_their_formulas(lists, counts):
    full, total = [items for items in lists if items], sum(counts.values())
    assert catalogue_coverage(lists, counts) == len({item for items in lists for item in items}) / 8
    assert mean_popularity(lists, counts) == pytest.approx(
        np.mean([np.mean([*map(counts.get, items)]) for items in full])
    )
    bits = [np.mean([-np.log2(counts[item] / total) for item in items]) for items in full]
    assert novelty(lists, counts) == pytest.approx(np.mean(bits))
    # Half the mean absolute difference of all pairs, over the mean: Gini's own definition, of n - 1 in place of n.
    times = [sum(item in items for items in lists) for item in ITEMS]
    pairs = sum(abs(one - other) for one in times for other in times)
    assert gini_index(lists, counts) == pytest.approx(pairs / (2 * 7 * sum(times)))


@given(some_lists, st.integers(0, 99), st.sampled_from(["cosine", "euclidean", "manhattan"]), st.booleans())
def test_diversity_is_the_mean_distance_of_pairs(lists, seed, metric, is_sparse):
    assume(any(len(items) > 1 for items in lists))
    vectors = np.random.default_rng(seed).random((8, 3))
    distances = pairwise_distances(vectors, metric=metric)
    means = []
    for items in lists:
        places = [ITEMS.index(item) for item in items]
        pairs = [distances[one, other] for n, one in enumerate(places) for other in places[:n]]
        means += [np.mean(pairs)] if pairs else []
    given = sparse.csr_matrix(vectors) if is_sparse else vectors
    assert intra_list_diversity(lists, ITEMS, given, metric=metric) == pytest.approx(np.mean(means))
    precomputed = intra_list_diversity(lists, ITEMS, distances, metric="precomputed")
    assert precomputed == pytest.approx(np.mean(means))


@given(st.data())
def test_serendipity_counts_what_is_relevant_and_unexpected(data):
    lists = data.draw(some_lists)
    n = len(lists)
    same = st.lists(st.lists(st.sampled_from(ITEMS), max_size=4), min_size=n, max_size=n)
    expected, relevant = data.draw(same), data.draw(same)
    rows = zip(lists, expected, relevant, strict=True)
    shares = [np.mean([i in good and i not in plain for i in items]) for items, plain, good in rows if items]
    assert serendipity(lists, expected, relevant) == pytest.approx(np.mean(shares))
    assert serendipity(lists, lists, relevant) == 0
    # One item each is what a log of next items has.
    one = [data.draw(st.sampled_from(ITEMS)) for _ in lists]
    assert serendipity(lists, expected, one) == serendipity(lists, expected, [[item] for item in one])


@given(some_lists, counts_of_items, st.randoms())
def test_masks_order_and_names_do_not_matter(lists, counts, random):
    shuffled = [random.sample(items, len(items)) for items in random.sample(lists, len(lists))]
    codes = {item: number * 7 - 3 for number, item in enumerate(ITEMS)}
    numbers = [[codes[item] for item in items] for items in lists]
    by_number = {codes[item]: count for item, count in counts.items()}
    for metric in OF_CATALOGUE:
        expected = pytest.approx(metric(lists, counts))
        assert metric(masked(lists), counts) == expected
        assert metric(masked(lists).tolist(), counts) == expected
        assert metric(shuffled, counts) == expected
        assert metric(numbers, by_number) == expected


def test_worlds_of_known_answers():
    everything, always = [[0, 1], [2, 3]], [[0], [0], [0]]
    popularity = {0: 4, 1: 2, 2: 1, 3: 1}
    assert catalogue_coverage(everything, popularity) == 1
    assert gini_index(everything, popularity) == 0
    assert gini_index(always, popularity) == 1
    assert gini_index([["tea"]], {"tea": 3}) == 0
    assert novelty(always, popularity) == 1
    assert novelty([[2], [3]], popularity) == 3
    assert mean_popularity(always, popularity) == 4
    assert intra_list_diversity([[0, 1, 2]], [0, 1, 2], np.eye(3)) == pytest.approx(1)
    assert intra_list_diversity([[0, 1, 2]], [0, 1, 2], np.ones((3, 2))) == pytest.approx(0)
    assert serendipity([[0, 1]], [[0]], [1]) == 0.5


@pytest.mark.parametrize("metric", OF_CATALOGUE)
def test_a_log_counts_for_itself(metric):
    counts, lists = {"a": 3, "b": 1, "c": 1, "d": 1}, [["a", "b"], ["a", "d"]]
    frame = pd.DataFrame(LOG, columns=["who", "what", "when"])
    columns = {"user": "who", "item": "what", "time": "when"}
    assert metric(lists, LOG) == metric(lists, counts)
    assert metric(np.array(lists, dtype=object), frame, columns=columns) == metric(lists, counts)
    assert metric(lists, InteractionEncoder().fit_transform(LOG)) == metric(lists, counts)


def test_pairs_are_compared_some_at_a_time(monkeypatch):
    random = np.random.default_rng(0)
    lists = [random.permutation(50)[: random.integers(2, 9)].tolist() for _ in range(40)]
    vectors = random.random((50, 4))
    expected = intra_list_diversity(lists, range(50), vectors)
    monkeypatch.setattr(_lists, "NUMBERS_AT_A_TIME", 3)
    assert intra_list_diversity(lists, range(50), vectors) == pytest.approx(expected)

    def difference(one, other):
        return abs(one[0] - other[0])

    distances = np.abs(vectors[:, :1] - vectors[:, 0])
    by_call = intra_list_diversity(lists, range(50), vectors, metric=difference)
    assert by_call == pytest.approx(intra_list_diversity(lists, range(50), distances, metric="precomputed"))


@pytest.mark.parametrize("metric", OF_CATALOGUE)
@pytest.mark.parametrize(
    ("lists", "log", "error", "message"),
    [
        ([], LOG, ValueError, "recommended holds no item"),
        (np.ma.masked_all((2, 3), dtype=object), LOG, ValueError, "recommended holds no item"),
        ([["a"], ["x"]], LOG, ValueError, "recommended holds 'x' in row 1, which is not in the log"),
        ([[1]], LOG, ValueError, "recommended holds 1 in row 0"),
        (["a", "b"], LOG, ValueError, "must hold a list of item ids for each user; row 0 is 'a'"),
        ([1, 2], LOG, ValueError, "row 0 is 1"),
        ("ab", LOG, TypeError, "must be lists of item ids"),
        (None, LOG, TypeError, "must be lists of item ids"),
        (np.array(1), LOG, TypeError, "must be lists of item ids"),
        ([[float("nan")]], LOG, (TypeError, ValueError), "recommended"),
        ([["a"]], [], ValueError, "The log is empty"),
        ([["a"]], {}, ValueError, "no item with an event"),
        ([["a"]], {"a": 0}, ValueError, "no item with an event"),
        ([["a"]], {"a": -1}, ValueError, r"popularity of 'a' is -1\.0"),
        ([["a"]], {"a": float("nan")}, ValueError, "popularity of 'a' is nan"),
        ([["a"]], {"a": "many"}, TypeError, "must be a number of events"),
    ],
)
def test_bad_lists_and_logs_are_refused(metric, lists, log, error, message):
    with pytest.raises(error, match=message):
        metric(lists, log)


def test_an_item_without_events_has_no_self_information():
    with pytest.raises(ValueError, match="'b', which has 0 events"):
        novelty([["a", "b"]], {"a": 3, "b": 0})


@pytest.mark.parametrize(
    ("lists", "vectors", "metric", "message"),
    [
        ([["a"], ["b"]], np.eye(3), "cosine", "No list has two items"),
        ([["a", "x"]], np.eye(3), "cosine", "recommended holds 'x' in row 0, which has no vector"),
        ([["a", "b"]], np.eye(2), "cosine", r"vectors has shape \(2, 2\) for 3 item_ids"),
        ([["a", "b"]], np.ones((3, 2)), "precomputed", r"vectors has shape \(3, 2\) for 3 item_ids"),
        ([["a", "b"]], np.eye(3), "hamming", "metric must be 'precomputed', a callable or one of"),
        ([["a", "b"]], np.full((3, 2), np.nan), "cosine", "NaN"),
    ],
)
def test_bad_vectors_are_refused(lists, vectors, metric, message):
    with pytest.raises(ValueError, match=message):
        intra_list_diversity(lists, ["a", "b", "c"], vectors, metric=metric)


def test_an_item_has_one_vector():
    with pytest.raises(ValueError, match="give each, once, a row"):
        intra_list_diversity([["a", "b"]], ["a", "b", "a"], np.eye(3))


@pytest.mark.parametrize(
    ("expected", "relevant", "message"),
    [([["a"]], ["a", "b"], "expected has 1 row for 2 lists"), ([["a"], []], ["a"], "relevant has 1 row for")],
)
def test_lists_of_other_users_are_refused(expected, relevant, message):
    with pytest.raises(ValueError, match=message):
        serendipity([["a"], ["b"]], expected, relevant)


def test_lists_of_other_ids_are_no_miss():
    with pytest.raises(TypeError, match="relevant: the known ids are numbers, but these are strings"):
        serendipity([[7]], [[8]], [["7"]])


@pytest.mark.parametrize("make", [pd.DataFrame, lambda data: pl.from_pandas(pd.DataFrame(data)), pa.table])
def test_frames_are_no_lists_for_they_would_be_read_by_column(make):
    frame = make({"first": ["a", "a", "b"], "second": ["b", "c", "c"]})
    with pytest.raises(TypeError, match="recommended must be lists of item ids, one for each user"):
        intra_list_diversity(frame, ["a", "b", "c"], np.eye(3))
    with pytest.raises(TypeError, match="expected must be lists of item ids"):
        serendipity([["a"], ["b"], ["c"]], frame, ["a", "b", "c"])
