"""Logs and ids as arrays of numbers: unpacked they are what was packed, and damaged arrays are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from skautoseqrec._data.interactions import Columns
from skautoseqrec._data.packing import (
    DTYPES,
    pack_columns,
    pack_ids,
    pack_times,
    pack_vocabularies,
    require_arrays,
    unpack_columns,
    unpack_ids,
    unpack_times,
    unpack_vocabularies,
)
from skautoseqrec.exceptions import ModelFileError

WHOLE = st.integers(-(2**63), 2**63 - 1)
IDS = {
    np.dtype(np.int64): WHOLE,
    np.dtype(np.float64): st.floats(allow_nan=False, allow_infinity=False),
    # Half pairs of UTF-16 too, which are no text, and the text of which another id begins.
    np.dtype(object): st.text(max_size=4) | st.sampled_from(["\ud800", "\udfff\ud800", "", "\0", "a", "a\0"]),
}
UNITS = ["Y", "D", "s", "ms", "us", "ns", "25us"]
NAMED = {"ids.text": np.frombuffer(b"teajam", np.uint8), "ids.ends": np.array([3, 6])}


def column(values, dtype):
    array = np.empty(len(values), dtype=dtype)
    array[:] = values
    return array


@st.composite
def ids(draw, size):
    dtype = draw(st.sampled_from(list(IDS)))
    return column(draw(st.lists(IDS[dtype], min_size=size, max_size=size)), dtype)


@st.composite
def times(draw, size):
    kind = draw(st.sampled_from(["none", "whole", "float", *UNITS]))
    if kind == "none":
        return None
    if kind == "float":
        return column(draw(st.lists(st.floats(), min_size=size, max_size=size)), np.float64)
    whole = column(draw(st.lists(WHOLE, min_size=size, max_size=size)), np.int64)
    return whole if kind == "whole" else whole.view(f"datetime64[{kind}]")  # the least of them is no time (NaT)


@st.composite
def logs(draw):
    size = draw(st.integers(0, 6))
    return Columns(draw(ids(size)), draw(ids(size)), draw(times(size)))


def assert_same(actual, expected):
    if expected is None:
        assert actual is None
    else:
        assert actual.dtype == expected.dtype
        assert [*map(type, actual.tolist())] == [*map(type, expected.tolist())]
        np.testing.assert_array_equal(actual, expected)


@given(logs())
def test_a_log_that_went_through_a_file_is_the_same(log):
    arrays = pack_columns(log)
    assert {array.dtype for array in arrays.values()} <= set(DTYPES.values())
    assert {array.ndim for array in arrays.values()} == {1}
    for through in (arrays, load(save(arrays)), require_arrays(arrays)):
        for actual, expected in zip(unpack_columns(through), log, strict=True):
            assert_same(actual, expected)


@given(ids(4), ids(3))
def test_vocabularies_keep_their_codes_and_two_equal_ids_are_refused(user_ids, item_ids):
    arrays = pack_vocabularies(user_ids, item_ids)
    if len(set(user_ids.tolist())) < 4 or len(set(item_ids.tolist())) < 3:
        with pytest.raises(ModelFileError, match="holds an id twice"):
            unpack_vocabularies(arrays)
    else:
        users, items = unpack_vocabularies(arrays)
        assert_same(users.ids(), user_ids)
        assert_same(items.ids(), item_ids)
        assert users.find(user_ids).tolist() == [0, 1, 2, 3]
        assert (users.name, items.name) == ("user_id", "item_id")


def test_times_of_another_byte_order_are_the_same_times():
    swapped = np.array(["2024-03-01", "1969-12-31"], dtype="datetime64[D]").astype(">M8[D]")
    np.testing.assert_array_equal(unpack_times("times", pack_times("times", swapped)), swapped)


def test_ids_that_end_alike_are_told_apart():
    texts = column(["", "tea", "", "jam", "m"], object)
    arrays = pack_ids("ids", texts)
    assert arrays["ids.ends"].tolist() == [0, 3, 3, 6, 7]
    assert unpack_ids("ids", arrays).tolist() == texts.tolist()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "array 'ids.text' is missing"),
        ({"ids.text": NAMED["ids.text"]}, "array 'ids.ends' is missing"),
        (NAMED | {"ids.ends": np.array([3, 7])}, "'ids.ends' does not divide the text"),
        (NAMED | {"ids.ends": np.array([3, 5])}, "'ids.ends' does not divide the text"),
        (NAMED | {"ids.ends": np.array([7, 6])}, "'ids.ends' does not divide the text"),
        (NAMED | {"ids.ends": np.array([-1, 6])}, "'ids.ends' does not divide the text"),
        (NAMED | {"ids.ends": np.array([3.0, 6.0])}, "'ids.ends' is float64"),
        (NAMED | {"ids.ends": np.array([[3, 6]])}, r"'ids.ends' is int64 of shape \(1, 2\)"),
        (NAMED | {"ids.text": np.array([1, 2, 3])}, "'ids.text' is int64"),
        (NAMED | {"ids.text": np.frombuffer("teejäm".encode("latin-1"), np.uint8)}, "'ids.text' is not UTF-8"),
        # A character is cut in two.
        ({"ids.text": np.frombuffer("ä".encode(), np.uint8), "ids.ends": np.array([1, 2])}, "'ids.text' is not UTF-8"),
        ({"ids": np.array([1.0, np.nan])}, "'ids' holds an id that is no number"),
        ({"ids": np.array([1.0, np.inf])}, "'ids' holds an id that is no number"),
        ({"ids": np.array([1.0], dtype=np.float32)}, "'ids' is float32"),
        ({"ids": np.array([[1]])}, r"'ids' is int64 of shape \(1, 1\)"),
        ({"ids": np.array(1)}, r"'ids' is int64 of shape \(\)"),
    ],
)
def test_arrays_that_are_no_ids_are_refused(arrays, message):
    with pytest.raises(ModelFileError, match=message):
        unpack_ids("ids", arrays)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"times": np.array([1]), "times.datetime64[1s]": np.array([1])}, r"arrays \['times', .*\] are no times"),
        ({"times.datetime64[1s]": np.array([1]), "times.datetime64[1D]": np.array([1])}, "are no times"),
        ({"times.datetime64[0s]": np.array([1])}, "are no times"),
        ({"times.datetime64[fortnight]": np.array([1])}, "are no times"),
        ({"times.datetime64": np.array([1])}, "are no times"),
        ({"times.datetime64[s]": np.array([1])}, "are no times"),
        ({"times.datetime64[1s]": np.array([1.0])}, r"'times.datetime64\[1s\]' is float64"),
        ({"times": np.array([1], dtype=np.uint8)}, "'times' is uint8"),
        ({"times": np.array([1], dtype=np.float32)}, "'times' is float32"),
    ],
)
def test_arrays_that_are_no_times_are_refused(arrays, message):
    with pytest.raises(ModelFileError, match=message):
        unpack_times("times", arrays)


def test_columns_of_different_lengths_are_refused():
    arrays = pack_columns(Columns(np.array([1, 2]), np.array([1, 2]), np.array([1, 2])))
    for name in arrays:
        with pytest.raises(ModelFileError, match=r"columns of a log are of different lengths: \[1, 2\]"):
            unpack_columns(arrays | {name: arrays[name][1:]})


class Subclass(np.ndarray):
    """An array that may do anything when it is asked."""


@pytest.mark.parametrize(
    "arrays",
    [
        None,
        [np.array([1])],
        {"ids": [1]},
        {"ids": np.array(["ann"], dtype=object)},
        {"ids": np.array(["ann"])},
        {"ids": np.array([1], dtype=np.int32)},
        {"ids": np.array([1]).view(Subclass)},
        {"ids": np.ma.MaskedArray([1])},
    ],
    ids=["None", "a list", "lists", "objects", "text", "32 bits", "a subclass", "masked"],
)
def test_what_is_no_dict_of_plain_arrays_is_refused(arrays):
    with pytest.raises(ModelFileError, match="not a dict of arrays of"):
        require_arrays(arrays)


def test_arrays_that_joblib_mapped_are_taken(tmp_path):
    np.save(tmp_path / "ids.npy", np.array([1, 2]))
    arrays = {"ids": np.load(tmp_path / "ids.npy", mmap_mode="r")}
    assert unpack_ids("ids", require_arrays(arrays)).tolist() == [1, 2]
