"""What the held-out part is judged by: nothing that weights do not change is counted again after each epoch."""

import numpy as np

from skautoseqrec import AutoSeqRecRecommender
from skautoseqrec._counts.pairs import PairCounts
from skautoseqrec.datasets import make_interactions


def test_pairs_are_counted_once_for_all_epochs(monkeypatch):
    of, counted = PairCounts.of, []

    def count(counts, window):
        counted.append(counts)
        return of(counts, window)

    log = make_interactions(60, 80, 2000, random_state=0)
    parameters = {"n_components": 4, "max_iter": 4, "refit": False, "random_state": 0}
    expected = AutoSeqRecRecommender(**parameters).fit(log)
    monkeypatch.setattr(PairCounts, "of", count)
    found = AutoSeqRecRecommender(**parameters).fit(log)
    # Those that early stopping knows, and those that the blend is fitted with.
    assert len(counted) == len({*map(id, counted)}) == 2
    assert found.blend_ == expected.blend_
    np.testing.assert_array_equal(found.validation_scores_, expected.validation_scores_)
