"""Ids and codes, there and back, against a plain list of distinct ids."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skautoseqrec._data.interactions import Columns
from skautoseqrec._data.vocabulary import Vocabulary, encode, learn_ids

KINDS = {
    "numbers": (st.integers(-3, 3) | st.sampled_from([2**63 - 1, -(2**63)]), np.int64),
    "fractions": (st.sampled_from([0.5, 1.0, 2.0, -1.5]), np.float64),
    "strings": (st.sampled_from(["", "a", "a ", "a\0", "\ud800", "1", "é", "e\u0301"]), object),
}


@st.composite
def batches(draw, min_size=0):
    """Draw lists of ids of one kind, as arrays."""
    ids, dtype = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    lists = draw(st.lists(st.lists(ids, min_size=min_size, max_size=8), min_size=1, max_size=5))
    return [as_ids(values, dtype) for values in lists]


def as_ids(values, dtype=object):
    ids = np.empty(len(values), dtype=dtype)
    ids[:] = values
    return ids


def vocabulary_of(batches):
    vocabulary = Vocabulary("item_id")
    for ids in batches:
        vocabulary.add(ids)
    return vocabulary


@given(batches())
def test_a_code_is_the_place_of_an_id_among_the_distinct_ones(batches):
    vocabulary, known = Vocabulary("item_id"), []
    for ids in batches:
        known += [key for key in dict.fromkeys(ids.tolist()) if key not in known]
        assert vocabulary.add(ids).tolist() == [known.index(key) for key in ids.tolist()]
        assert vocabulary.ids().tolist() == known
        assert len(vocabulary) == len(known)
        assert vocabulary.ids()[vocabulary.find(ids)].tolist() == ids.tolist()
        assert not known or vocabulary.ids().dtype == ids.dtype or len(ids) == 0


@given(batches(min_size=1), st.integers(0, 8))
def test_what_is_not_among_the_first_ids_is_unknown(batches, length):
    asked, *others = batches
    vocabulary = vocabulary_of(others)
    known = vocabulary.ids().tolist()
    for first in (None, min(length, len(known))):
        expected = [known[:first].index(key) if key in known[:first] else -1 for key in asked.tolist()]
        assert vocabulary.find(asked, first).tolist() == expected
        assert vocabulary.codes_of(asked, first).tolist() == expected
    assert vocabulary.ids().tolist() == known


@given(batches(), st.integers(0, 8))
def test_what_was_cut_off_is_as_if_it_had_never_come(batches, length):
    *first, last = batches
    vocabulary = vocabulary_of(first)
    length = min(length, len(vocabulary))
    known = vocabulary.ids().tolist()
    expected = vocabulary_of([vocabulary.ids()[:length]])
    vocabulary.truncate(length)
    assert vocabulary.ids().tolist() == known[:length] == expected.ids().tolist()
    assert vocabulary.add(last).tolist() == expected.add(last).tolist()
    assert vocabulary.ids().tolist() == expected.ids().tolist()


@given(batches())
def test_a_copy_and_what_was_read_stay_when_ids_are_added(batches):
    *first, last = batches
    vocabulary = vocabulary_of(first)
    twin, read = vocabulary.copy(), vocabulary.ids()
    known = read.tolist()
    vocabulary.add(last)
    assert twin.ids().tolist() == known == read.tolist()
    assert vocabulary.ids(len(known)).tolist() == known
    twin.add(last)
    assert twin.ids().tolist() == vocabulary.ids().tolist()


@given(batches(min_size=1), st.data())
def test_some_of_the_ids_stand_in_the_order_that_is_asked_for(batches, data):
    vocabulary = vocabulary_of(batches)
    codes = data.draw(st.lists(st.integers(0, len(vocabulary) - 1), unique=True))
    part = vocabulary.take(np.array(codes, dtype=np.int64))
    assert part.ids().tolist() == [vocabulary.ids().tolist()[code] for code in codes]
    assert part.find(part.ids()).tolist() == list(range(len(codes)))
    assert part.name == vocabulary.name


def test_a_vocabulary_of_ids_that_repeat_is_shorter_than_they_are():
    assert len(Vocabulary.of("item_id", np.array([5, 6, 5]))) == 2


def test_ids_are_read_only():
    ids = Vocabulary.of("item_id", np.array([5, 6])).ids()
    with pytest.raises(ValueError, match="read-only"):
        ids[0] = 7


def test_a_cut_off_id_is_in_no_pickle():
    vocabulary = vocabulary_of([as_ids(["tea", "somebody nobody may remember"])])
    vocabulary.truncate(1)
    saved = pickle.dumps(vocabulary)
    assert b"somebody nobody may remember" not in saved
    assert pickle.loads(saved).ids().tolist() == ["tea"]


NUMBERS, STRINGS, FRACTIONS = np.array([1, 2]), as_ids(["a", "b"]), np.array([0.5, 1.0])


@pytest.mark.parametrize(
    ("known", "asked", "message"),
    [
        (STRINGS, NUMBERS, r"'item_id': the known ids are strings, but these are numbers \(first: 1\)"),
        (NUMBERS, STRINGS, r"'item_id': the known ids are numbers, but these are strings \(first: 'a'\)"),
        (FRACTIONS, STRINGS, "the known ids are numbers, but these are strings"),
    ],
)
def test_ids_of_another_kind_are_neither_found_nor_added(known, asked, message):
    vocabulary = Vocabulary.of("item_id", known)
    for ask in (vocabulary.codes_of, vocabulary.add, lambda ids: vocabulary.known_codes(ids, "item_id")):
        with pytest.raises(TypeError, match=message):
            ask(asked)
    assert vocabulary.ids().tolist() == known.tolist()
    assert vocabulary.find(asked).tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("known", "new", "message"),
    [
        (NUMBERS, FRACTIONS, "the known ids are integers, but these are fractions"),
        (FRACTIONS, np.array([3, -(2**53)]), r"the known ids are fractions, beside which integers from 2\*\*53 on"),
    ],
)
def test_numbers_that_would_be_rounded_may_be_asked_for_but_not_added(known, new, message):
    vocabulary = Vocabulary.of("item_id", known)
    with pytest.raises(TypeError, match=message):
        vocabulary.add(new)
    assert vocabulary.ids().tolist() == known.tolist()
    assert vocabulary.codes_of(known).tolist() == [0, 1]
    vocabulary.codes_of(new)


def test_integers_that_fit_stand_beside_fractions():
    vocabulary = Vocabulary.of("item_id", FRACTIONS)
    assert vocabulary.add(np.array([1, 2**53 - 1])).tolist() == [1, 2]
    assert vocabulary.ids().tolist() == [0.5, 1.0, 2.0**53 - 1]


@pytest.mark.parametrize("none", [as_ids([]), np.array([], dtype=np.int64)], ids=["of strings", "of numbers"])
@pytest.mark.parametrize("known", [NUMBERS, STRINGS], ids=["numbers", "strings"])
def test_no_ids_are_of_any_kind(known, none):
    vocabulary = Vocabulary.of("item_id", known)
    assert vocabulary.add(none).tolist() == vocabulary.codes_of(none).tolist() == []
    assert vocabulary.ids().tolist() == known.tolist()
    empty = Vocabulary("item_id")
    assert empty.find(known).tolist() == [-1, -1]
    assert empty.add(known).tolist() == [0, 1]


def test_an_id_that_must_be_known_is_named_where_it_is_not():
    vocabulary = Vocabulary.of("item_id", as_ids(["tea", "jam", "milk"]))
    assert vocabulary.known_codes(as_ids(["milk", "tea"]), "items").tolist() == [2, 0]
    with pytest.raises(ValueError, match="items holds 'salt', which is not known"):
        vocabulary.known_codes(as_ids(["tea", "salt", "honey"]), "items")
    with pytest.raises(ValueError, match="items holds 'milk', which is not known"):
        vocabulary.known_codes(as_ids(["tea", "milk"]), "items", 2)


def test_a_log_is_learnt_in_the_order_of_its_times_and_encoded_in_that_of_its_rows():
    columns = Columns(as_ids(["bob", "ann", "bob"]), np.array([7, 8, 9]), np.array([3, 1, 2]))
    users, items = learn_ids(columns)
    assert users.ids().tolist() == ["ann", "bob"]
    assert items.ids().tolist() == [8, 9, 7]
    encoded = encode(columns, users, items)
    assert encoded.users.tolist() == [1, 0, 1]
    assert encoded.items.tolist() == [2, 0, 1]
    assert encoded.times.tolist() == [3, 1, 2]
    later = encode(Columns(as_ids(["cid"]), np.array([9]), None), users, items)
    assert later.user_ids.tolist() == ["ann", "bob", "cid"]
    assert (later.users.tolist(), later.items.tolist()) == ([2], [1])
