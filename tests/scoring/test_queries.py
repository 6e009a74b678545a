"""Rows whose entries add up, in each of their layouts, against dense arrays."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skautoseqrec._scoring.queries import SummedRows
from skautoseqrec._utils.ragged import SparseEntries

N_ITEMS = 7
in_each_layout = pytest.mark.parametrize("layout", ["dense", "dense by scipy", "sparse"], indirect=True, scope="module")


def entries_of(rows):
    """Return rows of (item, value) pairs as entries, and as a dense array."""
    dense = np.zeros((len(rows), N_ITEMS), dtype=np.float32)
    for row, pairs in enumerate(rows):
        for item, value in pairs:
            dense[row, item] += value
    lengths = np.array([len(pairs) for pairs in rows], dtype=np.int64)
    flat = [pair for pairs in rows for pair in pairs]
    items = np.array([item for item, _ in flat], dtype=np.int64)
    return SparseEntries(lengths, items, np.array([value for _, value in flat], dtype=np.float32)), dense


@st.composite
def summed(draw):
    """Draw one to three parts of the same number of rows, at least one entry among them, and their dense sum."""
    n_rows = draw(st.integers(1, 4))
    pair = st.tuples(st.integers(0, N_ITEMS - 1), st.integers(1, 12).map(lambda n: n / 4))
    rows = st.lists(st.lists(pair, max_size=5), min_size=n_rows, max_size=n_rows)
    parts = draw(st.lists(rows, min_size=1, max_size=3).filter(lambda parts: any(map(any, parts))))
    entries, dense = zip(*map(entries_of, parts), strict=True)
    return list(entries), np.sum(dense, axis=0)


@in_each_layout
@given(summed(), st.integers(0, N_ITEMS))
def test_norms_are_those_of_the_sums_over_trained_items(layout, parts, n_trained):
    parts, dense = parts
    norms = SummedRows(parts, N_ITEMS).squared_norms(n_trained)
    np.testing.assert_allclose(norms.numpy(), (dense[:, :n_trained] ** 2).sum(1), rtol=1e-5)
    assert norms.dtype == torch.float32


@in_each_layout
@given(summed(), st.sampled_from([0.0, 0.5, 2.0]), st.integers(0, 99))
def test_logs_of_the_sums_are_added_to_scores(layout, parts, weight, seed):
    parts, dense = parts
    scores = torch.randn(dense.shape, generator=torch.Generator().manual_seed(seed))
    expected = scores.numpy() + weight * np.log1p(dense)
    SummedRows(parts, N_ITEMS).add_logs(scores, weight)
    np.testing.assert_allclose(scores.numpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n_parts", [1, 2])
def test_rows_without_entries_add_nothing(n_parts):
    entries, _ = entries_of([[], [], []])
    rows, scores = SummedRows([entries] * n_parts, N_ITEMS), torch.ones(3, N_ITEMS)
    assert rows.squared_norms(N_ITEMS).tolist() == [0.0, 0.0, 0.0]
    rows.add_logs(scores, 1.0)
    assert torch.equal(scores, torch.ones(3, N_ITEMS))


@pytest.mark.parametrize(("n_items", "cheaper"), [(10, "_add_up_densely"), (11, "_add_up_sparsely")])
def test_the_layout_is_the_cheaper_one(n_items, cheaper, monkeypatch):
    taken = []
    monkeypatch.setattr("skautoseqrec._scoring.queries.PLACES_PER_ENTRY", 10)
    for name in ("_add_up_densely", "_add_up_sparsely"):
        monkeypatch.setattr(SummedRows, name, lambda self, parts, name=name: taken.append(name))
    SummedRows([entries_of([[(0, 1.0)]])[0]], n_items)
    assert taken == [cheaper]
