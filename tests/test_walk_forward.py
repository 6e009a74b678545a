import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Oracle
from strategies import consecutive_logs, recommenders

from skautoseqrec import _walk_forward


@settings(max_examples=60)
@given(consecutive_logs(n_parts=3), recommenders(), st.sampled_from(["row", "together"]), st.sampled_from([1, 3, 256]))
@pytest.mark.filterwarnings("ignore:The items of:UserWarning")  # tiny logs repeat everything
@pytest.mark.filterwarnings("ignore:.*repeat an earlier:UserWarning")
def test_blocks_equal_the_one_by_one_replay(parts, recommender, ties, block_size):
    fitted, updated, walked = parts
    recommender.fit(fitted).partial_update(updated)
    oracle = Oracle(recommender, fitted)
    for user, item, *_ in sorted(updated, key=lambda row: row[2:]):
        oracle.let_in(user, item)
    order = np.argsort([row[2] for row in walked], kind="stable") if len(walked[0]) == 3 else np.arange(len(walked))
    bounds = oracle.walk_forward(walked, ties)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_walk_forward, "BLOCK_SIZE", block_size)
        values = recommender.score_samples(walked, ties=ties)[order]
    assert (bounds[:, 0] <= values + 1e-12).all()
    assert (values - 1e-12 <= bounds[:, 1]).all()
