"""Splits in time."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import logs

from skautoseqrec.model_selection import TemporalSplit, temporal_train_test_split
from skautoseqrec.preprocessing import InteractionEncoder


@given(logs(min_size=12, timed=True), st.integers(1, 3), st.integers(0, 2))
def test_training_comes_before_testing(log, n_splits, gap):
    splitter = TemporalSplit(n_splits, gap=gap)
    times, folds = np.array([row[2] for row in log]), list(splitter.split(log))
    assert len(folds) == n_splits == splitter.get_n_splits()
    for train, test in folds:
        assert times[train].max() <= times[test].min()
        assert (np.diff(times[train]) >= 0).all()
        assert not set(train) & set(test)
    tested = np.concatenate([test for _, test in folds])
    assert len(set(tested)) == len(tested) == n_splits * (len(log) // (n_splits + 1))
    assert set(np.argsort(times, kind="stable")[-len(tested) :]) == set(tested)


def test_ties_keep_their_row_order():
    log = [(user, 0, 5) for user in range(6)]
    train, test = next(TemporalSplit(1, test_size=2).split(log))
    assert train.tolist() == [0, 1, 2, 3]
    assert test.tolist() == [4, 5]


@pytest.mark.parametrize(("test_size", "expected"), [(3, 3), (0.3, 3), (0.1, 1), (0.25, 3)])
def test_sizes_are_numbers_or_shares(test_size, expected):
    log = [(0, item, item) for item in range(10)]
    assert len(next(TemporalSplit(1, test_size=test_size).split(log))[1]) == expected
    assert len(temporal_train_test_split(log, test_size=test_size)[1]) == expected


@given(logs(min_size=2, kind="str"))
def test_both_parts_are_of_the_type_of_the_log(log):
    names = ["user_id", "item_id", "timestamp"][: len(log[0])]
    columns = {name: list(column) for name, column in zip(names, zip(*log, strict=True), strict=True)}
    expected = temporal_train_test_split(log, test_size=1)
    for make in (pd.DataFrame, pl.DataFrame, pa.table):
        parts = temporal_train_test_split(make(columns), test_size=1)
        for part, rows in zip(parts, expected, strict=True):
            assert type(part) is type(make(columns))
            assert [tuple(row.values()) for row in pl.DataFrame(part).to_dicts()] == rows
    train, test = temporal_train_test_split(InteractionEncoder().fit_transform(log), test_size=1)
    assert [tuple(row) for row in np.asarray(train).tolist()] == expected[0]
    assert [tuple(row) for row in np.asarray(test).tolist()] == expected[1]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_splits": 0}, "n_splits must be a whole number"),
        ({"gap": -1}, "gap must be a whole number"),
        ({"test_size": 0}, "test_size must be"),
        ({"test_size": 1.5}, "test_size must be"),
        ({"n_splits": 5, "test_size": 2}, "A log of 4 events is too short for n_splits=5"),
        ({"n_splits": 1, "gap": 3}, "nothing is left to train on"),
    ],
)
def test_bad_splits_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        list(TemporalSplit(**parameters).split([(0, item, item) for item in range(4)]))


def test_an_empty_training_part_is_refused():
    with pytest.raises(ValueError, match="leaves nothing to train on"):
        temporal_train_test_split([(0, 1), (0, 2)], test_size=2)


def test_repr_is_the_call():
    assert repr(TemporalSplit(3, test_size=0.1)) == "TemporalSplit(n_splits=3, test_size=0.1, gap=0)"
