"""An array that grows: whatever is appended and forgotten, it is a list, and what was read stays as it was."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skautoseqrec._utils.ragged import GrowableArray

APPENDED = st.lists(st.integers(0, 9), max_size=12)
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 9)),
        st.tuples(st.sampled_from(["extend", "extend_by_list"]), APPENDED),
        st.tuples(st.just("truncate"), st.integers(0, 40)),
    ),
    max_size=60,
)


@pytest.mark.parametrize(("fewest", "per_appended", "between"), [(16, 3, 1), (16, 1, 5), (2**14, 8, 512)])
@given(APPENDED, CHANGES)
def test_an_array_that_grows_is_a_list(fewest, per_appended, between, values, changes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skautoseqrec._utils.ragged.FEWEST_COPIED_EARLY", fewest)
        patch.setattr("skautoseqrec._utils.ragged.ROWS_PER_APPENDED", per_appended)
        patch.setattr("skautoseqrec._utils.ragged.APPENDED_BETWEEN", between)
        expected, grown = list(values), GrowableArray(np.array(values, dtype=np.int64))
        read = []
        for how, what in changes:
            if how == "truncate":
                what = min(what, len(expected))
                read = [(view, kept) for view, kept in read if len(kept) <= what]  # what is forgotten nobody has read
                del expected[what:]
            elif how == "append":
                expected.append(what)
            else:
                expected.extend(what)
            getattr(grown, how)(np.array(what, dtype=np.int64) if how == "extend" else what)
            read.append((grown.view(), expected.copy()))
            assert len(grown) == len(expected)
        assert grown.view().tolist() == expected
        assert pickle.loads(pickle.dumps(grown)).view().tolist() == expected
        for view, kept in read:
            assert view.tolist() == kept


def test_no_single_row_waits_for_a_copy_of_all():
    grown, copied = GrowableArray(np.arange(2**15)), []
    for row in range(2**15, 2**17 + 1):
        before = 0 if grown._larger is None else grown._n_copied
        larger = grown._larger
        grown.append(row)
        moved = larger is not None and grown._buffer is larger
        copied.append(row - before if moved else grown._n_copied - before)
    assert max(copied) <= 2**12 + 1
    assert grown.view().tolist() == list(range(2**17 + 1))


def test_rows_that_were_copied_and_then_forgotten_are_copied_again(monkeypatch):
    monkeypatch.setattr("skautoseqrec._utils.ragged.FEWEST_COPIED_EARLY", 16)
    monkeypatch.setattr("skautoseqrec._utils.ragged.APPENDED_BETWEEN", 1)
    grown = GrowableArray(np.zeros(0, dtype=np.int64))
    for row in range(15):
        grown.append(row)
    assert grown._n_copied > 2
    grown.truncate(2)
    for row in range(100, 130):
        grown.append(row)
    assert grown.view().tolist() == [0, 1, *range(100, 130)]
