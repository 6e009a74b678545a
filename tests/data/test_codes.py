"""Codes by place and codes by hash: both are those of a dict, and ids move from one to the other when they must."""

import pickle

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skautoseqrec._data import codes as module
from skautoseqrec._data.codes import HashedCodes, PlacedCodes, codes_of
from skautoseqrec._data.vocabulary import Vocabulary

ENDS = [-(2**63), 2**63 - 1]
NEAR = st.integers(-20, 60)
CALLS = st.lists(st.lists(NEAR | st.sampled_from([-900, 1200, *ENDS]), max_size=25), max_size=6)
ASKED = np.array([*range(-25, 65), -900, 1200, *ENDS, ENDS[0] + 1, 2**62])


def filled(calls, fewest_places):
    """Return a vocabulary and a dict of the same ids; few places force hashes upon it sooner."""
    vocabulary, expected = Vocabulary("item_id"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FEWEST_PLACES", fewest_places)
        for keys in calls:
            codes = vocabulary.add(np.array(keys, dtype=np.int64))
            assert codes.tolist() == [expected.setdefault(key, len(expected)) for key in keys]
    return vocabulary, expected


@given(CALLS, st.sampled_from([0, 10, 1024, 10**5]), st.sampled_from([0, 8, 10**9]))
@example([[5], [2**63 - 1], [7]], 1024, 0)
def test_codes_are_those_of_a_dict(calls, fewest_places, few):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FEW", few)
        vocabulary, expected = filled(calls, fewest_places)
        for known in (vocabulary, pickle.loads(pickle.dumps(vocabulary)), vocabulary.copy()):
            assert len(known) == len(expected)
            assert known.find(ASKED).tolist() == [expected.get(key, -1) for key in ASKED.tolist()]
            halves = np.append(np.arange(-25, 65) / 2, [2.0**63, -(2.0**63), 2.0**80, np.inf, np.nan])
            objects = np.array([*ASKED.tolist(), *ASKED, "7", "a", 7.5, 2**80], dtype=object)
            for asked in (halves, objects):
                assert known.find(asked).tolist() == [expected.get(key, -1) for key in asked.tolist()]


@given(CALLS, st.sampled_from([10, 10**5]), st.integers(0, 30))
def test_codes_that_are_cut_off_are_given_again(calls, fewest_places, length):
    vocabulary, expected = filled(calls, fewest_places)
    length = min(length, len(expected))
    vocabulary.truncate(length)
    left = [*expected][:length]
    assert vocabulary.find(ASKED).tolist() == [left.index(key) if key in left else -1 for key in ASKED.tolist()]
    assert vocabulary.add(np.array([33, 34, 33])).tolist() == [
        left.index(key) if key in left else len({*left, *earlier}) for key, earlier in ((33, []), (34, [33]), (33, []))
    ]


@given(st.lists(NEAR, max_size=40))
def test_ids_that_stand_twice_are_counted_once(ids):
    assert len(codes_of(np.array(ids, dtype=np.int64))) == len(set(ids))


@pytest.mark.parametrize("ids", [np.arange(5000) * 7, -np.arange(5000), np.arange(5000) + 2**62])
def test_ids_that_lie_close_together_have_places(ids):
    vocabulary = Vocabulary("user_id")
    for part in np.array_split(ids, 100):
        vocabulary.add(part)
    assert isinstance(vocabulary._codes, PlacedCodes)
    assert vocabulary.find(ids).tolist() == list(range(5000))


@pytest.mark.parametrize("ids", [np.arange(5000) * 900, np.array(["tea"], dtype=object), np.array([0.5, 3.0])])
def test_other_ids_have_hashes(ids):
    assert isinstance(codes_of(ids), HashedCodes)


def test_empty_places_are_not_pickled():
    vocabulary = Vocabulary("item_id")
    vocabulary.add(np.arange(0, 80_000, 8))
    assert len(pickle.dumps(vocabulary)) < 9 * 10_000


@pytest.mark.parametrize("ids", [np.arange(5), np.array([*"abcde"], dtype=object)], ids=["placed", "hashed"])
def test_a_copy_goes_its_own_way(ids):
    vocabulary = Vocabulary("item_id")
    vocabulary.add(ids[:3])
    twin = vocabulary.copy()
    assert twin.add(ids[[4]]).tolist() == vocabulary.add(ids[[3]]).tolist() == [3]
    assert vocabulary.find(ids).tolist() == [0, 1, 2, 3, -1]
    assert twin.find(ids).tolist() == [0, 1, 2, -1, 3]
