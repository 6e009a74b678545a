"""The container of a log: codes beside the ids that they stand for."""

import numpy as np
import pytest
from hypothesis import given
from spellings import rows_of
from strategies import logs

from skautoseqrec import Interactions
from skautoseqrec._data.reading import read_columns
from skautoseqrec.preprocessing import InteractionEncoder


class TestInteractions:
    log = [("ann", "tea", 3), ("bob", "milk", 1), ("ann", "milk", 2)]

    @pytest.fixture
    def interactions(self):
        return InteractionEncoder().fit_transform(self.log)

    def test_looks_like_an_array(self, interactions):
        assert len(interactions) == 3
        assert interactions.shape == (3, 3)
        assert np.asarray(interactions).tolist() == [list(row) for row in self.log]

    def test_untimed_numbers_stay_numbers(self):
        array = np.asarray(InteractionEncoder().fit_transform([(1, 2), (3, 4)]))
        assert array.dtype == np.int64
        assert array.tolist() == [[1, 2], [3, 4]]

    @pytest.mark.parametrize("key", [slice(1, 3), [1, 2], np.array([False, True, True]), (np.array([1, 2]), ...)])
    def test_slices_keep_the_vocabulary(self, interactions, key):
        part = interactions[key]
        assert rows_of(part.to_columns()) == self.log[1:]
        assert part.user_ids is interactions.user_ids

    def test_has_no_columns_by_name(self, interactions):
        with pytest.raises(TypeError, match="row numbers, not by the name 'item_id' of a column"):
            interactions["item_id"]

    def test_is_frozen(self, interactions):
        with pytest.raises(AttributeError):
            interactions.users = None

    def test_refuses_codes_outside_the_vocabulary(self):
        ids, codes = np.array([5]), np.array([1])
        with pytest.raises(ValueError, match="users holds codes outside its vocabulary of 1 id"):
            Interactions(codes, np.array([0]), None, ids, ids)
        with pytest.raises(ValueError, match="one entry per row"):
            Interactions(np.array([0, 0]), np.array([0]), None, ids, ids)


@given(logs())
def test_containers_decode_to_what_was_encoded(log):
    assert rows_of(read_columns(InteractionEncoder().fit_transform(log))) == log


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0], [0], None, [5, 5], [1]), "user_ids holds 5 twice, as codes 0 and 1"),
        (([0], [1], None, [5], [1]), "items holds codes outside its vocabulary of 1 id"),
        (([0.0], [0], None, [5], [1]), "users must be codes"),
        (([0], [0], [np.nan], [5], [1]), "'times' has a missing value"),
        (([0], [0], None, [None], [1]), "'user_ids' has a missing value"),
        (([0], [0], None, [[5]], [1]), "user_ids must be a one-dimensional array"),
    ],
)
def test_a_container_is_checked_when_it_is_made(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Interactions(*arguments)


def test_a_container_of_integer_objects_is_one_of_integers():
    ids = np.array([5, 6], dtype=object)
    assert Interactions([0, 1], [1, 0], None, ids, ids).user_ids.dtype == np.int64
