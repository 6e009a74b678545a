"""Sparse matrices, entry by entry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from skautoseqrec._utils.sparse import entries_at


@pytest.mark.parametrize("many", [1, 3, 10**9])
@given(
    st.integers(1, 6),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(1, 9)), max_size=30),
    st.randoms(use_true_random=False),
)
def test_entries_of_a_matrix_are_found_or_zero(many, n_columns, entries, random):
    rows, columns, values = np.array(entries, dtype=np.int64).reshape(-1, 3).T
    matrix = sparse.coo_matrix((values, (rows, columns % n_columns)), shape=(6, n_columns)).tocsr()
    everywhere = np.indices((6, n_columns + 1)).reshape(2, -1)  # one column beyond those that there are
    order = random.sample(range(everywhere.shape[1]), everywhere.shape[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skautoseqrec._utils.sparse.MANY_OF_A_ROW", many)
        found = np.empty(len(order), dtype=np.int64)
        found[order] = entries_at(matrix, *everywhere[:, order])
        assert entries_at(matrix, *everywhere[:, :0]).tolist() == []
    found = found.reshape(6, n_columns + 1)
    np.testing.assert_array_equal(found[:, :-1], matrix.toarray())
    assert not found[:, -1].any()
