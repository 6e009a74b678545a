"""Matrices of a log against counting one event at a time."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st
from oracle import TRANSITION_UNIT, in_time_order
from strategies import logs

from skautoseqrec.preprocessing import (
    SequenceMatrixTransformer,
)

windows, decays = st.integers(1, 5), st.sampled_from([0.2, 0.7, 1.0])


def count_slowly(log, window, decay):
    """Count transitions one event at a time."""
    histories, transitions = defaultdict(list), defaultdict(int)
    for user, item, *_ in in_time_order(log):
        for step, earlier in enumerate(reversed(histories[user][-window:])):
            transitions[earlier, item] += round(decay**step * TRANSITION_UNIT)
        histories[user].append(item)
    return transitions


@given(logs(), windows, decays)
def test_matrices_count_every_pair(log, window, decay):
    matrices = SequenceMatrixTransformer(transition_window=window, transition_decay=decay).fit_transform(log)
    expected = count_slowly(log, window, decay)
    entries = matrices.transitions.tocoo()
    counted = {
        (matrices.item_ids[row], matrices.item_ids[column]): round(value * TRANSITION_UNIT)
        for row, column, value in zip(entries.row, entries.col, entries.data, strict=True)
    }
    assert counted == dict(expected)
    for row in set(log):
        user = matrices.user_ids.tolist().index(row[0])
        item = matrices.item_ids.tolist().index(row[1])
        assert matrices.user_item[user, item] == sum(other[:2] == row[:2] for other in log)
    assert matrices.user_item.sum() == len(log)
