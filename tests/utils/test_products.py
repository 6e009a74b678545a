"""Products for a single row, by numpy and by torch."""

import numpy as np
import pytest
import torch

from skautoseqrec._utils import products
from skautoseqrec._utils.products import product_of, sum_of_rows

RANDOM = np.random.default_rng(0)
MATRIX = RANDOM.normal(size=(7, 6)).astype(np.float32)[:, 1:5]  # rows that stand apart, as the vectors of a part do
VECTOR = RANDOM.normal(size=4).astype(np.float32)
ROWS, WEIGHTS = np.array([5, 0, 5, 6], dtype=np.int32)[::-1], np.array([2.0, 1.0, 0.5, -3.0], dtype=np.float32)
WEIGHTS.flags.writeable = False


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n_threads", [1, 2, 6, 9])
@pytest.mark.parametrize("most_unshared", [0, 10**9])
@pytest.mark.parametrize("most_together", [0, 10**9])
@pytest.mark.parametrize("most_by_one", [0, 10**9])
def test_products_are_the_same_whoever_multiplies(monkeypatch, n_threads, most_unshared, most_together, most_by_one):
    monkeypatch.setattr(torch, "get_num_threads", lambda: n_threads)
    monkeypatch.setattr(products, "MOST_UNSHARED", most_unshared)
    monkeypatch.setattr(products, "MOST_TOGETHER", most_together)
    monkeypatch.setattr(products, "MOST_BY_ONE", most_by_one)
    shared, bmm, joined, matmul = [], torch.bmm, [], np.matmul
    monkeypatch.setattr(np, "matmul", lambda *matrices: joined.append(matrices[0].shape[1]) or matmul(*matrices))
    monkeypatch.setattr(torch, "bmm", lambda *matrices: shared.append(1) or bmm(*matrices))
    np.testing.assert_allclose(product_of(MATRIX, VECTOR), MATRIX.astype(float) @ VECTOR, rtol=1e-5)
    is_by_numpy = most_together > 0 and (n_threads == 1 or most_unshared > 0)
    assert joined == ([] if is_by_numpy or shared else [1])  # a row at a time
    assert bool(shared) == (not is_by_numpy and most_by_one == 0 and n_threads >= 6)
    expected = WEIGHTS @ MATRIX[ROWS].astype(float)
    np.testing.assert_allclose(sum_of_rows(np.ascontiguousarray(MATRIX), ROWS, WEIGHTS), expected, rtol=1e-5)
    nothing = sum_of_rows(np.ascontiguousarray(MATRIX), ROWS[:0], WEIGHTS[:0])
    np.testing.assert_array_equal(nothing, np.zeros(4))


def test_rows_are_summed_without_numpys_threads(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    taken = MATRIX.view(type("Watched", (np.ndarray,), {"__rmatmul__": None}))  # who multiplies with it raises
    monkeypatch.setattr(products, "MOST_UNSHARED", 0)
    np.testing.assert_allclose(sum_of_rows(taken, ROWS, WEIGHTS), WEIGHTS @ MATRIX[ROWS], rtol=1e-5)
    monkeypatch.setattr(products, "MOST_UNSHARED", 10**9)
    with pytest.raises(TypeError):
        sum_of_rows(taken, ROWS, WEIGHTS)
